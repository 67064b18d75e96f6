/* SPDX-License-Identifier: MIT */
/*
 * The ring's half of svirtb: taking entries off the ring and executing their requests. Called by
 * the register half (devices/svirtb.c) alone.
 */
#ifndef DEVICES_SVIRTB_RING_H
#define DEVICES_SVIRTB_RING_H

#include <stdint.h>

#include "devices/svirtb.h"

/* One entry as it lies in guest memory. svirtb specification, 2.2.1. */
struct svirtb_entry {
	uint64_t addr;   /* guest-physical address of the buffer */
	uint64_t size;   /* bytes */
	uint64_t sector; /* first sector, of 512 bytes */
	uint32_t cmd;    /* enum svirtb_command */
} __attribute__((packed));

_Static_assert(sizeof(struct svirtb_entry) == SVIRTB_ENTRY_PACKED, "svirtb specification, 2.2.1");

/*
 * In READY, at a doorbell: does the entries from queue_tail up to queue_head and moves queue_tail
 * past each that is complete. Ends early at an entry that is refused, with the reason on the log
 * and status RESET, and between two entries when the stop callback says so.
 */
void svirtb_ring_run(struct svirtb *device);

#endif
