/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/svirtb_ring.c, the ring: batches round its end, entries that change while a
 * batch runs, and the stop between entries. docs/svirtb.md names them line by line.
 */
#include "tests/unit/svirtb_board.h"

static void test_empty_doorbell(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	for (uint32_t i = 0; i < BOARD_ENTRIES; i++)
		board_put_entry(&board, i, (struct svirtb_entry){ .cmd = 9 });
	board_write(&board, SVIRTB_QUEUE_HEAD, 0);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	board_put_entry(&board, 0, (struct svirtb_entry){ 0 });
	board_write(&board, SVIRTB_QUEUE_HEAD, 1);
	board_write(&board, SVIRTB_QUEUE_HEAD, 1);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
	assert_true(board.device.requests == 1);
	board_free(&board);
}

/*
 * Every batch size that a ring allows, several times round it, in order: each request reads its
 * sector over the byte before, so that the last one's byte tells the order.
 */
static void test_batches(void **state)
{
	static const struct {
		const char *name;
		uint64_t ring;
		uint32_t entries, entry_size;
	} rows[] = {
		{ "packed", BOARD_RING, 7, 28 },
		{ "unpacked", BOARD_RING, 7, 32 },
		{ "packed across the seam", BOARD_SEAM - 100, 8, 28 },
		{ "unpacked across the seam", BOARD_SEAM - 100, 8, 32 },
		{ "two entries", BOARD_RING, 2, 28 },
		{ "many", BOARD_RING, 200, 28 },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t done = 0;

		board_make(&board, RAMDISK_READ_WRITE, rows[i].entry_size, BOARD_DISK_SIZE);
		board_start(&board, rows[i].ring, rows[i].entries);
		for (uint32_t batch = 1; batch < rows[i].entries; batch++) {
			for (int round = 0; round < 5; round++) {
				uint32_t tail = board_read(&board, SVIRTB_QUEUE_TAIL);

				for (uint32_t k = 0; k < batch; k++)
					board_put_entry(&board, (tail + k) % rows[i].entries,
						(struct svirtb_entry){ BOARD_BUFFER + k, batch - k,
							(done + k) % 63, 0 });
				board_write(&board, SVIRTB_QUEUE_HEAD,
					(tail + batch) % rows[i].entries);
				if (board_read(&board, SVIRTB_QUEUE_TAIL) !=
					(tail + batch) % rows[i].entries)
					fail_msg("%s: batch of %u at %u: tail %u", rows[i].name,
						batch, tail, board_read(&board, SVIRTB_QUEUE_TAIL));
				for (uint32_t k = 0; k < batch; k++)
					assert_int_equal(*board_guest(&board, BOARD_BUFFER + k),
						board.disk.data[(done + k) % 63 * 512]);
				done += batch;
			}
		}
		assert_true(board.device.requests == done);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* A ring of one entry is always empty: head can only be 0. */
static void test_ring_of_one(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(&board, BOARD_RING, 1);
	board_put_entry(&board, 0, (struct svirtb_entry){ .cmd = 9 });
	board_write(&board, SVIRTB_QUEUE_HEAD, 0);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_true(board.device.requests == 0);
	board_free(&board);
}

static void test_padding_is_ignored(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_UNPACKED, BOARD_DISK_SIZE);
	board_start(&board, BOARD_RING, BOARD_ENTRIES);
	memset(board_guest(&board, BOARD_RING), 0xff, BOARD_ENTRIES * 32);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 1, SVIRTB_READ });
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER + 512, 512, 2, SVIRTB_READ });
	board_expect_guest(&board, "padding", BOARD_BUFFER, board.disk.data + 512, 1024);
	board_free(&board);
}

/*
 * A read may land on the ring. Its own entry was copied before; what it puts over a later entry is
 * what that entry is, when its turn comes.
 */
static void test_read_over_ring(void **state)
{
	const struct svirtb_entry planted[2] = {
		{ BOARD_BUFFER, 100, 9, SVIRTB_READ }, /* becomes entry 0, which is over */
		{ BOARD_BUFFER + 4096, 512, 10, SVIRTB_READ },
	};
	struct board board;

	(void)state;
	for (int split = 0; split < 2; split++) {
		uint64_t ring = split == 0 ? BOARD_RING : BOARD_SEAM - 40;

		board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, ring, BOARD_ENTRIES);
		memcpy(board.disk.data + 3 * 512, planted, sizeof(planted));
		board_put_entry(
			&board, 0, (struct svirtb_entry){ ring, sizeof(planted), 3, SVIRTB_READ });
		board_put_entry(&board, 1, (struct svirtb_entry){ .cmd = 9 });
		board_write(&board, SVIRTB_QUEUE_HEAD, 2);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 2);
		board_expect_guest(
			&board, "planted", BOARD_BUFFER + 4096, board.disk.data + 10 * 512, 512);
		assert_true(board.device.bytes_read == sizeof(planted) + 512);
		board_free(&board);
	}
}

/* The ring's bytes may be written to the disk like any others. */
static void test_write_of_ring(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_do_request(
		&board, (struct svirtb_entry){ BOARD_RING, BOARD_ENTRIES * 28, 4, SVIRTB_WRITE });
	assert_memory_equal(
		board.disk.data + 4 * 512, board_guest(&board, BOARD_RING), BOARD_ENTRIES * 28);
	board_free(&board);
}

static bool stop_after(void *context)
{
	return (*(int *)context)-- == 0;
}

/* The run's time is up: the batch ends between entries, and a later doorbell goes on there. */
static void test_stop_between_entries(void **state)
{
	struct board board;
	int left = 2;

	(void)state;
	board_make_ready(&board);
	for (uint32_t k = 0; k < 5; k++)
		board_put_entry(&board, k,
			(struct svirtb_entry){ BOARD_BUFFER + k * 512, 512, k, SVIRTB_READ });
	board.device.stop = stop_after;
	board.device.stop_context = &left;
	board_remember(&board);
	board_write(&board, SVIRTB_QUEUE_HEAD, 5);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 2);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_HEAD), 5);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_true(board_guest_unchanged_but(&board, BOARD_BUFFER, 2 * 512));
	assert_string_equal(
		board_log, "[svirtb] batch ended between entries at 2; queue_head is 5\n");
	left = 100;
	board_write(&board, SVIRTB_QUEUE_HEAD, 5);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 5);
	board_expect_guest(&board, "after stop", BOARD_BUFFER, board.disk.data, 5 * 512);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_doorbell),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_ring_of_one),
		cmocka_unit_test(test_padding_is_ignored),
		cmocka_unit_test(test_read_over_ring),
		cmocka_unit_test(test_write_of_ring),
		cmocka_unit_test(test_stop_between_entries),
	};

	return cmocka_run_group_tests_name("svirtb ring", tests, board_group_setup, NULL);
}
