/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_packed.c: what a chain may and may not look like in the packed ring
 * and in its indirect tables, wherever in the ring it begins, and who is told when.
 * virtio 1.2, 2.8.
 */
#include "tests/unit/virtq_board.h"

#define ENTRIES 7u
#define B       BOARD_BUFFER
#define STALE   0x100u /* not available: has the bits of the round before */

/* A chain in a ring of 7; the driver adds the two bits, and NEXT only where a row says so. */
struct shape {
	const char *name;
	const char *why; /* null: taken */
	unsigned int slots;
	unsigned int readable, writable;
	uint64_t readable_bytes, writable_bytes;
	struct piece ring[ENTRIES + 1];
	struct piece table[10]; /* at BOARD_TABLE */
};

#define TABLE(n, flags)                                   \
	{                                                 \
		BOARD_TABLE, 16 * (n), INDIRECT | (flags) \
	}

static const struct shape shapes[] = {
	{ "one readable", NULL, 1, 1, 0, 16, 0, { { B, 16, 0 } }, { { 0 } } },
	{ "one writable", NULL, 1, 0, 1, 0, 16, { { B, 16, WRITE } }, { { 0 } } },
	{ "read request", NULL, 3, 1, 2, 16, 513,
		{ { B, 16, NEXT }, { B + 64, 512, NEXT | WRITE }, { B + 32, 1, WRITE } },
		{ { 0 } } },
	{ "write request", NULL, 3, 2, 1, 528, 1,
		{ { B, 16, NEXT }, { B + 64, 512, NEXT }, { B + 32, 1, WRITE } }, { { 0 } } },
	{ "two", NULL, 2, 1, 1, 16, 1, { { B, 16, NEXT }, { B + 32, 1, WRITE } }, { { 0 } } },
	{ "three readable", NULL, 3, 3, 0, 6, 0, { { B, 1, NEXT }, { B, 2, NEXT }, { B, 3, 0 } },
		{ { 0 } } },
	{ "three writable", NULL, 3, 0, 3, 0, 6,
		{ { B, 1, NEXT | WRITE }, { B, 2, NEXT | WRITE }, { B, 3, WRITE } }, { { 0 } } },
	{ "as long as the ring", NULL, 7, 4, 3, 4, 3,
		{ { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT },
			{ B, 1, NEXT | WRITE }, { B, 1, NEXT | WRITE }, { B, 1, WRITE } },
		{ { 0 } } },
	{ "unknown flags", NULL, 2, 1, 1, 16, 1,
		{ { B, 16, NEXT | 0x7e78 }, { B, 1, WRITE | 0x7e78 } }, { { 0 } } },
	{ "nothing but an empty one", NULL, 1, 0, 0, 0, 0, { { B, 0, 0 } }, { { 0 } } },
	{ "empty ones all over, address anywhere", NULL, 6, 1, 1, 16, 1,
		{ { ~0ull, 0, NEXT }, { B, 16, NEXT }, { BOARD_HOLE, 0, NEXT },
			{ 1, 0, NEXT | WRITE }, { B, 1, NEXT | WRITE }, { ~0ull, 0, WRITE } },
		{ { 0 } } },
	{ "empty one in the middle of three", NULL, 3, 1, 1, 16, 1,
		{ { B, 16, NEXT }, { 0, 0, NEXT | WRITE }, { B, 1, WRITE } }, { { 0 } } },
	{ "across two seams", NULL, 2, 1, 3, 16, 0x1020,
		{ { B, 16, NEXT }, { BOARD_SEAM - 16, 0x1020, WRITE } }, { { 0 } } },
	{ "middle one of three across a seam", NULL, 3, 1, 3, 16, 65,
		{ { B, 16, NEXT }, { BOARD_SEAM - 16, 64, NEXT | WRITE }, { B, 1, WRITE } },
		{ { 0 } } },
	{ "last bytes before the hole and behind it", NULL, 3, 3, 0, 3, 0,
		{ { BOARD_HOLE - 1, 1, NEXT }, { BOARD_BEHIND, 1, NEXT }, { BOARD_END - 1, 1, 0 } },
		{ { 0 } } },

	{ "table of three", NULL, 1, 1, 2, 16, 513, { TABLE(3, 0) },
		{ { B, 16, 0 }, { B + 64, 512, WRITE }, { B + 32, 1, WRITE } } },
	{ "table of three, to be read", NULL, 1, 2, 1, 528, 1, { TABLE(3, 0) },
		{ { B, 16, 0 }, { B + 64, 512, 0 }, { B + 32, 1, WRITE } } },
	{ "table of three, flags that mean nothing", NULL, 1, 1, 2, 16, 513, { TABLE(3, 0) },
		{ { B, 16, 0xfff9 }, { B + 64, 512, 0xfff9 | WRITE },
			{ B + 32, 1, 0xfff9 | WRITE } } },
	{ "table of one", NULL, 1, 0, 1, 0, 7, { TABLE(1, 0) }, { { B, 7, WRITE } } },
	{ "NEXT in the last of a table means nothing", NULL, 1, 1, 1, 7, 1, { TABLE(2, 0) },
		{ { B, 7, NEXT }, { B, 1, NEXT | WRITE } } },
	{ "WRITE on the table is ignored", NULL, 1, 1, 0, 7, 0, { TABLE(1, WRITE) },
		{ { B, 7, 0 } } },
	{ "WRITE on a table of three is ignored", NULL, 1, 2, 1, 2, 1, { TABLE(3, WRITE) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, WRITE } } },
	{ "table as long as the ring", NULL, 1, 7, 0, 7, 0, { TABLE(7, 0) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 },
			{ B, 1, 0 } } },
	{ "table across a seam", NULL, 1, 1, 1, 16, 1, { { BOARD_SEAM2 - 24, 32, INDIRECT } },
		{ { B, 16, 0 }, { B, 1, WRITE } } },
	{ "table of three at an odd address", NULL, 1, 1, 2, 16, 2,
		{ { BOARD_TABLE + 7, 48, INDIRECT } },
		{ { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } } },

	{ "chain goes on where nothing is available", "goes on here, but this is not available", 0,
		0, 0, 0, 0, { { B, 16, NEXT }, { B, 1, WRITE | STALE } }, { { 0 } } },
	{ "third is not available", "goes on here, but this is not available", 0, 0, 0, 0, 0,
		{ { B, 16, NEXT }, { B, 1, NEXT | WRITE }, { B, 1, WRITE | STALE } }, { { 0 } } },
	{ "longer than the ring", "goes on here, but this is not available", 0, 0, 0, 0, 0,
		{ { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT },
			{ B, 1, NEXT }, { B, 1, NEXT } },
		{ { 0 } } },
	{ "readable behind writable", "device-readable, but behind a device-writable", 0, 0, 0, 0,
		0, { { B, 16, NEXT | WRITE }, { B, 16, 0 } }, { { 0 } } },
	{ "readable behind writable, third", "device-readable, but behind a device-writable", 0, 0,
		0, 0, 0, { { B, 16, NEXT }, { B, 16, NEXT | WRITE }, { B, 16, 0 } }, { { 0 } } },
	{ "readable and empty behind writable", "device-readable, but behind", 0, 0, 0, 0, 0,
		{ { B, 16, NEXT | WRITE }, { B, 0, 0 } }, { { 0 } } },
	{ "buffer reaches into the hole", "buffer 0x2fff0+17 is outside guest memory", 0, 0, 0, 0,
		0, { { BOARD_HOLE - 16, 17, 0 } }, { { 0 } } },
	{ "buffer over the end", "outside guest memory", 0, 0, 0, 0, 0,
		{ { BOARD_END - 1, 2, WRITE } }, { { 0 } } },
	{ "buffer wraps", "buffer 0xfffffffffffffff0+32 is outside", 0, 0, 0, 0, 0,
		{ { ~15ull, 32, 0 } }, { { 0 } } },
	{ "longest buffer", "buffer 0x10000+4294967295 is outside", 0, 0, 0, 0, 0,
		{ { B, 0xffffffff, 0 } }, { { 0 } } },
	{ "last of three outside", "buffer 0x30000+1", 0, 0, 0, 0, 0,
		{ { B, 16, NEXT }, { B, 512, NEXT | WRITE }, { BOARD_HOLE, 1, WRITE } },
		{ { 0 } } },

	{ "INDIRECT with NEXT", "INDIRECT together with NEXT", 0, 0, 0, 0, 0,
		{ TABLE(1, NEXT), { B, 1, 0 } }, { { B, 1, 0 } } },
	{ "INDIRECT behind a direct one", "INDIRECT inside a chain", 0, 0, 0, 0, 0,
		{ { B, 1, NEXT }, TABLE(1, 0) }, { { B, 1, 0 } } },
	{ "INDIRECT third", "INDIRECT inside a chain", 0, 0, 0, 0, 0,
		{ { B, 1, NEXT }, { B, 1, NEXT }, TABLE(1, 0) }, { { B, 1, 0 } } },
	{ "table of length 0", "length 0 of the indirect table", 0, 0, 0, 0, 0, { TABLE(0, 0) },
		{ { B, 1, 0 } } },
	{ "table of length 49", "length 49 of the indirect table", 0, 0, 0, 0, 0,
		{ { BOARD_TABLE, 49, INDIRECT } }, { { B, 1, 0 }, { B, 1, 0 }, { B, 1, WRITE } } },
	{ "table reaches into the hole", "indirect table 0x2fff0+32 is outside guest memory", 0, 0,
		0, 0, 0, { { BOARD_HOLE - 16, 32, INDIRECT } }, { { B, 1, 0 } } },
	{ "table of three outside", "indirect table 0x30000+48 is outside", 0, 0, 0, 0, 0,
		{ { BOARD_HOLE, 48, INDIRECT } }, { { 0 } } },
	{ "table wraps", "outside guest memory", 0, 0, 0, 0, 0, { { ~15ull, 48, INDIRECT } },
		{ { 0 } } },
	{ "table in a table", "descriptor 1 of the indirect table at 0xd000: INDIRECT inside", 0, 0,
		0, 0, 0, { TABLE(2, 0) }, { { B, 1, 0 }, { BOARD_TABLE, 16, INDIRECT } } },
	{ "table in a table of three", "descriptor 1 of the indirect table at 0xd000: INDIRECT", 0,
		0, 0, 0, 0, { TABLE(3, 0) },
		{ { B, 1, 0 }, { BOARD_TABLE, 16, INDIRECT }, { B, 1, WRITE } } },
	{ "table longer than the ring",
		"descriptor 7 of the indirect table at 0xd000: the chain has more descriptors", 0,
		0, 0, 0, 0, { TABLE(8, 0) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 },
			{ B, 1, 0 }, { B, 1, 0 } } },
	{ "readable behind writable in the table", "descriptor 2 of the indirect table", 0, 0, 0, 0,
		0, { TABLE(3, 0) }, { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, 0 } } },
	{ "table's buffer outside", "indirect table at 0xd000: buffer 0x30000+1", 0, 0, 0, 0, 0,
		{ TABLE(1, 0) }, { { BOARD_HOLE, 1, 0 } } },
};

