/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk.c: what may happen while requests wait for the write-back.
 * Another notify, a reset, a ring error, the end of a turn, the end of the run.
 */
#include "tests/unit/virtio_sync.h"

/* A notify meanwhile is taken up behind the write-back. */
static void test_notify_while_waiting(void **state)
{
	struct board board;

	(void)state;
	board_make_started(&board, WRITE_THROUGH, BOARD_ENTRIES);
	put_out(&board, 0);
	board_notify(&board);
	put_out(&board, 1);
	board_notify(&board);
	assert_int_equal(board_drain(&board), 0);
	assert_false(virtio_blk_has_more(&board.device));
	virtio_blk_continue(&board.device);
	assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), BOARD_NO_STATUS);
	write_back(&board, true);
	assert_int_equal(board_drain(&board), 1);
	assert_int_equal(board.attention, 1);
	assert_true(virtio_blk_has_more(&board.device));
	virtio_blk_continue(&board.device);
	write_back(&board, true);
	assert_int_equal(board_drain(&board), 1);
	assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), VIRTIO_BLK_S_OK);
	board_free(&board);
}

/* The run may end in the middle of it: nothing is complete then. */
static void test_no_answer(void **state)
{
	struct board board;

	(void)state;
	board_make_started(&board, WRITE_THROUGH, BOARD_ENTRIES);
	put_in(&board, 0);
	put_out(&board, 1);
	board_remember(&board);
	board_notify(&board);
	assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), BOARD_NO_STATUS);
	assert_int_equal(board_peek(&board, BOARD_DEVICE + 2, 2), 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	board_free(&board);
}

/* Whoever waited is forgotten when the queue goes, and the write-back finds nobody. */
static void test_reset_while_waiting(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * BOARD_HALTS; i++) {
		const enum board_halt halt = (enum board_halt)(i / 2);
		const uint64_t features = WRITE_THROUGH | VIRTIO_F_RING_RESET | board_rings[i % 2];

		board_make_started(&board, features, BOARD_ENTRIES);
		put_out(&board, 0);
		board_notify(&board);
		assert_true(board.block.sync_wanted);
		board_halt(&board, halt);
		assert_false(board.block.sync_wanted);
		board_remember(&board);
		block_complete_sync(&board.block, true);
		assert_int_equal(board_guest_changes(&board), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		board_resume(&board, halt, features);
		put_out(&board, 0);
		board_notify(&board);
		write_back(&board, true);
		assert_int_equal(board_drain(&board), 1);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		board_free(&board);
	}
}

/* Chains before a ring error are used once, even if they have to wait for it. */
static void test_ring_error_while_waiting(void **state)
{
	static const struct board_buffer bad[] = { { BOARD_HEADER, 15, false },
		{ BOARD_STATUS + 9, 1, true } };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(board_rings); i++) {
		board_make_started(&board, WRITE_THROUGH | board_rings[i], BOARD_ENTRIES);
		put_out(&board, 0);
		put_out(&board, 1);
		board_put(&board, bad, 2);
		put_out(&board, 2);
		board_notify(&board);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
		assert_int_equal(board_drain(&board), 0);
		write_back(&board, true);
		assert_int_equal(board_drain(&board), 2);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), VIRTIO_BLK_S_OK);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 2), BOARD_NO_STATUS);
		board_free(&board);
	}
}

/* A request that takes a whole turn, and a read behind it. */
static void put_long_turn(struct board *board)
{
	static const struct virtio_blk_range whole = { 0, 32768, 0 };

	board_put_ranges(board, &whole, 1);
	board_put_request(board, VIRTIO_BLK_T_WRITE_ZEROES, 0, BOARD_RANGES, sizeof(whole));
	put_in(board, 1);
}

/* A turn that ends with writes waiting: behind the write-back the rest is drawn attention to. */
static void test_turn_ends_while_waiting(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, VIRTIO_BLK_MAX_COPY, false);
	board_start(&board, WRITE_THROUGH, BOARD_ENTRIES);
	put_long_turn(&board);
	board_notify(&board);
	assert_int_equal(board.attention, 0);
	assert_false(virtio_blk_has_more(&board.device));
	write_back(&board, true);
	assert_int_equal(board_drain(&board), 1);
	assert_int_equal(board.attention, 1);
	assert_true(virtio_blk_has_more(&board.device));
	virtio_blk_continue(&board.device);
	assert_int_equal(board_drain(&board), 1);
	assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), VIRTIO_BLK_S_OK);
	board_free(&board);
}

/* Without anyone to draw attention of, the run loop may still ask. */
static void test_no_attention(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, VIRTIO_BLK_MAX_COPY, true);
	board.device.attention = NULL;
	board_start(&board, WRITE_THROUGH, BOARD_ENTRIES);
	put_long_turn(&board);
	board_notify(&board);
	assert_true(virtio_blk_has_more(&board.device));
	virtio_blk_continue(&board.device);
	assert_int_equal(board_drain(&board), 2);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify_while_waiting),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_reset_while_waiting),
		cmocka_unit_test(test_ring_error_while_waiting),
		cmocka_unit_test(test_turn_ends_while_waiting),
		cmocka_unit_test(test_no_attention),
	};

	return cmocka_run_group_tests_name("virtio_blk_waiting", tests, board_group_setup, NULL);
}
