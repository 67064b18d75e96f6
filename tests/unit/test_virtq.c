/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of what holds for both virtqueues alike (devices/virtq*.c): starting and stopping,
 * chains of every length round rings of every size, buffers in pieces, nothing visible too early.
 */
#include "tests/unit/virtq_board.h"

static const char *const ring_names[] = { "split", "packed" };

static void test_start(void **state)
{
	static const struct {
		const char *name;
		enum status split, packed;
		uint32_t size;
		uint64_t descriptors, driver, device;
	} rows[] = {
		{ "as usual", STATUS_OK, STATUS_OK, 8, 0x1000, 0x8000, 0xa000 },
		{ "one entry", STATUS_OK, STATUS_OK, 1, 0x1000, 0x8000, 0xa000 },
		{ "largest", STATUS_OK, STATUS_OK, 1024, 0x1000, 0x8000, 0xa000 },
		{ "size 0", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 0, 0x1000, 0x8000, 0xa000 },
		{ "size 3", STATUS_BAD_VALUE, STATUS_OK, 3, 0x1000, 0x8000, 0xa000 },
		{ "size 1023", STATUS_BAD_VALUE, STATUS_OK, 1023, 0x1000, 0x8000, 0xa000 },
		{ "size 1025", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 1025, 0x1000, 0x8000, 0xa000 },
		{ "size 2048", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 2048, 0x1000, 0x8000, 0xa000 },
		{ "size 65536", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 65536, 0x1000, 0x8000, 0xa000 },
		{ "size 65544", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 65544, 0x1000, 0x8000, 0xa000 },
		{ "descriptors at 8", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 8, 0x1008, 0x8000,
			0xa000 },
		{ "driver area odd", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 8, 0x1000, 0x8001,
			0xa000 },
		{ "driver area at 2", STATUS_OK, STATUS_BAD_VALUE, 8, 0x1000, 0x8002, 0xa000 },
		{ "device area at 2", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 8, 0x1000, 0x8000,
			0xa002 },
		{ "device area at 4", STATUS_OK, STATUS_OK, 8, 0x1000, 0x8000, 0xa004 },
		{ "descriptors end at the hole", STATUS_OK, STATUS_OK, 8, BOARD_HOLE - 128, 0x8000,
			0xa000 },
		{ "descriptors reach into the hole", STATUS_OUT_OF_RANGE, STATUS_OUT_OF_RANGE, 8,
			BOARD_HOLE - 112, 0x8000, 0xa000 },
		{ "descriptors in the hole", STATUS_OUT_OF_RANGE, STATUS_OUT_OF_RANGE, 8,
			BOARD_HOLE, 0x8000, 0xa000 },
		{ "descriptors wrap", STATUS_OUT_OF_RANGE, STATUS_OUT_OF_RANGE, 8, ~15ull, 0x8000,
			0xa000 },
		{ "driver area ends at the hole", STATUS_OK, STATUS_BAD_VALUE, 8, 0x1000,
			BOARD_HOLE - 22, 0xa000 },
		{ "driver area reaches into the hole", STATUS_OUT_OF_RANGE, STATUS_OK, 8, 0x1000,
			BOARD_HOLE - 20, 0xa000 },
		{ "driver area wraps", STATUS_OUT_OF_RANGE, STATUS_OUT_OF_RANGE, 8, 0x1000, ~3ull,
			0xa000 },
		{ "driver area at the end of 64 bits", STATUS_OUT_OF_RANGE, STATUS_OUT_OF_RANGE, 8,
			0x1000, 0ull - 24, 0xa000 },
		{ "device area ends at the hole", STATUS_OUT_OF_RANGE, STATUS_OK, 8, 0x1000, 0x8000,
			BOARD_HOLE - 4 },
		{ "device area, used ring ends at the end", STATUS_BAD_VALUE, STATUS_BAD_VALUE, 8,
			0x1000, 0x8000, BOARD_END - 70 },
		{ "device area, used ring ends before the end", STATUS_OK, STATUS_OK, 8, 0x1000,
			0x8000, BOARD_END - 72 },
		{ "device area reaches over the end", STATUS_OUT_OF_RANGE, STATUS_OK, 8, 0x1000,
			0x8000, BOARD_END - 68 },
		{ "areas across seams", STATUS_OK, STATUS_BAD_VALUE, 8, BOARD_SEAM - 64,
			BOARD_SEAM2 - 6, BOARD_SEAM - 256 },
		{ "areas upon each other", STATUS_OK, STATUS_OK, 8, 0x1000, 0x1000, 0x1000 },
	};
	struct board board;

	(void)state;
	board_make(&board);
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		bool packed = i % 2 != 0;
		enum status wanted = packed ? rows[i / 2].packed : rows[i / 2].split;
		enum status got;

		board.setup.packed = packed;
		board.setup.size = rows[i / 2].size;
		board.setup.descriptors = rows[i / 2].descriptors;
		board.setup.driver = rows[i / 2].driver;
		board.setup.device = rows[i / 2].device;
		got = virtq_start(&board.queue, &board.setup);
		if (got != wanted || (board.queue.why[0] == '\0') != (got == STATUS_OK))
			fail_msg("%s, %s: %s, '%s'", rows[i / 2].name, ring_names[packed],
				status_text(got), board.queue.why);
		/* A refused queue is stopped. */
		virtq_begin(&board.queue);
		assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
	}
	board_free(&board);
}

