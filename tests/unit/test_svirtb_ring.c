/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/svirtb_ring.c: requests of every kind, in batches, at the edges of guest
 * memory, disk and ring, and each reason for a refusal. docs/svirtb.md names them line by line.
 */
#include <stdio.h>

#include "tests/unit/svirtb_board.h"

#define RING    0x1000u
#define ENTRIES 8u
#define BUFFER  0x8000u

static void make(struct board *board)
{
	board_make(board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(board, RING, ENTRIES);
}

/* One request in the ring's next entry. */
static void do_request(struct board *board, struct svirtb_entry entry)
{
	uint32_t tail = board_read(board, SVIRTB_QUEUE_TAIL);

	board_put_entry(board, tail, entry);
	board_write(board, SVIRTB_QUEUE_HEAD, (tail + 1) % board->device.entries);
}

static void expect_guest(
	struct board *board, const char *name, uint64_t gpa, const uint8_t *wanted, uint64_t size)
{
	for (uint64_t at = 0; at < size; at++) {
		const uint8_t *got = board_guest(board, gpa + at);

		if (*got != wanted[at])
			fail_msg("%s: guest byte 0x%lx is 0x%02x", name, gpa + at, *got);
	}
}

/* Requests that are done: what arrives where, and that nothing else changes. */
static const struct {
	const char *name;
	uint64_t addr, size, sector;
	uint64_t transferred; /* by a read; a write of such a range: all */
	bool writable;
} good_requests[] = {
	{ "a sector", BUFFER, 512, 3, 512, true },
	{ "a page", BUFFER, 4096, 8, 4096, true },
	{ "a byte", BUFFER, 1, 5, 1, true },
	{ "no multiple of a sector", BUFFER, 1000, 2, 1000, true },
	{ "unaligned buffer", BUFFER + 3, 512, 1, 512, true },
	{ "at address 0", 0, 512, 1, 512, true },
	{ "across the seam", BOARD_SEAM - 100, 1024, 4, 1024, true },
	{ "over the seam's last byte", BOARD_SEAM - 1, 2, 4, 2, true },
	{ "up to the hole", BOARD_HOLE - 512, 512, 6, 512, true },
	{ "behind the hole", BOARD_BEHIND, 512, 7, 512, true },
	{ "up to the end of memory", BOARD_END - 512, 512, 7, 512, true },
	{ "the image to its last byte", BUFFER, BOARD_DISK_SIZE - 512, 1, BOARD_DISK_SIZE - 512,
		true },
	{ "the last sector's bytes", BUFFER, 200, 63, 200, true },
	{ "the last sector", BUFFER, 512, 63, 200, false },
	{ "the last sector across the seam", BOARD_SEAM - 150, 512, 63, 200, false },
	{ "the last sector, with its rest across the seam", BOARD_SEAM - 300, 512, 63, 200, false },
	{ "more than the disk", 0x4000, 64 * 1024, 0, BOARD_DISK_SIZE, false },
	{ "the first sector past the end", BUFFER, 512, 64, 0, false },
	{ "far past the end", BUFFER, 512, 1ull << 40, 0, false },
	{ "the last sector that does not wrap", BUFFER, 512, (1ull << 55) - 1, 0, false },
};

static void test_read(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_requests); i++) {
		const uint64_t offset = good_requests[i].sector * 512;

		make(&board);
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
			expect_guest(&board, good_requests[i].name, good_requests[i].addr,
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
		make(&board);
		board_put_entry(&board, 0,
			(struct svirtb_entry){ .addr = good_requests[i].addr,
				.size = good_requests[i].size,
				.sector = good_requests[i].sector,
				.cmd = SVIRTB_WRITE });
		board_remember(&board);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
		expect_guest(&board, good_requests[i].name, good_requests[i].addr,
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
		{ "read", { BUFFER, 0, 0, SVIRTB_READ } },
		{ "write", { BUFFER, 0, 0, SVIRTB_WRITE } },
		{ "read to nowhere", { ~0ull, 0, 0, SVIRTB_READ } },
		{ "write from the hole", { BOARD_HOLE, 0, 0, SVIRTB_WRITE } },
		{ "write past the end", { BUFFER, 0, 9999, SVIRTB_WRITE } },
		{ "read at a sector that wraps", { BUFFER, 0, ~0ull, SVIRTB_READ } },
		{ "write at a sector that wraps", { BUFFER, 0, ~0ull, SVIRTB_WRITE } },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows) * 2; i++) {
		board_make(&board, i % 2 == 0 ? RAMDISK_READ_WRITE : RAMDISK_READ_ONLY,
			SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, RING, ENTRIES);
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
	{ "cmd 2", { BUFFER, 512, 0, 2 }, RAMDISK_READ_WRITE,
		"cmd 0x2 is neither 0 (read) nor 1 (write)" },
	{ "cmd 2 of size 0", { BUFFER, 0, 0, 2 }, RAMDISK_READ_WRITE,
		"cmd 0x2 is neither 0 (read) nor 1 (write)" },
	{ "cmd with a high bit", { BUFFER, 512, 0, 0x80000001 }, RAMDISK_READ_WRITE,
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
	{ "read at a sector that wraps", { BUFFER, 512, 1ull << 55, SVIRTB_READ },
		RAMDISK_READ_WRITE, "sector 0x80000000000000 with size 0x200 wraps around" },
	{ "write at a sector that wraps", { BUFFER, 512, 1ull << 55, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0x80000000000000 with size 0x200 wraps around" },
	{ "write at a sector that wraps far", { BUFFER, 512, ~0ull, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0xffffffffffffffff with size 0x200 wraps around" },
	{ "read whose end wraps", { BUFFER, 513, (1ull << 55) - 1, SVIRTB_READ },
		RAMDISK_READ_WRITE, "sector 0x7fffffffffffff with size 0x201 wraps around" },
	{ "write one byte past the last sector", { BUFFER, 513, 63, SVIRTB_WRITE },
		RAMDISK_READ_WRITE,
		"write of 513 bytes at sector 63 passes the end of the disk (64 sectors)" },
	{ "write of more than the disk", { 0x4000, 65 * 512, 0, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"write of 33280 bytes at sector 0 passes the end of the disk (64 sectors)" },
	{ "write behind the disk", { BUFFER, 1, 64, SVIRTB_WRITE }, RAMDISK_READ_WRITE,
		"write of 1 bytes at sector 64 passes the end of the disk (64 sectors)" },
	{ "write whose end would wrap", { BUFFER, 1024, (1ull << 55) - 1, SVIRTB_WRITE },
		RAMDISK_READ_WRITE, "sector 0x7fffffffffffff with size 0x400 wraps around" },
	{ "write to a read-only disk", { BUFFER, 512, 3, SVIRTB_WRITE }, RAMDISK_READ_ONLY,
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
		board_start(&board, RING, ENTRIES);
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
		expect_guest(&board, bad_requests[i].name, 0x4000, board.disk.data + 5 * 512, 512);
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
	make(&board);
	for (size_t i = 0; i < ARRAY_COUNT(bad_requests); i++) {
		if (bad_requests[i].mode == RAMDISK_READ_ONLY)
			continue;
		do_request(&board, bad_requests[i].entry);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
		memset(board_guest(&board, 0x4000), 0xee, 512);
		board_put_entry(&board, 0, (struct svirtb_entry){ 0x4000, 512, 2, SVIRTB_READ });
		board_write(&board, SVIRTB_QUEUE_HEAD, 0);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		assert_int_equal(*(uint8_t *)board_guest(&board, 0x4000), 0xee);
		board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
		board_start(&board, RING, ENTRIES);
		board_write(&board, SVIRTB_QUEUE_HEAD, 1);
		expect_guest(&board, "after reset", 0x4000, board.disk.data + 1024, 512);
	}
	board_free(&board);
}

static void test_short_read_line(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	log_set_level(LOG_DEBUG);
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 63, SVIRTB_READ });
	assert_string_equal(board_log,
		"[svirtb] entry 0: read of 512 bytes at sector 63 passes the "
		"end of the disk (32456 bytes); 200 transferred\n");
	board_forget_log();
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 99, SVIRTB_READ });
	assert_non_null(strstr(board_log, "sector 99"));
	assert_non_null(strstr(board_log, "; 0 transferred\n"));
	board_forget_log();
	do_request(&board, (struct svirtb_entry){ BUFFER, 200, 63, SVIRTB_READ });
	assert_int_equal(board_log_lines(), 0);
	for (int i = 0; i < 1000; i++)
		do_request(&board, (struct svirtb_entry){ BUFFER, 512, 99, SVIRTB_READ });
	assert_in_range(board_log_lines(), 6, 20);
	board_free(&board);
}

/* A write into the last sector's rest makes the image a whole sector longer, for reads too. */
static void test_last_sector_grows(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	do_request(&board, (struct svirtb_entry){ BUFFER, 201, 63, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_true(board.disk.size == BOARD_SECTORS * 512);
	memset(board_guest(&board, 0x4000), 0xee, 512);
	do_request(&board, (struct svirtb_entry){ 0x4000, 512, 63, SVIRTB_READ });
	assert_true(board.device.bytes_read == 512);
	assert_memory_equal(board_guest(&board, 0x4000), board_guest(&board, BUFFER), 201);
	for (uint64_t at = 201; at < 512; at++)
		assert_int_equal(*(uint8_t *)board_guest(&board, 0x4000 + at), 0);
	/* Not beyond it. */
	do_request(&board, (struct svirtb_entry){ BUFFER, 1, 64, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
	board_free(&board);
}

/* A disk of less than a sector, down to a byte. */
static void test_tiny_disk(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, 1);
	board_start(&board, RING, ENTRIES);
	board_remember(&board);
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 0, SVIRTB_READ });
	assert_true(board.device.bytes_read == 1);
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 0, SVIRTB_WRITE });
	assert_true(board.disk.size == 512);
	assert_memory_equal(board.disk.data, board_guest(&board, BUFFER), 512);
	do_request(&board, (struct svirtb_entry){ BUFFER, 513, 0, SVIRTB_WRITE });
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
	board_free(&board);
}

static void test_snapshot_takes_writes(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_SNAPSHOT, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(&board, RING, ENTRIES);
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 3, SVIRTB_WRITE });
	assert_memory_equal(board.disk.data + 3 * 512, board_guest(&board, BUFFER), 512);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	board_free(&board);
}

static void test_empty_doorbell(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	for (uint32_t i = 0; i < ENTRIES; i++)
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
		{ "packed", RING, 7, 28 },
		{ "unpacked", RING, 7, 32 },
		{ "packed across the seam", BOARD_SEAM - 100, 8, 28 },
		{ "unpacked across the seam", BOARD_SEAM - 100, 8, 32 },
		{ "two entries", RING, 2, 28 },
		{ "many", RING, 200, 28 },
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
						(struct svirtb_entry){ BUFFER + k, batch - k,
							(done + k) % 63, 0 });
				board_write(&board, SVIRTB_QUEUE_HEAD,
					(tail + batch) % rows[i].entries);
				if (board_read(&board, SVIRTB_QUEUE_TAIL) !=
					(tail + batch) % rows[i].entries)
					fail_msg("%s: batch of %u at %u: tail %u", rows[i].name,
						batch, tail, board_read(&board, SVIRTB_QUEUE_TAIL));
				for (uint32_t k = 0; k < batch; k++)
					assert_int_equal(
						*(uint8_t *)board_guest(&board, BUFFER + k),
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
	board_start(&board, RING, 1);
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
	board_start(&board, RING, ENTRIES);
	memset(board_guest(&board, RING), 0xff, ENTRIES * 32);
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 1, SVIRTB_READ });
	do_request(&board, (struct svirtb_entry){ BUFFER + 512, 512, 2, SVIRTB_READ });
	expect_guest(&board, "padding", BUFFER, board.disk.data + 512, 1024);
	board_free(&board);
}

