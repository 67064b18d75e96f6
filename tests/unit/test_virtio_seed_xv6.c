/* SPDX-License-Identifier: MIT */
/*
 * xv6's driver, replayed on devices/virtio_*.c: its accesses and its layouts in memory, in its
 * order, without a word on the log. Numbers behind a file's name are lines of shared/seeds/.
 */
#include "tests/unit/virtio_driver.h"

/* Pages from its allocator, and what it keeps beside them. */
#define XV6_NUM     8u
#define XV6_BSIZE   1024u
#define XV6_DESC    0x1000ull
#define XV6_AVAIL   0x2000ull
#define XV6_USED    0x3000ull
#define XV6_OPS     0x4000ull
#define XV6_INFO    0x4100ull /* the status of chain i is at 16 * i + 8 */
#define XV6_BUFFERS 0x5000ull

struct xv6 {
	struct board *board;
	uint32_t status;
	bool free[XV6_NUM];
	uint16_t used_idx;
	bool waits[XV6_NUM]; /* for chain i; b->disk */
};

static void zero_page(struct board *board, uint64_t gpa)
{
	board_zero_guest(board, gpa, 4096);
}

/* xv6-virtio-disk.txt 72-213. It writes neither of the two Sel registers. */
static void xv6_init(struct xv6 *xv6, struct board *board)
{
	uint64_t features;

	*xv6 = (struct xv6){ .board = board };
	assert_int_equal(board_read(board, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(board_read(board, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(board_read(board, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(board_read(board, VIRTIO_MMIO_VENDOR_ID), 0x554d4551);
	board_write(board, VIRTIO_MMIO_STATUS, 0);
	board_write(board, VIRTIO_MMIO_STATUS, xv6->status |= VIRTIO_STATUS_ACKNOWLEDGE);
	board_write(board, VIRTIO_MMIO_STATUS, xv6->status |= VIRTIO_STATUS_DRIVER);
	features = board_read(board, VIRTIO_MMIO_DEVICE_FEATURES);
	/* RO, SCSI, CONFIG_WCE, MQ, ANY_LAYOUT, EVENT_IDX, INDIRECT_DESC: 112-118. */
	features &= ~(BIT(5) | BIT(7) | BIT(11) | BIT(12) | BIT(27) | BIT(29) | BIT(28));
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES, features);
	board_write(board, VIRTIO_MMIO_STATUS, xv6->status |= VIRTIO_STATUS_FEATURES_OK);
	xv6->status = board_read(board, VIRTIO_MMIO_STATUS);
	assert_true((xv6->status & VIRTIO_STATUS_FEATURES_OK) != 0);
	board_write(board, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(board_read(board, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_true(board_read(board, VIRTIO_MMIO_QUEUE_NUM_MAX) >= XV6_NUM);
	zero_page(board, XV6_DESC);
	zero_page(board, XV6_AVAIL);
	zero_page(board, XV6_USED);
	board_write(board, VIRTIO_MMIO_QUEUE_NUM, XV6_NUM);
	board_write_addresses(board, XV6_DESC, XV6_AVAIL, XV6_USED);
	board_write(board, VIRTIO_MMIO_QUEUE_READY, 1);
	memset(xv6->free, true, sizeof(xv6->free));
	board_write(board, VIRTIO_MMIO_STATUS, xv6->status |= VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(board_read(board, VIRTIO_MMIO_STATUS), 0x0f);
}

static uint16_t xv6_alloc_desc(struct xv6 *xv6)
{
	for (uint16_t i = 0; i < XV6_NUM; i++) {
		if (xv6->free[i]) {
			xv6->free[i] = false;
			return i;
		}
	}
	fail_msg("xv6 has no descriptor left");
	return 0;
}

static void xv6_put_desc(
	struct xv6 *xv6, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	const struct virtq_split_descriptor descriptor = { addr, len, flags, next };

	board_poke(xv6->board, XV6_DESC + 16ull * i, &descriptor, sizeof(descriptor));
}

/* 286-365: until it sleeps. The head of its chain. */
static uint16_t xv6_start_rw(struct xv6 *xv6, uint64_t blockno, uint64_t data, bool write)
{
	struct board *board = xv6->board;
	uint16_t idx[3];
	uint16_t avail;

	for (int i = 0; i < 3; i++)
		idx[i] = xv6_alloc_desc(xv6);
	board_put_header(board, XV6_OPS + 16ull * idx[0],
		write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, blockno * (XV6_BSIZE / 512));
	xv6_put_desc(xv6, idx[0], XV6_OPS + 16ull * idx[0], 16, VIRTQ_DESC_F_NEXT, idx[1]);
	xv6_put_desc(xv6, idx[1], data, XV6_BSIZE,
		(uint16_t)(VIRTQ_DESC_F_NEXT | (write ? 0 : VIRTQ_DESC_F_WRITE)), idx[2]);
	*board_guest(board, XV6_INFO + 16ull * idx[0] + 8) = 0xff;
	xv6_put_desc(xv6, idx[2], XV6_INFO + 16ull * idx[0] + 8, 1, VIRTQ_DESC_F_WRITE, 0);
	xv6->waits[idx[0]] = true;
	avail = (uint16_t)board_peek(board, XV6_AVAIL + 2, 2);
	board_poke16(board, XV6_AVAIL + 4 + 2 * (avail % XV6_NUM), idx[0]);
	board_poke16(board, XV6_AVAIL + 2, (uint16_t)(avail + 1));
	board_write(board, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	return idx[0];
}

/* 254-266, 375-376: once it is awake. */
static void xv6_finish_rw(struct xv6 *xv6, uint16_t i)
{
	bool more = true;

	assert_false(xv6->waits[i]);
	while (more) {
		const uint64_t at = XV6_DESC + 16ull * i;
		const uint16_t next = (uint16_t)board_peek(xv6->board, at + 14, 2);

		more = (board_peek(xv6->board, at + 12, 2) & VIRTQ_DESC_F_NEXT) != 0;
		board_zero_guest(xv6->board, at, 16);
		xv6->free[i] = true;
		i = next;
	}
}

/* 398-410. */
static unsigned int xv6_take_used(struct xv6 *xv6)
{
	struct board *board = xv6->board;
	unsigned int count = 0;

	while (xv6->used_idx != board_peek(board, XV6_USED + 2, 2)) {
		const uint32_t id =
			board_peek(board, XV6_USED + 4 + 8 * (xv6->used_idx % XV6_NUM), 4);

		assert_true(id < XV6_NUM);
		assert_int_equal(*board_guest(board, XV6_INFO + 16ull * id + 8), 0);
		assert_true(xv6->waits[id]);
		xv6->waits[id] = false;
		xv6->used_idx++;
		count++;
	}
	return count;
}

/* 381-413. */
static unsigned int xv6_intr(struct xv6 *xv6)
{
	const uint32_t seen = board_read(xv6->board, VIRTIO_MMIO_INTERRUPT_STATUS);

	board_write(xv6->board, VIRTIO_MMIO_INTERRUPT_ACK, seen & 3);
	return xv6_take_used(xv6);
}

static void xv6_rw(struct xv6 *xv6, uint64_t blockno, uint64_t data, bool write)
{
	const uint16_t head = xv6_start_rw(xv6, blockno, data, write);

	assert_true(xv6->board->line);
	assert_int_equal(xv6_intr(xv6), 1);
	assert_false(xv6->board->line);
	xv6_finish_rw(xv6, head);
}

static void test_xv6(void **state)
{
	struct board board;
	struct xv6 xv6;

	(void)state;
	board_make_plain(&board);
	xv6_init(&xv6, &board);
	/* FLUSH is among what it accepts, so its cache writes back: no write waits. */
	for (uint64_t block = 0; block < BOARD_SECTORS / 2; block++) {
		memset(board_guest(&board, XV6_BUFFERS), (int)block + 1, XV6_BSIZE);
		xv6_rw(&xv6, block, XV6_BUFFERS, true);
		xv6_rw(&xv6, block, XV6_BUFFERS + XV6_BSIZE, false);
		assert_memory_equal(board_guest(&board, XV6_BUFFERS + XV6_BSIZE),
			board_guest(&board, XV6_BUFFERS), XV6_BSIZE);
		assert_int_equal(board.disk.data[block * XV6_BSIZE + 1023], (uint8_t)(block + 1));
	}
	assert_false(board.block.sync_wanted);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

/* Both indices wrap. */
static void test_xv6_for_long(void **state)
{
	struct board board;
	struct xv6 xv6;

	(void)state;
	board_make_plain(&board);
	xv6_init(&xv6, &board);
	for (uint32_t i = 0; i < 66000; i++)
		xv6_rw(&xv6, i % (BOARD_SECTORS / 2), XV6_BUFFERS + i % 2 * XV6_BSIZE, false);
	assert_int_equal(board_peek(&board, XV6_USED + 2, 2), 66000 % 65536);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

/*
 * Two at once, so that chains are no longer made of neighbours; and one that completes between the
 * reading of InterruptStatus and the acknowledge (388): its bit goes, its entry is found.
 */
static void test_xv6_with_two_at_once(void **state)
{
	struct board board;
	struct xv6 xv6;
	uint16_t first, second;
	uint32_t seen;

	(void)state;
	board_make_plain(&board);
	xv6_init(&xv6, &board);
	first = xv6_start_rw(&xv6, 0, XV6_BUFFERS, false);
	for (unsigned int i = 0; i < 40; i++) {
		seen = board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS);
		assert_int_equal(seen, VIRTIO_INTERRUPT_USED_BUFFER);
		second = xv6_start_rw(&xv6, i % 30, XV6_BUFFERS + XV6_BSIZE, i % 3 == 0);
		board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, seen & 3);
		assert_false(board.line);
		assert_int_equal(xv6_take_used(&xv6), 2);
		assert_int_equal(xv6_intr(&xv6), 0);
		xv6_finish_rw(&xv6, first);
		first = xv6_start_rw(&xv6, i % 31, XV6_BUFFERS, i % 5 == 0);
		xv6_finish_rw(&xv6, second);
	}
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xv6),
		cmocka_unit_test(test_xv6_for_long),
		cmocka_unit_test(test_xv6_with_two_at_once),
	};

	return cmocka_run_group_tests_name("virtio_seed_xv6", tests, board_group_setup, NULL);
}
