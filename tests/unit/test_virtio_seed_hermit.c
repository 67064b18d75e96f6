/* SPDX-License-Identifier: MIT */
/*
 * Hermit's driver, replayed on devices/virtio_*.c: batches of tokens over either ring, direct or in
 * tables, without a word on the log. Numbers behind a file's name are lines of shared/seeds/.
 */
#include "tests/unit/virtio_driver.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hermit),
	};

	return cmocka_run_group_tests_name("virtio_seed_hermit", tests, board_group_setup, NULL);
}
