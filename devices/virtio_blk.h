/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device: requests out of chains, executed on the block layer that svirtb shares.
 * virtio 1.2, 5.2.
 */
#ifndef DEVICES_VIRTIO_BLK_H
#define DEVICES_VIRTIO_BLK_H

#include "devices/block.h"
#include "devices/virtio_mmio.h"

struct virtio_blk_setup {
	const struct guest_memory *memory;
	struct block *block;
	struct irq_line line;
	bool sync_at_exit; /* disk.sync=exit: completed writes are durable at the end of the run
			      only */
	/* Tells the run loop that virtio_blk_continue has something to do; may be null. */
	void (*attention)(void *context);
	void *context;
};

struct virtio_blk; /* the definition stands below */

void virtio_blk_init(struct virtio_blk *device, const struct virtio_blk_setup *setup);

/* For the MMIO bus at VIRTIO_MMIO_BASE. */
extern const struct bus_ops virtio_blk_ops;

/* Whether a notify left work behind because it had copied enough (VIRTIO_BLK_MAX_COPY). */
bool virtio_blk_has_more(const struct virtio_blk *device);
/* Goes on with it, again up to the limit. */
void virtio_blk_continue(struct virtio_blk *device);

#endif