/*
 * A read may land on the ring. Its own entry was copied before; what it puts over a later entry is
 * what that entry is, when its turn comes.
 */
static void test_read_over_ring(void **state)
{
	const struct svirtb_entry planted[2] = {
		{ BUFFER, 100, 9, SVIRTB_READ }, /* becomes entry 0, which is over */
		{ BUFFER + 4096, 512, 10, SVIRTB_READ },
	};
	struct board board;

	(void)state;
	for (int split = 0; split < 2; split++) {
		uint64_t ring = split == 0 ? RING : BOARD_SEAM - 40;

		board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, ring, ENTRIES);
		memcpy(board.disk.data + 3 * 512, planted, sizeof(planted));
		board_put_entry(
			&board, 0, (struct svirtb_entry){ ring, sizeof(planted), 3, SVIRTB_READ });
		board_put_entry(&board, 1, (struct svirtb_entry){ .cmd = 9 });
		board_write(&board, SVIRTB_QUEUE_HEAD, 2);
		assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
		assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 2);
		expect_guest(&board, "planted", BUFFER + 4096, board.disk.data + 10 * 512, 512);
		assert_true(board.device.bytes_read == sizeof(planted) + 512);
		board_free(&board);
	}
}

/* The ring's bytes may be written to the disk like any others. */
static void test_write_of_ring(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	do_request(&board, (struct svirtb_entry){ RING, ENTRIES * 28, 4, SVIRTB_WRITE });
	assert_memory_equal(board.disk.data + 4 * 512, board_guest(&board, RING), ENTRIES * 28);
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
	make(&board);
	for (uint32_t k = 0; k < 5; k++)
		board_put_entry(
			&board, k, (struct svirtb_entry){ BUFFER + k * 512, 512, k, SVIRTB_READ });
	board.device.stop = stop_after;
	board.device.stop_context = &left;
	board_remember(&board);
	board_write(&board, SVIRTB_QUEUE_HEAD, 5);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 2);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_HEAD), 5);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_READY);
	assert_true(board_guest_unchanged_but(&board, BUFFER, 2 * 512));
	assert_string_equal(
		board_log, "[svirtb] batch ended between entries at 2; queue_head is 5\n");
	left = 100;
	board_write(&board, SVIRTB_QUEUE_HEAD, 5);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 5);
	expect_guest(&board, "after stop", BUFFER, board.disk.data, 5 * 512);
	board_free(&board);
}

static void test_statistics(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	do_request(&board, (struct svirtb_entry){ BUFFER, 1000, 0, SVIRTB_READ });
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 63, SVIRTB_READ });
	do_request(&board, (struct svirtb_entry){ BUFFER, 300, 0, SVIRTB_WRITE });
	do_request(&board, (struct svirtb_entry){ BUFFER, 0, 0, SVIRTB_WRITE });
	do_request(&board, (struct svirtb_entry){ BUFFER, 512, 0, 7 });
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
		cmocka_unit_test(test_empty_doorbell),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_ring_of_one),
		cmocka_unit_test(test_padding_is_ignored),
		cmocka_unit_test(test_read_over_ring),
		cmocka_unit_test(test_write_of_ring),
		cmocka_unit_test(test_stop_between_entries),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests_name("svirtb ring", tests, board_group_setup, NULL);
}