/* Puts what the row says where the driver is; slots: those that have a descriptor. */
static unsigned int put_shape(struct board *board, const struct shape *shape, uint16_t id)
{
	uint64_t table = BOARD_TABLE;
	unsigned int slots = 0;

	do {
		const struct piece *piece = &shape->ring[slots];
		bool round = board->round != ((piece->flags & STALE) != 0);

		board_put_descriptor(board, board->setup.descriptors + 16ull * board->next,
			piece->address, piece->length, id,
			(uint16_t)((piece->flags & ~STALE) | (round ? AVAILABLE : USED)));
		if ((piece->flags & INDIRECT) != 0 &&
			guest_memory_contains(&board->memory, piece->address, 160))
			table = piece->address;
		if (++board->next == ENTRIES) {
			board->next = 0;
			board->round = !board->round;
		}
		slots++;
	} while (slots < ENTRIES && (shape->ring[slots - 1].flags & NEXT) != 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(shape->table); i++)
		board_put_descriptor(board, table + 16ull * i, shape->table[i].address,
			shape->table[i].length, 0xdead, (uint16_t)shape->table[i].flags);
	return slots;
}

static void check_chain(struct board *board, const struct shape *shape)
{
	const struct virtq_chain *chain = &board->chain;
	uint64_t bytes[2] = { 0, 0 };

	if (chain->readable != shape->readable || chain->writable != shape->writable ||
		chain->readable_bytes != shape->readable_bytes ||
		chain->writable_bytes != shape->writable_bytes || chain->slots != shape->slots)
		fail_msg("%s: %u slots, %u+%u segments, %lu+%lu bytes", shape->name, chain->slots,
			chain->readable, chain->writable, chain->readable_bytes,
			chain->writable_bytes);
	for (unsigned int i = 0; i < chain->readable + chain->writable; i++) {
		assert_true(chain->segments[i].size > 0);
		bytes[i >= chain->readable] += chain->segments[i].size;
		/* ASan looks here. */
		*(volatile uint8_t *)(chain->segments[i].host + chain->segments[i].size - 1);
	}
	assert_true(bytes[0] == shape->readable_bytes && bytes[1] == shape->writable_bytes);
}

