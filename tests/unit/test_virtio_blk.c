/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk*.c: every command over both rings. How its descriptors cut a
 * request is in test_virtio_blk_framing.c, the turns of large batches in test_virtio_blk_turns.c,
 * refused requests in test_virtio_blk_faults.c, what waits for the write-back in
 * test_virtio_blk_sync.c.
 */
#include "tests/unit/virtio_driver.h"

/* Where whole requests lie, on the disk and in guest memory. */
struct place {
	const char *name;
	uint64_t sector;
	uint64_t gpa;
	uint32_t size;
};

static const struct place places[] = {
	{ "one sector", 0, BOARD_BUFFER, 512 },
	{ "a page", 8, BOARD_BUFFER, 4096 },
	{ "at an odd address", 5, BOARD_BUFFER + 3, 1024 },
	{ "across the seam", 1, BOARD_SEAM - 100, 2048 },
	{ "behind the hole", 1, BOARD_BEHIND, 2048 },
	{ "up to the end of memory", 2, BOARD_END - 512, 512 },
	{ "exactly at the end of the disk", 63, BOARD_BUFFER, 512 },
	{ "up to the end of the disk", 48, BOARD_BUFFER, 16 * 512 },
	{ "nothing", 3, BOARD_BUFFER, 0 },
	{ "nothing at the end", 64, BOARD_BUFFER, 0 },
};

static void test_in(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(places); i++) {
		const struct place *place = &places[i / 2];

		board_make_started(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_IN, place->sector, place->gpa, place->size);
		board_remember(&board);
		board_notify(&board);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		for (uint32_t at = 0; at < place->size; at++) {
			if (*board_guest(&board, place->gpa + at) !=
				board.disk.data[place->sector * 512 + at])
				fail_msg("%s: byte %u", place->name, at);
		}
		if (board_guest_changes(&board) > place->size + 1)
			fail_msg("%s: more than the buffer has changed", place->name);
		assert_int_equal(board.device.bytes_read, place->size);
		assert_true(board_disk_unchanged(&board));
		assert_true(block_is_stable(&board.block));
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, place->sector,
					 place->gpa, place->size),
			place->size + 1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_out(void **state)
{
	static const enum ramdisk_mode modes[] = { RAMDISK_READ_WRITE, RAMDISK_SNAPSHOT };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_COUNT(places); i++) {
		const struct place *place = &places[i / 4];
		const uint64_t offset = place->sector * 512;

		board_make(&board, modes[i / 2 % 2], BOARD_DISK_SIZE, false);
		board_start(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_OUT, place->sector, place->gpa, place->size);
		board_remember(&board);
		board_notify(&board);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_guest_changes(&board), 1);
		for (uint32_t at = 0; at < place->size; at++) {
			if (*board_guest(&board, place->gpa + at) != board.disk.data[offset + at])
				fail_msg("%s: byte %u", place->name, at);
		}
		assert_true(board_disk_unchanged_but(&board, offset, place->size));
		/* A write into the last sector makes it whole. */
		assert_true(board.disk.size ==
			    (offset + place->size > BOARD_DISK_SIZE && place->size > 0
					    ? BOARD_SECTORS * 512
					    : BOARD_DISK_SIZE));
		assert_int_equal(board.device.bytes_written, place->size);
		assert_int_equal(block_is_stable(&board.block),
			place->size == 0 || board.disk.mode == RAMDISK_SNAPSHOT);
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_OUT, place->sector,
					 place->gpa, place->size),
			1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_get_id(void **state)
{
	static const char id[VIRTIO_BLK_ID_SIZE] = "cafevisor";
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(board_rings); i++) {
		board_make(&board, RAMDISK_READ_ONLY, BOARD_DISK_SIZE, false);
		board_start(&board, VIRTIO_F_VERSION_1 | board_rings[i], BOARD_ENTRIES);
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_GET_ID, 0, BOARD_SEAM - 7, 20), 21);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		for (unsigned int at = 0; at < sizeof(id); at++)
			assert_int_equal(
				*board_guest(&board, BOARD_SEAM - 7 + at), (uint8_t)id[at]);
		board_free(&board);
	}
}

