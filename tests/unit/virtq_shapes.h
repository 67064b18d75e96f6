/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a chain of some shape: shared by test_virtq_split_shapes.c and
 * test_virtq_packed_shapes.c.
 */
#ifndef TESTS_UNIT_VIRTQ_SHAPES_H
#define TESTS_UNIT_VIRTQ_SHAPES_H

#include "tests/unit/virtq_board.h"

/* It is refused for a reason, or taken with these totals. */
struct wanted {
	const char *name;
	const char *why; /* null: taken */
	unsigned int readable, writable;
	uint64_t readable_bytes, writable_bytes;
};

/* The chain says what the row says, and each of its bytes lies in guest memory. */
static inline void expect_totals(const struct virtq_chain *chain, const struct wanted *wanted)
{
	uint64_t bytes[2] = { 0, 0 };

	if (chain->readable != wanted->readable || chain->writable != wanted->writable ||
		chain->readable_bytes != wanted->readable_bytes ||
		chain->writable_bytes != wanted->writable_bytes)
		fail_msg("%s: %u+%u segments, %lu+%lu bytes", wanted->name, chain->readable,
			chain->writable, chain->readable_bytes, chain->writable_bytes);
	for (unsigned int i = 0; i < chain->readable + chain->writable; i++) {
		assert_true(chain->segments[i].size > 0);
		bytes[i >= chain->readable] += chain->segments[i].size;
		/* ASan looks here. */
		*(volatile uint8_t *)(chain->segments[i].host + chain->segments[i].size - 1);
	}
	assert_true(bytes[0] == wanted->readable_bytes && bytes[1] == wanted->writable_bytes);
}

/*
 * Takes the chain that the driver has put there, and puts it back if it is a good one. place says
 * where in the ring or in memory, for whoever reads of a failure.
 */
static inline void expect_wanted(
	struct board *board, const struct wanted *wanted, size_t place, uint16_t id, uint16_t slots)
{
	const enum virtq_result result = board_take(board);
	uint32_t used, written;

	if (result != (wanted->why == NULL ? VIRTQ_CHAIN : VIRTQ_BROKEN))
		fail_msg("%s, place %zu: %d %s", wanted->name, place, result, board->queue.why);
	if (wanted->why != NULL) {
		board_expect_broken(board, wanted->name, wanted->why);
		assert_false(virtq_publish(&board->queue));
		return;
	}
	expect_totals(&board->chain, wanted);
	assert_int_equal(board->chain.id, id);
	assert_int_equal(board->chain.slots, slots);
	virtq_use(&board->queue, id, slots, 0x12345678);
	assert_false(board_pop_used(board, slots, &used, &written));
	assert_true(virtq_publish(&board->queue));
	assert_true(board_pop_used(board, slots, &used, &written));
	assert_int_equal(used, id);
	assert_int_equal(written, 0x12345678);
}

/* A table of one and one of three, though the driver has not negotiated indirect descriptors. */
static inline void expect_no_indirect(bool packed)
{
	static const struct piece pieces[] = { { BOARD_BUFFER, 16, 0 }, { BOARD_BUFFER, 1, WRITE },
		{ BOARD_BUFFER, 1, WRITE } };
	struct board board;

	for (uint32_t count = 1; count <= 3; count += 2) {
		const struct piece table = { BOARD_TABLE, 16 * count, INDIRECT };

		board_make(&board);
		board.setup.packed = packed;
		board_start(&board);
		board_put_table(&board, BOARD_TABLE, pieces, count);
		board_add(&board, &table, 1, 0);
		assert_int_equal(board_take(&board), VIRTQ_BROKEN);
		board_expect_broken(&board, "not negotiated", "VIRTIO_F_INDIRECT_DESC");
		board_free(&board);
	}
}

#endif
