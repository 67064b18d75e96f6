/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_split.c: what a chain may and may not look like in the split ring and
 * in its indirect tables, and who is told when. virtio 1.2, 2.7.
 */
#include "tests/unit/virtq_board.h"

#define ENTRIES 8u
#define B       BOARD_BUFFER

/* A descriptor as it lies in memory. */
struct raw {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

/* A chain that begins at descriptor 0 of a ring of 8. */
struct shape {
	const char *name;
	const char *why; /* null: taken */
	unsigned int readable, writable;
	uint64_t readable_bytes, writable_bytes;
	struct raw ring[ENTRIES];
	struct raw table[10]; /* at BOARD_TABLE */
};

#define TABLE(n, flags)                                      \
	{                                                    \
		BOARD_TABLE, 16 * (n), INDIRECT | (flags), 0 \
	}

static const struct shape shapes[] = {
	{ "one readable", NULL, 1, 0, 16, 0, { { B, 16, 0, 0 } }, { { 0 } } },
	{ "one writable", NULL, 0, 1, 0, 16, { { B, 16, WRITE, 0 } }, { { 0 } } },
	{ "read request", NULL, 1, 2, 16, 513,
		{ { B, 16, NEXT, 3 }, [3] = { B + 64, 512, NEXT | WRITE, 5 },
			[5] = { B + 32, 1, WRITE, 0 } },
		{ { 0 } } },
	{ "write request", NULL, 2, 1, 528, 1,
		{ { B, 16, NEXT, 7 }, [7] = { B + 64, 512, NEXT, 5 },
			[5] = { B + 32, 1, WRITE, 0 } },
		{ { 0 } } },
	{ "three readable", NULL, 3, 0, 6, 0,
		{ { B, 1, NEXT, 1 }, { B, 2, NEXT, 2 }, { B, 3, 0, 0 } }, { { 0 } } },
	{ "three writable", NULL, 0, 3, 0, 6,
		{ { B, 1, NEXT | WRITE, 1 }, { B, 2, NEXT | WRITE, 2 }, { B, 3, WRITE, 0 } },
		{ { 0 } } },
	{ "as long as the ring", NULL, 5, 3, 5, 3,
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT | WRITE, 6 }, { B, 1, NEXT | WRITE, 7 },
			{ B, 1, WRITE, 0 } },
		{ { 0 } } },
	{ "unknown flags", NULL, 1, 1, 16, 1,
		{ { B, 16, NEXT | 0xfff8, 1 }, { B, 1, WRITE | 0xfff8, 0 } }, { { 0 } } },
	{ "next without NEXT", NULL, 1, 0, 16, 0, { { B, 16, 0, 0xffff } }, { { 0 } } },
	{ "nothing but an empty one", NULL, 0, 0, 0, 0, { { B, 0, 0, 0 } }, { { 0 } } },
	{ "empty ones all over, address anywhere", NULL, 1, 1, 16, 1,
		{ { ~0ull, 0, NEXT, 1 }, { B, 16, NEXT, 2 }, { BOARD_HOLE, 0, NEXT, 3 },
			{ 1, 0, NEXT | WRITE, 4 }, { B, 1, NEXT | WRITE, 5 },
			{ ~0ull, 0, WRITE, 0 } },
		{ { 0 } } },
	{ "empty one in the middle of three", NULL, 1, 1, 16, 1,
		{ { B, 16, NEXT, 1 }, { 0, 0, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } }, { { 0 } } },
	{ "across a seam", NULL, 2, 0, 32, 0, { { BOARD_SEAM - 16, 32, 0, 0 } }, { { 0 } } },
	{ "across two seams", NULL, 1, 3, 16, 0x1020,
		{ { B, 16, NEXT, 1 }, { BOARD_SEAM - 16, 0x1020, WRITE, 0 } }, { { 0 } } },
	{ "middle one of three across a seam", NULL, 1, 3, 16, 65,
		{ { B, 16, NEXT, 1 }, { BOARD_SEAM - 16, 64, NEXT | WRITE, 2 },
			{ B, 1, WRITE, 0 } },
		{ { 0 } } },
	{ "last bytes before the hole and behind it", NULL, 3, 0, 3, 0,
		{ { BOARD_HOLE - 1, 1, NEXT, 1 }, { BOARD_BEHIND, 1, NEXT, 2 },
			{ BOARD_END - 1, 1, 0, 0 } },
		{ { 0 } } },
	{ "all of the first piece", NULL, 1, 0, BOARD_SEAM, 0, { { 0, BOARD_SEAM, 0, 0 } },
		{ { 0 } } },
	{ "overlapping buffers", NULL, 1, 1, 16, 16,
		{ { B, 16, NEXT, 1 }, { B + 8, 16, WRITE, 0 } }, { { 0 } } },

	{ "table of three", NULL, 1, 2, 16, 513, { TABLE(3, 0) },
		{ { B, 16, NEXT, 1 }, { B + 64, 512, NEXT | WRITE, 2 }, { B + 32, 1, WRITE, 0 } } },
	{ "table out of order", NULL, 2, 1, 528, 1, { TABLE(4, 0) },
		{ { B, 16, NEXT, 3 }, { B + 32, 1, WRITE, 0 }, { ~0ull, 9, 9, 9 },
			{ B + 64, 512, NEXT, 1 } } },
	{ "table of one", NULL, 0, 1, 0, 7, { TABLE(1, 0) }, { { B, 7, WRITE, 0 } } },
	{ "WRITE on the table is ignored", NULL, 1, 0, 7, 0, { TABLE(1, WRITE) },
		{ { B, 7, 0, 0 } } },
	{ "table as long as the ring", NULL, 8, 0, 8, 0, { TABLE(8, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, 0, 0 } } },
	{ "table longer than the ring, its chain not", NULL, 2, 0, 2, 0, { TABLE(10, 0) },
		{ { B, 1, NEXT, 9 }, [9] = { B, 1, 0, 0 } } },
	{ "direct ones, then a table", NULL, 2, 2, 17, 5, { { B, 16, NEXT, 1 }, TABLE(3, 0) },
		{ { B, 1, NEXT, 1 }, { B, 2, NEXT | WRITE, 2 }, { B, 3, WRITE, 0 } } },
	{ "direct writable ones, then a table of writable ones", NULL, 0, 2, 0, 17,
		{ { B, 16, NEXT | WRITE, 1 }, TABLE(1, 0) }, { { B, 1, WRITE, 0 } } },
	{ "table across a seam", NULL, 1, 1, 16, 1, { { BOARD_SEAM2 - 24, 32, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, WRITE, 0 } } },
	{ "table at an odd address", NULL, 1, 1, 16, 1, { { BOARD_TABLE + 5, 32, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, WRITE, 0 } } },
	{ "table of three at an odd address", NULL, 1, 2, 16, 2,
		{ { BOARD_TABLE + 7, 48, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } } },

	{ "next just outside", "descriptor 0: next is 8; the table has 8", 0, 0, 0, 0,
		{ { B, 16, NEXT, 8 } }, { { 0 } } },
	{ "next far outside", "descriptor 1: next is 65535; the table has 8", 0, 0, 0, 0,
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT, 0xffff } }, { { 0 } } },
	{ "loop upon itself", "more descriptors than the queue has entries (8), or loops", 0, 0, 0,
		0, { { B, 16, NEXT, 0 } }, { { 0 } } },
	{ "loop of two", "or loops", 0, 0, 0, 0, { { B, 16, NEXT, 1 }, { B, 16, NEXT, 0 } },
		{ { 0 } } },
	{ "loop of empty ones", "or loops", 0, 0, 0, 0, { { B, 0, NEXT, 1 }, { B, 0, NEXT, 0 } },
		{ { 0 } } },
	{ "loop of writable ones", "or loops", 0, 0, 0, 0,
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT | WRITE, 2 }, { B, 16, NEXT | WRITE, 1 } },
		{ { 0 } } },
	{ "readable behind writable", "descriptor 1: device-readable, but behind", 0, 0, 0, 0,
		{ { B, 16, NEXT | WRITE, 1 }, { B, 16, 0, 0 } }, { { 0 } } },
	{ "readable behind writable, third", "descriptor 2: device-readable", 0, 0, 0, 0,
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT | WRITE, 2 }, { B, 16, 0, 0 } }, { { 0 } } },
	{ "readable and empty behind writable", "descriptor 1: device-readable", 0, 0, 0, 0,
		{ { B, 16, NEXT | WRITE, 1 }, { B, 0, 0, 0 } }, { { 0 } } },
	{ "readable behind writable and empty", "descriptor 1: device-readable", 0, 0, 0, 0,
		{ { B, 0, NEXT | WRITE, 1 }, { B, 1, 0, 0 } }, { { 0 } } },
	{ "buffer reaches into the hole", "descriptor 0: buffer 0x2fff0+17 is outside", 0, 0, 0, 0,
		{ { BOARD_HOLE - 16, 17, 0, 0 } }, { { 0 } } },
	{ "buffer in the hole", "buffer 0x30000+1 is outside guest memory", 0, 0, 0, 0,
		{ { BOARD_HOLE, 1, 0, 0 } }, { { 0 } } },
	{ "buffer before the piece behind the hole", "outside guest memory", 0, 0, 0, 0,
		{ { BOARD_BEHIND - 1, 2, 0, 0 } }, { { 0 } } },
	{ "buffer over the end", "outside guest memory", 0, 0, 0, 0,
		{ { BOARD_END - 1, 2, WRITE, 0 } }, { { 0 } } },
	{ "buffer wraps", "buffer 0xfffffffffffffff0+32 is outside", 0, 0, 0, 0,
		{ { ~15ull, 32, 0, 0 } }, { { 0 } } },
	{ "buffer ends at 2^64", "outside guest memory", 0, 0, 0, 0, { { ~15ull, 16, 0, 0 } },
		{ { 0 } } },
	{ "longest buffer", "buffer 0x10000+4294967295 is outside", 0, 0, 0, 0,
		{ { B, 0xffffffff, 0, 0 } }, { { 0 } } },
	{ "last of three outside", "descriptor 2: buffer 0x30000+1", 0, 0, 0, 0,
		{ { B, 16, NEXT, 1 }, { B, 512, NEXT | WRITE, 2 }, { BOARD_HOLE, 1, WRITE, 0 } },
		{ { 0 } } },

	{ "INDIRECT with NEXT", "descriptor 0: INDIRECT together with NEXT", 0, 0, 0, 0,
		{ TABLE(1, NEXT) }, { { B, 1, 0, 0 } } },
	{ "table of length 0", "length 0 of the indirect table", 0, 0, 0, 0, { TABLE(0, 0) },
		{ { B, 1, 0, 0 } } },
	{ "table of length 8", "length 8 of the indirect table", 0, 0, 0, 0,
		{ { BOARD_TABLE, 8, INDIRECT, 0 } }, { { B, 1, 0, 0 } } },
	{ "table of length 49", "length 49 of the indirect table", 0, 0, 0, 0,
		{ { BOARD_TABLE, 49, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } } },
	{ "table reaches into the hole", "indirect table 0x2fff0+32 is outside guest memory", 0, 0,
		0, 0, { { BOARD_HOLE - 16, 32, INDIRECT, 0 } }, { { B, 1, 0, 0 } } },
	{ "table of three outside", "indirect table 0x30000+48 is outside", 0, 0, 0, 0,
		{ { BOARD_HOLE, 48, INDIRECT, 0 } }, { { 0 } } },
	{ "table wraps", "outside guest memory", 0, 0, 0, 0, { { ~15ull, 48, INDIRECT, 0 } },
		{ { 0 } } },
	{ "longest table", "outside guest memory", 0, 0, 0, 0,
		{ { BOARD_TABLE, 0xfffffff0, INDIRECT, 0 } }, { { 0 } } },
	{ "table in a table", "descriptor 1 of the indirect table at 0xd000: INDIRECT inside", 0, 0,
		0, 0, { TABLE(2, 0) }, { { B, 1, NEXT, 1 }, { BOARD_TABLE, 16, INDIRECT, 0 } } },
	{ "table that is itself", "descriptor 0 of the indirect table at 0xd000: INDIRECT inside",
		0, 0, 0, 0, { TABLE(1, 0) }, { { BOARD_TABLE, 16, INDIRECT, 0 } } },
	{ "table's next outside", "indirect table at 0xd000: next is 2; the table has 2", 0, 0, 0,
		0, { TABLE(2, 0) }, { { B, 1, NEXT, 2 } } },
	{ "table's next outside, of three", "next is 3; the table has 3", 0, 0, 0, 0,
		{ TABLE(3, 0) }, { { B, 1, NEXT, 1 }, { B, 1, NEXT, 3 } } },
	{ "table's next in the ring but not in the table", "next is 7; the table has 1", 0, 0, 0, 0,
		{ TABLE(1, 0) }, { { B, 1, NEXT, 7 } } },
	{ "table loops", "indirect table at 0xd000: the chain has more descriptors", 0, 0, 0, 0,
		{ TABLE(2, 0) }, { { B, 1, NEXT, 1 }, { B, 1, NEXT, 0 } } },
	{ "table's chain longer than the ring", "entries (8), or loops", 0, 0, 0, 0,
		{ TABLE(9, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, NEXT, 8 },
			{ B, 1, 0, 0 } } },
	{ "direct ones and table together longer than the ring", "entries (8), or loops", 0, 0, 0,
		0, { { B, 1, NEXT, 1 }, TABLE(8, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, 0, 0 } } },
	{ "readable in the table behind direct writable",
		"descriptor 0 of the indirect table at 0xd000: device-readable", 0, 0, 0, 0,
		{ { B, 16, NEXT | WRITE, 1 }, TABLE(1, 0) }, { { B, 1, 0, 0 } } },
	{ "readable behind writable in the table", "descriptor 2 of the indirect table", 0, 0, 0, 0,
		{ TABLE(3, 0) },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, 0, 0 } } },
	{ "table's buffer outside", "indirect table at 0xd000: buffer 0x30000+1", 0, 0, 0, 0,
		{ TABLE(1, 0) }, { { BOARD_HOLE, 1, 0, 0 } } },
};

