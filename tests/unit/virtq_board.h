/* SPDX-License-Identifier: MIT */
/*
 * What the virtqueue tests stand on: a guest memory of three touching pieces and one behind a hole,
 * each with the sanitizer's red zones around it, a queue, and the driver's half of both rings.
 */
#ifndef TESTS_UNIT_VIRTQ_BOARD_H
#define TESTS_UNIT_VIRTQ_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/virtq.h"
#include "lib/bits.h"

#define BOARD_PIECES 4

/* The first two seams; then a hole; BOARD_FULL of them lie in one piece. */
#define BOARD_SEAM   0x20000ull
#define BOARD_SEAM2  0x21000ull
#define BOARD_HOLE   0x30000ull
#define BOARD_BEHIND 0x40000ull
#define BOARD_END    0x44000ull

/* Where the areas lie, unless a test says otherwise. */
#define BOARD_DESCRIPTORS 0x1000ull
#define BOARD_DRIVER      0x8000ull
#define BOARD_DEVICE      0xa000ull
#define BOARD_TABLE       0xd000ull
#define BOARD_BUFFER      0x10000ull

#define NEXT      1u
#define WRITE     2u
#define INDIRECT  4u
#define AVAILABLE 0x80u
#define USED      0x8000u

static const uint64_t board_edges[BOARD_PIECES][2] = {
	{ 0, BOARD_SEAM },
	{ BOARD_SEAM, BOARD_SEAM2 },
	{ BOARD_SEAM2, BOARD_HOLE },
	{ BOARD_BEHIND, BOARD_END },
};

/* A descriptor as a driver means it. */
struct piece {
	uint64_t address;
	uint32_t length;
	uint32_t flags;
};

struct board {
	struct guest_memory memory;
	struct virtq_setup setup;
	struct virtq queue;
	struct virtq_chain chain;
	/* The driver: split counts indices, packed slots. */
	uint16_t next;      /* where it puts its next descriptor */
	uint16_t available; /* split: the available index */
	bool round;         /* packed: the driver's wrap counter */
	uint16_t used;      /* where it looks for the next used one */
	bool used_round;
};

static inline void *board_at(const struct board *board, uint64_t gpa)
{
	uint64_t available;
	void *host = guest_memory_find(&board->memory, gpa, 1, &available);

	assert_non_null(host);
	return host;
}

static inline void board_put(struct board *board, uint64_t gpa, uint64_t value, unsigned int bytes)
{
	assert_int_equal(guest_memory_write(&board->memory, gpa, &value, bytes), STATUS_OK);
}

static inline uint64_t board_get(const struct board *board, uint64_t gpa, unsigned int bytes)
{
	uint64_t value = 0;

	assert_int_equal(guest_memory_read(&board->memory, gpa, &value, bytes), STATUS_OK);
	return value;
}

static inline void board_make(struct board *board)
{
	memset(board, 0, sizeof(*board));
	for (int i = 0; i < BOARD_PIECES; i++) {
		uint64_t size = board_edges[i][1] - board_edges[i][0];
		uint8_t *host = calloc(1, size);

		assert_non_null(host);
		assert_int_equal(
			guest_memory_add(&board->memory, board_edges[i][0], size, host), STATUS_OK);
	}
	/* What an earlier use has left must not count. */
	memset(&board->queue, 0, sizeof(board->queue));
	memset(&board->chain, 0xa5, sizeof(board->chain));
	board->setup = (struct virtq_setup){ .memory = &board->memory,
		.size = 8,
		.descriptors = BOARD_DESCRIPTORS,
		.driver = BOARD_DRIVER,
		.device = BOARD_DEVICE };
}

static inline void board_free(struct board *board)
{
	for (unsigned int i = 0; i < board->memory.count; i++)
		free(board->memory.ranges[i].host);
}

static inline void board_start(struct board *board)
{
	if (virtq_start(&board->queue, &board->setup) != STATUS_OK)
		fail_msg("start: %s", board->queue.why);
	assert_string_equal(board->queue.why, "");
	board->next = 0;
	board->available = 0;
	board->used = 0;
	board->round = true;
	board->used_round = true;
}

/* A queue of a size, started. */
static inline void board_make_queue(struct board *board, bool packed, uint32_t size)
{
	board_make(board);
	board->setup.packed = packed;
	board->setup.size = size;
	board->setup.indirect = true;
	board_start(board);
}

/* One descriptor as it lies in memory: the last two fields are flags and next, or id and flags. */
static inline void board_put_descriptor(struct board *board, uint64_t gpa, uint64_t address,
	uint32_t length, uint16_t third, uint16_t fourth)
{
	board_put(board, gpa, address, 8);
	board_put(board, gpa + 8, length, 4);
	board_put(board, gpa + 12, third, 2);
	board_put(board, gpa + 14, fourth, 2);
}

/* Makes a head available in the split ring. */
static inline void board_offer(struct board *board, uint16_t head)
{
	uint32_t entry = board->available % board->setup.size;

	board_put(board, board->setup.driver + 4 + 2 * entry, head, 2);
	board->available++;
	board_put(board, board->setup.driver + 2, board->available, 2);
}

