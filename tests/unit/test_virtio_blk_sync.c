/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk.c: what waits for the write-back, and what comes of it. FLUSH,
 * and writes that are to be durable when they complete. What may happen meanwhile is in
 * test_virtio_blk_waiting.c.
 */
#include "tests/unit/virtio_sync.h"

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

/*
 * Requests of one notify, a letter each: a read, a write, a FLUSH, or a write beyond the end of the
 * disk. Their statuses, where the write-back is done and where it fails.
 */
struct batch {
	uint64_t features;
	char kinds[6];
	uint8_t done[5], failed[5];
};

static void put_batch(struct board *board, const char *kinds)
{
	for (unsigned int i = 0; kinds[i] != '\0'; i++) {
		switch (kinds[i]) {
		case 'r': put_in(board, i); break;
		case 'w': put_out(board, i); break;
		case 'F': put_flush(board, i); break;
		default:
			board_put_request_at(board, BOARD_TABLE + 16 * i, BOARD_STATUS + i,
				VIRTIO_BLK_T_OUT, BOARD_SECTORS, BOARD_BUFFER, 512);
			break;
		}
	}
}

static void expect_batch(struct board *board, const struct batch *batch, bool done)
{
	const uint8_t *wanted = done ? batch->done : batch->failed;
	unsigned int failures = 0;
	uint32_t length;

	for (unsigned int i = 0; batch->kinds[i] != '\0'; i++) {
		assert_int_equal(*board_guest(board, BOARD_STATUS + i), wanted[i]);
		failures += wanted[i] != VIRTIO_BLK_S_OK;
		assert_true(board_take_used(board, &length));
		assert_int_equal(length, batch->kinds[i] == 'r' ? 513 : 1);
	}
	assert_int_equal(board_drain(board), 0);
	assert_int_equal(board->device.failures, failures);
	assert_int_equal(board->device.mmio.interrupts, 1);
}

/*
 * All are executed, none is shown before the write-back, and then all are shown in their order, by
 * one interrupt.
 */
static void try_batch(const struct batch *batch)
{
	struct board board;

	for (size_t i = 0; i < 4; i++) {
		const bool done = i / 2;

		board_make_started(&board, batch->features | board_rings[i % 2], BOARD_ENTRIES);
		put_batch(&board, batch->kinds);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board.raised, 0);
		assert_int_equal(board.device.syncs, 1);
		for (unsigned int j = 0; batch->kinds[j] != '\0'; j++) {
			if (batch->kinds[j] == 'w')
				assert_memory_equal(board.disk.data + j * 512,
					board_guest(&board, BOARD_BUFFER), 512);
		}
		write_back(&board, done);
		expect_batch(&board, batch, done);
		board_free(&board);
	}
}

/* Requests around a FLUSH: only the FLUSH hangs on the write-back's success. */
static void test_batch_with_flushes(void **state)
{
	static const struct batch batch = { WRITE_BACK, "wFrwF", { 0, 0, 0, 0, 0 },
		{ 0, 1, 0, 0, 1 } };

	(void)state;
	try_batch(&batch);
}

/* All writes wait for one write-back; reads and refused requests hang on nothing. */
static void test_batch_written_through(void **state)
{
	static const struct batch batch = { WRITE_THROUGH, "wrwxw", { 0, 0, 0, 1, 0 },
		{ 1, 0, 1, 1, 1 } };

	(void)state;
	try_batch(&batch);
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
		cmocka_unit_test(test_who_waits_for_writes),
		cmocka_unit_test(test_reads_do_not_wait),
		cmocka_unit_test(test_batch_with_flushes),
		cmocka_unit_test(test_batch_written_through),
		cmocka_unit_test(test_full_ring_written_through),
	};

	return cmocka_run_group_tests_name("virtio_blk_sync", tests, board_group_setup, NULL);
}
