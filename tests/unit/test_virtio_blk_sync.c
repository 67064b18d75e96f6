/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk.c: what waits for the write-back. FLUSH, writes that are to be
 * durable when they complete, failed write-backs, and what happens to those that wait.
 */
#include "tests/unit/virtio_driver.h"

/* With FLUSH but not CONFIG_WCE, a cache that writes back. */
#define WRITE_BACK    (VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH)
#define WRITE_THROUGH (VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_DISCARD)

/* What the run loop does: writes the dirty grains back, or fails to. */
static void write_back(struct board *board, bool done)
{
	assert_true(board->block.sync_wanted);
	if (done)
		ramdisk_clean(&board->disk, 0, board->disk.size);
	block_complete_sync(&board->block, done);
}

static void put_out(struct board *board, unsigned int i)
{
	board_put_request_at(board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_OUT, i,
		BOARD_BUFFER, 512);
}

static void put_in(struct board *board, unsigned int i)
{
	board_put_request_at(board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_IN, i,
		BOARD_BUFFER + 1024, 512);
}

static void put_flush(struct board *board, unsigned int i)
{
	board_put_request_at(
		board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

static void expect_statuses(struct board *board, const uint8_t *statuses, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(*board_guest(board, BOARD_STATUS + i), statuses[i]);
}

static void test_flush_waits(void **state)
{
	struct board board;
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool done = i / 2;

		board_make_started(&board, WRITE_BACK | board_rings[i % 2], BOARD_ENTRIES);
		put_out(&board, 0);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 1);
		assert_false(board.block.sync_wanted);
		board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 1);
		put_flush(&board, 1);
		board_notify(&board);
		assert_true(board.block.sync_wanted);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), BOARD_NO_STATUS);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		write_back(&board, done);
		assert_true(board_take_used(&board, &length));
		assert_int_equal(length, 1);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 1),
			done ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
		assert_true(board.line);
		if (!done)
			board_expect_log("failed", "the write-back failed: 1 requests that waited "
						   "for it get IOERR");
		assert_int_equal(board_log_lines(), 0);
		/* What could not be written back is still to be: the next FLUSH tries again. */
		put_flush(&board, 2);
		board_notify(&board);
		assert_int_equal(board.block.sync_wanted, !done);
		if (!done)
			write_back(&board, true);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 2), VIRTIO_BLK_S_OK);
		assert_int_equal(board_drain(&board), 1);
		board_free(&board);
	}
}

/* Nothing written, or nothing that is ever written back: no give-back for that. */
static void test_flush_with_nothing_to_do(void **state)
{
	static const enum ramdisk_mode modes[] = { RAMDISK_READ_WRITE, RAMDISK_SNAPSHOT,
		RAMDISK_READ_ONLY };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		board_make(&board, modes[i], BOARD_DISK_SIZE, false);
		board_start(&board, WRITE_BACK, BOARD_ENTRIES);
		if (modes[i] == RAMDISK_SNAPSHOT)
			put_out(&board, 0);
		put_flush(&board, 1);
		board_notify(&board);
		assert_false(board.block.sync_wanted);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), VIRTIO_BLK_S_OK);
		assert_int_equal(board_drain(&board), modes[i] == RAMDISK_SNAPSHOT ? 2 : 1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* svirtb, say, has written: FLUSH is about the disk, not about who wrote. */
static void test_flush_of_what_another_wrote(void **state)
{
	struct board board;
	uint8_t byte = 1;

	(void)state;
	board_make_started(&board, WRITE_BACK, BOARD_ENTRIES);
	block_write(&board.block, 0, &byte, 1);
	put_flush(&board, 0);
	board_notify(&board);
	assert_true(board.block.sync_wanted);
	board_free(&board);
}

/*
 * Requests around a FLUSH in one notify: all are executed, none is shown before the write-back, and
 * then all are shown in their order, by one interrupt. Only the FLUSH hangs on its success.
 */
static void test_batch_with_flushes(void **state)
{
	static const uint8_t fine[] = { 0, 0, 0, 0, 0 };
	static const uint8_t failed[] = { 0, 1, 0, 0, 1 };
	struct board board;
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool done = i / 2;

		board_make_started(&board, WRITE_BACK | board_rings[i % 2], BOARD_ENTRIES);
		put_out(&board, 0);
		put_flush(&board, 1);
		put_in(&board, 2);
		put_out(&board, 3);
		put_flush(&board, 4);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board.raised, 0);
		assert_int_equal(board.device.syncs, 1);
		assert_memory_equal(
			board.disk.data + 3 * 512, board_guest(&board, BOARD_BUFFER), 512);
		write_back(&board, done);
		expect_statuses(&board, done ? fine : failed, 5);
		for (unsigned int j = 0; j < 5; j++) {
			assert_true(board_take_used(&board, &length));
			assert_int_equal(length, j == 2 ? 513 : 1);
		}
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board.device.mmio.interrupts, 1);
		board_free(&board);
	}
}

