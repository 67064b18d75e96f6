/* SPDX-License-Identifier: MIT */
/*
 * The PC's two 8259A interrupt controllers with nothing wired to them: a guest finds them, may
 * initialise and mask them, and they never interrupt. Interrupts come by the I/O APIC.
 */
#ifndef DEVICES_PIC_H
#define DEVICES_PIC_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "lib/status.h"

#define PIC_PORT_MASTER 0x0020u
#define PIC_PORT_SLAVE  0x00a0u
#define PIC_PORT_ELCR   0x04d0u /* edge/level control, one port for each chip */
#define PIC_CHIPS       2u

struct pic_chip {
	uint8_t mask;       /* OCW1 */
	uint8_t words_left; /* initialisation words that the odd port still takes: ICW2, 3, 4 */
};

struct pic {
	struct pic_chip chips[PIC_CHIPS];
	uint8_t elcr[PIC_CHIPS];
};

/*
 * All lines masked and edge; registers three regions on the port bus. STATUS_CONFLICT and
 * STATUS_NO_MEMORY as bus_register says them. pic stays where it is as long as the bus is used.
 */
MUST_USE enum status pic_register(struct pic *pic, struct bus *ports);

#endif
