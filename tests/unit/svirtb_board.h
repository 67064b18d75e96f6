/* SPDX-License-Identifier: MIT */
/*
 * What the svirtb tests stand on: a device on an MMIO bus, a guest memory of two touching pieces
 * and one behind a hole, each with the sanitizer's red zones around it, a small disk, and the log's
 * text.
 */
#ifndef TESTS_UNIT_SVIRTB_BOARD_H
#define TESTS_UNIT_SVIRTB_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/svirtb.h"
#include "devices/svirtb_ring.h"
#include "lib/bits.h"

#define BOARD_PIECES 3

/* Piece 1 begins where piece 0 ends; then a hole; the disk's last sector holds 200 bytes. */
#define BOARD_SEAM      0x10000ull
#define BOARD_HOLE      0x18000ull
#define BOARD_BEHIND    0x40000ull
#define BOARD_END       0x44000ull
#define BOARD_DISK_SIZE (63 * RAMDISK_SECTOR_SIZE + 200)
#define BOARD_SECTORS   64ull

/* Where most tests have their ring and their buffers. */
#define BOARD_RING    0x1000u
#define BOARD_ENTRIES 8u
#define BOARD_BUFFER  0x8000u

static const uint64_t board_edges[BOARD_PIECES][2] = {
	{ 0, BOARD_SEAM },
	{ BOARD_SEAM, BOARD_HOLE },
	{ BOARD_BEHIND, BOARD_END },
};

struct board {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	struct svirtb device;
	/* As it was at board_remember. */
	uint8_t *guest_before[BOARD_PIECES];
	uint8_t *disk_before;
	uint64_t disk_size_before;
};

/* The log since board_forget_log. */
static char board_log[16384];
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

static inline void *board_guest(struct board *board, uint64_t gpa)
{
	uint64_t available;
	void *host = guest_memory_find(&board->memory, gpa, 1, &available);

	assert_non_null(host);
	return host;
}

/* Guest memory and disk hold bytes that tell where they are. */
static inline void board_make(
	struct board *board, enum ramdisk_mode mode, uint32_t entry_size, uint64_t disk_size)
{
	uint64_t capacity = align_up(disk_size, RAMDISK_SECTOR_SIZE);
	uint8_t *data = malloc(capacity);
	uint64_t *dirty = malloc(ramdisk_dirty_words(disk_size) * sizeof(*dirty));

	assert_non_null(data);
	assert_non_null(dirty);
	*board = (struct board){ 0 };
	for (int i = 0; i < BOARD_PIECES; i++) {
		uint64_t size = board_edges[i][1] - board_edges[i][0];
		uint8_t *host = malloc(size);

		assert_non_null(host);
		for (uint64_t at = 0; at < size; at++)
			host[at] = (uint8_t)(0x80 | (board_edges[i][0] + at) / 64);
		assert_int_equal(
			guest_memory_add(&board->memory, board_edges[i][0], size, host), STATUS_OK);
	}
	for (uint64_t at = 0; at < disk_size; at++)
		data[at] = (uint8_t)(0x7f & (at / 512 * 5 + at % 61));
	assert_int_equal(ramdisk_init(&board->disk, data, disk_size, dirty, mode), STATUS_OK);
	/* What an earlier use has left must not count. */
	memset(&board->device, 0xa5, sizeof(board->device));
	block_init(&board->block, &board->disk);
	svirtb_init(&board->device, &board->memory, &board->block, entry_size);
	assert_int_equal(bus_register(&board->mmio, "svirtb", SVIRTB_BASE, SVIRTB_SIZE, &svirtb_ops,
				 &board->device),
		STATUS_OK);
	log_set_level(LOG_INFO);
	board_forget_log();
}

static inline void board_free(struct board *board)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		free(board->memory.ranges[i].host);
		free(board->guest_before[i]);
	}
	free(board->disk.data);
	free(board->disk.dirty);
	free(board->disk_before);
}

static inline uint64_t board_access_read(struct board *board, uint64_t offset, unsigned int width)
{
	return bus_region_read(
		bus_find(&board->mmio, SVIRTB_BASE + offset), SVIRTB_BASE + offset, width);
}

