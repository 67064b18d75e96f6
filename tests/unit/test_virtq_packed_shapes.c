/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtq_packed_take.c and devices/virtq_chain.c: what a chain may and may not
 * look like in the packed ring and in its indirect tables, wherever in the ring it begins.
 * virtio 1.2, 2.8.
 */
#include "tests/unit/virtq_shapes.h"

#define ENTRIES 7u
#define B       BOARD_BUFFER
#define STALE   0x100u /* not available: has the bits of the round before */

/* A chain in a ring of 7; the driver adds the two bits, and NEXT only where a row says so. */
struct shape {
	struct wanted wanted;
	uint16_t slots;
	struct piece ring[ENTRIES + 1];
	struct piece table[10]; /* at BOARD_TABLE */
};

#define TABLE(n, flags)                                   \
	{                                                 \
		BOARD_TABLE, 16 * (n), INDIRECT | (flags) \
	}

static const struct shape shapes[] = {
	{ { "one readable", NULL, 1, 0, 16, 0 }, 1, { { B, 16, 0 } }, { { 0 } } },
	{ { "one writable", NULL, 0, 1, 0, 16 }, 1, { { B, 16, WRITE } }, { { 0 } } },
	{ { "read request", NULL, 1, 2, 16, 513 }, 3,
		{ { B, 16, NEXT }, { B + 64, 512, NEXT | WRITE }, { B + 32, 1, WRITE } },
		{ { 0 } } },
	{ { "write request", NULL, 2, 1, 528, 1 }, 3,
		{ { B, 16, NEXT }, { B + 64, 512, NEXT }, { B + 32, 1, WRITE } }, { { 0 } } },
	{ { "two", NULL, 1, 1, 16, 1 }, 2, { { B, 16, NEXT }, { B + 32, 1, WRITE } }, { { 0 } } },
	{ { "three readable", NULL, 3, 0, 6, 0 }, 3,
		{ { B, 1, NEXT }, { B, 2, NEXT }, { B, 3, 0 } }, { { 0 } } },
	{ { "three writable", NULL, 0, 3, 0, 6 }, 3,
		{ { B, 1, NEXT | WRITE }, { B, 2, NEXT | WRITE }, { B, 3, WRITE } }, { { 0 } } },
	{ { "as long as the ring", NULL, 4, 3, 4, 3 }, 7,
		{ { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT },
			{ B, 1, NEXT | WRITE }, { B, 1, NEXT | WRITE }, { B, 1, WRITE } },
		{ { 0 } } },
	{ { "unknown flags", NULL, 1, 1, 16, 1 }, 2,
		{ { B, 16, NEXT | 0x7e78 }, { B, 1, WRITE | 0x7e78 } }, { { 0 } } },
	{ { "nothing but an empty one", NULL, 0, 0, 0, 0 }, 1, { { B, 0, 0 } }, { { 0 } } },
	{ { "empty ones all over, address anywhere", NULL, 1, 1, 16, 1 }, 6,
		{ { ~0ull, 0, NEXT }, { B, 16, NEXT }, { BOARD_HOLE, 0, NEXT },
			{ 1, 0, NEXT | WRITE }, { B, 1, NEXT | WRITE }, { ~0ull, 0, WRITE } },
		{ { 0 } } },
	{ { "empty one in the middle of three", NULL, 1, 1, 16, 1 }, 3,
		{ { B, 16, NEXT }, { 0, 0, NEXT | WRITE }, { B, 1, WRITE } }, { { 0 } } },
	{ { "across two seams", NULL, 1, 3, 16, 0x1020 }, 2,
		{ { B, 16, NEXT }, { BOARD_SEAM - 16, 0x1020, WRITE } }, { { 0 } } },
	{ { "middle one of three across a seam", NULL, 1, 3, 16, 65 }, 3,
		{ { B, 16, NEXT }, { BOARD_SEAM - 16, 64, NEXT | WRITE }, { B, 1, WRITE } },
		{ { 0 } } },
	{ { "last bytes before the hole and behind it", NULL, 3, 0, 3, 0 }, 3,
		{ { BOARD_HOLE - 1, 1, NEXT }, { BOARD_BEHIND, 1, NEXT }, { BOARD_END - 1, 1, 0 } },
		{ { 0 } } },

	{ { "table of three", NULL, 1, 2, 16, 513 }, 1, { TABLE(3, 0) },
		{ { B, 16, 0 }, { B + 64, 512, WRITE }, { B + 32, 1, WRITE } } },
	{ { "table of three, to be read", NULL, 2, 1, 528, 1 }, 1, { TABLE(3, 0) },
		{ { B, 16, 0 }, { B + 64, 512, 0 }, { B + 32, 1, WRITE } } },
	{ { "table of three, flags that mean nothing", NULL, 1, 2, 16, 513 }, 1, { TABLE(3, 0) },
		{ { B, 16, 0xfff9 }, { B + 64, 512, 0xfff9 | WRITE },
			{ B + 32, 1, 0xfff9 | WRITE } } },
	{ { "table of one", NULL, 0, 1, 0, 7 }, 1, { TABLE(1, 0) }, { { B, 7, WRITE } } },
	{ { "NEXT in the last of a table means nothing", NULL, 1, 1, 7, 1 }, 1, { TABLE(2, 0) },
		{ { B, 7, NEXT }, { B, 1, NEXT | WRITE } } },
	{ { "WRITE on the table is ignored", NULL, 1, 0, 7, 0 }, 1, { TABLE(1, WRITE) },
		{ { B, 7, 0 } } },
	{ { "WRITE on a table of three is ignored", NULL, 2, 1, 2, 1 }, 1, { TABLE(3, WRITE) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, WRITE } } },
	{ { "table as long as the ring", NULL, 7, 0, 7, 0 }, 1, { TABLE(7, 0) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 },
			{ B, 1, 0 } } },
	{ { "table across a seam", NULL, 1, 1, 16, 1 }, 1, { { BOARD_SEAM2 - 24, 32, INDIRECT } },
		{ { B, 16, 0 }, { B, 1, WRITE } } },
	{ { "table of three at an odd address", NULL, 1, 2, 16, 2 }, 1,
		{ { BOARD_TABLE + 7, 48, INDIRECT } },
		{ { B, 16, 0 }, { B, 1, WRITE }, { B, 1, WRITE } } },

	{ { "chain goes on where nothing is available", "goes on here, but this is not available",
		  0, 0, 0, 0 },
		0, { { B, 16, NEXT }, { B, 1, WRITE | STALE } }, { { 0 } } },
	{ { "third is not available", "goes on here, but this is not available", 0, 0, 0, 0 }, 0,
		{ { B, 16, NEXT }, { B, 1, NEXT | WRITE }, { B, 1, WRITE | STALE } }, { { 0 } } },
	{ { "longer than the ring", "goes on here, but this is not available", 0, 0, 0, 0 }, 0,
		{ { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT }, { B, 1, NEXT },
			{ B, 1, NEXT }, { B, 1, NEXT } },
		{ { 0 } } },
	{ { "readable behind writable", "device-readable, but behind a device-writable", 0, 0, 0,
		  0 },
		0, { { B, 16, NEXT | WRITE }, { B, 16, 0 } }, { { 0 } } },
	{ { "readable behind writable, third", "device-readable, but behind a device-writable", 0,
		  0, 0, 0 },
		0, { { B, 16, NEXT }, { B, 16, NEXT | WRITE }, { B, 16, 0 } }, { { 0 } } },
	{ { "readable and empty behind writable", "device-readable, but behind", 0, 0, 0, 0 }, 0,
		{ { B, 16, NEXT | WRITE }, { B, 0, 0 } }, { { 0 } } },
	{ { "buffer reaches into the hole", "buffer 0x2fff0+17 is outside guest memory", 0, 0, 0,
		  0 },
		0, { { BOARD_HOLE - 16, 17, 0 } }, { { 0 } } },
	{ { "buffer over the end", "outside guest memory", 0, 0, 0, 0 }, 0,
		{ { BOARD_END - 1, 2, WRITE } }, { { 0 } } },
	{ { "buffer wraps", "buffer 0xfffffffffffffff0+32 is outside", 0, 0, 0, 0 }, 0,
		{ { ~15ull, 32, 0 } }, { { 0 } } },
	{ { "longest buffer", "buffer 0x10000+4294967295 is outside", 0, 0, 0, 0 }, 0,
		{ { B, 0xffffffff, 0 } }, { { 0 } } },
	{ { "last of three outside", "buffer 0x30000+1", 0, 0, 0, 0 }, 0,
		{ { B, 16, NEXT }, { B, 512, NEXT | WRITE }, { BOARD_HOLE, 1, WRITE } },
		{ { 0 } } },

	{ { "INDIRECT with NEXT", "INDIRECT together with NEXT", 0, 0, 0, 0 }, 0,
		{ TABLE(1, NEXT), { B, 1, 0 } }, { { B, 1, 0 } } },
	{ { "INDIRECT behind a direct one", "INDIRECT inside a chain", 0, 0, 0, 0 }, 0,
		{ { B, 1, NEXT }, TABLE(1, 0) }, { { B, 1, 0 } } },
	{ { "INDIRECT third", "INDIRECT inside a chain", 0, 0, 0, 0 }, 0,
		{ { B, 1, NEXT }, { B, 1, NEXT }, TABLE(1, 0) }, { { B, 1, 0 } } },
	{ { "table of length 0", "length 0 of the indirect table", 0, 0, 0, 0 }, 0, { TABLE(0, 0) },
		{ { B, 1, 0 } } },
	{ { "table of length 49", "length 49 of the indirect table", 0, 0, 0, 0 }, 0,
		{ { BOARD_TABLE, 49, INDIRECT } }, { { B, 1, 0 }, { B, 1, 0 }, { B, 1, WRITE } } },
	{ { "table reaches into the hole", "indirect table 0x2fff0+32 is outside guest memory", 0,
		  0, 0, 0 },
		0, { { BOARD_HOLE - 16, 32, INDIRECT } }, { { B, 1, 0 } } },
	{ { "table of three outside", "indirect table 0x30000+48 is outside", 0, 0, 0, 0 }, 0,
		{ { BOARD_HOLE, 48, INDIRECT } }, { { 0 } } },
	{ { "table wraps", "outside guest memory", 0, 0, 0, 0 }, 0, { { ~15ull, 48, INDIRECT } },
		{ { 0 } } },
	{ { "table in a table", "descriptor 1 of the indirect table at 0xd000: INDIRECT inside", 0,
		  0, 0, 0 },
		0, { TABLE(2, 0) }, { { B, 1, 0 }, { BOARD_TABLE, 16, INDIRECT } } },
	{ { "table in a table of three", "descriptor 1 of the indirect table at 0xd000: INDIRECT",
		  0, 0, 0, 0 },
		0, { TABLE(3, 0) },
		{ { B, 1, 0 }, { BOARD_TABLE, 16, INDIRECT }, { B, 1, WRITE } } },
	{ { "table longer than the ring",
		  "descriptor 7 of the indirect table at 0xd000: the chain has more descriptors", 0,
		  0, 0, 0 },
		0, { TABLE(8, 0) },
		{ { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 }, { B, 1, 0 },
			{ B, 1, 0 }, { B, 1, 0 } } },
	{ { "readable behind writable in the table", "descriptor 2 of the indirect table", 0, 0, 0,
		  0 },
		0, { TABLE(3, 0) }, { { B, 16, 0 }, { B, 1, WRITE }, { B, 1, 0 } } },
	{ { "table's buffer outside", "indirect table at 0xd000: buffer 0x30000+1", 0, 0, 0, 0 }, 0,
		{ TABLE(1, 0) }, { { BOARD_HOLE, 1, 0 } } },
};