/* 5.2.6.2: who may rely on what. */
static void test_who_waits_for_writes(void **state)
{
	static const struct {
		const char *name;
		uint64_t features;
		int writeback; /* written by the driver, unless -1 */
		enum ramdisk_mode mode;
		bool sync_at_exit;
		bool waits;
	} rows[] = {
		{ "neither FLUSH nor CONFIG_WCE", WRITE_THROUGH, -1, RAMDISK_READ_WRITE, false,
			true },
		{ "neither, disk.sync=exit", WRITE_THROUGH, -1, RAMDISK_READ_WRITE, true, false },
		{ "neither, snapshot", WRITE_THROUGH, -1, RAMDISK_SNAPSHOT, false, false },
		{ "FLUSH", WRITE_THROUGH | VIRTIO_BLK_F_FLUSH, -1, RAMDISK_READ_WRITE, false,
			false },
		{ "CONFIG_WCE", WRITE_THROUGH | VIRTIO_BLK_F_CONFIG_WCE, -1, RAMDISK_READ_WRITE,
			false, true },
		{ "CONFIG_WCE, writeback on", WRITE_THROUGH | VIRTIO_BLK_F_CONFIG_WCE, 1,
			RAMDISK_READ_WRITE, false, false },
		{ "both", WRITE_THROUGH | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE, -1,
			RAMDISK_READ_WRITE, false, false },
		{ "both, writeback off",
			WRITE_THROUGH | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE, 0,
			RAMDISK_READ_WRITE, false, true },
		{ "both, writeback off, disk.sync=exit",
			WRITE_THROUGH | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE, 0,
			RAMDISK_READ_WRITE, true, false },
	};
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
		VIRTIO_BLK_T_WRITE_ZEROES };
	static const struct virtio_blk_range range = { 1, 1, 0 };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows) * ARRAY_COUNT(types); i++) {
		const size_t row = i / 2 % ARRAY_COUNT(rows);
		const uint32_t type = types[i / 2 / ARRAY_COUNT(rows)];
		const bool out = type == VIRTIO_BLK_T_OUT;

		board_make(&board, rows[row].mode, BOARD_DISK_SIZE, rows[row].sync_at_exit);
		board_start(&board, rows[row].features | board_rings[i % 2], BOARD_ENTRIES);
		if (rows[row].writeback >= 0)
			board_access_write(
				&board, VIRTIO_MMIO_CONFIG + 32, 1, (uint64_t)rows[row].writeback);
		board_poke(&board, BOARD_RANGES, &range, sizeof(range));
		board_put_request(&board, type, 0, BOARD_RANGES, out ? 512 : 16);
		board_notify(&board);
		if (board.block.sync_wanted != rows[row].waits)
			fail_msg("%s", rows[row].name);
		if (rows[row].waits) {
			assert_int_equal(board_status(&board), BOARD_NO_STATUS);
			assert_int_equal(board_drain(&board), 0);
			write_back(&board, true);
		}
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_drain(&board), 1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* All writes of one notify wait for one write-back; reads and refused requests hang on nothing. */
static void test_batch_written_through(void **state)
{
	static const uint8_t fine[] = { 0, 0, 0, 1, 0 };
	static const uint8_t failed[] = { 1, 0, 1, 1, 1 };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool done = i / 2;

		board_make_started(&board, WRITE_THROUGH | board_rings[i % 2], BOARD_ENTRIES);
		put_out(&board, 0);
		put_in(&board, 1);
		put_out(&board, 2);
		board_put_request_at(&board, BOARD_TABLE + 48, BOARD_STATUS + 3, VIRTIO_BLK_T_OUT,
			64, BOARD_BUFFER, 512);
		put_out(&board, 4);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board.device.syncs, 1);
		write_back(&board, done);
		expect_statuses(&board, done ? fine : failed, 5);
		assert_int_equal(board_drain(&board), 5);
		assert_int_equal(board.device.failures, done ? 1 : 4);
		assert_int_equal(board.device.mmio.interrupts, 1);
		board_free(&board);
	}
}

