/* SPDX-License-Identifier: MIT */
/*
 * What the virtio-blk tests stand on: a device on an MMIO bus, with the guest memory, the disk and
 * the log's text of block_board.h, its interrupt line, and what a driver does to its registers. The
 * driver's half of the rings is in virtio_driver.h.
 */
#ifndef TESTS_UNIT_VIRTIO_BOARD_H
#define TESTS_UNIT_VIRTIO_BOARD_H

#include "devices/virtio_blk.h"
#include "tests/unit/block_board.h"

/* Where the driver has its queue, the header, the status byte, and its buffers. */
#define BOARD_DESCRIPTORS 0x1000ull
#define BOARD_DRIVER      0x5000ull
#define BOARD_DEVICE      0x6000ull
#define BOARD_HEADER      0x9000ull
#define BOARD_STATUS      0x9100ull
#define BOARD_RANGES      0x9200ull
#define BOARD_TABLE       0x9800ull
#define BOARD_BUFFER      0xa000ull
#define BOARD_ENTRIES     16u
#define BOARD_NO_STATUS   0xaau /* what the status byte holds before */

/* Everything that is offered. */
#define BOARD_OFFERED                                                                              \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | \
		VIRTIO_F_RING_RESET | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE |               \
		VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD |              \
		VIRTIO_BLK_F_WRITE_ZEROES)
/* What most tests need of it. */
#define BOARD_FEATURES                                                    \
	(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | \
		VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_CONFIG_WCE)

/* What to add to the features for each ring. */
static const uint64_t board_rings[] = { 0, VIRTIO_F_RING_PACKED };

struct board {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	struct virtio_blk device;
	bool line;           /* asserted */
	unsigned int raised; /* how often it went up */
	unsigned int attention;

	/* The driver. */
	bool packed;
	uint32_t entries;
	uint16_t next;   /* descriptor, of the next chain */
	uint16_t avail;  /* split: index */
	uint16_t used;   /* split: index; packed: slot */
	bool next_round; /* packed: wrap counters */
	bool used_round;
	uint16_t slots[1024]; /* packed: by buffer id */

	struct before before;
};

/* The log has the text, and nothing else is on it. */
static inline void board_expect_log(const char *name, const char *text)
{
	if (board_log_lines() != 1 || strstr(board_log, "[virtio-blk] ") == NULL ||
		strstr(board_log, text) == NULL)
		fail_msg("%s: not '%s' but '%s'", name, text, board_log);
	board_forget_log();
}

static void board_set_line(void *controller, unsigned int line, bool asserted)
{
	struct board *board = controller;

	assert_int_equal(line, VIRTIO_MMIO_GSI);
	board->raised += asserted && !board->line;
	board->line = asserted;
}

static void board_attention(void *context)
{
	struct board *board = context;

	board->attention++;
}

static inline uint8_t *board_guest(const struct board *board, uint64_t gpa)
{
	return memory_at(&board->memory, gpa);
}

static inline void board_poke(struct board *board, uint64_t gpa, const void *bytes, uint64_t size)
{
	assert_int_equal(guest_memory_write(&board->memory, gpa, bytes, size), STATUS_OK);
}

static inline void board_poke16(struct board *board, uint64_t gpa, uint16_t value)
{
	board_poke(board, gpa, &value, sizeof(value));
}

static inline uint32_t board_peek(const struct board *board, uint64_t gpa, unsigned int width)
{
	uint32_t value = 0;

	assert_int_equal(guest_memory_read(&board->memory, gpa, &value, width), STATUS_OK);
	return value;
}

static inline void board_make(
	struct board *board, enum ramdisk_mode mode, uint64_t disk_size, bool sync_at_exit)
{
	struct virtio_blk_setup setup = {
		.memory = &board->memory,
		.block = &board->block,
		.line = { .set = board_set_line, .controller = board, .line = VIRTIO_MMIO_GSI },
		.sync_at_exit = sync_at_exit,
		.attention = board_attention,
		.context = board,
	};

	*board = (struct board){ 0 };
	memory_make(&board->memory);
	disk_make(&board->disk, mode, disk_size);
	block_init(&board->block, &board->disk);
	/* What an earlier use has left must not count. */
	memset(&board->device, 0xa5, sizeof(board->device));
	virtio_blk_init(&board->device, &setup);
	assert_int_equal(bus_register(&board->mmio, "virtio-blk", VIRTIO_MMIO_BASE,
				 VIRTIO_MMIO_SIZE, &virtio_blk_ops, &board->device),
		STATUS_OK);
	log_set_level(LOG_INFO);
	board_forget_log();
}

/* As most tests want it. */
static inline void board_make_plain(struct board *board)
{
	board_make(board, RAMDISK_READ_WRITE, BOARD_DISK_SIZE, false);
}

static inline void board_free(struct board *board)
{
	before_free(&board->before);
	disk_free(&board->disk);
	memory_free(&board->memory);
}

static inline uint64_t board_access_read(struct board *board, uint64_t offset, unsigned int width)
{
	return bus_region_read(bus_find(&board->mmio, VIRTIO_MMIO_BASE + offset),
		VIRTIO_MMIO_BASE + offset, width);
}

