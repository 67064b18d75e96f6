/* SPDX-License-Identifier: MIT */
/*
 * What the virtio-blk tests stand on: a device on an MMIO bus, a guest memory of two touching
 * pieces and one behind a hole, each with the sanitizer's red zones around it, a small disk, the
 * interrupt line, the log's text, and a small driver for both rings.
 */
#ifndef TESTS_UNIT_VIRTIO_BOARD_H
#define TESTS_UNIT_VIRTIO_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtio_blk.h"
#include "lib/bits.h"

#define BOARD_PIECES 3

/* Piece 1 begins where piece 0 ends; then a hole. */
#define BOARD_SEAM   0x10000ull
#define BOARD_HOLE   0x18000ull
#define BOARD_BEHIND 0x40000ull
#define BOARD_END    0x44000ull

/* The disk's last sector holds 200 bytes. */
#define BOARD_DISK_SIZE (63 * RAMDISK_SECTOR_SIZE + 200)
#define BOARD_SECTORS   64ull

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

/* Everything that is offered; most tests need less. */
#define BOARD_FEATURES                                                    \
	(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | \
		VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_CONFIG_WCE)

static const uint64_t board_edges[BOARD_PIECES][2] = {
	{ 0, BOARD_SEAM },
	{ BOARD_SEAM, BOARD_HOLE },
	{ BOARD_BEHIND, BOARD_END },
};

/* One descriptor's buffer. */
struct board_buffer {
	uint64_t gpa;
	uint32_t size;
	bool writable;
};

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

	/* As it was at board_remember. */
	uint8_t *guest_before[BOARD_PIECES];
	uint8_t *disk_before;
	uint64_t disk_size_before;
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
	uint64_t available;
	uint8_t *host = guest_memory_find(&board->memory, gpa, 1, &available);

	assert_non_null(host);
	return host;
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

