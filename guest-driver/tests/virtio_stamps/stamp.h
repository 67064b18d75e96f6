/* SPDX-License-Identifier: MIT */
/*
 * Stamps: what a sector holds says which sector it is and in which generation it was written, to
 * the last byte, so that nothing else can pass for it. Shared by the guest that writes them
 * (guest-driver/tests/virtio_stamps.c) and by the host's tests/boot/stamps.c.
 */
#ifndef GUEST_DRIVER_TESTS_VIRTIO_STAMPS_STAMP_H
#define GUEST_DRIVER_TESTS_VIRTIO_STAMPS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define STAMP_SECTOR_SIZE 512u
#define STAMP_WORDS       (STAMP_SECTOR_SIZE / sizeof(uint64_t))

struct stamp {
	uint64_t sector;
	uint64_t generation; /* from 1 on; an all-zero sector is of generation 0 */
	uint64_t filler[STAMP_WORDS - 2];
};
_Static_assert(sizeof(struct stamp) == STAMP_SECTOR_SIZE, "one sector");

static inline uint64_t stamp_mix(uint64_t a, uint64_t b)
{
	uint64_t value = a * 0x9e3779b97f4a7c15ull + b * 0xbf58476d1ce4e5b9ull;

	value ^= value >> 29;
	value *= 0x94d049bb133111ebull;
	return value ^ value >> 32;
}

static inline void stamp_make(struct stamp *stamp, uint64_t sector, uint64_t generation)
{
	uint64_t value = stamp_mix(sector + 1, generation);

	stamp->sector = generation == 0 ? 0 : sector;
	stamp->generation = generation;
	for (unsigned int i = 0; i < STAMP_WORDS - 2; i++) {
		stamp->filler[i] = generation == 0 ? 0 : value;
		value = value * 0x5851f42d4c957f2dull + sector;
	}
}

/* Whether the guest's loop writes this sector in this generation: a half of them, by chance. */
static inline bool stamp_is_due(uint64_t seed, uint64_t sector, uint64_t generation)
{
	return generation == 0 || (stamp_mix(seed + sector, generation) & 1) != 0;
}

#endif
