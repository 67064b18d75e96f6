/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory as the host sees it: a short table of guest-physical ranges, each backed by
 * host memory, and the one accessor through which every guest-physical address and length goes.
 * Called by everything that follows an address that a guest made.
 */
#ifndef MM_GUEST_MEMORY_H
#define MM_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define GUEST_MEMORY_MAX_RANGES 32

struct guest_range {
	uint64_t gpa;  /* first guest-physical address; page-aligned */
	uint64_t size; /* bytes; a multiple of the page size, not 0; gpa + size does not wrap */
	uint8_t *host; /* where it lies in host memory */
};

/*
 * Ranges are sorted by gpa and do not overlap; neighbours may touch (continuous memory in pieces).
 * Starts all zero, and guest_memory_add alone changes it: a range from count on has the size 0.
 */
struct guest_memory {
	unsigned int count;
	struct guest_range ranges[GUEST_MEMORY_MAX_RANGES];
};

/*
 * Adds a range, keeping the table sorted. STATUS_BAD_VALUE: not aligned, empty, wrapping or
 * without host memory; STATUS_CONFLICT: overlaps; STATUS_NO_MEMORY: the table is full.
 */
MUST_USE enum status guest_memory_add(
	struct guest_memory *memory, uint64_t gpa, uint64_t size, void *host);

/* What guest_memory_find does when the bytes are not all in the first range. */
void *guest_memory_find_any(const struct guest_memory *memory, uint64_t gpa, uint64_t wanted,
	uint64_t *available) __attribute__((cold));

/*
 * The accessor: the host bytes behind guest-physical gpa, and in *available how many of the wanted
 * bytes lie there without a break (1..wanted). Null where there is no guest memory or wanted is 0;
 * *available is 0 then. Never answers for more than was wanted, never wraps.
 * Inline for the first range, in which most guests have all that they touch.
 */
static inline void *guest_memory_find(
	const struct guest_memory *memory, uint64_t gpa, uint64_t wanted, uint64_t *available)
{
	const struct guest_range *first = &memory->ranges[0];
	uint64_t offset = gpa - first->gpa;

	/* wanted 0 becomes the largest number, and is left to the other. */
	if (offset < first->size && wanted - 1 < first->size - offset) {
		*available = wanted;
		return first->host + offset;
	}
	return guest_memory_find_any(memory, gpa, wanted, available);
}

/*
 * The same for a naturally aligned access of a page at most: ranges are whole pages, so it lies in
 * one of them or in none. Null where there is none.
 */
static inline void *guest_memory_find_aligned(const struct guest_memory *memory, uint64_t gpa)
{
	const struct guest_range *first = &memory->ranges[0];
	uint64_t offset = gpa - first->gpa;
	uint64_t available;

	if (offset < first->size) {
		if (first->host == NULL)
			__builtin_unreachable(); /* never added; saves a test */
		return first->host + offset;
	}
	return guest_memory_find_any(memory, gpa, 1, &available);
}

/* Whether every byte of [gpa, gpa + size) is guest memory; true for size 0. Wrapping: false. */
bool guest_memory_contains(const struct guest_memory *memory, uint64_t gpa, uint64_t size);

/* Copies across pieces; all or nothing: STATUS_OUT_OF_RANGE copies nothing. */
MUST_USE enum status guest_memory_read(
	const struct guest_memory *memory, uint64_t gpa, void *to, uint64_t size);
MUST_USE enum status guest_memory_write(
	const struct guest_memory *memory, uint64_t gpa, const void *from, uint64_t size);

/* Bytes of guest memory in all ranges together. */
uint64_t guest_memory_size(const struct guest_memory *memory);

#endif
