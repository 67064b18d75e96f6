/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_packed*.c: what is available and what is not, how far a turn goes, in
 * which order chains come back, and who is told when. What a chain may look like is in
 * test_virtq_packed_shapes.c. virtio 1.2, 2.8.
 */
#include "tests/unit/virtq_board.h"

#define ENTRIES 7u
#define B       BOARD_BUFFER

/* The buffer id of the last descriptor counts, and it may be any number. */
static void test_ids(void **state)
{
	static const uint16_t ids[] = { 0, 1, 6, 7, 0x7fff, 0x8000, 0xffff };
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		uint16_t first = board.next;

		board_add(&board, pieces, 2, ids[i]);
		board_put(&board, BOARD_DESCRIPTORS + 16ull * first + 12, (uint16_t)~ids[i], 2);
		assert_int_equal(board_take(&board), VIRTQ_CHAIN);
		assert_int_equal(board.chain.id, ids[i]);
		virtq_use(&board.queue, board.chain.id, board.chain.slots, 0);
		assert_true(virtq_publish(&board.queue));
		assert_true(board_pop_used(&board, 2, &id, &written));
		assert_int_equal(id, ids[i]);
		assert_int_equal(written, 0);
	}
	board_free(&board);
}

/* The two bits: available in this round, in the other, used in either. 2.8.1 */
static void test_available_bits(void **state)
{
	static const struct {
		unsigned int before; /* slots */
		uint16_t bits;
		enum virtq_result result;
	} rows[] = {
		{ 0, 0, VIRTQ_EMPTY },
		{ 0, AVAILABLE, VIRTQ_CHAIN },
		{ 0, USED, VIRTQ_EMPTY },
		{ 0, AVAILABLE | USED, VIRTQ_EMPTY },
		{ ENTRIES, 0, VIRTQ_EMPTY },
		{ ENTRIES, AVAILABLE, VIRTQ_EMPTY },
		{ ENTRIES, USED, VIRTQ_CHAIN },
		{ ENTRIES, AVAILABLE | USED, VIRTQ_EMPTY },
		{ 2 * ENTRIES, AVAILABLE, VIRTQ_CHAIN },
		{ 2 * ENTRIES, USED, VIRTQ_EMPTY },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int k = 0; k < rows[i].before; k++)
			board_pass_one(&board);
		board_put_descriptor(&board, BOARD_DESCRIPTORS, B, 16, 0, rows[i].bits);
		assert_int_equal(virtq_has_more(&board.queue), rows[i].result == VIRTQ_CHAIN);
		assert_int_equal(board_take(&board), rows[i].result);
		board_free(&board);
	}
}

/* The ring is full of chains that were taken: what is made available on top breaks it. */
static void test_no_room(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (unsigned int used = 0; used < 2; used++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int i = 0; i < 3; i++)
			board_add(&board, pieces, 2, 0);
		virtq_begin(&board.queue);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
		if (used != 0) {
			virtq_use(&board.queue, 0, 2, 0);
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 2, &id, &written));
		}
		/* The seventh slot and the first: the first is still in use, or not. */
		board_add(&board, pieces, 2, 9);
		if (used != 0) {
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			assert_int_equal(board.chain.id, 9);
		} else {
			assert_int_equal(board_take(&board), VIRTQ_BROKEN);
			board_expect_broken(
				&board, "no room", "6 of the ring's 7 entries are in use");
			/* What was taken before the error can be put back and shown. */
			virtq_use(&board.queue, 0, 2, 0);
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 2, &id, &written));
		}
		board_free(&board);
	}
}

/*
 * A turn takes at most as many slots as the ring has, though more become available while it runs,
 * and shows nothing before its end: the first used descriptor is shown last.
 */
static void test_bound(void **state)
{
	const struct piece piece = { B, 16, WRITE };
	unsigned int taken = 0;
	struct board board;
	uint32_t id, written;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN) {
		virtq_use(&board.queue, board.chain.id, board.chain.slots, 3);
		assert_false(board_pop_used(&board, 1, &id, &written));
		/* As a hostile one does it, over what is in use. */
		board_add(&board, &piece, 1, (uint16_t)++taken);
	}
	assert_int_equal(taken, ENTRIES);
	assert_true(virtq_has_more(&board.queue));
	assert_true(virtq_publish(&board.queue));
	board_free(&board);
}

