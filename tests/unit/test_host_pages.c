/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of mm/host_pages.c: the rights of each kind of page as the SDM's bits, 4 and 5 levels,
 * with and without 1 GiB pages, guard pages, the lower canonical half.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/host_pages.h"
#include "tests/unit/frame_source.h"

static struct frame_store store;
static struct frame_pool pool;

static void make_pages(struct host_pages *pages, bool page_1g, bool five_levels)
{
	frame_store_init(&store, &pool, STORE_PAGES);
	assert_int_equal(host_pages_init(pages, &pool,
				 (struct host_page_features){
					 .page_1g = page_1g, .five_levels = five_levels }),
		STATUS_OK);
}

/* Reads the tables as the processor does, from CR3 on. Returns the entry that maps address, or 0.
 */
static uint64_t walk(const struct host_pages *pages, uint64_t address, bool five, uint64_t *size)
{
	uint64_t entry = host_pages_root(pages);

	for (unsigned int shift = five ? 48 : 39;; shift -= 9) {
		const uint64_t *table = (const uint64_t *)(entry & 0x000ffffffffff000ull);

		entry = table[address >> shift & 0x1ff];
		*size = 1ull << shift;
		if (!(entry & 1) || shift == 12 || (entry & 0x80))
			return entry;
		assert_int_equal(entry & ~0x000ffffffffff000ull, 3); /* present, writable */
	}
}

static void test_kinds(void **state)
{
	static const struct {
		enum host_page kind;
		uint64_t bits;
	} rows[] = {
		{ HOST_PAGE_TEXT, 0x1 },                    /* P */
		{ HOST_PAGE_CONSTANT, 0x8000000000000001 }, /* P, XD */
		{ HOST_PAGE_DATA, 0x8000000000000003 },     /* P, R/W, XD */
		{ HOST_PAGE_DEVICE, 0x800000000000001b },   /* P, R/W, PWT, PCD, XD */
	};
	static const struct {
		uint64_t address, size, leaf;
		bool page_1g;
	} places[] = {
		{ 0x1000, 0x3000, PAGE_SIZE, false },
		{ 0x200000, 0x400000, 2 * MIB, false },
		{ GIB, GIB, 2 * MIB, false },
		{ GIB, GIB, GIB, true },
		{ BIT(47) - 2 * MIB, 2 * MIB, 2 * MIB, true },
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * ARRAY_COUNT(rows) * ARRAY_COUNT(places); i++) {
		const bool five = i % 2;
		const size_t row = i / 2 % ARRAY_COUNT(rows), place = i / 2 / ARRAY_COUNT(rows);
		const uint64_t start = places[place].address, end = start + places[place].size;
		const uint64_t large = places[place].leaf > PAGE_SIZE ? 0x80 : 0;
		struct host_pages pages;
		struct paging_leaf leaf;
		uint64_t size;

		make_pages(&pages, places[place].page_1g, five);
		assert_int_equal(
			host_pages_map(&pages, start, end - start, rows[row].kind), STATUS_OK);
		for (uint64_t at = start; at < end; at += size) {
			assert_int_equal(
				walk(&pages, at, five, &size), at | large | rows[row].bits);
			assert_int_equal(size, places[place].leaf);
			assert_true(host_pages_lookup(&pages, at + 0x123, &leaf));
			assert_int_equal(leaf.physical, at + 0x123);
		}
		assert_int_equal(walk(&pages, start - 1, five, &size), 0);
		assert_int_equal(walk(&pages, end, five, &size), 0);
		assert_false(host_pages_lookup(&pages, 0, &leaf));
	}
}

/* A stack in the midst of data: the page under it is taken out. */
static void test_guard_page(void **state)
{
	const uint64_t guard = 0x40005000;
	struct host_pages pages;
	struct paging_leaf leaf;

	(void)state;
	make_pages(&pages, true, false);
	assert_int_equal(host_pages_map(&pages, GIB, GIB, HOST_PAGE_DATA), STATUS_OK);
	assert_int_equal(host_pages_unmap(&pages, guard, PAGE_SIZE), STATUS_OK);
	for (uint64_t at = GIB; at < 2 * GIB; at += PAGE_SIZE) {
		assert_int_equal(host_pages_lookup(&pages, at, &leaf), at != guard);
		if (at != guard) {
			assert_int_equal(leaf.physical, at);
			assert_int_equal(leaf.entry & ~0x000ffffffffff000ull,
				0x8000000000000003 | (leaf.size > PAGE_SIZE ? 0x80 : 0));
		}
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		bool five;
		uint64_t address, size;
		unsigned int kind;
		enum status status;
	} rows[] = {
		{ "last page of the lower half", false, BIT(47) - 0x1000, 0x1000, 0, STATUS_OK },
		{ "first page of the upper half", false, BIT(47), 0x1000, 0, STATUS_BAD_VALUE },
		{ "into the upper half", false, BIT(47) - 0x1000, 0x2000, 0, STATUS_BAD_VALUE },
		{ "canonical with 5 levels", true, BIT(47), 0x1000, 0, STATUS_OK },
		{ "upper half with 5 levels", true, BIT(56), 0x1000, 0, STATUS_BAD_VALUE },
		{ "wraps", false, 0x1000, ~PAGE_MASK, 0, STATUS_BAD_VALUE },
		{ "empty", false, 0x1000, 0, 0, STATUS_BAD_VALUE },
		{ "not aligned", false, 0x1008, 0x1000, 0, STATUS_BAD_VALUE },
		{ "no such kind", false, 0x1000, 0x1000, HOST_PAGE_COUNT, STATUS_BAD_VALUE },
		{ "mapped already", false, 0x100000, 0x1000, 0, STATUS_CONFLICT },
	};
	struct host_pages pages;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum status status;

		make_pages(&pages, true, rows[i].five);
		assert_int_equal(
			host_pages_map(&pages, 0x100000, 0x1000, HOST_PAGE_DATA), STATUS_OK);
		status = host_pages_map(
			&pages, rows[i].address, rows[i].size, (enum host_page)rows[i].kind);
		if (status != rows[i].status)
			fail_msg("%s: %s", rows[i].name, status_text(status));
	}
	frame_store_init(&store, &pool, 0);
	assert_int_equal(
		host_pages_init(&pages, &pool, (struct host_page_features){ 0 }), STATUS_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_guard_page),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("host_pages", tests, NULL, NULL);
}