static inline void board_access_write(
	struct board *board, uint64_t offset, unsigned int width, uint64_t value)
{
	bus_region_write(bus_find(&board->mmio, VIRTIO_MMIO_BASE + offset),
		VIRTIO_MMIO_BASE + offset, width, value);
}

static inline uint32_t board_read(struct board *board, uint64_t reg)
{
	return (uint32_t)board_access_read(board, reg, 4);
}

static inline void board_write(struct board *board, uint64_t reg, uint64_t value)
{
	board_access_write(board, reg, 4, value);
}

static inline void board_write_features(struct board *board, uint64_t features)
{
	for (uint32_t word = 0; word < 2; word++) {
		board_write(board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
		board_write(
			board, VIRTIO_MMIO_DRIVER_FEATURES, features >> (32 * word) & 0xffffffff);
	}
}

static inline void board_write_addresses(
	struct board *board, uint64_t descriptors, uint64_t driver, uint64_t device)
{
	board_write(board, VIRTIO_MMIO_QUEUE_DESC_LOW, descriptors & 0xffffffff);
	board_write(board, VIRTIO_MMIO_QUEUE_DESC_HIGH, descriptors >> 32);
	board_write(board, VIRTIO_MMIO_QUEUE_DRIVER_LOW, driver & 0xffffffff);
	board_write(board, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, driver >> 32);
	board_write(board, VIRTIO_MMIO_QUEUE_DEVICE_LOW, device & 0xffffffff);
	board_write(board, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, device >> 32);
}

static inline void board_zero_guest(struct board *board, uint64_t gpa, uint64_t size)
{
	for (uint64_t at = 0; at < size; at++)
		*board_guest(board, gpa + at) = 0;
}

/* Forgets what the driver knows of its queue, and clears the queue's memory. */
static inline void board_clear_queue(struct board *board)
{
	board_zero_guest(board, BOARD_DESCRIPTORS, 16ull * board->entries);
	board_zero_guest(board, BOARD_DRIVER, 6 + 2ull * board->entries);
	board_zero_guest(board, BOARD_DEVICE, 6 + 8ull * board->entries);
	board->next = 0;
	board->avail = 0;
	board->used = 0;
	board->next_round = true;
	board->used_round = true;
}

/* 3.1.1, up to FEATURES_OK. */
static inline void board_negotiate(struct board *board, uint64_t features)
{
	board_write(board, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(board_read(board, VIRTIO_MMIO_STATUS), 0);
	board_write(board, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
	board_write(board, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	board_write_features(board, features);
	board_write(board, VIRTIO_MMIO_STATUS, 0x0b);
	board->packed = (features & VIRTIO_F_RING_PACKED) != 0;
}

/* 4.2.3.2. */
static inline void board_make_queue(struct board *board, uint32_t entries)
{
	board->entries = entries;
	board_clear_queue(board);
	board_write(board, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(board_read(board, VIRTIO_MMIO_QUEUE_READY), 0);
	board_write(board, VIRTIO_MMIO_QUEUE_NUM, entries);
	board_write_addresses(board, BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_DEVICE);
	board_write(board, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(board_read(board, VIRTIO_MMIO_QUEUE_READY), 1);
}

/* 3.1.1, from reset to DRIVER_OK, with no word on the log. */
static inline void board_start(struct board *board, uint64_t features, uint32_t entries)
{
	board_negotiate(board, features);
	assert_int_equal(board_read(board, VIRTIO_MMIO_STATUS), 0x0b);
	board_make_queue(board, entries);
	board_write(board, VIRTIO_MMIO_STATUS, 0x0f);
	assert_int_equal(board_read(board, VIRTIO_MMIO_STATUS), 0x0f);
	assert_int_equal(board_log_lines(), 0);
}

static inline void board_make_started(struct board *board, uint64_t features, uint32_t entries)
{
	board_make_plain(board);
	board_start(board, features, entries);
}

static inline void board_make_ready(struct board *board)
{
	board_make_started(board, BOARD_FEATURES, BOARD_ENTRIES);
}

static inline void board_notify(struct board *board)
{
	board_write(board, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/* Keeps guest memory and disk as they are now, for the comparisons below. */
static inline void board_remember(struct board *board)
{
	before_keep(&board->before, &board->memory, &board->disk);
}

/* The bytes of guest memory outside the queue that differ from what they were. */
static inline unsigned int board_guest_changes(const struct board *board)
{
	unsigned int changes = 0;

	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &board->memory.ranges[i];

		for (uint64_t at = 0; at < range->size; at++) {
			if (i == 0 && at >= BOARD_DESCRIPTORS && at < BOARD_HEADER)
				continue;
			changes += range->host[at] != board->before.guest[i][at];
		}
	}
	return changes;
}

static inline bool board_disk_unchanged_but(
	const struct board *board, uint64_t offset, uint64_t size)
{
	return before_was_disk_but(&board->before, &board->disk, offset, size);
}

static inline bool board_disk_unchanged(const struct board *board)
{
	return board->disk.size == board->before.disk_size && board_disk_unchanged_but(board, 0, 0);
}

#endif
