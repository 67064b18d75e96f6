/* SPDX-License-Identifier: MIT */
/*
 * The drivers that the project began with, against devices/virtio_*.c: the register accesses and
 * the layouts in memory that each of them makes, in its order. Numbers behind a file's name are
 * lines of shared/seeds/. What a driver does right must work without a word on the log, what it
 * does wrong must be told.
 */
#include "tests/unit/virtio_driver.h"

/* xv6: pages from its allocator, and what it keeps beside them. */
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

/* Tock. */

static void tock_modify(struct board *board, uint32_t bit)
{
	board_write(board, VIRTIO_MMIO_STATUS, board_read(board, VIRTIO_MMIO_STATUS) | bit);
}

/*
 * tock-virtio-mmio-transport.txt 603-810, with one more queue than there is if asked for. The
 * driver chooses among bits 0 to 11. False: an error, which it has told the device of.
 */
static bool tock_initialize(struct board *board, uint64_t wanted, unsigned int queues)
{
	uint64_t features;

	assert_int_equal(board_read(board, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(board_read(board, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(board_read(board, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BLOCK);
	board_write(board, VIRTIO_MMIO_STATUS, 0);
	tock_modify(board, VIRTIO_STATUS_ACKNOWLEDGE);
	tock_modify(board, VIRTIO_STATUS_DRIVER);
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	features = board_read(board, VIRTIO_MMIO_DEVICE_FEATURES);
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features |= (uint64_t)board_read(board, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	assert_true((features & VIRTIO_F_VERSION_1) != 0);
	features = VIRTIO_F_VERSION_1 | (features & wanted & 0xfff);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES, features & 0xffff);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32 & 0xffff);
	tock_modify(board, VIRTIO_STATUS_FEATURES_OK);
	assert_true((board_read(board, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK) != 0);
	for (unsigned int index = 0; index < queues; index++) {
		board_write(board, VIRTIO_MMIO_QUEUE_SEL, index);
		assert_int_equal(board_read(board, VIRTIO_MMIO_QUEUE_READY), 0);
		if (board_read(board, VIRTIO_MMIO_QUEUE_NUM_MAX) == 0) {
			tock_modify(board, VIRTIO_STATUS_FAILED);
			return false;
		}
		board->packed = false;
		board->entries = BOARD_ENTRIES;
		board_clear_queue(board);
		board_write(board, VIRTIO_MMIO_QUEUE_NUM, board->entries);
		board_write_addresses(board, BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_DEVICE);
		board_write(board, VIRTIO_MMIO_QUEUE_READY, 1);
	}
	tock_modify(board, VIRTIO_STATUS_DRIVER_OK);
	return true;
}

/* 556-576; used buffers that were there. */
static unsigned int tock_handle_interrupt(struct board *board)
{
	const uint32_t isr = board_read(board, VIRTIO_MMIO_INTERRUPT_STATUS);

	board_write(board, VIRTIO_MMIO_INTERRUPT_ACK, isr);
	return (isr & VIRTIO_INTERRUPT_USED_BUFFER) != 0 ? board_drain(board) : 0;
}

/* A driver that accepts no feature of the device's cannot flush: its writes wait. */
static void test_tock(void **state)
{
	static const uint64_t wanted[] = { 0, 0xfff };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		board_make_plain(&board);
		assert_true(tock_initialize(&board, wanted[i], 1));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		memset(board_guest(&board, BOARD_BUFFER), 0x5a, 512);
		board_put_request(&board, VIRTIO_BLK_T_OUT, 7, BOARD_BUFFER, 512);
		board_notify(&board);
		assert_int_equal(board.block.sync_wanted, wanted[i] == 0);
		if (board.block.sync_wanted) {
			assert_false(board.line);
			assert_int_equal(tock_handle_interrupt(&board), 0);
			block_complete_sync(&board.block, true);
		}
		assert_true(board.line);
		assert_int_equal(tock_handle_interrupt(&board), 1);
		assert_false(board.line);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board.disk.data[7 * 512 + 511], 0x5a);
		board_put_request(&board, VIRTIO_BLK_T_IN, 7, BOARD_BUFFER + 512, 512);
		board_notify(&board);
		assert_int_equal(tock_handle_interrupt(&board), 1);
		assert_int_equal(*board_guest(&board, BOARD_BUFFER + 1023), 0x5a);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* 743-760: it finds no second queue, gives up, and may begin again. */
static void test_tock_with_too_many_queues(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	assert_false(tock_initialize(&board, 0, 2));
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b | VIRTIO_STATUS_FAILED);
	assert_int_equal(board_log_lines(), 0);
	assert_true(tock_initialize(&board, 0, 1));
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	assert_int_equal(tock_handle_interrupt(&board), 1);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

/* Hermit: batches of tokens over either ring, direct or in tables. */
#define HERMIT_SIZE   16u
#define HERMIT_TABLES 0x7000ull /* one of four descriptors for each id */
#define HERMIT_BATCH  4u

struct hermit {
	struct board *board;
	bool indirect;
	bool event_index;
	uint16_t pool[HERMIT_SIZE]; /* the last that came back goes first: hermit-virtqueue.txt 542
				     */
	unsigned int free;
	uint16_t shown;    /* split: the index that the device sees */
	uint64_t first;    /* packed: where the flags go that show the batch */
	uint16_t withheld; /* and these flags; 0: none */
	uint16_t place;    /* of the first chain of the batch: descriptors count from 0 */
	bool round;
};

/* Descriptors in a row, with NEXT in all but the last (252-282), packed tables included. */
static void hermit_put_table(
	struct hermit *hermit, uint64_t gpa, const struct board_buffer *buffers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const uint16_t flags = (uint16_t)((buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) |
						  (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
		struct virtq_split_descriptor split = { buffers[i].gpa, buffers[i].size, flags,
			(uint16_t)(i + 1) };
		struct virtq_packed_descriptor packed = { buffers[i].gpa, buffers[i].size, 0,
			flags };

		if (hermit->board->packed)
			board_poke(hermit->board, gpa + 16 * i, &packed, sizeof(packed));
		else
			board_poke(hermit->board, gpa + 16 * i, &split, sizeof(split));
	}
}

/* From the last descriptor to the first, each of which takes an id out of the pool. */
static void hermit_put_split(
	struct hermit *hermit, const struct board_buffer *buffers, unsigned int count)
{
	struct board *board = hermit->board;
	uint16_t head = 0;

	for (unsigned int i = count; i-- > 0;) {
		struct virtq_split_descriptor descriptor = { buffers[i].gpa, buffers[i].size,
			buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0, 0 };

		if (i + 1 < count) {
			descriptor.flags |= VIRTQ_DESC_F_NEXT;
			descriptor.next = head;
		}
		assert_true(hermit->free > 0);
		head = hermit->pool[--hermit->free];
		if (hermit->indirect) {
			const uint64_t table = HERMIT_TABLES + 64ull * head;

			hermit_put_table(hermit, table, buffers, count);
			descriptor = (struct virtq_split_descriptor){ table, 16 * count,
				VIRTQ_DESC_F_INDIRECT, 0 };
			i = 0;
		}
		board_poke(
			board, BOARD_DESCRIPTORS + 16ull * head, &descriptor, sizeof(descriptor));
	}
	board->slots[head] = (uint16_t)(hermit->indirect ? 1 : count);
	board_poke16(board, BOARD_DRIVER + 4 + 2 * (board->avail % HERMIT_SIZE), head);
	board->avail++;
}

static void hermit_put_packed(
	struct hermit *hermit, const struct board_buffer *buffers, unsigned int count)
{
	struct board *board = hermit->board;
	const uint16_t id = hermit->pool[--hermit->free];
	const unsigned int slots = hermit->indirect ? 1 : count;

	hermit_put_table(hermit, HERMIT_TABLES + 64ull * id, buffers, count);
	board->slots[id] = (uint16_t)slots;
	for (unsigned int i = 0; i < slots; i++) {
		const uint64_t at = BOARD_DESCRIPTORS + 16ull * board->next;
		struct virtq_packed_descriptor descriptor = { HERMIT_TABLES + 64ull * id,
			16 * count, id, VIRTQ_DESC_F_INDIRECT };
		uint16_t flags;

		if (!hermit->indirect)
			descriptor = (struct virtq_packed_descriptor){ buffers[i].gpa,
				buffers[i].size, id,
				(uint16_t)((buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0) |
					   (i + 1 < slots ? VIRTQ_DESC_F_NEXT : 0)) };
		descriptor.flags |= board->next_round ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
		flags = descriptor.flags;
		if (hermit->withheld == 0) {
			hermit->withheld = flags;
			hermit->first = at + 14;
			hermit->place = board->next;
			hermit->round = board->next_round;
			descriptor.flags = (uint16_t)board_peek(board, at + 14, 2);
		}
		board_poke(board, at, &descriptor, sizeof(descriptor));
		if (++board->next == HERMIT_SIZE) {
			board->next = 0;
			board->next_round = !board->next_round;
		}
	}
}

/* Whether the device's event lies in what is shown now; without EVENT_IDX, its flags say. */
static bool hermit_is_notify_wanted(const struct hermit *hermit)
{
	struct board *board = hermit->board;
	uint32_t event;

	if (!board->packed && !hermit->event_index)
		return (board_peek(board, BOARD_DEVICE, 2) & VIRTQ_USED_F_NO_NOTIFY) == 0;
	if (!board->packed) {
		event = board_peek(board, BOARD_DEVICE + 4 + 8 * HERMIT_SIZE, 2);
		return (uint16_t)(board->avail - event - 1) <
		       (uint16_t)(board->avail - hermit->shown);
	}
	event = board_peek(board, BOARD_DEVICE, 4);
	if (event >> 16 != VIRTQ_PACKED_EVENT_DESCRIPTOR)
		return event >> 16 == VIRTQ_PACKED_EVENT_ENABLE;
	return (event & 0x7fff) == hermit->place &&
	       ((event & VIRTQ_PACKED_EVENT_WRAP) != 0) == hermit->round;
}

/* 157-168: the batch is shown in one go, then the device is notified if it wants that. */
static void hermit_dispatch_batch(struct hermit *hermit)
{
	struct board *board = hermit->board;

	/* It is not there yet: a notify that comes from elsewhere must find nothing of it. */
	board_notify(board);
	assert_int_equal(board_drain(board), 0);
	if (board->packed)
		board_poke16(board, hermit->first, hermit->withheld);
	else
		board_poke16(board, BOARD_DRIVER + 2, board->avail);
	hermit->withheld = 0;
	if (hermit_is_notify_wanted(hermit))
		board_notify(board);
	hermit->shown = board->avail;
}

/* 153-155: the id of a used chain goes back to the pool; its descriptors' in a split ring. */
static bool hermit_try_recv(struct hermit *hermit, uint32_t *written)
{
	struct board *board = hermit->board;
	const uint64_t entry = BOARD_DEVICE + 4 + 8ull * (board->used % HERMIT_SIZE);
	const uint32_t packed_id =
		board_peek(board, BOARD_DESCRIPTORS + 16ull * (board->used % HERMIT_SIZE) + 12, 2);
	uint32_t id;

	if (!board_take_used(board, written))
		return false;
	id = board->packed ? packed_id : board_peek(board, entry, 4);
	assert_true(id < HERMIT_SIZE);
	for (uint16_t slots = board->packed ? 1 : board->slots[id]; slots > 0; slots--) {
		hermit->pool[hermit->free++] = (uint16_t)id;
		id = board_peek(board, BOARD_DESCRIPTORS + 16ull * id + 14, 2);
	}
	return true;
}

static void hermit_set_notifs(struct hermit *hermit, bool enabled)
{
	const uint16_t off = enabled ? 0 : 1;

	if (hermit->board->packed)
		board_poke16(hermit->board, BOARD_DRIVER + 2, off);
	else if (!hermit->event_index)
		board_poke16(hermit->board, BOARD_DRIVER, off);
}

/* A batch of requests for sectors from first on, polled for (120-145); every other one has its
 * data in two pieces. */
static void hermit_do_batch(struct hermit *hermit, uint32_t type, uint64_t first, unsigned int size)
{
	const bool in = type == VIRTIO_BLK_T_IN;
	uint32_t written;

	hermit_set_notifs(hermit, false);
	for (unsigned int i = 0; i < size; i++) {
		const uint64_t gpa = BOARD_BUFFER + 512 * i;
		const struct board_buffer three[] = { { BOARD_HEADER + 16 * i, 16, false },
			{ gpa, 512, in }, { BOARD_STATUS + i, 1, true } };
		const struct board_buffer four[] = { three[0], { gpa, 100, in },
			{ gpa + 100, 412, in }, three[2] };
		const struct board_buffer *buffers = i % 2 ? four : three;

		board_put_header(hermit->board, BOARD_HEADER + 16 * i, type, first + i);
		*board_guest(hermit->board, BOARD_STATUS + i) = BOARD_NO_STATUS;
		if (hermit->board->packed)
			hermit_put_packed(hermit, buffers, i % 2 ? 4 : 3);
		else
			hermit_put_split(hermit, buffers, i % 2 ? 4 : 3);
	}
	hermit_dispatch_batch(hermit);
	for (unsigned int i = 0; i < size; i++) {
		assert_true(hermit_try_recv(hermit, &written));
		assert_int_equal(written, in ? 513 : 1);
		assert_int_equal(*board_guest(hermit->board, BOARD_STATUS + i), VIRTIO_BLK_S_OK);
	}
	assert_false(hermit_try_recv(hermit, &written));
	hermit_set_notifs(hermit, true);
}

static void run_hermit(uint64_t features, bool indirect)
{
	struct board board;
	struct hermit hermit = {
		.board = &board,
		.indirect = indirect,
		.event_index = (features & VIRTIO_F_EVENT_IDX) != 0,
	};

	board_make_started(&board, features | VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH, HERMIT_SIZE);
	for (uint16_t id = 0; id < HERMIT_SIZE; id++)
		hermit.pool[hermit.free++] = id;
	for (unsigned int i = 0; i < 60; i++) {
		const uint64_t first = i * 7 % (BOARD_SECTORS - HERMIT_BATCH);
		const unsigned int size = i % 3 == 0 ? HERMIT_BATCH : 1;

		memset(board_guest(&board, BOARD_BUFFER), (int)i + 1, HERMIT_BATCH * 512);
		hermit_do_batch(&hermit, VIRTIO_BLK_T_OUT, first, size);
		memset(board_guest(&board, BOARD_BUFFER), 0, HERMIT_BATCH * 512);
		hermit_do_batch(&hermit, VIRTIO_BLK_T_IN, first, size);
		assert_memory_equal(board_guest(&board, BOARD_BUFFER),
			board.disk.data + first * 512, size * 512);
		assert_int_equal(*board_guest(&board, BOARD_BUFFER + 100), i + 1);
	}
	/* Only a split ring with EVENT_IDX cannot be told to be quiet but by an index. */
	if (board.packed || !hermit.event_index)
		assert_int_equal(board.raised, 0);
	assert_int_equal(hermit.free, HERMIT_SIZE);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_hermit(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		run_hermit((i & 1 ? VIRTIO_F_RING_PACKED : 0) | (i & 2 ? VIRTIO_F_EVENT_IDX : 0) |
				   (i & 4 ? VIRTIO_F_INDIRECT_DESC : 0),
			(i & 4) != 0);
}

/* Kerla: what its author tried, one after the other, and what he is told. */

/* Pages, and the offsets that he adds to them: kerla-virtio-blk-pull-request.txt 435-470. */
#define KERLA_REQUEST 0xb000ull
#define KERLA_STATUS  0xc001ull
#define KERLA_BUFFER  0xd002ull

/* 319-321, 425: the configuration byte by byte. */
static uint64_t kerla_read_config64(struct board *board, uint64_t field)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= board_access_read(board, VIRTIO_MMIO_CONFIG + field + i, 1) << (8 * i);
	return value;
}

static void kerla_enqueue(struct board *board, const struct board_buffer *chain, unsigned int count)
{
	board_put_header(board, KERLA_REQUEST, VIRTIO_BLK_T_OUT, 0);
	/* 185-190: the data behind the header, too. */
	memset(board_guest(board, KERLA_REQUEST + 16), 0x5a, 512);
	memset(board_guest(board, KERLA_BUFFER), 0x5a, 512);
	*board_guest(board, KERLA_STATUS) = BOARD_NO_STATUS;
	board_put(board, chain, count);
	board_notify(board);
}

static void test_kerla(void **state)
{
	static const struct {
		const char *name;
		struct board_buffer chain[3];
		unsigned int count;
		uint8_t status;
		uint64_t written; /* to the disk */
		const char *log;  /* null: none */
	} rows[] = {
		{ "131-134: header and data in one readable piece, no status",
			{ { KERLA_REQUEST, 16 + 512, false } }, 1, BOARD_NO_STATUS, 0,
			"request at head 0: 528 readable and 0 writable bytes; its header needs "
			"16, "
			"its status 1; status set to DEVICE_NEEDS_RESET" },
		{ "193-205: the data twice, the second time from the address that its first byte "
		  "is, the status likewise: two sectors, as far as a device can see",
			{ { KERLA_REQUEST, 16 + 512, false }, { 0x5a, 512, false },
				{ 0, 1, true } },
			3, BOARD_NO_STATUS, 1024, NULL },
		{ "409: half a sector",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 256, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_IOERR, 0,
			"request at head 0 (OUT): 256 bytes of data are no multiple of 512; "
			"IOERR" },
		{ "565: a byte",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 1, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_IOERR, 0,
			"request at head 0 (OUT): 1 bytes of data are no multiple of 512; "
			"IOERR" },
		{ "480-493: a sector",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 512, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_OK, 512, NULL },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make(&board, RAMDISK_READ_WRITE, BOARD_DISK_SIZE, true);
		assert_int_equal(
			kerla_read_config64(&board, offsetof(struct virtio_blk_config, capacity)),
			BOARD_SECTORS);
		board_start(&board, VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_BLK_SIZE, BOARD_ENTRIES);
		board_remember(&board);
		kerla_enqueue(&board, rows[i].chain, rows[i].count);
		if (rows[i].log != NULL)
			board_expect_log(rows[i].name, rows[i].log);
		assert_int_equal(board_log_lines(), 0);
		assert_int_equal(*board_guest(&board, KERLA_STATUS), rows[i].status);
		/* 384: 'see if the attached image file has changed'. */
		assert_true(board_disk_unchanged_but(&board, 0, rows[i].written));
		assert_int_equal(board.disk.data[0] == 0x5a, rows[i].written > 0);
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xv6),
		cmocka_unit_test(test_xv6_for_long),
		cmocka_unit_test(test_xv6_with_two_at_once),
		cmocka_unit_test(test_tock),
		cmocka_unit_test(test_tock_with_too_many_queues),
		cmocka_unit_test(test_hermit),
		cmocka_unit_test(test_kerla),
	};

	return cmocka_run_group_tests_name("virtio_seeds", tests, board_group_setup, NULL);
}
