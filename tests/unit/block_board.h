/* SPDX-License-Identifier: MIT */
/*
 * What the tests of both block devices stand on: a guest memory of two touching pieces and one
 * behind a hole, each with the sanitizer's red zones around it, a small disk, what both held
 * before, and the log's text. Included by svirtb_board.h and virtio_board.h.
 */
#ifndef TESTS_UNIT_BLOCK_BOARD_H
#define TESTS_UNIT_BLOCK_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/ramdisk.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/guest_memory.h"

#define BOARD_PIECES 3

/* Piece 1 begins where piece 0 ends; then a hole. */
#define BOARD_SEAM   0x10000ull
#define BOARD_HOLE   0x18000ull
#define BOARD_BEHIND 0x40000ull
#define BOARD_END    0x44000ull

/* The disk's last sector holds 200 bytes. */
#define BOARD_DISK_SIZE (63 * RAMDISK_SECTOR_SIZE + 200)
#define BOARD_SECTORS   64ull

static const uint64_t board_edges[BOARD_PIECES][2] = {
	{ 0, BOARD_SEAM },
	{ BOARD_SEAM, BOARD_HOLE },
	{ BOARD_BEHIND, BOARD_END },
};

/* Guest memory and disk as they were at before_keep. */
struct before {
	uint8_t *guest[BOARD_PIECES];
	uint8_t *disk;
	uint64_t disk_size;
};

/* The log since board_forget_log. */
static char board_log[65536];
static size_t board_log_size;

static inline void board_forget_log(void)
{
	board_log_size = 0;
	board_log[0] = '\0';
}

static void board_log_sink(void *context, const char *bytes, size_t size)
{
	(void)context;
	if (size >= sizeof(board_log) - board_log_size)
		return;
	memcpy(board_log + board_log_size, bytes, size);
	board_log_size += size;
	board_log[board_log_size] = '\0';
}

static inline int board_group_setup(void **state)
{
	(void)state;
	return log_add_sink(board_log_sink, NULL) < 0;
}

/* Lines on the log. */
static inline size_t board_log_lines(void)
{
	size_t lines = 0;

	for (size_t i = 0; i < board_log_size; i++)
		lines += board_log[i] == '\n';
	return lines;
}

/* Bytes that tell where they are. */
static inline void memory_make(struct guest_memory *memory)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		uint64_t size = board_edges[i][1] - board_edges[i][0];
		uint8_t *host = malloc(size);

		assert_non_null(host);
		for (uint64_t at = 0; at < size; at++)
			host[at] = (uint8_t)(0x80 | (board_edges[i][0] + at) / 64);
		assert_int_equal(
			guest_memory_add(memory, board_edges[i][0], size, host), STATUS_OK);
	}
}

/* What a test adds behind these pieces is its own to free. */
static inline void memory_free(struct guest_memory *memory)
{
	for (int i = 0; i < BOARD_PIECES; i++)
		free(memory->ranges[i].host);
}

static inline uint8_t *memory_at(const struct guest_memory *memory, uint64_t gpa)
{
	uint64_t available;
	uint8_t *host = guest_memory_find(memory, gpa, 1, &available);

	assert_non_null(host);
	return host;
}

/* Bytes that tell where they are, and that it is the disk. */
static inline void disk_make(struct ramdisk *disk, enum ramdisk_mode mode, uint64_t size)
{
	uint64_t capacity = align_up(size, RAMDISK_SECTOR_SIZE);
	uint8_t *data = malloc(capacity);
	uint64_t *dirty = malloc(ramdisk_dirty_words(size) * sizeof(*dirty));

	assert_non_null(data);
	assert_non_null(dirty);
	for (uint64_t at = 0; at < size; at++)
		data[at] = (uint8_t)(0x7f & (at / 512 * 5 + at % 61 + 1));
	assert_int_equal(ramdisk_init(disk, data, size, dirty, mode), STATUS_OK);
}

static inline void disk_free(struct ramdisk *disk)
{
	free(disk->data);
	free(disk->dirty);
}

static inline void before_keep(
	struct before *before, const struct guest_memory *memory, const struct ramdisk *disk)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &memory->ranges[i];

		free(before->guest[i]);
		before->guest[i] = malloc(range->size);
		assert_non_null(before->guest[i]);
		memcpy(before->guest[i], range->host, range->size);
	}
	free(before->disk);
	before->disk = malloc(disk->capacity);
	assert_non_null(before->disk);
	memcpy(before->disk, disk->data, disk->capacity);
	before->disk_size = disk->size;
}

/* No byte of the disk outside [offset, offset + size) has changed. */
static inline bool before_was_disk_but(
	const struct before *before, const struct ramdisk *disk, uint64_t offset, uint64_t size)
{
	for (uint64_t at = 0; at < disk->capacity; at++) {
		if (disk->data[at] != before->disk[at] && at - offset >= size)
			return false;
	}
	return true;
}

static inline void before_free(struct before *before)
{
	for (int i = 0; i < BOARD_PIECES; i++)
		free(before->guest[i]);
	free(before->disk);
}

#endif