/* Reads alone wait for nothing, whatever others have left to be written back. */
static void test_reads_do_not_wait(void **state)
{
	struct board board;
	uint8_t byte = 1;

	(void)state;
	board_make_started(&board, WRITE_THROUGH, BOARD_ENTRIES);
	block_write(&board.block, 0, &byte, 1);
	put_in(&board, 0);
	board_notify(&board);
	assert_false(board.block.sync_wanted);
	assert_int_equal(board_drain(&board), 1);
	board_free(&board);
}

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
	for (size_t i = 0; i < 6; i++) {
		const uint64_t features = WRITE_THROUGH | VIRTIO_F_RING_RESET | board_rings[i % 2];

		board_make_started(&board, features, BOARD_ENTRIES);
		put_out(&board, 0);
		board_notify(&board);
		assert_true(board.block.sync_wanted);
		if (i / 2 == 0)
			board_write(&board, VIRTIO_MMIO_STATUS, 0);
		else if (i / 2 == 1)
			board_write(&board, VIRTIO_MMIO_QUEUE_RESET, 1);
		else
			board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
		assert_false(board.block.sync_wanted);
		board_remember(&board);
		block_complete_sync(&board.block, true);
		assert_int_equal(board_guest_changes(&board), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		if (i / 2 == 0)
			board_start(&board, features, BOARD_ENTRIES);
		else
			board_make_queue(&board, BOARD_ENTRIES);
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

/* A turn that ends with writes waiting: behind the write-back the rest is drawn attention to. */
static void test_turn_ends_while_waiting(void **state)
{
	static const struct virtio_blk_range whole = { 0, 32768, 0 };
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, VIRTIO_BLK_MAX_COPY, false);
	board_start(&board, WRITE_THROUGH, BOARD_ENTRIES);
	board_poke(&board, BOARD_RANGES, &whole, sizeof(whole));
	board_put_request(&board, VIRTIO_BLK_T_WRITE_ZEROES, 0, BOARD_RANGES, sizeof(whole));
	put_in(&board, 1);
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
	static const struct virtio_blk_range whole = { 0, 32768, 0 };
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, VIRTIO_BLK_MAX_COPY, true);
	board.device.attention = NULL;
	board_start(&board, WRITE_THROUGH, BOARD_ENTRIES);
	board_poke(&board, BOARD_RANGES, &whole, sizeof(whole));
	board_put_request(&board, VIRTIO_BLK_T_WRITE_ZEROES, 0, BOARD_RANGES, sizeof(whole));
	put_in(&board, 1);
	board_notify(&board);
	assert_true(virtio_blk_has_more(&board.device));
	virtio_blk_continue(&board.device);
	assert_int_equal(board_drain(&board), 2);
	board_free(&board);
}

/* As many writes as a ring holds, over and over. */
static void test_full_ring_written_through(void **state)
{
	struct board board;

	(void)state;
	board_make_started(&board, WRITE_THROUGH | VIRTIO_F_INDIRECT_DESC, 1024);
	for (int round = 0; round < 3; round++) {
		struct virtq_split_descriptor table[3] = {
			{ BOARD_HEADER, 16, VIRTQ_DESC_F_NEXT, 1 },
			{ BOARD_BUFFER, 512, VIRTQ_DESC_F_NEXT, 2 },
			{ BOARD_STATUS, 1, VIRTQ_DESC_F_WRITE, 0 },
		};
		const struct virtq_split_descriptor indirect = { BOARD_TABLE, sizeof(table),
			VIRTQ_DESC_F_INDIRECT, 0 };

		board_poke(&board, BOARD_TABLE, table, sizeof(table));
		board_put_header(&board, BOARD_HEADER, VIRTIO_BLK_T_OUT, 1);
		for (uint16_t i = 0; i < 1024; i++) {
			board_poke(&board, BOARD_DESCRIPTORS + 16ull * i, &indirect, 16);
			board_poke16(&board, BOARD_DRIVER + 4 + 2ull * i, i);
		}
		board.avail = (uint16_t)(board.avail + 1024);
		board_poke16(&board, BOARD_DRIVER + 2, board.avail);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		write_back(&board, true);
		assert_int_equal(board_drain(&board), 1024);
	}
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flush_waits),
		cmocka_unit_test(test_flush_with_nothing_to_do),
		cmocka_unit_test(test_flush_of_what_another_wrote),
		cmocka_unit_test(test_batch_with_flushes),
		cmocka_unit_test(test_who_waits_for_writes),
		cmocka_unit_test(test_batch_written_through),
		cmocka_unit_test(test_reads_do_not_wait),
		cmocka_unit_test(test_notify_while_waiting),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_reset_while_waiting),
		cmocka_unit_test(test_ring_error_while_waiting),
		cmocka_unit_test(test_turn_ends_while_waiting),
		cmocka_unit_test(test_no_attention),
		cmocka_unit_test(test_full_ring_written_through),
	};

	return cmocka_run_group_tests_name("virtio_blk_sync", tests, board_group_setup, NULL);
}