/* After start slots comes a batch of chains of so many; does the driver want to know? 2.8.14 */
static void test_interrupts(void **state)
{
	static const struct {
		const char *name;
		bool event_index;
		unsigned int start, batch, length;
		uint16_t off_wrap, flags;
		bool wanted;
	} rows[] = {
		{ "enabled", false, 0, 1, 1, 0, 0, true },
		{ "disabled", false, 0, 1, 1, 0, 1, false },
		{ "disabled, event elsewhere", true, 0, 1, 1, 0x8000, 1, false },
		{ "enabled, event elsewhere", true, 0, 1, 1, 0x8005, 0, true },
		{ "reserved bits", true, 0, 1, 1, 0, 0xfffd, false },
		{ "3 is reserved", true, 0, 1, 1, 0x8005, 3, true },
		{ "slot, but not negotiated", false, 0, 1, 1, 0x8005, 2, true },
		{ "slot outside the ring", true, 0, 1, 1, 0x8007, 2, true },
		{ "nothing put back", false, 0, 0, 1, 0, 0, false },
		{ "nothing put back, at the slot", true, 0, 0, 1, 0x8000, 2, false },
		{ "at the first", true, 0, 1, 1, 0x8000, 2, true },
		{ "at the first, other round", true, 0, 1, 1, 0x0000, 2, false },
		{ "behind", true, 0, 1, 1, 0x8001, 2, false },
		{ "batch, at its first", true, 2, 3, 1, 0x8002, 2, true },
		{ "batch, at its last", true, 2, 3, 1, 0x8004, 2, true },
		{ "batch, just behind", true, 2, 3, 1, 0x8005, 2, false },
		{ "batch, just before", true, 2, 3, 1, 0x8001, 2, false },
		{ "batch of chains, inside the last", true, 1, 2, 3, 0x8006, 2, true },
		{ "batch of chains, just behind", true, 1, 2, 3, 0x0000, 2, false },
		{ "batch up to the end, next round", true, 4, 3, 1, 0x0000, 2, false },
		{ "batch over the end, before it", true, 5, 4, 1, 0x8006, 2, true },
		{ "batch over the end, behind it", true, 5, 4, 1, 0x0000, 2, true },
		{ "batch over the end, last", true, 5, 4, 1, 0x0001, 2, true },
		{ "batch over the end, just behind", true, 5, 4, 1, 0x0002, 2, false },
		{ "batch over the end, just before", true, 5, 4, 1, 0x8004, 2, false },
		{ "batch over the end, same slot, other round", true, 5, 4, 1, 0x0006, 2, false },
		{ "second round", true, 9, 3, 1, 0x0002, 2, true },
		{ "second round, slot of the first", true, 9, 3, 1, 0x8002, 2, false },
		{ "second round over its end", true, 12, 4, 1, 0x8001, 2, true },
		{ "second round over its end, behind", true, 12, 4, 1, 0x8002, 2, false },
		{ "whole ring, last slot", true, 3, 7, 1, 0x0002, 2, true },
		{ "whole ring, just behind", true, 3, 7, 1, 0x0003, 2, false },
		{ "whole ring, first slot", true, 3, 7, 1, 0x8003, 2, true },
	};
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make(&board);
		board.setup.packed = true;
		board.setup.size = ENTRIES;
		board.setup.event_index = rows[i].event_index;
		board_start(&board);
		for (unsigned int k = 0; k < rows[i].start; k++)
			board_pass_one(&board);
		for (unsigned int k = 0; k < rows[i].batch; k++)
			board_add(&board, pieces, rows[i].length, 0);
		board_put(&board, BOARD_DRIVER, rows[i].off_wrap, 2);
		board_put(&board, BOARD_DRIVER + 2, rows[i].flags, 2);
		virtq_begin(&board.queue);
		while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
			virtq_use(&board.queue, board.chain.id, board.chain.slots, 1);
		if (virtq_publish(&board.queue) != rows[i].wanted)
			fail_msg("%s", rows[i].name);
		assert_false(virtq_publish(&board.queue));
		board_free(&board);
	}
}

/* The driver is asked to notify the device of the next chain, where that will be. 2.8.10 */
static void test_device_event(void **state)
{
	static const uint32_t wanted[] = { 0x28003, 0x28006, 0x20002, 0x20005, 0x28001 };
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;

	(void)state;
	for (int event_index = 0; event_index < 2; event_index++) {
		board_make(&board);
		board.setup.packed = true;
		board.setup.size = ENTRIES;
		board.setup.event_index = event_index != 0;
		board_start(&board);
		for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
			board_add(&board, pieces, 3, 0);
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			/* Shown though nothing was put back. */
			if (i % 2 == 0)
				assert_false(virtq_publish(&board.queue));
			virtq_use(&board.queue, 0, 3, 1);
			assert_true(virtq_publish(&board.queue));
			assert_int_equal(board_get(&board, BOARD_DEVICE, 4),
				event_index != 0 ? wanted[i] : 0);
		}
		board_free(&board);
	}
}

/* Chains of other lengths come back in another order: used descriptors follow one another. */
static void test_out_of_order(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (unsigned int start = 0; start < 2 * ENTRIES; start++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int k = 0; k < start; k++)
			board_pass_one(&board);
		for (uint16_t i = 1; i <= 3; i++)
			board_add(&board, pieces, i, i);
		virtq_begin(&board.queue);
		for (unsigned int i = 1; i <= 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		for (uint16_t i = 3; i > 0; i--)
			virtq_use(&board.queue, i, i, i * 10u);
		assert_false(board_pop_used(&board, 3, &id, &written));
		assert_true(virtq_publish(&board.queue));
		for (uint16_t i = 3; i > 0; i--) {
			assert_true(board_pop_used(&board, i, &id, &written));
			assert_int_equal(id, i);
			assert_int_equal(written, i * 10);
		}
		board_free(&board);
	}
}

/* 2.8.15: what is used once stays as it is, also while what comes behind it is. */
static void test_used_descriptors_stay(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 8, WRITE } };
	uint8_t used[2 * 16], now[2 * 16];
	struct board board;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	for (uint16_t id = 0; id < 2; id++) {
		board_add(&board, pieces, 2, id);
		assert_int_equal(board_take(&board), VIRTQ_CHAIN);
		virtq_use(&board.queue, id, 2, 8);
		if (id == 0)
			assert_true(virtq_publish(&board.queue));
		if (id == 0)
			assert_int_equal(guest_memory_read(&board.memory, BOARD_DESCRIPTORS, used,
						 sizeof(used)),
				STATUS_OK);
	}
	assert_true(virtq_publish(&board.queue));
	assert_int_equal(
		guest_memory_read(&board.memory, BOARD_DESCRIPTORS, now, sizeof(now)), STATUS_OK);
	assert_memory_equal(used, now, sizeof(now));
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_available_bits),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_device_event),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_used_descriptors_stay),
	};

	return cmocka_run_group_tests_name("virtq packed", tests, NULL, NULL);
}