static void put_shape(struct board *board, const struct shape *shape)
{
	uint64_t table = BOARD_TABLE;

	for (unsigned int i = 0; i < ENTRIES; i++) {
		const struct raw *raw = &shape->ring[i];

		board_put_descriptor(board, board->setup.descriptors + 16ull * i, raw->address,
			raw->length, raw->flags, raw->next);
		if ((raw->flags & INDIRECT) != 0 &&
			guest_memory_contains(&board->memory, raw->address, 160))
			table = raw->address;
	}
	for (unsigned int i = 0; i < ARRAY_COUNT(shape->table); i++)
		board_put_descriptor(board, table + 16ull * i, shape->table[i].address,
			shape->table[i].length, shape->table[i].flags, shape->table[i].next);
}

/* The chain says what the row says, and each of its bytes lies in guest memory. */
static void check_chain(struct board *board, const struct shape *shape)
{
	const struct virtq_chain *chain = &board->chain;
	uint64_t bytes[2] = { 0, 0 };

	if (chain->readable != shape->readable || chain->writable != shape->writable ||
		chain->readable_bytes != shape->readable_bytes ||
		chain->writable_bytes != shape->writable_bytes)
		fail_msg("%s: %u+%u segments, %lu+%lu bytes", shape->name, chain->readable,
			chain->writable, chain->readable_bytes, chain->writable_bytes);
	for (unsigned int i = 0; i < chain->readable + chain->writable; i++) {
		assert_true(chain->segments[i].size > 0);
		bytes[i >= chain->readable] += chain->segments[i].size;
		/* ASan looks here. */
		*(volatile uint8_t *)(chain->segments[i].host + chain->segments[i].size - 1);
	}
	assert_true(bytes[0] == shape->readable_bytes && bytes[1] == shape->writable_bytes);
}

