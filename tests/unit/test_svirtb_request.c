/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/svirtb_ring.c, single requests: what moves where, at the edges of guest
 * memory and disk, and each reason for a refusal. docs/svirtb.md names them line by line.
 */
#include <stdio.h>

#include "tests/unit/svirtb_board.h"

/* Requests that are done: what arrives where, and that nothing else changes. */
static const struct {
	const char *name;
	uint64_t addr, size, sector;
	uint64_t transferred; /* by a read; a write of such a range: all */
	bool writable;
} good_requests[] = {
	{ "a sector", BOARD_BUFFER, 512, 3, 512, true },
	{ "a page", BOARD_BUFFER, 4096, 8, 4096, true },
	{ "a byte", BOARD_BUFFER, 1, 5, 1, true },
	{ "no multiple of a sector", BOARD_BUFFER, 1000, 2, 1000, true },
	{ "unaligned buffer", BOARD_BUFFER + 3, 512, 1, 512, true },
	{ "at address 0", 0, 512, 1, 512, true },
	{ "across the seam", BOARD_SEAM - 100, 1024, 4, 1024, true },
	{ "over the seam's last byte", BOARD_SEAM - 1, 2, 4, 2, true },
	{ "up to the hole", BOARD_HOLE - 512, 512, 6, 512, true },
	{ "behind the hole", BOARD_BEHIND, 512, 7, 512, true },
	{ "up to the end of memory", BOARD_END - 512, 512, 7, 512, true },
	{ "the image to its last byte", BOARD_BUFFER, BOARD_DISK_SIZE - 512, 1,
		BOARD_DISK_SIZE - 512, true },
	{ "the last sector's bytes", BOARD_BUFFER, 200, 63, 200, true },
	{ "the last sector", BOARD_BUFFER, 512, 63, 200, false },
	{ "the last sector across the seam", BOARD_SEAM - 150, 512, 63, 200, false },
	{ "the last sector, with its rest across the seam", BOARD_SEAM - 300, 512, 63, 200, false },
	{ "more than the disk", 0x4000, 64 * 1024, 0, BOARD_DISK_SIZE, false },
	{ "the first sector past the end", BOARD_BUFFER, 512, 64, 0, false },
	{ "far past the end", BOARD_BUFFER, 512, 1ull << 40, 0, false },
	{ "the last sector that does not wrap", BOARD_BUFFER, 512, (1ull << 55) - 1, 0, false },
};

