/* SPDX-License-Identifier: MIT */
/*
 * The ports by which a guest ends itself: isa-debug-exit at 0xf4 (its byte is the run's status),
 * the PC's three reset ports, the power-off ports of the emulators and the one that our ACPI tables
 * name (boot/acpi.c). The first request is kept; the run loop looks at it after each port write.
 */
#ifndef DEVICES_POWER_H
#define DEVICES_POWER_H

#include <stdint.h>

#include "devices/bus.h"
#include "lib/status.h"

#define POWER_PORT_EXIT       0x00f4u /* QEMU's isa-debug-exit, four ports */
#define POWER_PORT_KEYBOARD   0x0064u /* keyboard controller's command */
#define POWER_PORT_FAST_RESET 0x0092u /* system control port A */
#define POWER_PORT_RESET      0x0cf9u /* reset control register of the chipset */
#define POWER_PORT_PM_QEMU    0x0604u /* PM1a_CNT: QEMU; ACPI "PM1 Control Registers" */
#define POWER_PORT_PM_BOCHS   0xb004u /* the same in Bochs and old QEMU */
#define POWER_PORT_PM_VBOX    0x4004u /* the same in VirtualBox */
#define POWER_PORT_SLEEP      0x0600u /* sleep control and status of our own ACPI tables */

#define POWER_RESET_VALUE 0x06u /* a hard reset, for POWER_PORT_RESET */

#define POWER_MAX_STATUS 99u
#define POWER_PORTS      8

enum power_event {
	POWER_NONE,
	POWER_EXIT,  /* a byte written to 0xf4 */
	POWER_RESET, /* a reset port */
	POWER_OFF,   /* a power-off port */
};

struct power;
struct power_port_kind;

struct power_port {
	struct power *power;
	const struct power_port_kind *kind;
};

struct power {
	enum power_event event; /* the first one; POWER_NONE as long as the guest runs on */
	uint8_t status;         /* of POWER_EXIT: 0..POWER_MAX_STATUS, larger values made that */
	uint16_t port;          /* the first port of the region it came by, and the value written */
	uint32_t value;
	struct power_port ports[POWER_PORTS];
};

/*
 * Sets power to POWER_NONE and registers its regions on the port bus; STATUS_CONFLICT and
 * STATUS_NO_MEMORY as bus_register says them. power stays where it is as long as the bus is used.
 */
MUST_USE enum status power_register(struct power *power, struct bus *ports);

/* 'exit port', 'reset port', 'power-off port', for the report. */
const char *power_event_text(enum power_event event);

#endif
