/* SPDX-License-Identifier: MIT */
/*
 * A small driver for virtio-blk over both rings: chains, used chains, and requests as most drivers
 * lay them. On the device and the registers of virtio_board.h.
 */
#ifndef TESTS_UNIT_VIRTIO_DRIVER_H
#define TESTS_UNIT_VIRTIO_DRIVER_H

#include "tests/unit/virtio_board.h"

/* One descriptor's buffer. */
struct board_buffer {
	uint64_t gpa;
	uint32_t size;
	bool writable;
};

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

/* The device does what it is asked to. */
static inline void board_expect_works(struct board *board)
{
	assert_int_equal(board_do_request(board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
	assert_int_equal(board_status(board), VIRTIO_BLK_S_OK);
	assert_memory_equal(board_guest(board, BOARD_BUFFER), board->disk.data, 512);
}

static inline void board_put_ranges(
	struct board *board, const struct virtio_blk_range *ranges, uint32_t count)
{
	board_poke(board, BOARD_RANGES, ranges, count * sizeof(*ranges));
}

/* One DISCARD or WRITE_ZEROES, done: its used length. */
static inline uint32_t board_do_ranges(
	struct board *board, uint32_t type, const struct virtio_blk_range *ranges, uint32_t count)
{
	board_put_ranges(board, ranges, count);
	return board_do_request(board, type, 0, BOARD_RANGES, (uint32_t)(count * sizeof(*ranges)));
}

/* The ways to take the queue away from the device. */
enum board_halt { BOARD_RESET_DEVICE, BOARD_RESET_QUEUE, BOARD_UNREADY_QUEUE, BOARD_HALTS };

static inline void board_halt(struct board *board, enum board_halt halt)
{
	if (halt == BOARD_RESET_DEVICE)
		board_write(board, VIRTIO_MMIO_STATUS, 0);
	else if (halt == BOARD_RESET_QUEUE)
		board_write(board, VIRTIO_MMIO_QUEUE_RESET, 1);
	else
		board_write(board, VIRTIO_MMIO_QUEUE_READY, 0);
}

static inline void board_resume(struct board *board, enum board_halt halt, uint64_t features)
{
	if (halt == BOARD_RESET_DEVICE)
		board_start(board, features, BOARD_ENTRIES);
	else
		board_make_queue(board, BOARD_ENTRIES);
}

#endif