static void test_read(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_requests); i++) {
		const uint64_t offset = good_requests[i].sector * 512;

		board_make_ready(&board);
		board_put_entry(&board, 0,
			(struct svirtb_entry){ .addr = good_requests[i].addr,
				.size = good_requests[i].size,
				.sector = good_requests[i].sector,
				.cmd = SVIRTB_READ });
		board_remember(&board);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
		if (good_requests[i].transferred > 0)
			board_expect_guest(&board, good_requests[i].name, good_requests[i].addr,
				board.disk.data + offset, good_requests[i].transferred);
		if (!board_guest_unchanged_but(
			    &board, good_requests[i].addr, good_requests[i].transferred))
			fail_msg("%s: more than the transfer has changed", good_requests[i].name);
		assert_true(board_disk_unchanged_but(&board, 0, 0));
		assert_true(board_disk_is_clean(&board));
		assert_true(board.device.bytes_read == good_requests[i].transferred);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_write(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_requests); i++) {
		const uint64_t offset = good_requests[i].sector * 512;
		uint64_t dirty = 0;
		uint64_t dirty_size = 0;

		if (!good_requests[i].writable)
			continue;
		board_make_ready(&board);
		board_put_entry(&board, 0,
			(struct svirtb_entry){ .addr = good_requests[i].addr,
				.size = good_requests[i].size,
				.sector = good_requests[i].sector,
				.cmd = SVIRTB_WRITE });
		board_remember(&board);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
		board_expect_guest(&board, good_requests[i].name, good_requests[i].addr,
			board.disk.data + offset, good_requests[i].size);
		assert_true(board_guest_unchanged_but(&board, 0, 0));
		if (!board_disk_unchanged_but(&board, offset, good_requests[i].size))
			fail_msg("%s: more than the transfer has changed", good_requests[i].name);
		assert_true(ramdisk_next_dirty(&board.disk, &dirty, &dirty_size));
		assert_true(
			dirty <= offset && offset + good_requests[i].size <= dirty + dirty_size);
		assert_true(dirty_size <= good_requests[i].size + 2 * RAMDISK_GRAIN);
		assert_true(board.device.bytes_written == good_requests[i].size);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* size 0 is done whatever the rest says, except for the command. */
static void test_size_zero(void **state)
{
	static const struct {
		const char *name;
		struct svirtb_entry entry;
	} rows[] = {
		{ "read", { BOARD_BUFFER, 0, 0, SVIRTB_READ } },
		{ "write", { BOARD_BUFFER, 0, 0, SVIRTB_WRITE } },
		{ "read to nowhere", { ~0ull, 0, 0, SVIRTB_READ } },
		{ "write from the hole", { BOARD_HOLE, 0, 0, SVIRTB_WRITE } },
		{ "write past the end", { BOARD_BUFFER, 0, 9999, SVIRTB_WRITE } },
		{ "read at a sector that wraps", { BOARD_BUFFER, 0, ~0ull, SVIRTB_READ } },
		{ "write at a sector that wraps", { BOARD_BUFFER, 0, ~0ull, SVIRTB_WRITE } },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows) * 2; i++) {
		board_make(&board, i % 2 == 0 ? RAMDISK_READ_WRITE : RAMDISK_READ_ONLY,
			SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, BOARD_RING, BOARD_ENTRIES);
		board_put_entry(&board, 0, rows[i / 2].entry);
		board_remember(&board);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		if (board_read(&board, SVIRTB_STATUS) != SVIRTB_READY ||
			board_read(&board, SVIRTB_QUEUE_TAIL) != 1)
			fail_msg("%s: log '%s'", rows[i / 2].name, board_log);
		assert_true(board_guest_unchanged_but(&board, 0, 0));
		assert_true(board_disk_unchanged_but(&board, 0, 0));
		assert_true(board_disk_is_clean(&board));
		board_free(&board);
	}
}

