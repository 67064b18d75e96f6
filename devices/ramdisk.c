/* SPDX-License-Identifier: MIT */
/*
 * The ramdisk: range checks for transfers, growth of a partial last sector, and the dirty map.
 * Devices check and transfer through it; the write-back walks its dirty runs.
 */
#include "devices/ramdisk.h"

#include "lib/bits.h"
#include "lib/string.h"

/* Grains that size bytes touch, a partial last one included. */
static uint64_t grains_of(uint64_t size)
{
	return size / RAMDISK_GRAIN + (size % RAMDISK_GRAIN != 0);
}

uint64_t ramdisk_dirty_words(uint64_t size)
{
	return (grains_of(size) + 63) / 64;
}

enum status ramdisk_init(
	struct ramdisk *disk, void *data, uint64_t size, uint64_t *dirty, enum ramdisk_mode mode)
{
	uint64_t capacity = align_up(size, RAMDISK_SECTOR_SIZE);

	if (size == 0 || capacity < size)
		return STATUS_BAD_VALUE;
	*disk = (struct ramdisk){
		.data = data,
		.size = size,
		.capacity = capacity,
		.dirty = dirty,
		.mode = mode,
	};
	memset(disk->data + size, 0, capacity - size);
	memset(dirty, 0, ramdisk_dirty_words(capacity) * sizeof(dirty[0]));
	return STATUS_OK;
}

enum status ramdisk_check_write(const struct ramdisk *disk, uint64_t offset, uint64_t size)
{
	if (disk->mode == RAMDISK_READ_ONLY)
		return STATUS_READ_ONLY;
	if (offset > disk->capacity || size > disk->capacity - offset)
		return STATUS_OUT_OF_RANGE;
	return STATUS_OK;
}

uint8_t *ramdisk_write_at(struct ramdisk *disk, uint64_t offset, uint64_t size)
{
	uint64_t end = grains_of(offset + size);

	/* What grows beyond the write's end lies in the same sector, so in a grain that it marks.
	 */
	if (size > 0 && offset + size > disk->size)
		disk->size = disk->capacity;
	for (uint64_t grain = offset / RAMDISK_GRAIN; size > 0 && grain < end; grain++)
		disk->dirty[grain / 64] |= BIT(grain % 64);
	return disk->data + offset;
}

/* The first grain from grain on whose bit is set (or clear), at most end. */
static uint64_t find_grain(const struct ramdisk *disk, uint64_t grain, uint64_t end, bool set)
{
	while (grain < end) {
		uint64_t word = disk->dirty[grain / 64];
		uint64_t left = (set ? word : ~word) >> (grain % 64);

		if (left != 0)
			return min_u64(grain + (uint64_t)__builtin_ctzll(left), end);
		grain = align_down(grain, 64) + 64;
	}
	return end;
}

bool ramdisk_next_dirty(const struct ramdisk *disk, uint64_t *offset, uint64_t *size)
{
	/* A caller that steps on from the last run stands at the image's end, inside a grain. */
	uint64_t end = grains_of(disk->size);
	uint64_t first = find_grain(disk, grains_of(*offset), end, true);
	uint64_t stop = find_grain(disk, first, end, false);

	if (first == stop)
		return false;
	*offset = first * RAMDISK_GRAIN;
	*size = min_u64(stop * RAMDISK_GRAIN, disk->size) - *offset;
	return true;
}

void ramdisk_clean(struct ramdisk *disk, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size >= disk->size ? grains_of(disk->size)
						   : (offset + size) / RAMDISK_GRAIN;

	/* A grain of which only a part was written back stays dirty. */
	for (uint64_t grain = grains_of(offset); grain < end; grain++)
		disk->dirty[grain / 64] &= ~BIT(grain % 64);
}
