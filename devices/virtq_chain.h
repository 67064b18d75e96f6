/* SPDX-License-Identifier: MIT */
/*
 * What both rings share: the one look at a descriptor in guest memory, the chain as it grows buffer
 * by buffer, and what happens at a ring error. Called by devices/virtq_split.c and
 * devices/virtq_packed_take.c, whose common case is inlined from here.
 */
#ifndef DEVICES_VIRTQ_CHAIN_H
#define DEVICES_VIRTQ_CHAIN_H

#include <stddef.h>

#include "devices/virtq.h"

/* virtio 1.2, 2.7.5 and 2.8: flags of a descriptor, the same in both rings. */
enum virtq_descriptor_flag {
	VIRTQ_NEXT = 1 << 0,
	VIRTQ_WRITE = 1 << 1,
	VIRTQ_INDIRECT = 1 << 2,
	VIRTQ_AVAILABLE = 1 << 7, /* packed only */
	VIRTQ_USED = 1 << 15,
	VIRTQ_ROUND = VIRTQ_AVAILABLE | VIRTQ_USED,
};

/*
 * A descriptor as it lies in guest memory, in an indirect table at any address. Volatile, so that
 * each field is read once, in the order that the code says.
 */
struct virtq_wire {
	uint64_t address;
	uint32_t length;
	union {
		struct {
			uint16_t flags;
			uint16_t next;
		} split;
		struct {
			uint16_t id;
			uint16_t flags;
		} packed;
	};
} __attribute__((packed, may_alias));

#define VIRTQ_DESCRIPTOR_SIZE 16u
_Static_assert(sizeof(struct virtq_wire) == VIRTQ_DESCRIPTOR_SIZE, "virtio 1.2, 2.7.5, 2.8.13");

/* What was read of one. */
struct virtq_descriptor {
	uint64_t address;
	uint64_t length;
	uint32_t flags;
	uint32_t other; /* split: next; packed: buffer id */
};

/* A table of descriptors: a ring's own, or an indirect one. */
struct virtq_table {
	const uint8_t *host; /* null where it lies in several pieces of guest memory */
	uint64_t gpa;
	uint32_t size; /* bytes */
	bool indirect;
};

#define virtq_unlikely(condition) __builtin_expect((condition), 0)

/* Keeps the compiler from moving accesses of memory across; x86 keeps their order but one. */
static inline void virtq_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/* That one: a store, then a load of something else. */
static inline void virtq_store_load_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* virtq_area_at for an area in several pieces. */
void *virtq_area_at_pieces(const struct virtq *queue, const struct virtq_area *area,
	uint32_t offset) __attribute__((cold, noinline));

/*
 * A naturally aligned field of an area: never null, virtq_start has seen the whole area in guest
 * memory, and what is once in it stays.
 */
static inline void *virtq_area_at(
	const struct virtq *queue, const struct virtq_area *area, uint32_t offset)
{
	if (virtq_unlikely(area->host == NULL))
		return virtq_area_at_pieces(queue, area, offset);
	return area->host + offset;
}

/* A chain while it grows. */
struct virtq_builder {
	struct virtq_segment *end; /* where the next segment goes */
	uint64_t bytes;            /* of the direction that it is in */
	uint32_t left;             /* descriptors that may still come */
	uint32_t direction;        /* 0, from the first writable descriptor on VIRTQ_WRITE */
};

/* Sets queue->why and queue->kind. */
void virtq_explain(struct virtq *queue, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold, noinline));

/*
 * The ring errors: each says in queue->why what was wrong, and virtq_take says VIRTQ_BROKEN from
 * then on. All return false. at is a descriptor: bytes from the start of its table.
 */
bool virtq_break(struct virtq *queue, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold, noinline));
/* Names the descriptor, and the indirect table that it is in. */
bool virtq_break_at(struct virtq *queue, uint32_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold, noinline));
bool virtq_break_direction(struct virtq *queue, uint32_t at) __attribute__((cold, noinline));
bool virtq_break_nested(struct virtq *queue, uint32_t at) __attribute__((cold, noinline));
bool virtq_break_length(struct virtq *queue, uint32_t at) __attribute__((cold, noinline));

/* Whether the totals are too long for a chain: then a ring error. virtio 1.2, 2.7.5.2. */
bool virtq_chain_is_too_long(struct virtq *queue, const struct virtq_chain *chain)
	__attribute__((cold, noinline));

