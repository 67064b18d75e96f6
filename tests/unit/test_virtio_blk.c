/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk*.c: every command over both rings and in every framing, and the
 * turns of large batches. Refused requests are in test_virtio_blk_faults.c, what waits for the
 * write-back in test_virtio_blk_sync.c.
 */
#include "tests/unit/virtio_driver.h"

static void test_in(void **state)
{
	static const struct {
		const char *name;
		uint64_t sector;
		uint64_t gpa;
		uint32_t size;
	} rows[] = {
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
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		const size_t row = i / 2;

		board_make_started(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_put_request(
			&board, VIRTIO_BLK_T_IN, rows[row].sector, rows[row].gpa, rows[row].size);
		board_remember(&board);
		board_notify(&board);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		for (uint32_t at = 0; at < rows[row].size; at++) {
			if (*board_guest(&board, rows[row].gpa + at) !=
				board.disk.data[rows[row].sector * 512 + at])
				fail_msg("%s: byte %u", rows[row].name, at);
		}
		if (board_guest_changes(&board) > rows[row].size + 1)
			fail_msg("%s: more than the buffer has changed", rows[row].name);
		assert_int_equal(board.device.bytes_read, rows[row].size);
		assert_true(board_disk_unchanged(&board));
		assert_true(block_is_stable(&board.block));
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, rows[row].sector,
					 rows[row].gpa, rows[row].size),
			rows[row].size + 1);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

static void test_out(void **state)
{
	static const struct {
		const char *name;
		uint64_t sector;
		uint64_t gpa;
		uint32_t size;
	} rows[] = {
		{ "one sector", 0, BOARD_BUFFER, 512 },
		{ "a page", 8, BOARD_BUFFER, 4096 },
		{ "at an odd address", 5, BOARD_BUFFER + 3, 1024 },
		{ "across the seam", 1, BOARD_SEAM - 100, 2048 },
		{ "behind the hole", 1, BOARD_BEHIND, 2048 },
		{ "exactly at the end of the disk", 63, BOARD_BUFFER, 512 },
		{ "up to the end of the disk", 48, BOARD_BUFFER, 16 * 512 },
		{ "nothing", 3, BOARD_BUFFER, 0 },
		{ "nothing at the end", 64, BOARD_BUFFER, 0 },
	};
	static const enum ramdisk_mode modes[] = { RAMDISK_READ_WRITE, RAMDISK_SNAPSHOT };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_COUNT(rows); i++) {
		const size_t row = i / 4;
		const uint64_t offset = rows[row].sector * 512;

		board_make(&board, modes[i / 2 % 2], BOARD_DISK_SIZE, false);
		board_start(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		board_put_request(
			&board, VIRTIO_BLK_T_OUT, rows[row].sector, rows[row].gpa, rows[row].size);
		board_remember(&board);
		board_notify(&board);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_guest_changes(&board), 1);
		for (uint32_t at = 0; at < rows[row].size; at++) {
			if (*board_guest(&board, rows[row].gpa + at) !=
				board.disk.data[offset + at])
				fail_msg("%s: byte %u", rows[row].name, at);
		}
		assert_true(board_disk_unchanged_but(&board, offset, rows[row].size));
		/* A write into the last sector makes it whole. */
		assert_true(board.disk.size ==
			    (offset + rows[row].size > BOARD_DISK_SIZE && rows[row].size > 0
					    ? BOARD_SECTORS * 512
					    : BOARD_DISK_SIZE));
		assert_int_equal(board.device.bytes_written, rows[row].size);
		assert_int_equal(block_is_stable(&board.block),
			rows[row].size == 0 || board.disk.mode == RAMDISK_SNAPSHOT);
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_OUT, rows[row].sector,
					 rows[row].gpa, rows[row].size),
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

/*
 * Framing, 2.7.4: a request's streams, cut into descriptors. Each piece lies apart from the others;
 * the readable stream begins at the header, the writable one ends with the status.
 */
#define MAX_CUTS 40

struct frame {
	const char *name;
	uint32_t type;
	uint32_t readable; /* bytes, header included */
	uint32_t writable; /* bytes, status included */
};

static const struct frame frames[] = {
	{ "IN", VIRTIO_BLK_T_IN, 16, 513 },
	{ "OUT", VIRTIO_BLK_T_OUT, 528, 1 },
	{ "FLUSH", VIRTIO_BLK_T_FLUSH, 16, 1 },
	{ "GET_ID", VIRTIO_BLK_T_GET_ID, 16, 21 },
	{ "DISCARD", VIRTIO_BLK_T_DISCARD, 48, 1 },
	{ "WRITE_ZEROES", VIRTIO_BLK_T_WRITE_ZEROES, 48, 1 },
	{ "unknown", 99, 100, 100 },
};

/* The two streams as they are in guest memory: where byte i of each lies. */
struct laid {
	uint64_t readable[528];
	uint64_t writable[513];
	struct board_buffer buffers[2 * MAX_CUTS];
	unsigned int count;
	uint64_t next;
};

static void lay_stream(struct laid *laid, uint64_t *where, uint32_t size, const uint32_t *cuts,
	unsigned int count, bool writable)
{
	uint32_t begin = 0;

	for (unsigned int i = 0; i <= count; i++) {
		const uint32_t end = i < count ? cuts[i] : size;

		laid->buffers[laid->count++] =
			(struct board_buffer){ laid->next, end - begin, writable };
		for (uint32_t at = begin; at < end; at++)
			where[at] = laid->next + at - begin;
		laid->next += end - begin + 7;
		begin = end;
	}
}

static void expect_frame(const struct frame *frame, struct board *board, const struct laid *laid)
{
	static const char id[VIRTIO_BLK_ID_SIZE] = "cafevisor";
	const uint8_t status = *board_guest(board, laid->writable[frame->writable - 1]);
	uint32_t written = frame->writable;
	uint32_t length;

	if (frame->type == 99)
		written = 1;
	assert_true(board_take_used(board, &length));
	if (length != written)
		fail_msg("%s: length %u", frame->name, length);
	if (status != (frame->type == 99 ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_OK))
		fail_msg("%s: status %u", frame->name, status);
	for (uint32_t i = 0; frame->type == VIRTIO_BLK_T_IN && i < 512; i++)
		assert_int_equal(
			*board_guest(board, laid->writable[i]), board->disk.data[2 * 512 + i]);
	for (uint32_t i = 0; frame->type == VIRTIO_BLK_T_GET_ID && i < sizeof(id); i++)
		assert_int_equal(*board_guest(board, laid->writable[i]), (uint8_t)id[i]);
	for (uint32_t i = 0; frame->type == VIRTIO_BLK_T_OUT && i < 512; i++)
		assert_int_equal(
			board->disk.data[2 * 512 + i], *board_guest(board, laid->readable[16 + i]));
	for (uint32_t i = 0; frame->readable == 48 && i < 512; i++)
		assert_int_equal(board->disk.data[2 * 512 + i] | board->disk.data[5 * 512 + i], 0);
}

/* One request in one framing; the buffers begin at gpa. */
static void try_frame(struct board *board, const struct frame *frame, uint64_t gpa,
	const uint32_t *readable_cuts, unsigned int readable_count, const uint32_t *writable_cuts,
	unsigned int writable_count)
{
	static struct laid laid;
	static unsigned int tries;
	const bool all = tries++ % 16 == 0; /* looking at all of memory takes its time */
	uint8_t stream[528] = { 0 };
	const struct virtio_blk_header header = { .type = frame->type, .sector = 2 };
	const struct virtio_blk_range ranges[] = { { 2, 1, 0 }, { 5, 1, 0 } };

	laid.count = 0;
	laid.next = gpa;
	lay_stream(&laid, laid.readable, frame->readable, readable_cuts, readable_count, false);
	lay_stream(&laid, laid.writable, frame->writable, writable_cuts, writable_count, true);
	memcpy(stream, &header, sizeof(header));
	if (frame->readable == 48) {
		memcpy(stream + 16, ranges, sizeof(ranges));
		board->disk.data[2 * 512] = board->disk.data[5 * 512 + 511] = 1;
	} else {
		for (uint32_t i = 16; i < frame->readable; i++)
			stream[i] = (uint8_t)(i * 3 + readable_count);
	}
	for (uint32_t i = 0; i < frame->readable; i++)
		*board_guest(board, laid.readable[i]) = stream[i];
	for (uint32_t i = 0; i < frame->writable; i++)
		*board_guest(board, laid.writable[i]) = BOARD_NO_STATUS;
	board_put(board, laid.buffers, laid.count);
	if (all)
		board_remember(board);
	board_notify(board);
	if (board->block.sync_wanted) {
		ramdisk_clean(&board->disk, 0, board->disk.size);
		block_complete_sync(&board->block, true);
	}
	expect_frame(frame, board, &laid);
	if (all) {
		assert_true(board_guest_changes(board) <= frame->writable);
		assert_true(board_disk_unchanged_but(board, 2 * 512, 4 * 512));
	}
}

/* Every framing with up to two cuts in each stream. */
static void try_cuts(struct board *board, const struct frame *frame, uint64_t gpa)
{
	for (uint32_t a = 0; a < frame->readable; a++) {
		for (uint32_t b = a; b < frame->readable; b++) {
			const uint32_t cuts[] = { a == 0 ? b : a, b };
			const unsigned int count = b == 0 ? 0 : a == 0 || a == b ? 1 : 2;

			/* Behind the header, not every byte. */
			if ((a > 18 && a % 101 != 0) ||
				(b > 18 && b % 101 != 0 && b != a + frame->readable - 16))
				continue;
			try_frame(board, frame, gpa, cuts, count, NULL, 0);
		}
	}
	for (uint32_t a = 0; a < frame->writable; a++) {
		for (uint32_t b = a; b < frame->writable; b++) {
			const uint32_t cuts[] = { a == 0 ? b : a, b };
			const unsigned int count = b == 0 ? 0 : a == 0 || a == b ? 1 : 2;
			const uint32_t header_cut = 1 + (a + b) % 15;

			if ((a > 2 && a + 3 < frame->writable && a % 101 != 0) ||
				(b > 2 && b + 3 < frame->writable && b % 101 != 0))
				continue;
			try_frame(board, frame, gpa, NULL, 0, cuts, count);
			try_frame(board, frame, gpa, &header_cut, 1, cuts, count);
		}
	}
}

static void test_framing(void **state)
{
	static const uint64_t places[] = { BOARD_BUFFER, BOARD_SEAM - 13, BOARD_BEHIND };
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		board_make_started(&board, BOARD_FEATURES | board_rings[ring], 64);
		log_set_level(LOG_ERROR);
		for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
			for (size_t place = 0; place < ARRAY_COUNT(places); place++)
				try_cuts(&board, &frames[i], places[place]);
		}
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		board_free(&board);
	}
}