static inline void board_access_write(
	struct board *board, uint64_t offset, unsigned int width, uint64_t value)
{
	bus_region_write(
		bus_find(&board->mmio, SVIRTB_BASE + offset), SVIRTB_BASE + offset, width, value);
}

static inline uint32_t board_read(struct board *board, enum svirtb_register reg)
{
	return (uint32_t)board_access_read(board, reg, 4);
}

static inline void board_write(struct board *board, enum svirtb_register reg, uint64_t value)
{
	board_access_write(board, reg, 4, value);
}

/* The specification's initialisation, each step checked: section 3. */
static inline void board_start(struct board *board, uint64_t ring, uint32_t entries)
{
	assert_int_equal(board_read(board, SVIRTB_STATUS), SVIRTB_MAGIC);
	board_write(board, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	assert_int_equal(board_read(board, SVIRTB_STATUS), SVIRTB_DRIVER_OK);
	board_write(board, SVIRTB_QUEUE_SIZE, entries);
	board_write(board, SVIRTB_QUEUE_ADDR_HI, ring >> 32);
	board_write(board, SVIRTB_QUEUE_ADDR_LO, ring & 0xffffffff);
	board_write(board, SVIRTB_STATUS, SVIRTB_READY);
	assert_int_equal(board_read(board, SVIRTB_STATUS), SVIRTB_READY);
}

static inline void board_put_entry(struct board *board, uint32_t index, struct svirtb_entry entry)
{
	uint64_t gpa = board->device.ring + (uint64_t)index * board->device.entry_size;

	assert_int_equal(guest_memory_write(&board->memory, gpa, &entry, sizeof(entry)), STATUS_OK);
}

/* A device in READY with the usual ring and disk. */
static inline void board_make_ready(struct board *board)
{
	board_make(board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(board, BOARD_RING, BOARD_ENTRIES);
}

/* One request in the ring's next entry. */
static inline void board_do_request(struct board *board, struct svirtb_entry entry)
{
	uint32_t tail = board_read(board, SVIRTB_QUEUE_TAIL);

	board_put_entry(board, tail, entry);
	board_write(board, SVIRTB_QUEUE_HEAD, (tail + 1) % board->device.entries);
}

static inline void board_expect_guest(
	struct board *board, const char *name, uint64_t gpa, const uint8_t *wanted, uint64_t size)
{
	for (uint64_t at = 0; at < size; at++) {
		const uint8_t *got = board_guest(board, gpa + at);

		if (*got != wanted[at])
			fail_msg("%s: guest byte 0x%lx is 0x%02x", name, gpa + at, *got);
	}
}

/* Keeps guest memory and disk as they are now, for the two comparisons below. */
static inline void board_remember(struct board *board)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &board->memory.ranges[i];

		free(board->guest_before[i]);
		board->guest_before[i] = malloc(range->size);
		assert_non_null(board->guest_before[i]);
		memcpy(board->guest_before[i], range->host, range->size);
	}
	free(board->disk_before);
	board->disk_before = malloc(board->disk.capacity);
	assert_non_null(board->disk_before);
	memcpy(board->disk_before, board->disk.data, board->disk.capacity);
	board->disk_size_before = board->disk.size;
}

/* Nothing in guest memory but [gpa, gpa + size) has changed. */
static inline bool board_guest_unchanged_but(const struct board *board, uint64_t gpa, uint64_t size)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &board->memory.ranges[i];

		for (uint64_t at = 0; at < range->size; at++) {
			if (range->host[at] != board->guest_before[i][at] &&
				range->gpa + at - gpa >= size)
				return false;
		}
	}
	return true;
}

/* Nothing on the disk but [offset, offset + size) has changed, and its size has not. */
static inline bool board_disk_unchanged_but(
	const struct board *board, uint64_t offset, uint64_t size)
{
	if (board->disk.size != board->disk_size_before)
		return false;
	for (uint64_t at = 0; at < board->disk.capacity; at++) {
		if (board->disk.data[at] != board->disk_before[at] && at - offset >= size)
			return false;
	}
	return true;
}

static inline bool board_disk_is_clean(const struct board *board)
{
	uint64_t offset = 0;
	uint64_t size;

	return !ramdisk_next_dirty(&board->disk, &offset, &size);
}

#endif
