/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of mm/paging_tree.c: which leaves a mapping is made of, splitting, refusals, running
 * out of frames at every point, and random changes against a plain array. Tables are read back by a
 * walk of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mm/paging_tree.h"
#include "tests/unit/frame_source.h"

#define TABLE_BITS 0x7ull
#define LEAF_BITS  0x8000000000000037ull

static struct frame_store store;
static struct frame_pool pool;

static void make_tree(struct paging_tree *tree, unsigned int levels, uint64_t largest_leaf)
{
	frame_store_init(&store, &pool, STORE_PAGES);
	assert_int_equal(
		paging_tree_init(tree, &pool, levels, TABLE_BITS, largest_leaf), STATUS_OK);
}

/* What the processor would make of an address, by the layout in the SDM; ~0 where nothing is
 * mapped. */
static uint64_t translate(const struct paging_tree *tree, uint64_t address, uint64_t *size)
{
	const uint64_t *table = tree->root;

	for (unsigned int shift = tree->levels == 5 ? 48 : 39;; shift -= 9) {
		const uint64_t entry = table[address >> shift & 0x1ff];

		*size = 1ull << shift;
		if (entry == 0)
			return ~0ull;
		if (shift == 12 || (entry & 0x80)) {
			const uint64_t page = entry & 0x000ffffffffff000ull;

			assert_true(shift <= 30);
			assert_int_equal(entry & ~0x000ffffffffff000ull,
				LEAF_BITS | (shift > 12 ? 0x80 : 0));
			assert_int_equal(page & (*size - 1), 0);
			return page | (address & (*size - 1));
		}
		assert_int_equal(entry & ~0x000ffffffffff000ull, TABLE_BITS);
		table = (const uint64_t *)(entry & 0x000ffffffffff000ull);
	}
}

/* Translation by both walks; they must agree. */
static uint64_t look_up(const struct paging_tree *tree, uint64_t address, uint64_t *size)
{
	const uint64_t physical = translate(tree, address, size);
	struct paging_leaf leaf;

	assert_int_equal(paging_tree_lookup(tree, address, &leaf), physical != ~0ull);
	assert_int_equal(leaf.size, *size);
	assert_int_equal(leaf.size, PAGE_SIZE << (9 * (leaf.level - 1)));
	assert_int_equal(leaf.physical, physical != ~0ull ? physical : 0);
	assert_int_equal(leaf.entry != 0, physical != ~0ull);
	return physical;
}

static void assert_unmapped(const struct paging_tree *tree, uint64_t address)
{
	uint64_t size;

	assert_int_equal(look_up(tree, address, &size), ~0ull);
}