/* One chain of one slot, all the way. */
static void pass_one(struct board *board)
{
	const struct piece piece = { B, 1, WRITE };
	uint32_t id, written;

	board_add(board, &piece, 1, 5);
	assert_int_equal(board_take(board), VIRTQ_CHAIN);
	virtq_use(&board->queue, 5, 1, 1);
	assert_true(virtq_publish(&board->queue));
	assert_true(board_pop_used(board, 1, &id, &written));
}

/* Each shape from each slot on in both rounds, in a ring in one piece and in one across a seam. */
static void test_shapes(void **state)
{
	static const uint64_t places[] = { BOARD_DESCRIPTORS, BOARD_SEAM - 48, BOARD_BEHIND };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(shapes) * ARRAY_COUNT(places) * 2 * ENTRIES; i++) {
		const struct shape *shape = &shapes[i / (ARRAY_COUNT(places) * 2 * ENTRIES)];
		size_t before = i % (2 * ENTRIES);
		enum virtq_result result;
		uint32_t id, written;

		board_make(&board);
		board.setup.packed = true;
		board.setup.indirect = true;
		board.setup.size = ENTRIES;
		board.setup.descriptors = places[i / (2 * ENTRIES) % ARRAY_COUNT(places)];
		board_start(&board);
		for (size_t k = 0; k < before; k++)
			pass_one(&board);
		put_shape(&board, shape, (uint16_t)(0xfff0 + i % 16));
		result = board_take(&board);
		if (result != (shape->why == NULL ? VIRTQ_CHAIN : VIRTQ_BROKEN))
			fail_msg(
				"%s from %zu: %d %s", shape->name, before, result, board.queue.why);
		if (shape->why == NULL) {
			check_chain(&board, shape);
			assert_int_equal(board.chain.id, 0xfff0 + i % 16);
			virtq_use(&board.queue, board.chain.id, board.chain.slots, 0x12345678);
			assert_false(board_pop_used(&board, board.chain.slots, &id, &written));
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, board.chain.slots, &id, &written));
			assert_int_equal(id, 0xfff0 + i % 16);
			assert_int_equal(written, 0x12345678);
			pass_one(&board);
		} else {
			board_expect_broken(&board, shape->name, shape->why);
			assert_false(virtq_publish(&board.queue));
		}
		board_free(&board);
	}
}