/*
 * A buffer that is empty or does not lie in the first range. The new end of the segments, null for
 * a ring error. left: descriptors that may still come, each of which must find room for a segment.
 */
struct virtq_segment *virtq_chain_add_pieces(struct virtq *queue, struct virtq_chain *chain,
	struct virtq_segment *end, uint32_t left, uint32_t at,
	const struct virtq_descriptor *descriptor) __attribute__((cold, noinline));

/*
 * Adds a descriptor, whatever it is but INDIRECT: the general way, for what the rings do not have
 * inline. False: a ring error.
 */
bool virtq_chain_add(struct virtq *queue, struct virtq_chain *chain, struct virtq_builder *builder,
	uint32_t at, const struct virtq_descriptor *descriptor);

/*
 * Checks the descriptor that refers to an indirect table, and finds the table. False: a ring error.
 * virtio 1.2, 2.7.5.3, 2.8.7.
 */
bool virtq_table_enter(struct virtq *queue, uint32_t at, const struct virtq_descriptor *descriptor,
	struct virtq_table *table);

/* The one look at a descriptor of a table, all of which is in guest memory. */
void virtq_table_read(const struct virtq *queue, const struct virtq_table *table, uint32_t at,
	struct virtq_descriptor *descriptor);

/* The host bytes of a buffer in the first range of guest memory: guest_memory_find's short way. */
static inline bool virtq_find_first(
	const struct guest_memory *memory, uint64_t gpa, uint64_t size, uint8_t **host)
{
	const struct guest_range *first = &memory->ranges[0];
	uint64_t offset = gpa - first->gpa;
	uint64_t end = offset + size;

	/* What is empty or wraps ends no further than it begins. */
	if (end <= offset || end > first->size)
		return false;
	*host = first->host + offset;
	return true;
}

/* The readable half ends with segment end and has so many bytes. */
static inline void virtq_chain_turn(
	struct virtq_chain *chain, const struct virtq_segment *end, uint64_t bytes)
{
	chain->readable = (unsigned int)(end - chain->segments);
	chain->readable_bytes = bytes;
}

/* The chain ends with segment end; its last direction has so many bytes. False: a ring error. */
static inline bool virtq_chain_finish(struct virtq *queue, struct virtq_chain *chain,
	const struct virtq_segment *end, uint64_t bytes, uint32_t direction)
{
	if (virtq_unlikely(direction == 0)) {
		virtq_chain_turn(chain, end, bytes);
		bytes = 0;
	}
	chain->writable = (unsigned int)(end - chain->segments) - chain->readable;
	chain->writable_bytes = bytes;
	return (chain->readable_bytes + bytes) >> 32 == 0 || !virtq_chain_is_too_long(queue, chain);
}

/*
 * A chain of three that is readable first and writable last, as most requests of a block device
 * are; writable is 1 or 0 for the one in the middle. False: not all of it lies in the first range,
 * or there is something else about it; then nothing of it was used.
 */
static inline __attribute__((always_inline)) bool virtq_chain_three(
	const struct guest_memory *memory, struct virtq_chain *chain,
	const volatile struct virtq_wire *wire0, const volatile struct virtq_wire *wire1,
	const volatile struct virtq_wire *wire2, uint32_t writable)
{
	struct virtq_segment *segments = chain->segments;
	uint64_t length0 = wire0->length;
	uint64_t length1 = wire1->length;
	uint64_t length2 = wire2->length;
	uint64_t total = length0 + length1 + length2;

	if (!virtq_find_first(memory, wire0->address, length0, &segments[0].host) ||
		!virtq_find_first(memory, wire1->address, length1, &segments[1].host) ||
		!virtq_find_first(memory, wire2->address, length2, &segments[2].host) ||
		total >> 32 != 0)
		return false;
	segments[0].size = length0;
	segments[1].size = length1;
	segments[2].size = length2;
	chain->readable = 2 - writable;
	chain->writable = 1 + writable;
	/* All ones for 1: no branch. */
	chain->writable_bytes = length2 + (length1 & -(uint64_t)writable);
	chain->readable_bytes = total - chain->writable_bytes;
	return true;
}

/* The ring's part of virtq_start: every area was found in guest memory. */
void virtq_split_start(struct virtq *queue);
void virtq_packed_start(struct virtq *queue);

#endif