/* Each shape, where the ring's areas lie in one piece and where one lies across a seam. */
static void test_shapes(void **state)
{
	static const struct {
		uint64_t descriptors, driver, device;
	} layouts[] = {
		{ BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_DEVICE },
		{ BOARD_SEAM - 32, BOARD_DRIVER, BOARD_DEVICE },
		{ BOARD_DESCRIPTORS, BOARD_SEAM - 4, BOARD_DEVICE },
		{ BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_SEAM - 8 },
		{ BOARD_BEHIND, BOARD_BEHIND + 0x800, BOARD_BEHIND + 0x900 },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(layouts) * ARRAY_COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i / ARRAY_COUNT(layouts)];
		size_t layout = i % ARRAY_COUNT(layouts);
		enum virtq_result result;
		uint32_t id, written;

		board_make(&board);
		board.setup.indirect = true;
		board.setup.descriptors = layouts[layout].descriptors;
		board.setup.driver = layouts[layout].driver;
		board.setup.device = layouts[layout].device;
		board_start(&board);
		put_shape(&board, shape);
		board_offer(&board, 0);
		result = board_take(&board);
		if (result != (shape->why == NULL ? VIRTQ_CHAIN : VIRTQ_BROKEN))
			fail_msg("%s: %d %s", shape->name, result, board.queue.why);
		if (shape->why == NULL) {
			check_chain(&board, shape);
			assert_int_equal(board.chain.id, 0);
			assert_int_equal(board.chain.slots, 1);
			virtq_use(&board.queue, 0, 1, 0x12345678);
			assert_false(board_pop_used(&board, 1, &id, &written));
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 1, &id, &written));
			assert_int_equal(id, 0);
			assert_int_equal(written, 0x12345678);
		} else {
			board_expect_broken(&board, shape->name, shape->why);
			assert_false(virtq_publish(&board.queue));
		}
		board_free(&board);
	}
}