static void test_start_says_why(void **state)
{
	static const struct {
		bool packed;
		uint32_t size;
		uint64_t descriptors, driver, device;
		const char *why;
	} rows[] = {
		{ false, 48, 0x1000, 0x8000, 0xa000,
			"queue size 48 is not 1 to 1024, a power of two" },
		{ true, 0, 0x1000, 0x8000, 0xa000, "queue size 0 is not 1 to 1024" },
		{ false, 8, 0x1004, 0x8000, 0xa000,
			"descriptor table at 0x1004 is not aligned to 16" },
		{ true, 8, 0x1000, 0x8000, 0x30000,
			"device event suppression 0x30000+4 is outside guest memory" },
		{ false, 8, 0x1000, 0x2fff0, 0xa000,
			"available ring 0x2fff0+22 is outside guest memory" },
	};
	struct board board;

	(void)state;
	board_make(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board.setup.packed = rows[i].packed;
		board.setup.size = rows[i].size;
		board.setup.descriptors = rows[i].descriptors;
		board.setup.driver = rows[i].driver;
		board.setup.device = rows[i].device;
		assert_int_not_equal(virtq_start(&board.queue, &board.setup), STATUS_OK);
		assert_string_equal(board.queue.why, rows[i].why);
	}
	board_free(&board);
}

/* A stopped queue, or one that never started, gives nothing and writes nothing. */
static void test_stopped(void **state)
{
	const struct piece piece = { BOARD_BUFFER, 512, 0 };
	struct board board;

	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		board_make_queue(&board, packed != 0, 8);
		board_add(&board, &piece, 1, 3);
		virtq_begin(&board.queue);
		for (int never = 0; never < 2; never++) {
			if (never != 0)
				memset(&board.queue, 0, sizeof(board.queue));
			else
				virtq_stop(&board.queue);
			virtq_begin(&board.queue);
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
			assert_false(virtq_has_more(&board.queue));
			virtq_use(&board.queue, 3, 1, 0);
			assert_false(virtq_publish(&board.queue));
		}
		assert_int_equal(board_get(&board, BOARD_DEVICE, 8), 0);
		assert_int_equal(board_get(&board, BOARD_DESCRIPTORS + 12, 2), packed != 0 ? 3 : 0);
		/* And starts from the beginning. */
		board_start(&board);
		assert_int_equal(board_take(&board), VIRTQ_CHAIN);
		board_free(&board);
	}
}

/*
 * Chains of every length round rings of every size, often enough that 16-bit indices wrap in the
 * small ones; each is taken as it was made, and the driver sees each used once, in order.
 */
static void test_rounds(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 4, 7, 8, 64, 100, 256, 1023, 1024 };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(sizes); i++) {
		bool packed = i % 2 != 0;
		uint32_t size = sizes[i / 2];
		uint32_t rounds = size <= 8 ? 70000 : 3 * size;
		uint32_t count = 0;

		if (!packed && (size & (size - 1)) != 0)
			continue;
		board_make_queue(&board, packed, size);
		for (uint32_t round = 0; round < rounds; round++) {
			struct piece pieces[5];
			uint32_t id, written;
			uint16_t name;

			count = count % (size < 5 ? size : 5) + 1;
			for (uint32_t k = 0; k < count; k++)
				pieces[k] = (struct piece){ BOARD_BUFFER + round % 1000 + 64 * k,
					k + 1 + round % 7, k > count / 2 ? WRITE : 0 };
			name = board_add(&board, pieces, count, (uint16_t)(round % size));
			assert_true(virtq_has_more(&board.queue));
			if (board_take(&board) != VIRTQ_CHAIN)
				fail_msg("%s of %u, chain %u: %s", ring_names[packed], size, round,
					board.queue.why);
			assert_int_equal(board.chain.id, name);
			assert_int_equal(board.chain.slots, packed ? count : 1);
			assert_int_equal(board.chain.readable + board.chain.writable, count);
			for (uint32_t k = 0; k < count; k++)
				board_expect_segment(&board, ring_names[packed], k,
					pieces[k].address, pieces[k].length);
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
			virtq_use(&board.queue, name, board.chain.slots, round % 3);
			assert_false(board_pop_used(&board, (uint16_t)count, &id, &written));
			assert_true(virtq_publish(&board.queue));
			assert_false(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, (uint16_t)count, &id, &written));
			assert_int_equal(id, name);
			assert_int_equal(written, round % 3);
			assert_false(board_pop_used(&board, 1, &id, &written));
			assert_false(virtq_has_more(&board.queue));
		}
		board_free(&board);
	}
}

