/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk.c: a turn ends between requests or within one, and what may come
 * before the next.
 */
#include "tests/unit/virtio_driver.h"

#define LARGE_DISK (40 * MIB)
#define PIECE      0x8000u
#define CHAIN_MAX  1000u

static void make_large(struct board *board, uint64_t features, uint32_t entries)
{
	board_make(board, RAMDISK_READ_WRITE, LARGE_DISK, false);
	board_start(board, features, entries);
}

/* A request of size bytes, PIECE a descriptor, all of them the same buffer. */
static void put_large(
	struct board *board, uint32_t type, uint64_t sector, uint64_t size, uint64_t status)
{
	static struct board_buffer buffers[CHAIN_MAX];
	const bool to_guest = type == VIRTIO_BLK_T_IN;
	unsigned int count = 0;

	board_put_header(board, BOARD_HEADER, type, sector);
	*board_guest(board, status) = BOARD_NO_STATUS;
	buffers[count++] = (struct board_buffer){ BOARD_HEADER, 16, false };
	for (uint64_t at = 0; at < size; at += PIECE) {
		assert_true(count < CHAIN_MAX - 1);
		buffers[count++] = (struct board_buffer){ BOARD_SEAM,
			(uint32_t)min_u64(PIECE, size - at), to_guest };
	}
	buffers[count++] = (struct board_buffer){ status, 1, true };
	board_put(board, buffers, count);
}

static void test_turns_end_between_requests(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(board_rings); i++) {
		make_large(&board, BOARD_FEATURES | board_rings[i], 1024);
		for (unsigned int j = 0; j < 9; j++)
			put_large(&board, VIRTIO_BLK_T_OUT, 4096 * j, 2 * MIB, BOARD_STATUS + j);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 8);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 8), BOARD_NO_STATUS);
		assert_int_equal(board.attention, 1);
		assert_true(virtio_blk_has_more(&board.device));
		assert_true(board.device.bytes_written == VIRTIO_BLK_MAX_COPY);
		/* What comes meanwhile is not forgotten. */
		board_put_request_at(&board, BOARD_HEADER + 16, BOARD_STATUS + 9, VIRTIO_BLK_T_IN,
			0, BOARD_BUFFER, 512);
		virtio_blk_continue(&board.device);
		assert_int_equal(board_drain(&board), 2);
		assert_false(virtio_blk_has_more(&board.device));
		assert_int_equal(board.attention, 1);
		virtio_blk_continue(&board.device);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_turns_end_within_a_request(void **state)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT };
	const uint64_t size = 20 * MIB + 512;
	struct board board;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const uint32_t type = types[i / 2];

		make_large(&board, BOARD_FEATURES | board_rings[i % 2], 1024);
		put_large(&board, type, 1, size, BOARD_STATUS);
		board_remember(&board);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board_status(&board), BOARD_NO_STATUS);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		assert_true(virtio_blk_has_more(&board.device));
		assert_true(board_disk_unchanged_but(
			&board, 512, type == VIRTIO_BLK_T_OUT ? VIRTIO_BLK_MAX_COPY : 0));
		/* A notify goes on as virtio_blk_continue does. */
		if (i % 2 == 0)
			board_notify(&board);
		else
			virtio_blk_continue(&board.device);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_drain(&board), 1);
		assert_false(virtio_blk_has_more(&board.device));
		for (uint64_t at = 0; type == VIRTIO_BLK_T_OUT && at < size; at++)
			assert_int_equal(
				board.disk.data[512 + at], board.memory.ranges[1].host[at % PIECE]);
		if (type == VIRTIO_BLK_T_IN)
			assert_memory_equal(board.memory.ranges[1].host,
				board.disk.data + 512 + size - 512, 512);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/*
 * What breaks the ring while a request goes on is told once that is done, also if a turn ends just
 * there, and without another notify.
 */