/* Header, and status with data, in single bytes. */
static void test_framing_in_single_bytes(void **state)
{
	uint32_t cuts[MAX_CUTS];
	struct board board;

	(void)state;
	for (uint32_t i = 0; i < MAX_CUTS; i++)
		cuts[i] = i + 1;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		board_make_started(&board, BOARD_FEATURES | board_rings[ring], 128);
		log_set_level(LOG_ERROR);
		for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
			const uint32_t readable = frames[i].readable - 1;
			const uint32_t writable = frames[i].writable - 1;

			try_frame(&board, &frames[i], BOARD_BUFFER, cuts,
				readable < MAX_CUTS - 1 ? readable : MAX_CUTS - 1, cuts,
				writable < MAX_CUTS - 1 ? writable : MAX_CUTS - 1);
		}
		board_free(&board);
	}
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

#define LARGE_DISK (40 * MIB)
#define PIECE      0x8000u
#define CHAIN_MAX  1000u

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
		board_make(&board, RAMDISK_READ_WRITE, LARGE_DISK, false);
		board_start(&board, BOARD_FEATURES | board_rings[i], 1024);
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

		board_make(&board, RAMDISK_READ_WRITE, LARGE_DISK, false);
		board_start(&board, BOARD_FEATURES | board_rings[i % 2], 1024);
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

		board_make(&board, RAMDISK_READ_WRITE, LARGE_DISK, false);
		board_start(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
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
	board_make(&board, RAMDISK_READ_WRITE, LARGE_DISK, false);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	for (size_t i = 0; i < 6; i++) {
		const uint64_t features = BOARD_FEATURES | VIRTIO_F_RING_RESET | board_rings[i % 2];

		board_make(&board, RAMDISK_READ_WRITE, LARGE_DISK, false);
		board_start(&board, features, 1024);
		put_large(&board, VIRTIO_BLK_T_OUT, 0, VIRTIO_BLK_MAX_COPY + 512, BOARD_STATUS);
		board_notify(&board);
		assert_true(virtio_blk_has_more(&board.device));
		if (i / 2 == 0)
			board_write(&board, VIRTIO_MMIO_STATUS, 0);
		else if (i / 2 == 1)
			board_write(&board, VIRTIO_MMIO_QUEUE_RESET, 1);
		else
			board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
		assert_false(virtio_blk_has_more(&board.device));
		board_remember(&board);
		virtio_blk_continue(&board.device);
		assert_int_equal(board_guest_changes(&board), 0);
		assert_true(board_disk_unchanged(&board));
		if (i / 2 == 0)
			board_start(&board, features, BOARD_ENTRIES);
		else
			board_make_queue(&board, BOARD_ENTRIES);
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
		assert_int_equal(board_do_ranges(&board, VIRTIO_BLK_T_DISCARD, &range, 1), 1);
		assert_true(board_disk_unchanged_but(&board, 40 * 512, 512));
		assert_int_equal(board_drain(&board), 0);
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_get_id),
		cmocka_unit_test(test_zeroing_commands),
		cmocka_unit_test(test_most_ranges),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_framing_in_single_bytes),
		cmocka_unit_test(test_ignored_fields),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_disk_is_shared),
		cmocka_unit_test(test_turns_end_between_requests),
		cmocka_unit_test(test_turns_end_within_a_request),
		cmocka_unit_test(test_ring_error_behind_a_long_request),
		cmocka_unit_test(test_turns_of_zeroes),
		cmocka_unit_test(test_reset_within_a_request),
	};

	return cmocka_run_group_tests_name("virtio_blk", tests, board_group_setup, NULL);
}