static void test_indirect_not_negotiated(void **state)
{
	struct board board;

	(void)state;
	for (uint32_t count = 1; count <= 3; count += 2) {
		const struct piece piece = { BOARD_TABLE, 16 * count, INDIRECT };

		board_make(&board);
		board.setup.packed = true;
		board_start(&board);
		board_put_table(&board, BOARD_TABLE,
			(const struct piece[]){ { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } },
			count);
		board_add(&board, &piece, 1, 0);
		assert_int_equal(board_take(&board), VIRTQ_BROKEN);
		board_expect_broken(&board, "not negotiated", "VIRTIO_F_INDIRECT_DESC");
		board_free(&board);
	}
}

/* The buffer id of the last descriptor counts, and it may be any number. */
static void test_ids(void **state)
{
	static const uint16_t ids[] = { 0, 1, 6, 7, 0x7fff, 0x8000, 0xffff };
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		uint16_t first = board.next;

		board_add(&board, pieces, 2, ids[i]);
		board_put(&board, BOARD_DESCRIPTORS + 16ull * first + 12, (uint16_t)~ids[i], 2);
		assert_int_equal(board_take(&board), VIRTQ_CHAIN);
		assert_int_equal(board.chain.id, ids[i]);
		virtq_use(&board.queue, board.chain.id, board.chain.slots, 0);
		assert_true(virtq_publish(&board.queue));
		assert_true(board_pop_used(&board, 2, &id, &written));
		assert_int_equal(id, ids[i]);
		assert_int_equal(written, 0);
	}
	board_free(&board);
}

