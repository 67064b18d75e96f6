/* SPDX-License-Identifier: MIT */
/*
 * Bit and size arithmetic that is easy to get wrong twice.
 */
#ifndef LIB_BITS_H
#define LIB_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define PAGE_SIZE  UINT64_C(4096)
#define PAGE_MASK  (PAGE_SIZE - 1)
#define PAGE_SHIFT 12

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* value rounded down or up to a multiple of alignment, which is a power of two; up may wrap. */
static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
	return (value & (alignment - 1)) == 0;
}

/* A mask of the low 8 * width bits; width is 1, 2, 4 or 8 bytes. */
static inline uint64_t width_mask(unsigned width)
{
	static const uint64_t masks[] = { [1] = 0xff, [2] = 0xffff, [4] = 0xffffffff, [8] = ~0ull };

	return masks[width];
}

/* The low 8 * width bits of value, as a signed number in 64 bits. */
static inline uint64_t sign_extend(uint64_t value, unsigned width)
{
	unsigned shift = 64 - 8 * width;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
