/* SPDX-License-Identifier: MIT */
/*
 * An I/O APIC with 24 lines: redirection table, edge and level lines, masks, remote IRR. Register
 * names are those of Intel's 82093AA data sheet; version 0x20 (with an EOI register). Lines are
 * pulled by devices (struct irq_line); messages leave by a callback to the local APICs.
 */
#ifndef DEVICES_IO_APIC_H
#define DEVICES_IO_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "lib/log.h"

#define IO_APIC_BASE  0xfec00000ull
#define IO_APIC_SIZE  0x1000ull
#define IO_APIC_LINES 24u

struct io_apic_message {
	uint32_t destination; /* 8 bits */
	bool logical;
	uint8_t mode; /* enum apic_delivery_mode */
	uint8_t vector;
	bool level;
};

struct io_apic {
	void (*send)(void *context, const struct io_apic_message *message);
	void *context;
	uint32_t select; /* IOREGSEL: the register that IOWIN shows */
	uint32_t id;     /* bits 27:24 */
	uint32_t lines;  /* the lines that are asserted, one bit each */
	/* Level messages on their way: sent, not yet ended. What the entries show as remote IRR. */
	uint32_t remote_irr;
	uint64_t entries[IO_APIC_LINES]; /* without remote IRR and delivery status */
	struct log_limit access_limit;
	struct log_limit mode_limit;
};

/* All lines masked, edge, ID 0, no line asserted. */
void io_apic_init(struct io_apic *io, void (*send)(void *context, const struct io_apic_message *),
	void *context);

extern const struct bus_ops io_apic_ops;

/*
 * A device's line changes (or stays as it is). For struct irq_line: controller is the io_apic. A
 * line that does not exist is nowhere.
 */
void io_apic_set_line(void *io, unsigned int line, bool asserted);

/* A local APIC has ended the level interrupt with this vector. */
void io_apic_end_of_interrupt(struct io_apic *io, uint8_t vector);

#endif