/* The two bits: available in this round, in the other, used in either. 2.8.1 */
static void test_available_bits(void **state)
{
	static const struct {
		unsigned int before; /* slots */
		uint16_t bits;
		enum virtq_result result;
	} rows[] = {
		{ 0, 0, VIRTQ_EMPTY },
		{ 0, AVAILABLE, VIRTQ_CHAIN },
		{ 0, USED, VIRTQ_EMPTY },
		{ 0, AVAILABLE | USED, VIRTQ_EMPTY },
		{ ENTRIES, 0, VIRTQ_EMPTY },
		{ ENTRIES, AVAILABLE, VIRTQ_EMPTY },
		{ ENTRIES, USED, VIRTQ_CHAIN },
		{ ENTRIES, AVAILABLE | USED, VIRTQ_EMPTY },
		{ 2 * ENTRIES, AVAILABLE, VIRTQ_CHAIN },
		{ 2 * ENTRIES, USED, VIRTQ_EMPTY },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int k = 0; k < rows[i].before; k++)
			pass_one(&board);
		board_put_descriptor(&board, BOARD_DESCRIPTORS, B, 16, 0, rows[i].bits);
		assert_int_equal(virtq_has_more(&board.queue), rows[i].result == VIRTQ_CHAIN);
		assert_int_equal(board_take(&board), rows[i].result);
		board_free(&board);
	}
}

/* The ring is full of chains that were taken: what is made available on top breaks it. */
static void test_no_room(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (unsigned int used = 0; used < 2; used++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int i = 0; i < 3; i++)
			board_add(&board, pieces, 2, 0);
		virtq_begin(&board.queue);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
		if (used != 0) {
			virtq_use(&board.queue, 0, 2, 0);
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 2, &id, &written));
		}
		/* The seventh slot and the first: the first is still in use, or not. */
		board_add(&board, pieces, 2, 9);
		if (used != 0) {
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			assert_int_equal(board.chain.id, 9);
		} else {
			assert_int_equal(board_take(&board), VIRTQ_BROKEN);
			board_expect_broken(
				&board, "no room", "6 of the ring's 7 entries are in use");
			/* What was taken before the error can be put back and shown. */
			virtq_use(&board.queue, 0, 2, 0);
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 2, &id, &written));
		}
		board_free(&board);
	}
}

/*
 * A turn takes at most as many slots as the ring has, though more become available while it runs,
 * and shows nothing before its end: the first used descriptor is shown last.
 */
