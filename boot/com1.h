/* SPDX-License-Identifier: MIT */
/*
 * The first serial port as a sink of the log. It needs no firmware, so it goes on showing what
 * happens while the machine is ours.
 */
#ifndef BOOT_COM1_H
#define BOOT_COM1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1_KEPT 256

struct com1 {
	bool present;
	unsigned int fifo;     /* bytes that the transmitter takes at once */
	unsigned int room;     /* of these, how many are free for certain */
	unsigned int timeouts; /* in a row */
	char last;             /* that was written */

	/* Input that was taken before anybody asked: from first on, round the end. */
	uint8_t kept[COM1_KEPT];
	unsigned int kept_first, kept_count;
};

/* Looks whether there is a port; one that nobody has set up is set to 115200 8n1. */
void com1_init(struct com1 *com1);

/*
 * A log_sink_fn; context is the struct com1. A line ends with CR and LF, whether a guest's bytes
 * have both or just LF. Waits are bounded; a dead port is left alone.
 */
void com1_write(void *context, const char *bytes, size_t size);

/* Takes what has arrived out of the port, for com1_read to find. */
void com1_keep(struct com1 *com1);

/* A byte that has arrived, if there is one. context is the struct com1. */
bool com1_read(void *context, uint8_t *byte);

#endif
