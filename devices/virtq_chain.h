/* SPDX-License-Identifier: MIT */
/*
 * What both rings share: the one look at a descriptor in guest memory, the chain as it grows buffer
 * by buffer, and what happens at a ring error. Called by devices/virtq_split.c and
 * devices/virtq_packed.c, whose common case is inlined from here.
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
 * A descriptor as it lies in guest memory. Split: length, flags, next; packed: length, buffer id,
 * flags. A used one of the packed ring looks alike.
 */
struct virtq_descriptor {
	uint64_t address;
	uint64_t rest; /* bits 0..31 the length; 32..47 and 48..63 what the ring has there */
};

#define VIRTQ_DESCRIPTOR_SIZE 16u
_Static_assert(
	sizeof(struct virtq_descriptor) == VIRTQ_DESCRIPTOR_SIZE, "virtio 1.2, 2.7.5, 2.8.13");

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

/* Keeps the compiler from reading the guest's copy of a value again in place of ours. */
#define virtq_keep(value) __asm__ volatile("" : "+r"(value))

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

static inline struct virtq_builder virtq_builder_start(struct virtq_chain *chain, uint32_t left)
{
	return (struct virtq_builder){ .end = chain->segments, .left = left };
}

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
	struct virtq_segment *end, uint32_t left, uint32_t at, uint64_t address, uint32_t length)
	__attribute__((cold, noinline));

/*
 * Checks the descriptor that refers to an indirect table, and finds the table: host is null where
 * it lies in several pieces. False: a ring error. virtio 1.2, 2.7.5.3, 2.8.7.
 */
bool virtq_indirect_find(
	struct virtq *queue, uint32_t at, uint64_t address, uint32_t length, const uint8_t **host);

/* A descriptor in a table that lies in several pieces, all of it in guest memory. */
struct virtq_descriptor virtq_read_descriptor_pieces(
	const struct guest_memory *memory, uint64_t gpa) __attribute__((cold, noinline));

/*
 * The one look at a descriptor of the split ring's table or of an indirect one, which may lie at
 * any address. host is null where the table lies in several pieces, gpa is where it begins.
 */
static inline __attribute__((always_inline)) struct virtq_descriptor virtq_read_descriptor(
	const struct guest_memory *memory, const uint8_t *host, uint64_t gpa, uint32_t at)
{
	uint64_t address;
	uint64_t rest;

	if (host == NULL)
		return virtq_read_descriptor_pieces(memory, gpa + at);
	/* Freestanding, gcc expands a copy of fixed size only under this name. */
	__builtin_memcpy(&address, host + at, sizeof(address));
	__builtin_memcpy(&rest, host + at + sizeof(address), sizeof(rest));
	virtq_keep(address);
	virtq_keep(rest);
	return (struct virtq_descriptor){ .address = address, .rest = rest };
}

/* Only writable descriptors from here on. */
static inline void virtq_builder_turn(struct virtq_chain *chain, struct virtq_builder *builder)
{
	builder->direction = VIRTQ_WRITE;
	chain->readable = (unsigned int)(builder->end - chain->segments);
	chain->readable_bytes = builder->bytes;
	builder->bytes = 0;
}

/*
 * Adds the buffer of a descriptor in the chain's present direction, for which builder->left was not
 * 0. False: a ring error.
 */
static inline __attribute__((always_inline)) bool virtq_builder_add(struct virtq *queue,
	const struct guest_memory *memory, struct virtq_chain *chain, struct virtq_builder *builder,
	uint32_t at, uint64_t address, uint32_t length)
{
	uint64_t available;
	void *host = guest_memory_find(memory, address, length, &available);

	builder->left--;
	builder->bytes += length;
	if (virtq_unlikely(host == NULL || available < length)) {
		builder->end = virtq_chain_add_pieces(
			queue, chain, builder->end, builder->left, at, address, length);
		return builder->end != NULL;
	}
	builder->end->host = host;
	builder->end->size = length;
	builder->end++;
	return true;
}

/* The chain is complete. False: a ring error. */
static inline bool virtq_builder_finish(
	struct virtq *queue, struct virtq_chain *chain, const struct virtq_builder *builder)
{
	unsigned int count = (unsigned int)(builder->end - chain->segments);

	if (builder->direction == 0) {
		chain->readable = count;
		chain->readable_bytes = builder->bytes;
		chain->writable = 0;
		chain->writable_bytes = 0;
	} else {
		chain->writable = count - chain->readable;
		chain->writable_bytes = builder->bytes;
	}
	return (chain->readable_bytes + chain->writable_bytes) >> 32 == 0 ||
	       !virtq_chain_is_too_long(queue, chain);
}

/* The ring's part of virtq_start: every area was found in guest memory. */
void virtq_split_start(struct virtq *queue);
void virtq_packed_start(struct virtq *queue);

#endif