static void test_bound(void **state)
{
	const struct piece piece = { B, 16, WRITE };
	unsigned int taken = 0;
	struct board board;
	uint32_t id, written;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN) {
		virtq_use(&board.queue, board.chain.id, board.chain.slots, 3);
		assert_false(board_pop_used(&board, 1, &id, &written));
		/* As a hostile one does it, over what is in use. */
		board_add(&board, &piece, 1, (uint16_t)++taken);
	}
	assert_int_equal(taken, ENTRIES);
	assert_true(virtq_has_more(&board.queue));
	assert_true(virtq_publish(&board.queue));
	board_free(&board);
}

/* After start slots comes a batch of chains of so many; does the driver want to know? 2.8.14 */
static void test_interrupts(void **state)
{
	static const struct {
		const char *name;
		bool event_index;
		unsigned int start, batch, length;
		uint16_t off_wrap, flags;
		bool wanted;
	} rows[] = {
		{ "enabled", false, 0, 1, 1, 0, 0, true },
		{ "disabled", false, 0, 1, 1, 0, 1, false },
		{ "disabled, event elsewhere", true, 0, 1, 1, 0x8000, 1, false },
		{ "enabled, event elsewhere", true, 0, 1, 1, 0x8005, 0, true },
		{ "reserved bits", true, 0, 1, 1, 0, 0xfffd, false },
		{ "3 is reserved", true, 0, 1, 1, 0x8005, 3, true },
		{ "slot, but not negotiated", false, 0, 1, 1, 0x8005, 2, true },
		{ "slot outside the ring", true, 0, 1, 1, 0x8007, 2, true },
		{ "nothing put back", false, 0, 0, 1, 0, 0, false },
		{ "nothing put back, at the slot", true, 0, 0, 1, 0x8000, 2, false },
		{ "at the first", true, 0, 1, 1, 0x8000, 2, true },
		{ "at the first, other round", true, 0, 1, 1, 0x0000, 2, false },
		{ "behind", true, 0, 1, 1, 0x8001, 2, false },
		{ "batch, at its first", true, 2, 3, 1, 0x8002, 2, true },
		{ "batch, at its last", true, 2, 3, 1, 0x8004, 2, true },
		{ "batch, just behind", true, 2, 3, 1, 0x8005, 2, false },
		{ "batch, just before", true, 2, 3, 1, 0x8001, 2, false },
		{ "batch of chains, inside the last", true, 1, 2, 3, 0x8006, 2, true },
		{ "batch of chains, just behind", true, 1, 2, 3, 0x0000, 2, false },
		{ "batch up to the end, next round", true, 4, 3, 1, 0x0000, 2, false },
		{ "batch over the end, before it", true, 5, 4, 1, 0x8006, 2, true },
		{ "batch over the end, behind it", true, 5, 4, 1, 0x0000, 2, true },
		{ "batch over the end, last", true, 5, 4, 1, 0x0001, 2, true },
		{ "batch over the end, just behind", true, 5, 4, 1, 0x0002, 2, false },
		{ "batch over the end, just before", true, 5, 4, 1, 0x8004, 2, false },
		{ "batch over the end, same slot, other round", true, 5, 4, 1, 0x0006, 2, false },
		{ "second round", true, 9, 3, 1, 0x0002, 2, true },
		{ "second round, slot of the first", true, 9, 3, 1, 0x8002, 2, false },
		{ "second round over its end", true, 12, 4, 1, 0x8001, 2, true },
		{ "second round over its end, behind", true, 12, 4, 1, 0x8002, 2, false },
		{ "whole ring, last slot", true, 3, 7, 1, 0x0002, 2, true },
		{ "whole ring, just behind", true, 3, 7, 1, 0x0003, 2, false },
		{ "whole ring, first slot", true, 3, 7, 1, 0x8003, 2, true },
	};
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make(&board);
		board.setup.packed = true;
		board.setup.size = ENTRIES;
		board.setup.event_index = rows[i].event_index;
		board_start(&board);
		for (unsigned int k = 0; k < rows[i].start; k++)
			pass_one(&board);
		for (unsigned int k = 0; k < rows[i].batch; k++)
			board_add(&board, pieces, rows[i].length, 0);
		board_put(&board, BOARD_DRIVER, rows[i].off_wrap, 2);
		board_put(&board, BOARD_DRIVER + 2, rows[i].flags, 2);
		virtq_begin(&board.queue);
		while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
			virtq_use(&board.queue, board.chain.id, board.chain.slots, 1);
		if (virtq_publish(&board.queue) != rows[i].wanted)
			fail_msg("%s", rows[i].name);
		assert_false(virtq_publish(&board.queue));
		board_free(&board);
	}
}