/* Puts what the row says where the driver is. */
static void put_shape(struct board *board, const struct shape *shape, uint16_t id)
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
}

/* Each shape from each slot on in both rounds, in a ring in one piece and in one across a seam. */
static void test_shapes(void **state)
{
	static const uint64_t places[] = { BOARD_DESCRIPTORS, BOARD_SEAM - 48, BOARD_BEHIND };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(shapes) * ARRAY_COUNT(places) * 2 * ENTRIES; i++) {
		const struct shape *shape = &shapes[i / (ARRAY_COUNT(places) * 2 * ENTRIES)];
		uint16_t id = (uint16_t)(0xfff0 + i % 16);
		size_t before = i % (2 * ENTRIES);

		board_make(&board);
		board.setup.packed = true;
		board.setup.indirect = true;
		board.setup.size = ENTRIES;
		board.setup.descriptors = places[i / (2 * ENTRIES) % ARRAY_COUNT(places)];
		board_start(&board);
		for (size_t k = 0; k < before; k++)
			board_pass_one(&board);
		put_shape(&board, shape, id);
		expect_wanted(&board, &shape->wanted, before, id, shape->slots);
		if (shape->wanted.why == NULL)
			board_pass_one(&board);
		board_free(&board);
	}
}

static void test_indirect_not_negotiated(void **state)
{
	(void)state;
	expect_no_indirect(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_indirect_not_negotiated),
	};

	return cmocka_run_group_tests_name("virtq packed shapes", tests, NULL, NULL);
}