/* The same shape, but the driver has not negotiated indirect descriptors. */
static void test_indirect_not_negotiated(void **state)
{
	struct board board;

	(void)state;
	for (uint32_t count = 1; count <= 3; count += 2) {
		board_make(&board);
		board_start(&board);
		board_put_table(&board, BOARD_TABLE,
			(const struct piece[]){ { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } },
			count);
		board_put_descriptor(
			&board, BOARD_DESCRIPTORS, BOARD_TABLE, 16 * count, INDIRECT, 0);
		board_offer(&board, 0);
		assert_int_equal(board_take(&board), VIRTQ_BROKEN);
		board_expect_broken(&board, "not negotiated", "VIRTIO_F_INDIRECT_DESC");
		board_free(&board);
	}
}

static void test_heads_and_indices(void **state)
{
	static const struct {
		const char *name;
		uint16_t start; /* chains done before */
		uint16_t head, ahead;
		enum virtq_result result;
		const char *why;
	} rows[] = {
		{ "last descriptor", 0, 7, 1, VIRTQ_CHAIN, "" },
		{ "head just outside", 0, 8, 1, VIRTQ_BROKEN, "entry 0: head 8; the table has 8" },
		{ "head far outside", 5, 0xffff, 1, VIRTQ_BROKEN, "entry 5: head 65535" },
		{ "nothing new", 3, 0, 0, VIRTQ_EMPTY, "" },
		{ "a full ring", 0, 0, 8, VIRTQ_CHAIN, "" },
		{ "one more than the ring", 0, 0, 9, VIRTQ_BROKEN,
			"jumps from 0 to 9; the ring has 8" },
		{ "a full ring later", 11, 0, 8, VIRTQ_CHAIN, "" },
		{ "one more than the ring later", 11, 0, 9, VIRTQ_BROKEN, "jumps from 11 to 20" },
		{ "index goes back", 11, 0, 0xffff, VIRTQ_BROKEN, "jumps from 11 to 10" },
		{ "index goes back from 0", 0, 0, 0xffff, VIRTQ_BROKEN, "jumps from 0 to 65535" },
		{ "far jump", 0, 0, 0x8000, VIRTQ_BROKEN, "jumps from 0 to 32768" },
		{ "full ring over the index's end", 65535, 0, 8, VIRTQ_CHAIN, "" },
		{ "jump over the index's end", 65535, 0, 9, VIRTQ_BROKEN, "jumps from 65535 to 8" },
	};
	const struct piece piece = { B, 16, 0 };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum virtq_result result;

		board_make_queue(&board, false, ENTRIES);
		for (uint32_t k = 0; k < rows[i].start; k++) {
			board_add(&board, &piece, 1, 0);
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			virtq_use(&board.queue, board.chain.id, 1, 0);
			assert_true(virtq_publish(&board.queue));
			assert_true(board_pop_used(&board, 1, &id, &written));
		}
		board_put_descriptor(&board, BOARD_DESCRIPTORS + 16 * 7, B, 16, 0, 0);
		board_put(
			&board, BOARD_DRIVER + 4 + 2 * (rows[i].start % ENTRIES), rows[i].head, 2);
		board_put(&board, BOARD_DRIVER + 2, (uint16_t)(rows[i].start + rows[i].ahead), 2);
		assert_int_equal(virtq_has_more(&board.queue), rows[i].ahead != 0);
		result = board_take(&board);
		if (result != rows[i].result || strstr(board.queue.why, rows[i].why) == NULL)
			fail_msg("%s: %d %s", rows[i].name, result, board.queue.why);
		if (result == VIRTQ_BROKEN)
			board_expect_broken(&board, rows[i].name, rows[i].why);
		board_free(&board);
	}
}

