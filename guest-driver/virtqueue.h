/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue as its driver sees it, split or packed (virtio 1.2, 2.7 and 2.8): chains of buffers
 * go in by virtqueue_add, become visible to the device together by virtqueue_publish, and come
 * back by virtqueue_take. Knows no device and no transport.
 *
 * Virtual addresses are physical ones here, as everywhere in these guests.
 */
#ifndef GUEST_DRIVER_VIRTQUEUE_H
#define GUEST_DRIVER_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-driver/virtio_mmio.h"

#define VIRTQUEUE_MAX_SIZE 1024u

/* Bytes of the largest ring of either kind, each part at its alignment. */
#define VIRTQUEUE_MEMORY 32768u

/* A piece of a buffer, in one piece in memory. */
struct virtqueue_piece {
	const void *at;
	uint32_t size;
};

/* What virtqueue_add is given: first what the device may read, then what it may write. */
struct virtqueue_chain {
	const struct virtqueue_piece *pieces;
	unsigned int readable;
	unsigned int writable;
	void *token; /* comes back from virtqueue_take; not null */
	/*
	 * Null: each piece takes an entry of the ring. Else memory for 16 bytes a piece, aligned to
	 * 16 and not used for anything else before the chain is back: an indirect table, 2.7.5.3.
	 */
	void *table;
};

struct virtqueue_ops;

/* Only virtqueue*.c looks inside. What the device shares is in memory; nothing else is believed. */
struct virtqueue {
	const struct virtqueue_ops *ops;
	uint8_t *memory;
	uint16_t size;
	bool event_index; /* VIRTIO_F_EVENT_IDX was agreed on */

	uint16_t free;      /* entries of the ring without a chain */
	uint16_t free_head; /* of a list through links: descriptors (split), buffer ids (packed) */
	uint16_t links[VIRTQUEUE_MAX_SIZE];

	/* By the number under which the device knows a chain; null where there is none. */
	void *tokens[VIRTQUEUE_MAX_SIZE];
	uint16_t slots[VIRTQUEUE_MAX_SIZE]; /* entries that the chain takes */
	uint16_t chains;                    /* that the device has, or will have */

	uint16_t next_avail; /* split: avail.idx to be; packed: a place in the ring */
	uint16_t next_used;  /* likewise */
	uint16_t added;      /* since the last publish: chains (split), entries (packed) */
	/* Packed only. 2.8.1. */
	bool avail_wrap;
	bool used_wrap;
	uint16_t held_at;    /* the first entry of the batch, whose flags publish writes */
	uint16_t held_flags; /* valid where added != 0 */
};

/* An empty queue in this memory, zeroed here: VIRTQUEUE_MEMORY bytes, aligned to 4096. */
void virtqueue_init(
	struct virtqueue *queue, void *memory, uint16_t size, bool packed, bool event_index);

/* For virtio_mmio_start_queue. */
struct virtio_queue_place virtqueue_place(const struct virtqueue *queue);

/* VIRTIO_QUEUE_FULL, or the chain is in. The device does not see it before virtqueue_publish. */
enum virtio_error virtqueue_add(struct virtqueue *queue, const struct virtqueue_chain *chain);

/* Shows the device what was added. True: it wants to be notified. 2.7.13, 2.8.21. */
bool virtqueue_publish(struct virtqueue *queue);

/*
 * The next chain that the device has used: its token, and how many bytes the device wrote. Null:
 * none. VIRTIO_BROKEN_DEVICE when what it used was never given to it.
 */
enum virtio_error virtqueue_take(struct virtqueue *queue, void **token, uint32_t *written);
bool virtqueue_has_used(const struct virtqueue *queue);

/*
 * Asks for an interrupt: with EVENT_IDX when all chains have been used, else as soon as any has.
 * Chains may have been used meanwhile: look before waiting. 2.7.7, 2.8.7.
 */
void virtqueue_ask_interrupt(struct virtqueue *queue);
/* Asks for none. A device may send one nevertheless. */
void virtqueue_refuse_interrupt(struct virtqueue *queue);

/* Between virtqueue.c and the two rings. */
struct virtqueue_ops {
	struct virtio_queue_place (*place)(const struct virtqueue *queue);
	void (*add)(struct virtqueue *queue, const struct virtqueue_chain *chain);
	bool (*publish)(struct virtqueue *queue);
	bool (*has_used)(const struct virtqueue *queue);
	/* The number and length of what virtqueue_has_used sees; and: go on behind it. */
	uint32_t (*used_number)(const struct virtqueue *queue, uint32_t *written);
	void (*advance)(struct virtqueue *queue, uint16_t number);
	void (*ask_interrupt)(struct virtqueue *queue);
	void (*refuse_interrupt)(struct virtqueue *queue);
};
extern const struct virtqueue_ops virtqueue_split_ops;
extern const struct virtqueue_ops virtqueue_packed_ops;

/* Whether an index that moved from old to new has passed the event. 2.7.7.1. */
static inline bool virtqueue_passed(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* Words that the device reads or writes at any moment. */
static inline uint16_t virtqueue_load(const uint16_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void virtqueue_store(uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* A store before it is seen by the device before a load behind it is done. */
static inline void virtqueue_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