/* Guest memory and disk hold bytes that tell where they are. */
static inline void board_make(
	struct board *board, enum ramdisk_mode mode, uint64_t disk_size, bool sync_at_exit)
{
	uint64_t capacity = align_up(disk_size, RAMDISK_SECTOR_SIZE);
	uint8_t *data = malloc(capacity);
	uint64_t *dirty = malloc(ramdisk_dirty_words(disk_size) * sizeof(*dirty));
	struct virtio_blk_setup setup = {
		.memory = &board->memory,
		.block = &board->block,
		.line = { .set = board_set_line, .controller = board, .line = VIRTIO_MMIO_GSI },
		.sync_at_exit = sync_at_exit,
		.attention = board_attention,
		.context = board,
	};

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
		data[at] = (uint8_t)(0x7f & (at / 512 * 5 + at % 61 + 1));
	assert_int_equal(ramdisk_init(&board->disk, data, disk_size, dirty, mode), STATUS_OK);
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

static inline void board_make_ready(struct board *board)
{
	board_make(board, RAMDISK_READ_WRITE, BOARD_DISK_SIZE, false);
	board_start(board, BOARD_FEATURES, BOARD_ENTRIES);
}

static inline void board_notify(struct board *board)
{
	board_write(board, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static inline void board_put_split(
	struct board *board, const struct board_buffer *buffers, unsigned int count)
{
	const uint16_t head = board->next;

	for (unsigned int i = 0; i < count; i++) {
		const uint16_t at = board->next;
		struct virtq_split_descriptor descriptor = {
			.addr = buffers[i].gpa,
			.len = buffers[i].size,
			.flags = buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0,
		};

		board->next = (uint16_t)((at + 1u) % board->entries);
		if (i + 1 < count) {
			descriptor.flags |= VIRTQ_DESC_F_NEXT;
			descriptor.next = board->next;
		}
		board_poke(board, BOARD_DESCRIPTORS + 16ull * at, &descriptor, sizeof(descriptor));
	}
	board_poke16(board, BOARD_DRIVER + 4 + 2 * (board->avail % board->entries), head);
	board->avail++;
	board_poke16(board, BOARD_DRIVER + 2, board->avail);
}

static inline void board_put_packed(
	struct board *board, const struct board_buffer *buffers, unsigned int count)
{
	const uint16_t id = board->next;

	board->slots[id] = (uint16_t)count;
	for (unsigned int i = 0; i < count; i++) {
		struct virtq_packed_descriptor descriptor = {
			.addr = buffers[i].gpa,
			.len = buffers[i].size,
			.id = id,
			.flags = (uint16_t)((buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) |
					    (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0) |
					    (board->next_round ? VIRTQ_DESC_F_AVAIL
							       : VIRTQ_DESC_F_USED)),
		};

		board_poke(board, BOARD_DESCRIPTORS + 16ull * board->next, &descriptor,
			sizeof(descriptor));
		if (++board->next == board->entries) {
			board->next = 0;
			board->next_round = !board->next_round;
		}
	}
}

/* Makes a chain of the buffers available. */
static inline void board_put(
	struct board *board, const struct board_buffer *buffers, unsigned int count)
{
	if (board->packed)
		board_put_packed(board, buffers, count);
	else
		board_put_split(board, buffers, count);
}

/* Takes the next used chain; its length. False: there is none. */
static inline bool board_take_used(struct board *board, uint32_t *length)
{
	struct virtq_packed_descriptor descriptor;
	uint64_t entry = BOARD_DEVICE + 4 + 8ull * (board->used % board->entries);
	const uint32_t both = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

	if (!board->packed) {
		if (board_peek(board, BOARD_DEVICE + 2, 2) == board->used)
			return false;
		*length = board_peek(board, entry + 4, 4);
		board->used++;
		return true;
	}
	assert_int_equal(guest_memory_read(&board->memory, BOARD_DESCRIPTORS + 16ull * board->used,
				 &descriptor, sizeof(descriptor)),
		STATUS_OK);
	if ((descriptor.flags & both) != (board->used_round ? both : 0))
		return false;
	*length = descriptor.len;
	board->used = (uint16_t)(board->used + board->slots[descriptor.id]);
	if (board->used >= board->entries) {
		board->used = (uint16_t)(board->used - board->entries);
		board->used_round = !board->used_round;
	}
	return true;
}

/* Used chains that the driver can see and has not taken yet. */
static inline unsigned int board_drain(struct board *board)
{
	unsigned int count = 0;
	uint32_t length;

	while (board_take_used(board, &length))
		count++;
	return count;
}

static inline void board_put_header(
	struct board *board, uint64_t gpa, uint32_t type, uint64_t sector)
{
	const struct virtio_blk_header header = { .type = type, .sector = sector };

	board_poke(board, gpa, &header, sizeof(header));
}

/*
 * A request as most drivers lay it: the header, size bytes at gpa (if any), the status. Not yet
 * notified.
 */
static inline void board_put_request_at(struct board *board, uint64_t header, uint64_t status,
	uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size)
{
	const bool to_guest = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	const struct board_buffer three[] = { { header, 16, false }, { gpa, size, to_guest },
		{ status, 1, true } };
	const struct board_buffer two[] = { { header, 16, false }, { status, 1, true } };

	board_put_header(board, header, type, sector);
	*board_guest(board, status) = BOARD_NO_STATUS;
	if (size > 0)
		board_put(board, three, 3);
	else
		board_put(board, two, 2);
}

static inline void board_put_request(
	struct board *board, uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size)
{
	board_put_request_at(board, BOARD_HEADER, BOARD_STATUS, type, sector, gpa, size);
}

/* One request, done: its used length. */
static inline uint32_t board_do_request(
	struct board *board, uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size)
{
	uint32_t length = 0;

	board_put_request(board, type, sector, gpa, size);
	board_notify(board);
	assert_true(board_take_used(board, &length));
	return length;
}

static inline uint8_t board_status(const struct board *board)
{
	return *board_guest(board, BOARD_STATUS);
}

/* Keeps guest memory and disk as they are now, for the comparisons below. */
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

/* The bytes of guest memory outside the queue that differ from what they were. */
static inline unsigned int board_guest_changes(const struct board *board)
{
	unsigned int changes = 0;

	for (int i = 0; i < BOARD_PIECES; i++) {
		const struct guest_range *range = &board->memory.ranges[i];

		for (uint64_t at = 0; at < range->size; at++) {
			if (i == 0 && at >= BOARD_DESCRIPTORS && at < BOARD_HEADER)
				continue;
			changes += range->host[at] != board->guest_before[i][at];
		}
	}
	return changes;
}

static inline bool board_disk_unchanged_but(
	const struct board *board, uint64_t offset, uint64_t size)
{
	for (uint64_t at = 0; at < board->disk.capacity; at++) {
		if (board->disk.data[at] != board->disk_before[at] && at - offset >= size)
			return false;
	}
	return true;
}

static inline bool board_disk_unchanged(const struct board *board)
{
	return board->disk.size == board->disk_size_before && board_disk_unchanged_but(board, 0, 0);
}

#endif
