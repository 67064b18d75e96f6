/* SPDX-License-Identifier: MIT */
/*
 * What a device of the disk's works on, for its fuzz target: guest memory in pieces and a disk,
 * each with the sanitizer's red zones around it, so that no byte outside is touched unseen, and a
 * bus.
 */
#ifndef TESTS_FUZZ_BOARD_H
#define TESTS_FUZZ_BOARD_H

#include "devices/block.h"
#include "devices/bus.h"
#include "mm/guest_memory.h"

struct board {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	uint8_t *clean_disk; /* what the disk had when it was last clean, to its capacity */
};

/* A piece of guest memory from gpa to end, with a copy of these bytes in it. */
void board_add_memory(struct board *board, uint64_t gpa, uint64_t end, const void *bytes);

/* A disk of so many bytes, copies of these. */
void board_add_disk(
	struct board *board, const uint8_t *bytes, uint64_t size, enum ramdisk_mode mode);

void board_free(struct board *board);

/* The device that an access of the guest's reaches; null where it does not wholly lie in one. */
struct bus_region *board_find(struct board *board, uint64_t gpa, unsigned int width);

/* What a write-back does: everything that the disk has now is clean. */
void board_clean_disk(struct board *board);

/* Nothing that is not marked as dirty has changed, and nothing at all on a read-only disk. */
void board_check_disk(const struct board *board);

#endif