/* Chains that the driver has not seen used still take their room. */
static void test_no_room_before_publish(void **state)
{
	const struct piece piece = { B, 16, 0 };
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	for (unsigned int i = 0; i < ENTRIES; i++)
		board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	for (unsigned int i = 0; i < ENTRIES; i++) {
		assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		virtq_use(&board.queue, board.chain.id, 1, 0);
	}
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
	board_add(&board, &piece, 1, 0);
	assert_int_equal(board_take(&board), VIRTQ_BROKEN);
	board_expect_broken(&board, "no room", "the ring has 8 entries, 8 of them in use");
	/* What came before the error is still shown. */
	assert_true(virtq_publish(&board.queue));
	assert_int_equal(board_get(&board, BOARD_DEVICE + 2, 2), 8);
	board_free(&board);
}

/* A turn takes what was there when it began. */
static void test_bound(void **state)
{
	const struct piece piece = { B, 16, 0 };
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	board_add(&board, &piece, 1, 0);
	board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	board_add(&board, &piece, 1, 0);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
	assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_EMPTY);
	assert_true(virtq_has_more(&board.queue));
	assert_int_equal(board_take(&board), VIRTQ_CHAIN);
	assert_false(virtq_has_more(&board.queue));
	board_free(&board);
}

/* After start chains one by one comes a batch; does the driver want to know? 2.7.7 */
static void test_interrupts(void **state)
{
	static const struct {
		const char *name;
		bool event_index;
		uint16_t start, batch, flags, event;
		bool wanted;
	} rows[] = {
		{ "flags 0", false, 0, 1, 0, 0, true },
		{ "flags 1", false, 0, 1, 1, 0, false },
		{ "flags 1, batch", false, 3, 8, 1, 0, false },
		{ "flags 0, event elsewhere", false, 3, 1, 0, 99, true },
		{ "other flags", false, 0, 1, 0xfffe, 0, true },
		{ "nothing put back", false, 3, 0, 0, 0, false },
		{ "event: nothing put back", true, 3, 0, 0, 3, false },
		{ "event at the first", true, 0, 1, 0, 0, true },
		{ "event at the first, flags ignored", true, 0, 1, 1, 0, true },
		{ "event behind", true, 0, 1, 0, 1, false },
		{ "event before", true, 1, 1, 0, 0, false },
		{ "event at the batch's first", true, 5, 4, 0, 5, true },
		{ "event at the batch's last", true, 5, 4, 0, 8, true },
		{ "event just behind the batch", true, 5, 4, 0, 9, false },
		{ "event just before the batch", true, 5, 4, 0, 4, false },
		{ "event far away", true, 5, 4, 0, 0x8005, false },
		{ "batch over the end, event before it", true, 65533, 8, 0, 65535, true },
		{ "batch over the end, event behind it", true, 65533, 8, 0, 0, true },
		{ "batch over the end, last", true, 65533, 8, 0, 4, true },
		{ "batch over the end, just behind", true, 65533, 8, 0, 5, false },
		{ "batch over the end, just before", true, 65533, 8, 0, 65532, false },
		{ "batch up to the end, event 0", true, 65532, 4, 0, 0, false },
		{ "batch up to the end, event at the last", true, 65532, 4, 0, 65535, true },
	};
	const struct piece piece = { B, 16, 0 };
	struct board board;
	uint32_t id, written;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t event = BOARD_DRIVER + 4 + 2 * ENTRIES;

		board_make(&board);
		board.setup.event_index = rows[i].event_index;
		board_start(&board);
		for (uint32_t k = 0; k < rows[i].start; k++) {
			board_put(&board, event, k + (k % 2), 2);
			board_add(&board, &piece, 1, 0);
			assert_int_equal(board_take(&board), VIRTQ_CHAIN);
			virtq_use(&board.queue, board.chain.id, 1, 0);
			assert_int_equal(
				virtq_publish(&board.queue), !rows[i].event_index || k % 2 == 0);
			assert_true(board_pop_used(&board, 1, &id, &written));
		}
		for (uint32_t k = 0; k < rows[i].batch; k++)
			board_add(&board, &piece, 1, 0);
		board_put(&board, BOARD_DRIVER, rows[i].flags, 2);
		board_put(&board, event, rows[i].event, 2);
		virtq_begin(&board.queue);
		while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
			virtq_use(&board.queue, board.chain.id, 1, 0);
		if (virtq_publish(&board.queue) != rows[i].wanted)
			fail_msg("%s", rows[i].name);
		assert_false(virtq_publish(&board.queue));
		board_free(&board);
	}
}