static void test_leaves(void **state)
{
	static const struct {
		const char *name;
		uint64_t largest, address, physical, size;
		unsigned int of_1g, of_2m, of_4k; /* leaves */
		unsigned int frames;              /* the root included */
	} rows[] = {
		{ "one page", GIB, 0x5000, 0x9000, 0x1000, 0, 0, 1, 4 },
		{ "two pages", GIB, 0x5000, 0x9000, 0x2000, 0, 0, 2, 4 },
		{ "page 0", GIB, 0, 0, 0x1000, 0, 0, 1, 4 },
		{ "2 MiB", GIB, 0x200000, 0x600000, 0x200000, 0, 1, 0, 3 },
		{ "2 MiB, 4 KiB only", PAGE_SIZE, 0x200000, 0x600000, 0x200000, 0, 0, 512, 4 },
		{ "2 MiB, physical off by a page", GIB, 0x200000, 0x601000, 0x200000, 0, 0, 512,
			4 },
		{ "2 MiB, address off by a page", GIB, 0x201000, 0x600000, 0x200000, 0, 0, 512, 5 },
		{ "2 MiB, both off by the same", GIB, 0x201000, 0x601000, 0x200000, 0, 0, 512, 5 },
		{ "2 MiB but for a page", GIB, 0x200000, 0x600000, 0x1ff000, 0, 0, 511, 4 },
		{ "2 MiB and a page", GIB, 0x200000, 0x600000, 0x201000, 0, 1, 1, 4 },
		{ "a page and 2 MiB", GIB, 0x1ff000, 0x5ff000, 0x201000, 0, 1, 1, 4 },
		{ "64 MiB", 2 * MIB, 0, 0x8000000, 64 * MIB, 0, 32, 0, 3 },
		{ "1 GiB", GIB, GIB, 3 * GIB, GIB, 1, 0, 0, 2 },
		{ "1 GiB, none offered", 2 * MIB, GIB, 3 * GIB, GIB, 0, 512, 0, 3 },
		{ "1 GiB, physical off by 2 MiB", GIB, GIB, 3 * GIB + 2 * MIB, GIB, 0, 512, 0, 3 },
		{ "1 GiB but for 2 MiB", GIB, GIB, 3 * GIB, GIB - 2 * MIB, 0, 511, 0, 3 },
		{ "all three", GIB, GIB - 2 * MIB - 0x1000, 5 * GIB - 2 * MIB - 0x1000,
			GIB + 4 * MIB + 0x2000, 1, 2, 2, 6 },
		{ "3.5 GiB", GIB, 0, 4 * GIB, 3 * GIB + 512 * MIB, 3, 256, 0, 3 },
		{ "across 512 GiB", GIB, 511 * GIB, GIB, 2 * GIB, 2, 0, 0, 3 },
		{ "last page of 48 bits", GIB, BIT(48) - 0x1000, BIT(52) - 0x1000, 0x1000, 0, 0, 1,
			4 },
		{ "last GiB of 48 bits", GIB, BIT(48) - GIB, BIT(52) - GIB, GIB, 1, 0, 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t start = rows[i].address, end = start + rows[i].size;
		unsigned int of_1g = 0, of_2m = 0, of_4k = 0;
		struct paging_tree tree;
		uint64_t size;

		make_tree(&tree, 4, rows[i].largest);
		assert_int_equal(
			paging_tree_map(&tree, start, rows[i].physical, rows[i].size, LEAF_BITS),
			STATUS_OK);
		for (uint64_t at = start; at < end; at += size) {
			if (look_up(&tree, at, &size) != rows[i].physical + (at - start))
				fail_msg("%s: 0x%lx", rows[i].name, at);
			of_1g += size == GIB;
			of_2m += size == 2 * MIB;
			of_4k += size == PAGE_SIZE;
		}
		if (of_1g != rows[i].of_1g || of_2m != rows[i].of_2m || of_4k != rows[i].of_4k ||
			pool.total != rows[i].frames)
			fail_msg("%s: %u + %u + %u leaves, %lu frames", rows[i].name, of_1g, of_2m,
				of_4k, pool.total);
		if (start != 0)
			assert_unmapped(&tree, start - 1);
		if (end != BIT(48))
			assert_unmapped(&tree, end);
	}
}

static void test_five_levels(void **state)
{
	static const uint64_t addresses[] = { 0, BIT(48) - 0x1000, BIT(48), 3 * BIT(48) + 5 * GIB,
		BIT(57) - 0x1000 };
	struct paging_tree tree;
	uint64_t size;

	(void)state;
	make_tree(&tree, 5, GIB);
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		assert_unmapped(&tree, addresses[i]);
		assert_int_equal(
			paging_tree_map(&tree, addresses[i], 0x7000, 0x1000, LEAF_BITS), STATUS_OK);
		assert_int_equal(look_up(&tree, addresses[i] + 0x123, &size), 0x7123);
	}
	assert_int_equal(
		paging_tree_map(&tree, BIT(57), 0x7000, 0x1000, LEAF_BITS), STATUS_BAD_VALUE);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		uint64_t address, physical, size, bits;
		enum status status;
	} rows[] = {
		{ "empty", 0, 0, 0, LEAF_BITS, STATUS_BAD_VALUE },
		{ "address not aligned", 0x800, 0, 0x1000, LEAF_BITS, STATUS_BAD_VALUE },
		{ "physical not aligned", 0, 0x800, 0x1000, LEAF_BITS, STATUS_BAD_VALUE },
		{ "size not aligned", 0, 0, 0x1800, LEAF_BITS, STATUS_BAD_VALUE },
		{ "begins beyond 48 bits", BIT(48), 0, 0x1000, LEAF_BITS, STATUS_BAD_VALUE },
		{ "ends beyond 48 bits", BIT(48) - 0x1000, 0, 0x2000, LEAF_BITS, STATUS_BAD_VALUE },
		{ "wraps", 0x1000, 0, ~PAGE_MASK, LEAF_BITS, STATUS_BAD_VALUE },
		{ "physical ends beyond 52 bits", 0, BIT(52) - 0x1000, 0x2000, LEAF_BITS,
			STATUS_BAD_VALUE },
		{ "physical wraps", 0, ~PAGE_MASK, 0x2000, LEAF_BITS, STATUS_BAD_VALUE },
		{ "no bits", 0, 0, 0x1000, 0, STATUS_BAD_VALUE },
		{ "bits of the address", 0, 0, 0x1000, 0x1007, STATUS_BAD_VALUE },
		{ "bit 7", 0, 0, 0x1000, 0x87, STATUS_BAD_VALUE },
		{ "what is mapped", 2 * MIB, 0, 2 * MIB, LEAF_BITS, STATUS_CONFLICT },
		{ "its first page", 2 * MIB, 0, 0x1000, LEAF_BITS, STATUS_CONFLICT },
		{ "up to its first page", 2 * MIB - 0x1000, 0, 0x2000, LEAF_BITS, STATUS_CONFLICT },
		{ "its last page", 4 * MIB - 0x1000, 0, 0x1000, LEAF_BITS, STATUS_CONFLICT },
		{ "1 GiB around it", 0, 0, GIB, LEAF_BITS, STATUS_CONFLICT },
		{ "all", 0, 0, BIT(48), LEAF_BITS, STATUS_CONFLICT },
	};
	struct paging_tree tree;
	uint64_t size;

	(void)state;
	make_tree(&tree, 4, GIB);
	assert_int_equal(paging_tree_map(&tree, 2 * MIB, 6 * MIB, 2 * MIB, LEAF_BITS), STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t frames = pool.total;
		enum status status = paging_tree_map(
			&tree, rows[i].address, rows[i].physical, rows[i].size, rows[i].bits);

		if (status != rows[i].status)
			fail_msg("%s: %s", rows[i].name, status_text(status));
		assert_int_equal(pool.total, frames);
		assert_unmapped(&tree, 2 * MIB - 1);
		assert_int_equal(look_up(&tree, 2 * MIB, &size), 6 * MIB);
		assert_int_equal(size, 2 * MIB);
		assert_unmapped(&tree, 4 * MIB);
	}
	for (size_t i = 0; i < 7; i++) { /* the rows that are about the address and the size */
		if (rows[i].physical == 0 &&
			paging_tree_unmap(&tree, rows[i].address, rows[i].size) != STATUS_BAD_VALUE)
			fail_msg("unmap: %s", rows[i].name);
	}
}

