/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue as its device sees it, split or packed: takes chains of buffers off the ring, each
 * descriptor copied once and checked before anything of its chain is used, and puts them back used.
 * Knows no device type and no transport. virtio 1.2, 2.6 to 2.8. Called by the device
 * (devices/virtio_blk.c); what both rings share is in devices/virtq_chain.c.
 */
#ifndef DEVICES_VIRTQ_H
#define DEVICES_VIRTQ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"

#define VIRTQ_MAX_SIZE     1024u
#define VIRTQ_MAX_SEGMENTS (VIRTQ_MAX_SIZE + GUEST_MEMORY_MAX_RANGES)

/* What the driver has negotiated and written; checked by virtq_start. */
struct virtq_setup {
	const struct guest_memory *memory;
	bool packed;          /* VIRTIO_F_RING_PACKED */
	bool indirect;        /* VIRTIO_F_INDIRECT_DESC */
	bool event_index;     /* VIRTIO_F_EVENT_IDX */
	uint32_t size;        /* entries */
	uint64_t descriptors; /* guest-physical: Descriptor Area, Driver Area, Device Area */
	uint64_t driver;
	uint64_t device;
};

/* A piece of a buffer as it lies in host memory; never empty. */
struct virtq_segment {
	uint8_t *host;
	uint64_t size;
};

/* One chain: first what the device may read, then what it may write. */
struct virtq_chain {
	uint16_t id;           /* split: the head's index; packed: the buffer id */
	uint16_t slots;        /* ring entries that it takes (split: 1) */
	unsigned int readable; /* segments, the first ones */
	unsigned int writable; /* segments, behind these */
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	struct virtq_segment segments[VIRTQ_MAX_SEGMENTS];
};

enum virtq_result {
	VIRTQ_EMPTY,  /* nothing available (any more, of what was when virtq_begin was called) */
	VIRTQ_CHAIN,  /* a chain was taken */
	VIRTQ_BROKEN, /* a ring error: queue->why says which; nothing is taken from now on */
};

struct virtq; /* the definition stands below; its fields are the rings' alone */

/*
 * Checks size and addresses (alignment, wholly in guest memory, no wrap) and starts at index 0.
 * STATUS_BAD_VALUE or STATUS_OUT_OF_RANGE with the reason in queue->why. virtio 1.2, 2.7, 2.8.
 */
MUST_USE enum status virtq_start(struct virtq *queue, const struct virtq_setup *setup);
void virtq_stop(struct virtq *queue);

/* A notify: bounds what virtq_take gives by what is available now. */
void virtq_begin(struct virtq *queue);

/* Takes the next chain. */
enum virtq_result virtq_take(struct virtq *queue, struct virtq_chain *chain);

/* Whether virtq_take would not say VIRTQ_EMPTY; an index that jumps too far counts as something. */
bool virtq_has_more(const struct virtq *queue);

/*
 * Puts a chain back: written bytes of its writable part were written. The driver does not see it
 * before virtq_publish.
 */
void virtq_use(struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written);

/*
 * Shows the driver all that virtq_use has put back, and asks to be notified of what comes next
 * (2.7.10, 2.8.10). True: the driver wants an interrupt for it (never when nothing was put back).
 */
MUST_USE bool virtq_publish(struct virtq *queue);

#endif