static void test_ring_error_behind_a_long_request(void **state)
{
	static const struct virtq_packed_descriptor bad = {
		.addr = BOARD_HOLE, .len = 16, .flags = VIRTQ_DESC_F_AVAIL
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct virtio_blk_range ranges[] = { { 0, 32768, 0 },
			{ 32768, i < 2 ? 32768 : 32767, 0 } };

		make_large(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_put_ranges(&board, ranges, 2);
		board_put_request(
			&board, VIRTIO_BLK_T_WRITE_ZEROES, 0, BOARD_RANGES, sizeof(ranges));
		board_notify(&board);
		assert_true(virtio_blk_has_more(&board.device));
		if (board.packed)
			board_poke(&board, BOARD_DESCRIPTORS + 16ull * board.next, &bad, 16);
		else
			board_poke16(&board, BOARD_DRIVER + 2, 5000);
		for (unsigned int turn = 0; turn < 3; turn++)
			virtio_blk_continue(&board.device);
		assert_int_equal(board_drain(&board), 1);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
		assert_false(virtio_blk_has_more(&board.device));
		board_free(&board);
	}
}

static void test_turns_of_zeroes(void **state)
{
	static const struct virtio_blk_range ranges[] = { { 0, 32768, 0 }, { 32768, 32767, 0 },
		{ 1, 32768, 1 } };
	struct board board;
	unsigned int turns = 1;

	(void)state;
	make_large(&board, BOARD_FEATURES, BOARD_ENTRIES);
	board_put_ranges(&board, ranges, 3);
	board_put_request(&board, VIRTIO_BLK_T_WRITE_ZEROES, 0, BOARD_RANGES, sizeof(ranges));
	board_remember(&board);
	board_notify(&board);
	assert_true(board_disk_unchanged_but(&board, 0, VIRTIO_BLK_MAX_COPY));
	for (; virtio_blk_has_more(&board.device); turns++) {
		assert_int_equal(board_status(&board), BOARD_NO_STATUS);
		virtio_blk_continue(&board.device);
		assert_true(board.device.bytes_written <= (turns + 1) * VIRTIO_BLK_MAX_COPY);
	}
	assert_int_equal(turns, 3);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	assert_int_equal(board_drain(&board), 1);
	for (uint64_t at = 0; at < 65535 * 512; at++)
		assert_int_equal(board.disk.data[at], 0);
	assert_true(board_disk_unchanged_but(&board, 0, 65535 * 512));
	board_free(&board);
}

/* Whatever a turn has left is forgotten when the queue goes. */
static void test_reset_within_a_request(void **state)
{
	static const struct virtio_blk_range range = { 40, 1, 0 };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * BOARD_HALTS; i++) {
		const enum board_halt halt = (enum board_halt)(i / 2);
		const uint64_t features = BOARD_FEATURES | VIRTIO_F_RING_RESET | board_rings[i % 2];

		make_large(&board, features, 1024);
		put_large(&board, VIRTIO_BLK_T_OUT, 0, VIRTIO_BLK_MAX_COPY + 512, BOARD_STATUS);
		board_notify(&board);
		assert_true(virtio_blk_has_more(&board.device));
		board_halt(&board, halt);
		assert_false(virtio_blk_has_more(&board.device));
		board_remember(&board);
		virtio_blk_continue(&board.device);
		assert_int_equal(board_guest_changes(&board), 0);
		assert_true(board_disk_unchanged(&board));
		board_resume(&board, halt, features);
		board_expect_works(&board);
		assert_int_equal(board_do_ranges(&board, VIRTIO_BLK_T_DISCARD, &range, 1), 1);
		assert_true(board_disk_unchanged_but(&board, 40 * 512, 512));
		assert_int_equal(board_drain(&board), 0);
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns_end_between_requests),
		cmocka_unit_test(test_turns_end_within_a_request),
		cmocka_unit_test(test_ring_error_behind_a_long_request),
		cmocka_unit_test(test_turns_of_zeroes),
		cmocka_unit_test(test_reset_within_a_request),
	};

	return cmocka_run_group_tests_name("virtio_blk_turns", tests, board_group_setup, NULL);
}
