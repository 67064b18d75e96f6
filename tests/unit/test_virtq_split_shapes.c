/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_split.c and devices/virtq_chain.c: what a chain may and may not look
 * like in the split ring and in its indirect tables. virtio 1.2, 2.7.5.
 */
#include "tests/unit/virtq_shapes.h"

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
	struct wanted wanted;
	struct raw ring[ENTRIES];
	struct raw table[10]; /* at BOARD_TABLE */
};

#define TABLE(n, flags)                                      \
	{                                                    \
		BOARD_TABLE, 16 * (n), INDIRECT | (flags), 0 \
	}

static const struct shape shapes[] = {
	{ { "one readable", NULL, 1, 0, 16, 0 }, { { B, 16, 0, 0 } }, { { 0 } } },
	{ { "one writable", NULL, 0, 1, 0, 16 }, { { B, 16, WRITE, 0 } }, { { 0 } } },
	{ { "read request", NULL, 1, 2, 16, 513 },
		{ { B, 16, NEXT, 3 }, [3] = { B + 64, 512, NEXT | WRITE, 5 },
			[5] = { B + 32, 1, WRITE, 0 } },
		{ { 0 } } },
	{ { "write request", NULL, 2, 1, 528, 1 },
		{ { B, 16, NEXT, 7 }, [7] = { B + 64, 512, NEXT, 5 },
			[5] = { B + 32, 1, WRITE, 0 } },
		{ { 0 } } },
	{ { "three readable", NULL, 3, 0, 6, 0 },
		{ { B, 1, NEXT, 1 }, { B, 2, NEXT, 2 }, { B, 3, 0, 0 } }, { { 0 } } },
	{ { "three writable", NULL, 0, 3, 0, 6 },
		{ { B, 1, NEXT | WRITE, 1 }, { B, 2, NEXT | WRITE, 2 }, { B, 3, WRITE, 0 } },
		{ { 0 } } },
	{ { "as long as the ring", NULL, 5, 3, 5, 3 },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT | WRITE, 6 }, { B, 1, NEXT | WRITE, 7 },
			{ B, 1, WRITE, 0 } },
		{ { 0 } } },
	{ { "unknown flags", NULL, 1, 1, 16, 1 },
		{ { B, 16, NEXT | 0xfff8, 1 }, { B, 1, WRITE | 0xfff8, 0 } }, { { 0 } } },
	{ { "next without NEXT", NULL, 1, 0, 16, 0 }, { { B, 16, 0, 0xffff } }, { { 0 } } },
	{ { "nothing but an empty one", NULL, 0, 0, 0, 0 }, { { B, 0, 0, 0 } }, { { 0 } } },
	{ { "empty ones all over, address anywhere", NULL, 1, 1, 16, 1 },
		{ { ~0ull, 0, NEXT, 1 }, { B, 16, NEXT, 2 }, { BOARD_HOLE, 0, NEXT, 3 },
			{ 1, 0, NEXT | WRITE, 4 }, { B, 1, NEXT | WRITE, 5 },
			{ ~0ull, 0, WRITE, 0 } },
		{ { 0 } } },
	{ { "empty one in the middle of three", NULL, 1, 1, 16, 1 },
		{ { B, 16, NEXT, 1 }, { 0, 0, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } }, { { 0 } } },
	{ { "across a seam", NULL, 2, 0, 32, 0 }, { { BOARD_SEAM - 16, 32, 0, 0 } }, { { 0 } } },
	{ { "across two seams", NULL, 1, 3, 16, 0x1020 },
		{ { B, 16, NEXT, 1 }, { BOARD_SEAM - 16, 0x1020, WRITE, 0 } }, { { 0 } } },
	{ { "middle one of three across a seam", NULL, 1, 3, 16, 65 },
		{ { B, 16, NEXT, 1 }, { BOARD_SEAM - 16, 64, NEXT | WRITE, 2 },
			{ B, 1, WRITE, 0 } },
		{ { 0 } } },
	{ { "last bytes before the hole and behind it", NULL, 3, 0, 3, 0 },
		{ { BOARD_HOLE - 1, 1, NEXT, 1 }, { BOARD_BEHIND, 1, NEXT, 2 },
			{ BOARD_END - 1, 1, 0, 0 } },
		{ { 0 } } },
	{ { "all of the first piece", NULL, 1, 0, BOARD_SEAM, 0 }, { { 0, BOARD_SEAM, 0, 0 } },
		{ { 0 } } },
	{ { "overlapping buffers", NULL, 1, 1, 16, 16 },
		{ { B, 16, NEXT, 1 }, { B + 8, 16, WRITE, 0 } }, { { 0 } } },

	{ { "table of three", NULL, 1, 2, 16, 513 }, { TABLE(3, 0) },
		{ { B, 16, NEXT, 1 }, { B + 64, 512, NEXT | WRITE, 2 }, { B + 32, 1, WRITE, 0 } } },
	{ { "table out of order", NULL, 2, 1, 528, 1 }, { TABLE(4, 0) },
		{ { B, 16, NEXT, 3 }, { B + 32, 1, WRITE, 0 }, { ~0ull, 9, 9, 9 },
			{ B + 64, 512, NEXT, 1 } } },
	{ { "table of one", NULL, 0, 1, 0, 7 }, { TABLE(1, 0) }, { { B, 7, WRITE, 0 } } },
	{ { "WRITE on the table is ignored", NULL, 1, 0, 7, 0 }, { TABLE(1, WRITE) },
		{ { B, 7, 0, 0 } } },
	{ { "table as long as the ring", NULL, 8, 0, 8, 0 }, { TABLE(8, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, 0, 0 } } },
	{ { "table longer than the ring, its chain not", NULL, 2, 0, 2, 0 }, { TABLE(10, 0) },
		{ { B, 1, NEXT, 9 }, [9] = { B, 1, 0, 0 } } },
	{ { "direct ones, then a table", NULL, 2, 2, 17, 5 }, { { B, 16, NEXT, 1 }, TABLE(3, 0) },
		{ { B, 1, NEXT, 1 }, { B, 2, NEXT | WRITE, 2 }, { B, 3, WRITE, 0 } } },
	{ { "direct writable ones, then a table of writable ones", NULL, 0, 2, 0, 17 },
		{ { B, 16, NEXT | WRITE, 1 }, TABLE(1, 0) }, { { B, 1, WRITE, 0 } } },
	{ { "table across a seam", NULL, 1, 1, 16, 1 }, { { BOARD_SEAM2 - 24, 32, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, WRITE, 0 } } },
	{ { "table at an odd address", NULL, 1, 1, 16, 1 },
		{ { BOARD_TABLE + 5, 32, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, WRITE, 0 } } },
	{ { "table of three at an odd address", NULL, 1, 2, 16, 2 },
		{ { BOARD_TABLE + 7, 48, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } } },

	{ { "next just outside", "descriptor 0: next is 8; the table has 8", 0, 0, 0, 0 },
		{ { B, 16, NEXT, 8 } }, { { 0 } } },
	{ { "next far outside", "descriptor 1: next is 65535; the table has 8", 0, 0, 0, 0 },
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT, 0xffff } }, { { 0 } } },
	{ { "loop upon itself", "more descriptors than the queue has entries (8), or loops", 0, 0,
		  0, 0 },
		{ { B, 16, NEXT, 0 } }, { { 0 } } },
	{ { "loop of two", "or loops", 0, 0, 0, 0 }, { { B, 16, NEXT, 1 }, { B, 16, NEXT, 0 } },
		{ { 0 } } },
	{ { "loop of empty ones", "or loops", 0, 0, 0, 0 },
		{ { B, 0, NEXT, 1 }, { B, 0, NEXT, 0 } }, { { 0 } } },
	{ { "loop of writable ones", "or loops", 0, 0, 0, 0 },
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT | WRITE, 2 }, { B, 16, NEXT | WRITE, 1 } },
		{ { 0 } } },
	{ { "readable behind writable", "descriptor 1: device-readable, but behind", 0, 0, 0, 0 },
		{ { B, 16, NEXT | WRITE, 1 }, { B, 16, 0, 0 } }, { { 0 } } },
	{ { "readable behind writable, third", "descriptor 2: device-readable", 0, 0, 0, 0 },
		{ { B, 16, NEXT, 1 }, { B, 16, NEXT | WRITE, 2 }, { B, 16, 0, 0 } }, { { 0 } } },
	{ { "readable and empty behind writable", "descriptor 1: device-readable", 0, 0, 0, 0 },
		{ { B, 16, NEXT | WRITE, 1 }, { B, 0, 0, 0 } }, { { 0 } } },
	{ { "readable behind writable and empty", "descriptor 1: device-readable", 0, 0, 0, 0 },
		{ { B, 0, NEXT | WRITE, 1 }, { B, 1, 0, 0 } }, { { 0 } } },
	{ { "buffer reaches into the hole", "descriptor 0: buffer 0x2fff0+17 is outside", 0, 0, 0,
		  0 },
		{ { BOARD_HOLE - 16, 17, 0, 0 } }, { { 0 } } },
	{ { "buffer in the hole", "buffer 0x30000+1 is outside guest memory", 0, 0, 0, 0 },
		{ { BOARD_HOLE, 1, 0, 0 } }, { { 0 } } },
	{ { "buffer before the piece behind the hole", "outside guest memory", 0, 0, 0, 0 },
		{ { BOARD_BEHIND - 1, 2, 0, 0 } }, { { 0 } } },
	{ { "buffer over the end", "outside guest memory", 0, 0, 0, 0 },
		{ { BOARD_END - 1, 2, WRITE, 0 } }, { { 0 } } },
	{ { "buffer wraps", "buffer 0xfffffffffffffff0+32 is outside", 0, 0, 0, 0 },
		{ { ~15ull, 32, 0, 0 } }, { { 0 } } },
	{ { "buffer ends at 2^64", "outside guest memory", 0, 0, 0, 0 }, { { ~15ull, 16, 0, 0 } },
		{ { 0 } } },
	{ { "longest buffer", "buffer 0x10000+4294967295 is outside", 0, 0, 0, 0 },
		{ { B, 0xffffffff, 0, 0 } }, { { 0 } } },
	{ { "last of three outside", "descriptor 2: buffer 0x30000+1", 0, 0, 0, 0 },
		{ { B, 16, NEXT, 1 }, { B, 512, NEXT | WRITE, 2 }, { BOARD_HOLE, 1, WRITE, 0 } },
		{ { 0 } } },

	{ { "INDIRECT with NEXT", "descriptor 0: INDIRECT together with NEXT", 0, 0, 0, 0 },
		{ TABLE(1, NEXT) }, { { B, 1, 0, 0 } } },
	{ { "table of length 0", "length 0 of the indirect table", 0, 0, 0, 0 }, { TABLE(0, 0) },
		{ { B, 1, 0, 0 } } },
	{ { "table of length 8", "length 8 of the indirect table", 0, 0, 0, 0 },
		{ { BOARD_TABLE, 8, INDIRECT, 0 } }, { { B, 1, 0, 0 } } },
	{ { "table of length 49", "length 49 of the indirect table", 0, 0, 0, 0 },
		{ { BOARD_TABLE, 49, INDIRECT, 0 } },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, WRITE, 0 } } },
	{ { "table reaches into the hole", "indirect table 0x2fff0+32 is outside guest memory", 0,
		  0, 0, 0 },
		{ { BOARD_HOLE - 16, 32, INDIRECT, 0 } }, { { B, 1, 0, 0 } } },
	{ { "table of three outside", "indirect table 0x30000+48 is outside", 0, 0, 0, 0 },
		{ { BOARD_HOLE, 48, INDIRECT, 0 } }, { { 0 } } },
	{ { "table wraps", "outside guest memory", 0, 0, 0, 0 }, { { ~15ull, 48, INDIRECT, 0 } },
		{ { 0 } } },
	{ { "longest table", "outside guest memory", 0, 0, 0, 0 },
		{ { BOARD_TABLE, 0xfffffff0, INDIRECT, 0 } }, { { 0 } } },
	{ { "table in a table", "descriptor 1 of the indirect table at 0xd000: INDIRECT inside", 0,
		  0, 0, 0 },
		{ TABLE(2, 0) }, { { B, 1, NEXT, 1 }, { BOARD_TABLE, 16, INDIRECT, 0 } } },
	{ { "table that is itself", "descriptor 0 of the indirect table at 0xd000: INDIRECT inside",
		  0, 0, 0, 0 },
		{ TABLE(1, 0) }, { { BOARD_TABLE, 16, INDIRECT, 0 } } },
	{ { "table's next outside", "indirect table at 0xd000: next is 2; the table has 2", 0, 0, 0,
		  0 },
		{ TABLE(2, 0) }, { { B, 1, NEXT, 2 } } },
	{ { "table's next outside, of three", "next is 3; the table has 3", 0, 0, 0, 0 },
		{ TABLE(3, 0) }, { { B, 1, NEXT, 1 }, { B, 1, NEXT, 3 } } },
	{ { "table's next in the ring but not in the table", "next is 7; the table has 1", 0, 0, 0,
		  0 },
		{ TABLE(1, 0) }, { { B, 1, NEXT, 7 } } },
	{ { "table loops", "indirect table at 0xd000: the chain has more descriptors", 0, 0, 0, 0 },
		{ TABLE(2, 0) }, { { B, 1, NEXT, 1 }, { B, 1, NEXT, 0 } } },
	{ { "table's chain longer than the ring", "entries (8), or loops", 0, 0, 0, 0 },
		{ TABLE(9, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, NEXT, 8 },
			{ B, 1, 0, 0 } } },
	{ { "direct ones and table together longer than the ring", "entries (8), or loops", 0, 0, 0,
		  0 },
		{ { B, 1, NEXT, 1 }, TABLE(8, 0) },
		{ { B, 1, NEXT, 1 }, { B, 1, NEXT, 2 }, { B, 1, NEXT, 3 }, { B, 1, NEXT, 4 },
			{ B, 1, NEXT, 5 }, { B, 1, NEXT, 6 }, { B, 1, NEXT, 7 }, { B, 1, 0, 0 } } },
	{ { "readable in the table behind direct writable",
		  "descriptor 0 of the indirect table at 0xd000: device-readable", 0, 0, 0, 0 },
		{ { B, 16, NEXT | WRITE, 1 }, TABLE(1, 0) }, { { B, 1, 0, 0 } } },
	{ { "readable behind writable in the table", "descriptor 2 of the indirect table", 0, 0, 0,
		  0 },
		{ TABLE(3, 0) },
		{ { B, 16, NEXT, 1 }, { B, 1, NEXT | WRITE, 2 }, { B, 1, 0, 0 } } },
	{ { "table's buffer outside", "indirect table at 0xd000: buffer 0x30000+1", 0, 0, 0, 0 },
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

		board_make(&board);
		board.setup.indirect = true;
		board.setup.descriptors = layouts[layout].descriptors;
		board.setup.driver = layouts[layout].driver;
		board.setup.device = layouts[layout].device;
		board_start(&board);
		put_shape(&board, shape);
		board_offer(&board, 0);
		expect_wanted(&board, &shape->wanted, layout, 0, 1);
		board_free(&board);
	}
}

static void test_indirect_not_negotiated(void **state)
{
	(void)state;
	expect_no_indirect(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_indirect_not_negotiated),
	};

	return cmocka_run_group_tests_name("virtq split shapes", tests, NULL, NULL);
}
