/* SPDX-License-Identifier: MIT */
/*
 * The disk image in memory: sectors that devices read and write, and a dirty map with a grain of
 * 4 KiB, by which the write-back finds what changed. The last sector may be partial: the disk ends
 * where its image ends, to the byte, and a write that fills the last sector up grows the image to a
 * whole sector.
 */
#ifndef DEVICES_RAMDISK_H
#define DEVICES_RAMDISK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/status.h"

#define RAMDISK_SECTOR_SIZE 512ull
#define RAMDISK_GRAIN       4096ull

enum ramdisk_mode {
	RAMDISK_READ_WRITE, /* writes are taken and written back */
	RAMDISK_READ_ONLY,  /* writes are refused */
	RAMDISK_SNAPSHOT,   /* writes are taken and forgotten at the end */
};

struct ramdisk {
	uint8_t *data;     /* capacity bytes; zero beyond size */
	uint64_t size;     /* bytes of the image now */
	uint64_t capacity; /* size at the start rounded up to a whole sector */
	uint64_t *dirty;   /* one bit a grain, ramdisk_dirty_words(capacity) words */
	enum ramdisk_mode mode;
};

/* Words of 64 bits that the dirty map of a disk of size bytes needs. */
uint64_t ramdisk_dirty_words(uint64_t size);

/*
 * data holds the image's size bytes in memory of at least size rounded up to a whole sector; dirty
 * is ramdisk_dirty_words(size) words. Both stay the caller's. Clears the map and the bytes between
 * size and capacity. STATUS_BAD_VALUE: size 0.
 */
MUST_USE enum status ramdisk_init(
	struct ramdisk *disk, void *data, uint64_t size, uint64_t *dirty, enum ramdisk_mode mode);

/*
 * How many of size bytes can be read at offset: at most what the image has there, 0 past its end.
 */
static inline uint64_t ramdisk_readable(const struct ramdisk *disk, uint64_t offset, uint64_t size)
{
	return offset < disk->size ? min_u64(size, disk->size - offset) : 0;
}

/*
 * Whether a write of size bytes at offset may be done whole. STATUS_READ_ONLY, or
 * STATUS_OUT_OF_RANGE when it wraps or ends beyond the last (filled up) sector.
 */
MUST_USE enum status ramdisk_check_write(
	const struct ramdisk *disk, uint64_t offset, uint64_t size);

/* The bytes at offset, for a transfer that was checked before. */
static inline const uint8_t *ramdisk_read_at(const struct ramdisk *disk, uint64_t offset)
{
	return disk->data + offset;
}

/*
 * The bytes at offset for writing size of them, after ramdisk_check_write said STATUS_OK: marks
 * their grains dirty and grows the image where the write reaches into the last sector's rest.
 */
uint8_t *ramdisk_write_at(struct ramdisk *disk, uint64_t offset, uint64_t size);

/*
 * The next run of dirty grains at or after *offset, as bytes of the image: sets *offset and *size
 * and returns true, or returns false when nothing dirty is left. ramdisk_clean forgets a run.
 */
bool ramdisk_next_dirty(const struct ramdisk *disk, uint64_t *offset, uint64_t *size);
void ramdisk_clean(struct ramdisk *disk, uint64_t offset, uint64_t size);

#endif
