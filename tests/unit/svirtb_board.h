/* SPDX-License-Identifier: MIT */
/*
 * What the svirtb tests stand on: a device on an MMIO bus, with the guest memory, the disk and the
 * log's text of block_board.h.
 */
#ifndef TESTS_UNIT_SVIRTB_BOARD_H
#define TESTS_UNIT_SVIRTB_BOARD_H

#include "devices/svirtb.h"
#include "devices/svirtb_ring.h"
#include "tests/unit/block_board.h"

/* Where most tests have their ring and their buffers. */
#define BOARD_RING    0x1000u
#define BOARD_ENTRIES 8u
#define BOARD_BUFFER  0x8000u

struct board {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	struct svirtb device;
	struct before before;
};

static inline uint8_t *board_guest(const struct board *board, uint64_t gpa)
{
	return memory_at(&board->memory, gpa);
}

static inline void board_make(
	struct board *board, enum ramdisk_mode mode, uint32_t entry_size, uint64_t disk_size)
{
	*board = (struct board){ 0 };
	memory_make(&board->memory);
	disk_make(&board->disk, mode, disk_size);
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
	before_free(&board->before);
	disk_free(&board->disk);
	memory_free(&board->memory);
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
	before_keep(&board->before, &board->memory, &board->disk);
}

/* Nothing in guest memory but [gpa, gpa + size) has changed. */
static inline bool board_guest_unchanged_but(const struct board *board, uint64_t gpa, uint64_t size)
{
	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &board->memory.ranges[i];

		for (uint64_t at = 0; at < range->size; at++) {
			if (range->host[at] != board->before.guest[i][at] &&
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
	return board->disk.size == board->before.disk_size &&
	       before_was_disk_but(&board->before, &board->disk, offset, size);
}

static inline bool board_disk_is_clean(const struct board *board)
{
	uint64_t offset = 0;
	uint64_t size;

	return !ramdisk_next_dirty(&board->disk, &offset, &size);
}

#endif
