/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk_request.c: framing, virtio 1.2, 2.7.4. A request's streams, cut
 * into descriptors, each of which lies apart from the others; the readable stream begins at the
 * header, the writable one ends with the status.
 */
#include "tests/unit/virtio_driver.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_framing_in_single_bytes),
	};

	return cmocka_run_group_tests_name("virtio_blk_framing", tests, board_group_setup, NULL);
}
