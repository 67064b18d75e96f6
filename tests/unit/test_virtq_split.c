/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_split.c: heads and indices, how far a turn goes, and who is told
 * when. What a chain may look like is in test_virtq_split_shapes.c. virtio 1.2, 2.7.
 */
#include "tests/unit/virtq_board.h"

#define ENTRIES 8u
#define B       BOARD_BUFFER

static void test_heads_and_indices(void **state)
{
	static const struct {
		const char *name;
		uint16_t start; /* chains done before */
		uint16_t head, ahead;
		enum virtq_result result;
		const char *why;
	} rows[] = {
		{ "last descriptor", 0, 7, 1, VIRTQ_CHAIN, "" },
		{ "head just outside", 0, 8, 1, VIRTQ_BROKEN, "entry 0: head 8; the table has 8" },
		{ "head far outside", 5, 0xffff, 1, VIRTQ_BROKEN, "entry 5: head 65535" },
		{ "nothing new", 3, 0, 0, VIRTQ_EMPTY, "" },
		{ "a full ring", 0, 0, 8, VIRTQ_CHAIN, "" },
		{ "one more than the ring", 0, 0, 9, VIRTQ_BROKEN,
			"jumps from 0 to 9; the ring has 8" },
		{ "a full ring later", 11, 0, 8, VIRTQ_CHAIN, "" },
		{ "one more than the ring later", 11, 0, 9, VIRTQ_BROKEN, "jumps from 11 to 20" },
		{ "index goes back", 11, 0, 0xffff, VIRTQ_BROKEN, "jumps from 11 to 10" },
		{ "index goes back from 0", 0, 0, 0xffff, VIRTQ_BROKEN, "jumps from 0 to 65535" },
		{ "far jump", 0, 0, 0x8000, VIRTQ_BROKEN, "jumps from 0 to 32768" },
		{ "full ring over the index's end", 65535, 0, 8, VIRTQ_CHAIN, "" },
		{ "jump over the index's end", 65535, 0, 9, VIRTQ_BROKEN, "jumps from 65535 to 8" },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum virtq_result result;

		board_make_queue(&board, false, ENTRIES);
		for (uint32_t k = 0; k < rows[i].start; k++)
			board_pass_one(&board);
		board_put_descriptor(&board, BOARD_DESCRIPTORS + 16 * 7, B, 16, 0, 0);
		board_put(
			&board, BOARD_DRIVER + 4 + 2 * (rows[i].start % ENTRIES), rows[i].head, 2);
		board_put(&board, BOARD_DRIVER + 2, (uint16_t)(rows[i].start + rows[i].ahead), 2);
		assert_int_equal(virtq_has_more(&board.queue), rows[i].ahead != 0);
		result = board_take(&board);
		if (result != rows[i].result || strstr(board.queue.why, rows[i].why) == NULL)
			fail_msg("%s: %d %s", rows[i].name, result, board.queue.why);
		if (result == VIRTQ_BROKEN)
			board_expect_broken(&board, rows[i].name, rows[i].why);
		board_free(&board);
	}
}

/* Chains that the driver has not seen used still take their room. */
static void test_no_room_before_publish(void **state)
{
	const struct piece piece = { B, 16, 0 };
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	for (unsigned int i = 0; i < ENTRIES; i++)
		board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	for (unsigned int i = 0; i < ENTRIES; i++) {
		assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		virtq_use(&board.queue, board.chain.id, 1, 0);
	}
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
	board_add(&board, &piece, 1, 0);
	assert_int_equal(board_take(&board), VIRTQ_BROKEN);
	board_expect_broken(&board, "no room", "the ring has 8 entries, 8 of them in use");
	/* What came before the error is still shown. */
	assert_true(virtq_publish(&board.queue));
	assert_int_equal(board_get(&board, BOARD_DEVICE + 2, 2), 8);
	board_free(&board);
}

/* A turn takes what was there when it began. */
static void test_bound(void **state)
{
	const struct piece piece = { B, 16, 0 };
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	board_add(&board, &piece, 1, 0);
	board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	board_add(&board, &piece, 1, 0);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
	assert_true(virtq_has_more(&board.queue));
	assert_int_equal(board_take(&board), VIRTQ_CHAIN);
	assert_false(virtq_has_more(&board.queue));
	board_free(&board);
}