static void test_zeroing_commands(void **state)
{
	static const struct {
		const char *name;
		uint32_t type;
		uint32_t count;
		struct virtio_blk_range ranges[3];
	} rows[] = {
		{ "WRITE_ZEROES", VIRTIO_BLK_T_WRITE_ZEROES, 1, { { 3, 2, 0 } } },
		{ "WRITE_ZEROES with UNMAP", VIRTIO_BLK_T_WRITE_ZEROES, 1, { { 3, 2, 1 } } },
		{ "WRITE_ZEROES, three", VIRTIO_BLK_T_WRITE_ZEROES, 3,
			{ { 60, 1, 0 }, { 0, 1, 1 }, { 7, 9, 0 } } },
		{ "WRITE_ZEROES exactly at the end", VIRTIO_BLK_T_WRITE_ZEROES, 1,
			{ { 63, 1, 0 } } },
		{ "WRITE_ZEROES of the disk", VIRTIO_BLK_T_WRITE_ZEROES, 1, { { 0, 64, 0 } } },
		{ "WRITE_ZEROES of nothing", VIRTIO_BLK_T_WRITE_ZEROES, 2,
			{ { 64, 0, 0 }, { 9, 1, 0 } } },
		{ "DISCARD", VIRTIO_BLK_T_DISCARD, 1, { { 8, 8, 0 } } },
		{ "DISCARD, two that overlap", VIRTIO_BLK_T_DISCARD, 2,
			{ { 8, 8, 0 }, { 12, 8, 0 } } },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		const size_t row = i / 2;

		board_make_started(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_remember(&board);
		assert_int_equal(
			board_do_ranges(&board, rows[row].type, rows[row].ranges, rows[row].count),
			1);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		for (uint64_t at = 0; at < board.disk.capacity; at++) {
			uint8_t wanted = board.before.disk[at];

			for (uint32_t j = 0; j < rows[row].count; j++) {
				if (at / 512 - rows[row].ranges[j].sector <
					rows[row].ranges[j].num_sectors)
					wanted = 0;
			}
			if (board.disk.data[at] != wanted)
				fail_msg("%s: byte %lu", rows[row].name, at);
		}
		assert_false(block_is_stable(&board.block));
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_most_ranges(void **state)
{
	struct virtio_blk_range ranges[VIRTIO_BLK_MAX_RANGES];
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_remember(&board);
	for (uint32_t i = 0; i < VIRTIO_BLK_MAX_RANGES; i++)
		ranges[i] = (struct virtio_blk_range){ .sector = 2 * i, .num_sectors = 1 };
	assert_int_equal(
		board_do_ranges(&board, VIRTIO_BLK_T_DISCARD, ranges, VIRTIO_BLK_MAX_RANGES), 1);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	for (uint64_t at = 0; at < BOARD_DISK_SIZE; at++)
		assert_int_equal(
			board.disk.data[at], at / 512 % 2 == 0 ? 0 : board.before.disk[at]);
	board_free(&board);
}

/* 5.2.6: the reserved field, and FLUSH's sector and data, say nothing. */
static void test_ignored_fields(void **state)
{
	const struct virtio_blk_header in = { .type = VIRTIO_BLK_T_IN, .reserved = ~0u };
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_poke(&board, BOARD_HEADER, &in, sizeof(in));
	board_notify(&board);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	board_drain(&board);
	assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_FLUSH, ~0ull, BOARD_BUFFER, 100), 1);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	assert_int_equal(
		board_do_request(&board, VIRTIO_BLK_T_GET_ID, ~0ull, BOARD_BUFFER, 20), 21);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

/* A batch is shown in one go, with one interrupt. */
static void test_batch(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(board_rings); i++) {
		board_make_started(&board, BOARD_FEATURES | board_rings[i], 256);
		for (unsigned int j = 0; j < 64; j++)
			board_put_request_at(&board, BOARD_HEADER + 16 * (j % 16), BOARD_TABLE + j,
				j % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, j % 16, BOARD_BUFFER,
				512);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 64);
		for (unsigned int j = 0; j < 64; j++)
			assert_int_equal(*board_guest(&board, BOARD_TABLE + j), VIRTIO_BLK_S_OK);
		assert_int_equal(board.raised, 1);
		assert_int_equal(board.device.mmio.interrupts, 1);
		assert_int_equal(board.device.requests, 64);
		board_notify(&board);
		assert_int_equal(board.device.mmio.interrupts, 1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* Both devices see what the other has written. */
static void test_disk_is_shared(void **state)
{
	struct board board;
	uint8_t byte = 0x77;

	(void)state;
	board_make_ready(&board);
	block_write(&board.block, 512, &byte, 1);
	board_do_request(&board, VIRTIO_BLK_T_IN, 1, BOARD_BUFFER, 512);
	assert_int_equal(*board_guest(&board, BOARD_BUFFER), 0x77);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_get_id),
		cmocka_unit_test(test_zeroing_commands),
		cmocka_unit_test(test_most_ranges),
		cmocka_unit_test(test_ignored_fields),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_disk_is_shared),
	};

	return cmocka_run_group_tests_name("virtio_blk", tests, board_group_setup, NULL);
}
