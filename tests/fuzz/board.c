/* SPDX-License-Identifier: MIT */
/*
 * Guest memory, a disk and a bus for a fuzz target, see board.h.
 */
#include "tests/fuzz/board.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"

void board_add_memory(struct board *board, uint64_t gpa, uint64_t end, const void *bytes)
{
	uint8_t *host = must_alloc(end - gpa);

	memcpy(host, bytes, end - gpa);
	must(guest_memory_add(&board->memory, gpa, end - gpa, host) == STATUS_OK);
}

void board_add_disk(
	struct board *board, const uint8_t *bytes, uint64_t size, enum ramdisk_mode mode)
{
	uint8_t *data = must_alloc(align_up(size, RAMDISK_SECTOR_SIZE));
	uint64_t *dirty = must_alloc(ramdisk_dirty_words(size) * sizeof(*dirty));

	memcpy(data, bytes, size);
	must(ramdisk_init(&board->disk, data, size, dirty, mode) == STATUS_OK);
	block_init(&board->block, &board->disk);
	board->clean_disk = must_alloc(board->disk.capacity);
	memcpy(board->clean_disk, data, board->disk.capacity);
}

void board_free(struct board *board)
{
	for (unsigned int i = 0; i < board->memory.count; i++)
		free(board->memory.ranges[i].host);
	free(board->disk.data);
	free(board->disk.dirty);
	free(board->clean_disk);
}

struct bus_region *board_find(struct board *board, uint64_t gpa, unsigned int width)
{
	struct bus_region *region = bus_find(&board->mmio, gpa);

	return region != NULL && bus_region_covers(region, gpa, width) ? region : NULL;
}

void board_clean_disk(struct board *board)
{
	ramdisk_clean(&board->disk, 0, board->disk.size);
	memcpy(board->clean_disk, board->disk.data, board->disk.capacity);
}

static void check_clean(const struct ramdisk *disk, const uint8_t *was, uint64_t from, uint64_t to)
{
	must(memcmp(disk->data + from, was + from, to - from) == 0);
}

void board_check_disk(const struct board *board)
{
	const struct ramdisk *disk = &board->disk;
	uint64_t offset = 0;
	uint64_t size = 0;
	uint64_t clean = 0;

	while (ramdisk_next_dirty(disk, &offset, &size)) {
		must(offset >= clean && offset + size <= disk->size);
		check_clean(disk, board->clean_disk, clean, offset);
		clean = offset + size;
		offset = clean;
	}
	check_clean(disk, board->clean_disk, clean, disk->capacity);
	if (disk->mode == RAMDISK_READ_ONLY)
		check_clean(disk, board->clean_disk, 0, disk->capacity);
}