/* The driver is asked to notify the device of the next chain, where that will be. 2.8.10 */
static void test_device_event(void **state)
{
	static const uint32_t wanted[] = { 0x28003, 0x28006, 0x20002, 0x20005, 0x28001 };
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;

	(void)state;
	for (int event_index = 0; event_index < 2; event_index++) {
		board_make(&board);
		board.setup.packed = true;
		board.setup.size = ENTRIES;
		board.setup.event_index = event_index != 0;
		board_start(&board);
		for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
			board_add(&board, pieces, 3, 0);
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			/* Shown though nothing was put back. */
			if (i % 2 == 0)
				assert_false(virtq_publish(&board.queue));
			virtq_use(&board.queue, 0, 3, 1);
			assert_true(virtq_publish(&board.queue));
			assert_int_equal(board_get(&board, BOARD_DEVICE, 4),
				event_index != 0 ? wanted[i] : 0);
		}
		board_free(&board);
	}
}

/* Chains of other lengths come back in another order: used descriptors follow one another. */
static void test_out_of_order(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (unsigned int start = 0; start < 2 * ENTRIES; start++) {
		board_make_queue(&board, true, ENTRIES);
		for (unsigned int k = 0; k < start; k++)
			pass_one(&board);
		for (uint16_t i = 1; i <= 3; i++)
			board_add(&board, pieces, i, i);
		virtq_begin(&board.queue);
		for (unsigned int i = 1; i <= 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		for (uint16_t i = 3; i > 0; i--)
			virtq_use(&board.queue, i, i, i * 10u);
		assert_false(board_pop_used(&board, 3, &id, &written));
		assert_true(virtq_publish(&board.queue));
		for (uint16_t i = 3; i > 0; i--) {
			assert_true(board_pop_used(&board, i, &id, &written));
			assert_int_equal(id, i);
			assert_int_equal(written, i * 10);
		}
		board_free(&board);
	}
}

/* 2.8.15: what is used once stays as it is, also while what comes behind it is. */
static void test_used_descriptors_stay(void **state)
{
	const struct piece pieces[] = { { B, 16, 0 }, { B, 8, WRITE } };
	uint8_t used[2 * 16], now[2 * 16];
	struct board board;

	(void)state;
	board_make_queue(&board, true, ENTRIES);
	for (uint16_t id = 0; id < 2; id++) {
		board_add(&board, pieces, 2, id);
		assert_int_equal(board_take(&board), VIRTQ_CHAIN);
		virtq_use(&board.queue, id, 2, 8);
		if (id == 0)
			assert_true(virtq_publish(&board.queue));
		if (id == 0)
			assert_int_equal(guest_memory_read(&board.memory, BOARD_DESCRIPTORS, used,
						 sizeof(used)),
				STATUS_OK);
	}
	assert_true(virtq_publish(&board.queue));
	assert_int_equal(
		guest_memory_read(&board.memory, BOARD_DESCRIPTORS, now, sizeof(now)), STATUS_OK);
	assert_memory_equal(used, now, sizeof(now));
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_indirect_not_negotiated),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_available_bits),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_device_event),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_used_descriptors_stay),
	};

	return cmocka_run_group_tests_name("virtq packed", tests, NULL, NULL);
}