static const struct {
	const char *name;
	struct svirtb_entry entry;
	enum ramdisk_mode mode;
	const char *message;
} bad_requests[] = {
	{ "cmd 2", { BOARD_BUFFER, 512, 0, 2 }, RAMDISK_READ_WRITE,
		"cmd 0x2 is neither 0 (read) nor 1 (write)" },
	{ "cmd 2 of size 0", { BOARD_BUFFER, 0, 0, 2 }, RAMDISK_READ_WRITE,
		"cmd 0x2 is neither 0 (read) nor 1 (write)" },
	{ "cmd with a high bit", { BOARD_BUFFER, 512, 0, 0x80000001 }, RAMDISK_READ_WRITE,
		"cmd 0x80000001 is neither 0 (read) nor 1 (write)" },
	{ "read to nowhere", { 0x7ffff000, 8192, 0, SVIRTB_READ }, RAMDISK_READ_WRITE,
		"buffer 0x7ffff000+8192 is outside guest memory" },
	{ "write from nowhere", { 0x7ffff000, 8192, 0, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"buffer 0x7ffff000+8192 is outside guest memory" },
	{ "read, a byte into the hole", { BOARD_HOLE - 511, 512, 0, SVIRTB_READ },
		RAMDISK_READ_WRITE, "buffer 0x17e01+512 is outside guest memory" },
	{ "write, a byte into the hole", { BOARD_HOLE - 511, 512, 0, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "buffer 0x17e01+512 is outside guest memory" },
	{ "read over the hole", { BOARD_HOLE - 512, 0x29000, 0, SVIRTB_READ }, RAMDISK_READ_WRITE,
		"buffer 0x17e00+167936 is outside guest memory" },
	{ "read across the seam into the hole", { BOARD_SEAM - 512, 0x8400, 0, SVIRTB_READ },
		RAMDISK_READ_WRITE, "buffer 0xfe00+33792 is outside guest memory" },
	{ "write past the end of memory", { BOARD_END - 1, 2, 0, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"buffer 0x43fff+2 is outside guest memory" },
	{ "short read whose untouched rest is outside", { BOARD_HOLE - 300, 512, 63, SVIRTB_READ },
		RAMDISK_READ_WRITE, "buffer 0x17ed4+512 is outside guest memory" },
	{ "read past the end to nowhere", { BOARD_HOLE, 512, 4000, SVIRTB_READ },
		RAMDISK_READ_WRITE, "buffer 0x18000+512 is outside guest memory" },
	{ "buffer that wraps", { ~0ull - 99, 512, 0, SVIRTB_READ }, RAMDISK_READ_WRITE,
		"buffer 0xffffffffffffff9c+512 is outside guest memory" },
	{ "buffer that wraps into memory", { ~0ull - 99, 512, 0, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"buffer 0xffffffffffffff9c+512 is outside guest memory" },
	{ "buffer that wraps to its own start", { 0, ~0ull, 0, SVIRTB_READ }, RAMDISK_READ_WRITE,
		"buffer 0x0+18446744073709551615 is outside guest memory" },
	{ "the device's own page as buffer", { SVIRTB_BASE, 512, 0, SVIRTB_READ },
		RAMDISK_READ_WRITE, "buffer 0xcafe0000+512 is outside guest memory" },
	{ "read at a sector that wraps", { BOARD_BUFFER, 512, 1ull << 55, SVIRTB_READ },
		RAMDISK_READ_WRITE, "sector 0x80000000000000 with size 0x200 wraps around" },
	{ "write at a sector that wraps", { BOARD_BUFFER, 512, 1ull << 55, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0x80000000000000 with size 0x200 wraps around" },
	{ "write at a sector that wraps far", { BOARD_BUFFER, 512, ~0ull, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0xffffffffffffffff with size 0x200 wraps around" },
	{ "read whose end wraps", { BOARD_BUFFER, 513, (1ull << 55) - 1, SVIRTB_READ },
		RAMDISK_READ_WRITE, "sector 0x7fffffffffffff with size 0x201 wraps around" },
	{ "write one byte past the last sector", { BOARD_BUFFER, 513, 63, SVIRTB_WRITE },
		RAMDISK_READ_WRITE,
		"write of 513 bytes at sector 63 passes the end of the disk (64 sectors)" },
	{ "write of more than the disk", { 0x4000, 65 * 512, 0, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"write of 33280 bytes at sector 0 passes the end of the disk (64 sectors)" },
	{ "write behind the disk", { BOARD_BUFFER, 1, 64, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"write of 1 bytes at sector 64 passes the end of the disk (64 sectors)" },
	{ "write whose end would wrap", { BOARD_BUFFER, 1024, (1ull << 55) - 1, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0x7fffffffffffff with size 0x400 wraps around" },
	{ "write to a read-only disk", { BOARD_BUFFER, 512, 3, SVIRTB_WRITE }, RAMDISK_READ_ONLY,
		"write of 512 bytes at sector 3 to a read-only disk" },
};

/* The entries before it are complete; it and those after it did nothing; the log says why. */
static void test_refused_entries(void **state)
{
	const struct svirtb_entry before = { 0x4000, 512, 5, SVIRTB_READ };
	const struct svirtb_entry after = { 0x5000, 512, 6, SVIRTB_READ };
	struct board board;
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_requests); i++) {
		board_make(&board, bad_requests[i].mode, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, BOARD_RING, BOARD_ENTRIES);
		board_put_entry(&board, 0, before);
		board_put_entry(&board, 1, bad_requests[i].entry);
		board_put_entry(&board, 2, after);
		board_remember(&board);
		board_write(&board, SVIRTB_QUEUE_HEAD, 3);
		if (board_read(&board, SVIRTB_STATUS) != SVIRTB_RESET)
			fail_msg("%s: not refused", bad_requests[i].name);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_HEAD), 3);
		assert_true(board.device.requests == 1);
		board_expect_guest(
			&board, bad_requests[i].name, 0x4000, board.disk.data + 5 * 512, 512);
		if (!board_guest_unchanged_but(&board, 0x4000, 512) ||
			!board_disk_unchanged_but(&board, 0, 0) || !board_disk_is_clean(&board))
			fail_msg("%s: something has changed", bad_requests[i].name);
		(void)snprintf(line, sizeof(line),
			"[svirtb] warning: entry 1: %s; status set to RESET\n",
			bad_requests[i].message);
		if (strcmp(board_log, line) != 0)
			fail_msg("%s: log '%s'", bad_requests[i].name, board_log);
		board_free(&board);
	}
}

/* After a refusal only a reset helps, and then all is as new. */
static void test_recovery(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	for (size_t i = 0; i < ARRAY_COUNT(bad_requests); i++) {
		if (bad_requests[i].mode == RAMDISK_READ_ONLY)
			continue;
		board_do_request(&board, bad_requests[i].entry);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
		memset(board_guest(&board, 0x4000), 0xee, 512);
		board_put_entry(&board, 0, (struct svirtb_entry){ 0x4000, 512, 2, SVIRTB_READ });
		board_write(&board, SVIRTB_QUEUE_HEAD, 0);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		assert_int_equal(*board_guest(&board, 0x4000), 0xee);
		board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
		board_start(&board, BOARD_RING, BOARD_ENTRIES);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		board_expect_guest(&board, "after reset", 0x4000, board.disk.data + 1024, 512);
	}
	board_free(&board);
}

static void test_short_read_line(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	log_set_level(LOG_DEBUG);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 63, SVIRTB_READ });
	assert_string_equal(board_log,
		"[svirtb] entry 0: read of 512 bytes at sector 63 passes the "
		"end of the disk (32456 bytes); 200 transferred\n");
	board_forget_log();
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 99, SVIRTB_READ });
	assert_non_null(strstr(board_log, "sector 99"));
	assert_non_null(strstr(board_log, "; 0 transferred\n"));
	board_forget_log();
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 200, 63, SVIRTB_READ });
	assert_int_equal(board_log_lines(), 0);
	for (int i = 0; i < 1000; i++)
		board_do_request(
			&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 99, SVIRTB_READ });
	assert_in_range(board_log_lines(), 6, 20);
	board_free(&board);
}

/* A write into the last sector's rest makes the image a whole sector longer, for reads too. */
static void test_last_sector_grows(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 201, 63, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_true(board.disk.size == BOARD_SECTORS * 512);
	memset(board_guest(&board, 0x4000), 0xee, 512);
	board_do_request(&board, (struct svirtb_entry){ 0x4000, 512, 63, SVIRTB_READ });
	assert_true(board.device.bytes_read == 512);
	assert_memory_equal(board_guest(&board, 0x4000), board_guest(&board, BOARD_BUFFER), 201);
	for (uint64_t at = 201; at < 512; at++)
		assert_int_equal(*board_guest(&board, 0x4000 + at), 0);
	/* Not beyond it. */
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 1, 64, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
	board_free(&board);
}

/* A disk of less than a sector, down to a byte. */
static void test_tiny_disk(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, 1);
	board_start(&board, BOARD_RING, BOARD_ENTRIES);
	board_remember(&board);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 0, SVIRTB_READ });
	assert_true(board.device.bytes_read == 1);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 0, SVIRTB_WRITE });
	assert_true(board.disk.size == 512);
	assert_memory_equal(board.disk.data, board_guest(&board, BOARD_BUFFER), 512);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 513, 0, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
	board_free(&board);
}

static void test_snapshot_takes_writes(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_SNAPSHOT, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(&board, BOARD_RING, BOARD_ENTRIES);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 3, SVIRTB_WRITE });
	assert_memory_equal(board.disk.data + 3 * 512, board_guest(&board, BOARD_BUFFER), 512);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	board_free(&board);
}

static void test_statistics(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 1000, 0, SVIRTB_READ });
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 63, SVIRTB_READ });
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 300, 0, SVIRTB_WRITE });
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 0, 0, SVIRTB_WRITE });
	board_do_request(&board, (struct svirtb_entry){ BOARD_BUFFER, 512, 0, 7 });
	assert_true(board.device.requests == 4);
	assert_true(board.device.bytes_read == 1200);
	assert_true(board.device.bytes_written == 300);
	/* They count the run, not the driver's sessions. */
	board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
	assert_true(board.device.requests == 4);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_size_zero),
		cmocka_unit_test(test_refused_entries),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_short_read_line),
		cmocka_unit_test(test_last_sector_grows),
		cmocka_unit_test(test_tiny_disk),
		cmocka_unit_test(test_snapshot_takes_writes),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests_name("svirtb request", tests, board_group_setup, NULL);
}
