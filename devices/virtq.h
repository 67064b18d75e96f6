/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue as its device sees it, split or packed: takes chains of buffers off the ring, each
 * descriptor copied once and checked before anything of its chain is used, and puts them back used.
 * Knows no device type and no transport. virtio 1.2, 2.6 to 2.8. Called by the device
 * (devices/virtio_blk.c); each ring has its file (devices/virtq_split.c, devices/virtq_packed.c),
 * and what they share is in devices/virtq_chain.h.
 */
#ifndef DEVICES_VIRTQ_H
#define DEVICES_VIRTQ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"

#define VIRTQ_MAX_SIZE 1024u
/*
 * Buffers that do not overlap never lie in more pieces: each descriptor begins one, each border
 * between two ranges of guest memory one more. A chain that does is refused (2.6.4.1 allows that).
 */
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

/* Fields in guest memory, naturally aligned: read or written by one access, whatever is there. */
typedef volatile uint16_t __attribute__((may_alias)) virtq_u16;
typedef volatile uint32_t __attribute__((may_alias)) virtq_u32;
typedef volatile uint64_t __attribute__((may_alias)) virtq_u64;

/* One of a queue's three areas. */
struct virtq_area {
	uint64_t gpa;
	uint8_t *host; /* where all of it lies in one piece of guest memory, else null */
};

/* Indices run freely through 16 bits; an entry is found under index modulo size. */
struct virtq_split {
	uint16_t next;  /* of the available ring: the first that was not taken */
	uint16_t used;  /* of the used ring: where the next goes */
	uint16_t shown; /* the used index that the driver sees */
	uint16_t event; /* the available event that the driver sees */
	const virtq_u16 *available_flags;
	const virtq_u16 *available_index;
	const virtq_u16 *used_event;
	virtq_u16 *used_index;
	virtq_u16 *available_event;
};

/*
 * A place in the ring is bytes from its start, with the two flag bits that a descriptor there has
 * in this round. While next is a round ahead of used, or the ring lies in several pieces of guest
 * memory, straight is 0.
 */
struct virtq_packed {
	uint32_t next;        /* where the next chain begins */
	uint32_t available;   /* the bits of a descriptor that is available there */
	uint32_t used;        /* where the next used descriptor goes */
	uint32_t used_bits;   /* the bits that make it used */
	uint32_t first;       /* the first used descriptor that the driver does not see */
	uint32_t first_flags; /* the flags that will show it */
	uint32_t pending;     /* bytes from there to where used is */
	uint32_t straight;    /* where what next may take ends: the ring's end; or 0, see below */
	uint32_t event;       /* what the device's event suppression structure says */
	const virtq_u32 *driver_event;
	virtq_u32 *device_event;
};

/* All zero is a queue that is stopped. The fields are the rings' alone, but for why. */
struct virtq {
	const struct guest_memory *memory; /* null: stopped */
	bool packed;
	bool indirect;
	bool event_index;
	bool takes;     /* started, and no ring error since */
	bool straight;  /* the descriptor area lies in one piece, and three find room in it */
	bool changed;   /* a chain was taken or put back since virtq_publish */
	bool in_table;  /* the chain goes on in the indirect table at table_gpa */
	uint32_t size;  /* entries */
	uint32_t bytes; /* of the descriptor area */
	int32_t budget; /* chains (packed: slots) that virtq_take may still take */
	enum virtq_result idle; /* what virtq_take says when that is 0 */
	union {
		struct virtq_split split;
		struct virtq_packed ring;
	};
	struct virtq_area descriptors;
	struct virtq_area driver;
	struct virtq_area device;
	uint64_t table_gpa;
	/* The last ring error, or why virtq_start refused; the device logs it. kind is the text's
	 * format: the same pointer for the same mistake. */
	char why[160];
	const char *kind;
};

/*
 * Checks size and addresses (alignment, wholly in guest memory, no wrap) and starts at index 0.
 * STATUS_BAD_VALUE or STATUS_OUT_OF_RANGE with the reason in queue->why: the queue is stopped then.
 * virtio 1.2, 2.7, 2.8.
 */
MUST_USE enum status virtq_start(struct virtq *queue, const struct virtq_setup *setup);

/* Forgets everything. A stopped queue takes, puts back and shows nothing. */
void virtq_stop(struct virtq *queue);

void virtq_split_begin(struct virtq *queue);
enum virtq_result virtq_split_take(struct virtq *queue, struct virtq_chain *chain);
bool virtq_split_has_more(const struct virtq *queue);
void virtq_split_use(struct virtq *queue, uint16_t id, uint32_t written);
MUST_USE bool virtq_split_publish(struct virtq *queue);

void virtq_packed_begin(struct virtq *queue);
enum virtq_result virtq_packed_take(struct virtq *queue, struct virtq_chain *chain);
bool virtq_packed_has_more(const struct virtq *queue);
void virtq_packed_use(struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written);
MUST_USE bool virtq_packed_publish(struct virtq *queue);

/* A notify: bounds what virtq_take gives by what is available now (packed: by the ring's size). */
static inline void virtq_begin(struct virtq *queue)
{
	if (queue->packed)
		virtq_packed_begin(queue);
	else
		virtq_split_begin(queue);
}

/*
 * Takes the next chain: after VIRTQ_CHAIN every segment lies in guest memory, and both totals fit
 * 32 bits. After VIRTQ_BROKEN the chain's content means nothing; what was taken before may still be
 * put back and shown.
 */
static inline enum virtq_result virtq_take(struct virtq *queue, struct virtq_chain *chain)
{
	if (queue->budget <= 0)
		return queue->idle;
	return queue->packed ? virtq_packed_take(queue, chain) : virtq_split_take(queue, chain);
}

/*
 * Whether there is something to take, now and after another virtq_begin; an index that jumps too
 * far counts as something. False once the queue is broken. Asked after virtq_publish, it also sees
 * what another processor made available before it could see the new notification event.
 */
static inline bool virtq_has_more(const struct virtq *queue)
{
	return queue->packed ? virtq_packed_has_more(queue) : virtq_split_has_more(queue);
}

/*
 * Puts a chain back: written bytes of its writable part were written. The driver does not see it
 * before virtq_publish. Each chain once, in any order.
 */
static inline void virtq_use(struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written)
{
	if (queue->packed)
		virtq_packed_use(queue, id, slots, written);
	else
		virtq_split_use(queue, id, written);
}

/*
 * Shows the driver all that virtq_use has put back, and asks to be notified of what comes next
 * (2.7.10, 2.8.10). True: the driver wants an interrupt for it (never when nothing was put back).
 */
MUST_USE static inline bool virtq_publish(struct virtq *queue)
{
	if (!queue->changed)
		return false;
	queue->changed = false;
	return queue->packed ? virtq_packed_publish(queue) : virtq_split_publish(queue);
}

#endif