/* The driver is asked to notify the device of the next chain, used or not. 2.7.10 */
static void test_available_event(void **state)
{
	const struct piece piece = { B, 16, 0 };
	const uint64_t event = BOARD_DEVICE + 4 + 8 * ENTRIES;
	struct board board;

	(void)state;
	for (int event_index = 0; event_index < 2; event_index++) {
		board_make(&board);
		board.setup.event_index = event_index != 0;
		board_start(&board);
		for (unsigned int i = 0; i < 3; i++)
			board_add(&board, &piece, 1, 0);
		virtq_begin(&board.queue);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(virtq_take(&board.queue, &board.chain), VIRTQ_CHAIN);
		assert_int_equal(board_get(&board, event, 2), 0);
		assert_false(virtq_publish(&board.queue));
		assert_int_equal(board_get(&board, event, 2), event_index != 0 ? 3 : 0);
		/* The flags stay 0, and nothing was used. */
		assert_int_equal(board_get(&board, BOARD_DEVICE, 4), 0);
		board_free(&board);
	}
}

/* Used in another order than taken, and more than the ring has before the driver looks. */
static void test_out_of_order(void **state)
{
	const struct piece piece = { B, 16, WRITE };
	uint32_t id, written;
	struct board board;

	(void)state;
	board_make_queue(&board, false, ENTRIES);
	for (unsigned int i = 0; i < ENTRIES; i++)
		board_add(&board, &piece, 1, 0);
	virtq_begin(&board.queue);
	while (virtq_take(&board.queue, &board.chain) == VIRTQ_CHAIN)
		continue;
	for (uint16_t i = ENTRIES; i-- > 0;)
		virtq_use(&board.queue, i, 1, 100u + i);
	assert_true(virtq_publish(&board.queue));
	for (uint16_t i = ENTRIES; i-- > 0;) {
		assert_true(board_pop_used(&board, 1, &id, &written));
		assert_int_equal(id, i);
		assert_int_equal(written, 100 + i);
	}
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_indirect_not_negotiated),
		cmocka_unit_test(test_heads_and_indices),
		cmocka_unit_test(test_no_room_before_publish),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_available_event),
		cmocka_unit_test(test_out_of_order),
	};

	return cmocka_run_group_tests_name("virtq split", tests, NULL, NULL);
}