/* A direct chain of consecutive descriptors, linked by the driver; its id. */
static inline uint16_t board_add_split(
	struct board *board, const struct piece *pieces, size_t count)
{
	uint16_t size = (uint16_t)board->setup.size;
	uint16_t head = board->next;

	for (size_t i = 0; i < count; i++) {
		uint16_t next = (uint16_t)((board->next + 1) % size);
		uint32_t flags = pieces[i].flags | (i + 1 < count ? NEXT : 0);

		board_put_descriptor(board, board->setup.descriptors + 16ull * board->next,
			pieces[i].address, pieces[i].length, (uint16_t)flags, next);
		board->next = next;
	}
	board_offer(board, head);
	return head;
}

static inline uint16_t board_add_packed(
	struct board *board, const struct piece *pieces, size_t count, uint16_t id)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t flags = pieces[i].flags | (i + 1 < count ? NEXT : 0) |
				 (board->round ? AVAILABLE : USED);

		board_put_descriptor(board, board->setup.descriptors + 16ull * board->next,
			pieces[i].address, pieces[i].length, id, (uint16_t)flags);
		if (++board->next == board->setup.size) {
			board->next = 0;
			board->round = !board->round;
		}
	}
	return id;
}

static inline uint16_t board_add(
	struct board *board, const struct piece *pieces, size_t count, uint16_t id)
{
	return board->setup.packed ? board_add_packed(board, pieces, count, id)
				   : board_add_split(board, pieces, count);
}

/* An indirect table of the ring's own form: split links the descriptors, packed does not. */
static inline void board_put_table(
	struct board *board, uint64_t gpa, const struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t flags = (uint16_t)pieces[i].flags;

		if (board->setup.packed)
			board_put_descriptor(board, gpa + 16 * i, pieces[i].address,
				pieces[i].length, 0xdead, flags);
		else
			board_put_descriptor(board, gpa + 16 * i, pieces[i].address,
				pieces[i].length, (uint16_t)(flags | (i + 1 < count ? NEXT : 0)),
				(uint16_t)(i + 1));
	}
}

/* The driver looks for a used chain of so many slots: false where there is none. */
static inline bool board_pop_used(
	struct board *board, uint16_t slots, uint32_t *id, uint32_t *written)
{
	uint64_t at = board->setup.descriptors + 16ull * board->used;
	uint64_t flags;

	if (!board->setup.packed) {
		if (board_get(board, board->setup.device + 2, 2) == board->used)
			return false;
		at = board->setup.device + 4 + 8ull * (board->used % board->setup.size);
		*id = (uint32_t)board_get(board, at, 4);
		*written = (uint32_t)board_get(board, at + 4, 4);
		board->used++;
		return true;
	}
	flags = board_get(board, at + 14, 2);
	if ((flags & (AVAILABLE | USED)) != (board->used_round ? AVAILABLE | USED : 0))
		return false;
	*id = (uint32_t)board_get(board, at + 12, 2);
	*written = (uint32_t)board_get(board, at + 8, 4);
	assert_int_equal((flags & WRITE) != 0, *written != 0);
	board->used = (uint16_t)(board->used + slots);
	if (board->used >= board->setup.size) {
		board->used = (uint16_t)(board->used - board->setup.size);
		board->used_round = !board->used_round;
	}
	return true;
}

/* Begins, and takes one chain. */
static inline enum virtq_result board_take(struct board *board)
{
	virtq_begin(&board->queue);
	return virtq_take(&board->queue, &board->chain);
}

/* One chain of one slot, all the way. */
static inline void board_pass_one(struct board *board)
{
	const struct piece piece = { BOARD_BUFFER, 1, WRITE };
	uint32_t id, written;

	board_add(board, &piece, 1, 5);
	assert_int_equal(board_take(board), VIRTQ_CHAIN);
	virtq_use(&board->queue, board->chain.id, 1, 1);
	assert_true(virtq_publish(&board->queue));
	assert_true(board_pop_used(board, 1, &id, &written));
}

/* A segment lies where the guest meant it to. */
static inline void board_expect_segment(
	struct board *board, const char *name, unsigned int index, uint64_t gpa, uint64_t size)
{
	const struct virtq_segment *segment = &board->chain.segments[index];

	if (segment->host != board_at(board, gpa) || segment->size != size)
		fail_msg("%s: segment %u is not 0x%lx+%lu", name, index, gpa, size);
}

static inline void board_expect_broken(struct board *board, const char *name, const char *why)
{
	if (strstr(board->queue.why, why) == NULL)
		fail_msg("%s: '%s' does not say '%s'", name, board->queue.why, why);
	virtq_begin(&board->queue);
	if (virtq_take(&board->queue, &board->chain) != VIRTQ_BROKEN)
		fail_msg("%s: goes on after a ring error", name);
	if (virtq_has_more(&board->queue))
		fail_msg("%s: wants to go on after a ring error", name);
}

#endif
