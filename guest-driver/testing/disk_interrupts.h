/* SPDX-License-Identifier: MIT */
/*
 * Completion by interrupt for guest-driver/virtio_blk.h: the device's line through the I/O APIC to
 * a vector, its handler, and the wait for it.
 */
#ifndef GUEST_DRIVER_TESTING_DISK_INTERRUPTS_H
#define GUEST_DRIVER_TESTING_DISK_INTERRUPTS_H

#include "guest-driver/virtio_blk.h"

#define DISK_INTERRUPT_VECTOR 0x51u

struct disk_interrupts {
	struct virtio_blk *disk;
	volatile uint32_t count; /* interrupts so far */
	uint32_t seen;           /* by disk_interrupts_wait */
};

/* Whether the device's line is known and leads to the I/O APIC; the APICs are set up by then. */
bool disk_interrupts_route(struct disk_interrupts *interrupts, struct virtio_blk *disk);
void disk_interrupts_mask(const struct disk_interrupts *interrupts);

/* For virtio_blk_options: halts until an interrupt came since the last call. */
void disk_interrupts_wait(void *interrupts);

#endif