/* Three pieces each for as many descriptors as may have them, over two seams; then one more piece.
 */
static void test_most_pieces(void **state)
{
	static struct piece pieces[VIRTQ_MAX_SIZE];
	struct board board;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		const bool good = i < 2;
		const unsigned int wide = GUEST_MEMORY_MAX_RANGES / 2;

		for (unsigned int k = 0; k < VIRTQ_MAX_SIZE; k++)
			pieces[k] = (struct piece){ k < wide ? BOARD_SEAM - 16 : BOARD_BUFFER + k,
				k < wide ? 0x1020 : 1, k < 500 ? 0 : WRITE };
		if (!good)
			pieces[wide] = (struct piece){ BOARD_SEAM - 1, 2, 0 };
		board_make_queue(&board, i % 2 != 0, VIRTQ_MAX_SIZE);
		board_add(&board, pieces, VIRTQ_MAX_SIZE, 7);
		if (good) {
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			assert_int_equal(
				board.chain.readable + board.chain.writable, VIRTQ_MAX_SEGMENTS);
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
		} else {
			assert_int_equal(board_take(&board), VIRTQ_BROKEN);
			board_expect_broken(&board, ring_names[i % 2],
				"the chain's buffers lie in more than 1056 pieces of guest memory");
		}
		board_free(&board);
	}
}

/* Totals are counted in 32 bits: 2^32 bytes in all, fewer in each direction. 2.7.5.2 */
static void test_longest_chains(void **state)
{
	static const struct {
		const char *name;
		bool good;
		size_t count;
		struct piece pieces[3];
	} rows[] = {
		{ "one, readable", true, 1, { { BIT(40), 0xffffffff, 0 } } },
		{ "one, writable", true, 1, { { BIT(40), 0xffffffff, WRITE } } },
		{ "half and half", true, 2,
			{ { BIT(40), 0x80000000, 0 }, { BIT(40), 0x80000000, WRITE } } },
		{ "half and half, and one", false, 2,
			{ { BIT(40), 0x80000001, 0 }, { BIT(40), 0x80000000, WRITE } } },
		{ "2^32 readable", false, 2,
			{ { BIT(40), 0x80000000, 0 }, { BIT(40), 0x80000000, 0 } } },
		{ "2^32 writable", false, 2,
			{ { BIT(40), 0x80000000, WRITE }, { BIT(40), 0x80000000, WRITE } } },
		{ "a long request", true, 3,
			{ { BOARD_BUFFER, 16, 0 }, { BIT(40), 0xffffffef, WRITE },
				{ BOARD_BUFFER, 1, WRITE } } },
		{ "one byte longer", false, 3,
			{ { BOARD_BUFFER, 16, 0 }, { BIT(40), 0xfffffff0, WRITE },
				{ BOARD_BUFFER, 1, WRITE } } },
		{ "three times the longest", false, 3,
			{ { BIT(40), 0xffffffff, 0 }, { BIT(40), 0xffffffff, WRITE },
				{ BIT(40), 0xffffffff, WRITE } } },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		const size_t row = i / 2;
		uint8_t nothing;

		board_make_queue(&board, i % 2 != 0, 8);
		/* Nobody looks at what is there. */
		assert_int_equal(
			guest_memory_add(&board.memory, BIT(40), BIT(32), &nothing), STATUS_OK);
		board_add(&board, rows[row].pieces, rows[row].count, 0);
		if (rows[row].good != (board_take(&board) == VIRTQ_CHAIN))
			fail_msg("%s, %s: %s", rows[row].name, ring_names[i % 2], board.queue.why);
		if (!rows[row].good)
			board_expect_broken(&board, rows[row].name, "writable bytes is too long");
		board.memory.count--;
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_start_says_why),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_most_pieces),
		cmocka_unit_test(test_longest_chains),
	};

	return cmocka_run_group_tests_name("virtq", tests, NULL, NULL);
}