static void test_init(void **state)
{
	static const struct {
		unsigned int levels;
		uint64_t largest;
		size_t frames;
		enum status status;
	} rows[] = {
		{ 4, PAGE_SIZE, 1, STATUS_OK },
		{ 5, 2 * MIB, 1, STATUS_OK },
		{ 4, GIB, 0, STATUS_NO_MEMORY },
		{ 3, GIB, 1, STATUS_BAD_VALUE },
		{ 6, GIB, 1, STATUS_BAD_VALUE },
		{ 4, 0, 1, STATUS_BAD_VALUE },
		{ 4, 4 * MIB, 1, STATUS_BAD_VALUE },
		{ 4, 512 * GIB, 1, STATUS_BAD_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct paging_tree tree;

		frame_store_init(&store, &pool, rows[i].frames);
		assert_int_equal(
			paging_tree_init(&tree, &pool, rows[i].levels, TABLE_BITS, rows[i].largest),
			rows[i].status);
		if (rows[i].status == STATUS_OK)
			assert_unmapped(&tree, 0);
	}
}

/* A page taken out of 1 GiB: everything else there stays as it was. */
static void test_split(void **state)
{
	static const struct {
		const char *name;
		uint64_t address, size;
		unsigned int frames; /* beside the root and one table */
	} rows[] = {
		{ "a page in the middle", GIB + 0x12345000, 0x1000, 2 },
		{ "the first page", GIB, 0x1000, 2 },
		{ "the last page", 2 * GIB - 0x1000, 0x1000, 2 },
		{ "2 MiB", GIB + 64 * MIB, 2 * MIB, 1 },
		{ "2 MiB and a page", GIB + 64 * MIB, 2 * MIB + 0x1000, 2 },
		{ "all but the first and the last page", GIB + 0x1000, GIB - 0x2000, 3 },
		{ "all", GIB, GIB, 0 },
		{ "more than all", GIB - 0x1000, GIB + 0x2000, 0 },
		{ "whole tree", 0, BIT(48), 0 },
		{ "what is not mapped", 0, GIB, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t end = rows[i].address + rows[i].size;
		struct paging_tree tree;
		uint64_t size;

		make_tree(&tree, 4, GIB);
		assert_int_equal(paging_tree_map(&tree, GIB, 3 * GIB, GIB, LEAF_BITS), STATUS_OK);
		assert_int_equal(
			paging_tree_unmap(&tree, rows[i].address, rows[i].size), STATUS_OK);
		if (pool.total != 2 + rows[i].frames)
			fail_msg("%s: %lu frames", rows[i].name, pool.total);
		for (uint64_t at = GIB; at < 2 * GIB; at += PAGE_SIZE) {
			const bool out = at >= rows[i].address && at < end;

			if (translate(&tree, at, &size) != (out ? ~0ull : at + 2 * GIB))
				fail_msg("%s: 0x%lx", rows[i].name, at);
		}
		assert_unmapped(&tree, GIB - 1);
		assert_unmapped(&tree, 2 * GIB);
		/* Again is nothing, and what was taken out can be mapped anew. */
		assert_int_equal(
			paging_tree_unmap(&tree, rows[i].address, rows[i].size), STATUS_OK);
		size = min_u64(rows[i].size, 2 * GIB);
		assert_int_equal(
			paging_tree_map(&tree, rows[i].address, rows[i].address, size, LEAF_BITS),
			STATUS_OK);
		assert_int_equal(look_up(&tree, rows[i].address, &size), rows[i].address);
	}
}

/* With each number of frames too small: nothing is mapped; with enough of them later all is. */
static void test_out_of_frames(void **state)
{
	const uint64_t start = GIB - 2 * MIB - 0x1000, length = GIB + 4 * MIB + 0x2000;

	(void)state;
	for (size_t limit = 1; limit < 6; limit++) {
		struct paging_tree tree;
		uint64_t size;

		frame_store_init(&store, &pool, limit);
		assert_int_equal(paging_tree_init(&tree, &pool, 4, TABLE_BITS, GIB), STATUS_OK);
		assert_int_equal(paging_tree_map(&tree, start, 4 * GIB + start, length, LEAF_BITS),
			STATUS_NO_MEMORY);
		for (uint64_t at = 0; at < 4 * GIB; at += size)
			assert_int_equal(look_up(&tree, at, &size), ~0ull);
		store.limit = STORE_PAGES;
		assert_int_equal(paging_tree_map(&tree, start, 4 * GIB + start, length, LEAF_BITS),
			STATUS_OK);
		for (uint64_t at = start; at < start + length; at += PAGE_SIZE)
			assert_int_equal(translate(&tree, at, &size), 4 * GIB + at);
		assert_int_equal(pool.total, 6); /* tables of the failed attempt are used */
	}
}

static void test_out_of_frames_to_split(void **state)
{
	struct paging_tree tree;
	uint64_t size;

	(void)state;
	make_tree(&tree, 4, GIB);
	assert_int_equal(paging_tree_map(&tree, GIB, 3 * GIB, GIB, LEAF_BITS), STATUS_OK);
	for (size_t more = 0; more < 3; more++) {
		store.limit = 2 + more;
		assert_int_equal(
			paging_tree_unmap(&tree, GIB + 0x1000, GIB - 0x2000), STATUS_NO_MEMORY);
		for (uint64_t at = GIB; at < 2 * GIB; at += PAGE_SIZE)
			assert_int_equal(translate(&tree, at, &size), at + 2 * GIB);
	}
	store.limit = 5;
	assert_int_equal(paging_tree_unmap(&tree, GIB + 0x1000, GIB - 0x2000), STATUS_OK);
	assert_unmapped(&tree, GIB + 0x1000);
}

#define WINDOW_PAGES 3072ul /* 12 MiB around 1 GiB */
#define WINDOW_START (GIB - 6 * MIB)

static uint64_t random_below(uint64_t limit)
{
	return (uint64_t)rand() % limit;
}

/* Random mappings and holes; every page of the window is compared after each. */
static void test_random(void **state)
{
	static uint64_t model[WINDOW_PAGES];
	struct paging_tree tree;

	(void)state;
	make_tree(&tree, 4, GIB);
	memset(model, 0xff, sizeof(model));
	srand(1);
	for (int round = 0; round < 400; round++) {
		const uint64_t grain = random_below(2) ? 1 : 512;
		const uint64_t first = random_below(WINDOW_PAGES / grain) * grain;
		const uint64_t wanted = (random_below(1100 / grain) + 1) * grain;
		const uint64_t pages = min_u64(WINDOW_PAGES - first, wanted);
		const uint64_t physical = random_below(4096 / grain) * grain * PAGE_SIZE;
		const uint64_t address = WINDOW_START + first * PAGE_SIZE;
		const bool map = random_below(3) != 0;
		enum status expected = STATUS_OK, status;
		uint64_t size;

		for (uint64_t i = first; i < first + pages; i++) {
			if (map && model[i] != ~0ull)
				expected = STATUS_CONFLICT;
		}
		if (map)
			status = paging_tree_map(
				&tree, address, physical, pages * PAGE_SIZE, LEAF_BITS);
		else
			status = paging_tree_unmap(&tree, address, pages * PAGE_SIZE);
		assert_int_equal(status, expected);
		for (uint64_t i = first; i < first + pages && status == STATUS_OK; i++)
			model[i] = map ? physical + (i - first) * PAGE_SIZE : ~0ull;
		for (uint64_t i = 0; i < WINDOW_PAGES; i++)
			assert_int_equal(
				translate(&tree, WINDOW_START + i * PAGE_SIZE, &size), model[i]);
	}
	assert_true(pool.total <= 10); /* root, level 3, two of level 2, six of level 1 */
}

static void test_trace(void **state)
{
	struct paging_step steps[PAGING_MAX_LEVELS];
	struct paging_tree tree;
	struct paging_leaf leaf;

	(void)state;
	make_tree(&tree, 4, GIB);
	assert_int_equal(paging_tree_map(&tree, 0x5000, 0x9000, 0x1000, LEAF_BITS), STATUS_OK);
	assert_int_equal(paging_tree_map(&tree, GIB, GIB, GIB, LEAF_BITS), STATUS_OK);

	assert_int_equal(paging_tree_trace(&tree, 0x5123, steps), 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(steps[i].level, 4 - i);
		assert_int_equal(steps[i].entry, *(uint64_t *)steps[i].address);
	}
	assert_ptr_equal((void *)steps[0].address, tree.root);
	assert_int_equal(steps[3].entry, 0x9000 | LEAF_BITS);
	assert_int_equal(paging_tree_trace(&tree, 0x6000, steps), 4);
	assert_int_equal(steps[3].entry, 0);
	assert_int_equal(paging_tree_trace(&tree, GIB + 1, steps), 2);
	assert_int_equal(steps[1].entry, GIB | LEAF_BITS | 0x80);
	assert_int_equal(paging_tree_trace(&tree, 600 * GIB, steps), 1);
	assert_int_equal(steps[0].address, (uintptr_t)(tree.root + 1));
	assert_int_equal(steps[0].entry, 0);

	assert_int_equal(paging_tree_trace(&tree, BIT(48), steps), 0);
	assert_false(paging_tree_lookup(&tree, BIT(48) + 0x5000, &leaf));
	assert_false(paging_tree_lookup(&tree, ~0ull, &leaf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_five_levels),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_out_of_frames),
		cmocka_unit_test(test_out_of_frames_to_split),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests_name("paging_tree", tests, NULL, NULL);
}