/* After start chains one by one comes a batch; does the driver want to know? 2.7.7 */
static void test_interrupts(void **state)
{
	static const struct {
		const char *name;
		bool event_index;
		uint16_t start, batch, flags, event;
		bool wanted;
	} rows[] = {
		{ "flags 0", false, 0, 1, 0, 0, true },
		{ "flags 1", false, 0, 1, 1, 0, false },
		{ "flags 1, batch", false, 3, 8, 1, 0, false },
		{ "flags 0, event elsewhere", false, 3, 1, 0, 99, true },
		{ "other flags", false, 0, 1, 0xfffe, 0, true },
		{ "nothing put back", false, 3, 0, 0, 0, false },
		{ "event: nothing put back", true, 3, 0, 0, 3, false },
		{ "event at the first", true, 0, 1, 0, 0, true },
		{ "event at the first, flags ignored", true, 0, 1, 1, 0, true },
		{ "event behind", true, 0, 1, 0, 1, false },
		{ "event before", true, 1, 1, 0, 0, false },
		{ "event at the batch's first", true, 5, 4, 0, 5, true },
		{ "event at the batch's last", true, 5, 4, 0, 8, true },
		{ "event just behind the batch", true, 5, 4, 0, 9, false },
		{ "event just before the batch", true, 5, 4, 0, 4, false },
		{ "event far away", true, 5, 4, 0, 0x8005, false },
		{ "batch over the end, event before it", true, 65533, 8, 0, 65535, true },
		{ "batch over the end, event behind it", true, 65533, 8, 0, 0, true },
		{ "batch over the end, last", true, 65533, 8, 0, 4, true },
		{ "batch over the end, just behind", true, 65533, 8, 0, 5, false },
		{ "batch over the end, just before", true, 65533, 8, 0, 65532, false },
		{ "batch up to the end, event 0", true, 65532, 4, 0, 0, false },
		{ "batch up to the end, event at the last", true, 65532, 4, 0, 65535, true },
	};
	const struct piece piece = { B, 16, 0 };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t event = BOARD_DRIVER + 4 + 2 * ENTRIES;

		board_make(&board);
		board.setup.event_index = rows[i].event_index;
		board_start(&board);
		for (uint32_t k = 0; k < rows[i].start; k++) {
			board_put(&board, event, k + (k % 2), 2);
			board_add(&board, &piece, 1, 0);
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			virtq_use(&board.queue, board.chain.id, 1, 0);
			assert_int_equal(
				virtq_publish(&board.queue), !rows[i].event_index || k % 2 == 0);
			assert_true(board_pop_used(&board, 1, &id, &written));
		}
		for (uint32_t k = 0; k < rows[i].batch; k++)
			board_add(&board, &piece, 1, 0);
		board_put(&board, BOARD_DRIVER, rows[i].flags, 2);
		board_put(&board, event, rows[i].event, 2);
		virtq_begin(&board.queue);
		while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
			virtq_use(&board.queue, board.chain.id, 1, 0);
		if (virtq_publish(&board.queue) != rows[i].wanted)
			fail_msg("%s", rows[i].name);
		assert_false(virtq_publish(&board.queue));
		board_free(&board);
	}
}

/* The driver is asked to notify the device of the next chain, used or not. 2.7.10 */
static void test_available_event(void **state)
{
	const struct piece piece = { B, 16, 0 };
	const uint64_t event = BOARD_DEVICE + 4 + 8 * ENTRIES;
	struct board board;

	(void)state;
	for (int event_index = 0; event_index < 2; event_index++) {
		board_make(&board);
		board.setup.event_index = event_index != 0;
		board_start(&board);
		for (unsigned int i = 0; i < 3; i++)
			board_add(&board, &piece, 1, 0);
		virtq_begin(&board.queue);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		assert_int_equal(board_get(&board, event, 2), 0);
		assert_false(virtq_publish(&board.queue));
		assert_int_equal(board_get(&board, event, 2), event_index != 0 ? 3 : 0);
		/* The flags stay 0, and nothing was used. */
		assert_int_equal(board_get(&board, BOARD_DEVICE, 4), 0);
		board_free(&board);
	}
}

/* Used in another order than taken, and more than the ring has before the driver looks. */
static void test_out_of_order(void **state)
{
	const struct piece piece = { B, 16, WRITE };
	uint32_t id, written;
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	for (unsigned int i = 0; i < ENTRIES; i++)
		board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
		continue;
	for (uint16_t i = ENTRIES; i-- > 0;)
		virtq_use(&board.queue, i, 1, 100u + i);
	assert_true(virtq_publish(&board.queue));
	for (uint16_t i = ENTRIES; i-- > 0;) {
		assert_true(board_pop_used(&board, 1, &id, &written));
		assert_int_equal(id, i);
		assert_int_equal(written, 100 + i);
	}
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads_and_indices),
		cmocka_unit_test(test_no_room_before_publish),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_available_event),
		cmocka_unit_test(test_out_of_order),
	};

	return cmocka_run_group_tests_name("virtq split", tests, NULL, NULL);
}
