/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of mm/ept.c: the bits of its entries and of the EPTP as the SDM lays them out, leaf
 * sizes for every set of capabilities, and that nothing but the guest's memory is mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/ept.h"
#include "tests/unit/frame_source.h"

#define DEVICE_PAGE 0xcafe0000ull

static struct frame_store store;
static struct frame_pool pool;

static const struct ept_capabilities all_sizes = { .page_1g = true, .page_2m = true };

static void make_ept(struct ept *ept, struct ept_capabilities capabilities)
{
	frame_store_init(&store, &pool, STORE_PAGES);
	assert_int_equal(ept_init(ept, &pool, capabilities), STATUS_OK);
}

/* Host memory is only pointed at here, never touched. */
static void add_range(struct guest_memory *memory, uint64_t gpa, uint64_t size, uint64_t host)
{
	assert_int_equal(guest_memory_add(memory, gpa, size, (void *)host), STATUS_OK);
}

/* SDM "Extended-Page-Table Pointer (EPTP)": type 6 in 2:0, 3 in 5:3, the rest 0 but the address. */
static void test_pointer(void **state)
{
	struct ept ept;

	(void)state;
	make_ept(&ept, all_sizes);
	assert_int_equal(ept_pointer(&ept), (uintptr_t)ept.tree.root | 0x1e);
}

/* Reads the tables as the processor does, from the EPTP on. Returns the entry that maps gpa, or 0.
 */
static uint64_t walk(const struct ept *ept, uint64_t gpa, uint64_t *size)
{
	uint64_t entry = ept_pointer(ept) & ~0xfffull;

	for (unsigned int shift = 39;; shift -= 9) {
		const uint64_t *table = (const uint64_t *)(entry & 0x000ffffffffff000ull);

		entry = table[gpa >> shift & 0x1ff];
		*size = 1ull << shift;
		if ((entry & 7) == 0 || shift == 12 || (entry & 0x80))
			return entry;
		assert_int_equal(entry & ~0x000ffffffffff000ull, 7); /* bits 7:3 are reserved */
	}
}

static void test_guest(void **state)
{
	static const struct {
		const char *name;
		struct ept_capabilities capabilities;
		uint64_t gpa, host, size;
		uint64_t largest, smallest; /* leaves that it is made of */
	} rows[] = {
		{ "64 MiB", { true, true }, 0, 4 * GIB, 64 * MIB, 2 * MIB, 2 * MIB },
		{ "64 MiB, 2 MiB pages", { false, true }, 0, 4 * GIB, 64 * MIB, 2 * MIB, 2 * MIB },
		{ "8 MiB, 4 KiB pages", { false, false }, 0, 4 * GIB, 8 * MIB, PAGE_SIZE,
			PAGE_SIZE },
		{ "1 GiB pages alone count as none", { true, false }, 0, 4 * GIB, 8 * MIB,
			PAGE_SIZE, PAGE_SIZE },
		{ "4 GiB", { true, true }, 0, 4 * GIB, 4 * GIB, GIB, GIB },
		{ "4 GiB, 2 MiB pages", { false, true }, 0, 4 * GIB, 4 * GIB, 2 * MIB, 2 * MIB },
		{ "host on a 2 MiB boundary", { true, true }, 0, 4 * GIB + 2 * MIB, GIB, 2 * MIB,
			2 * MIB },
		{ "host on a page boundary", { true, true }, 0, 4 * GIB + PAGE_SIZE, 8 * MIB,
			PAGE_SIZE, PAGE_SIZE },
		{ "guest on a page boundary", { true, true }, 9 * PAGE_SIZE, 4 * GIB, 8 * MIB,
			PAGE_SIZE, PAGE_SIZE },
		{ "both, the same", { true, true }, 2 * MIB - PAGE_SIZE, 5 * GIB - PAGE_SIZE,
			GIB + 2 * MIB, 2 * MIB, PAGE_SIZE },
		{ "odd size", { true, true }, GIB, 4 * GIB, GIB + 2 * MIB + PAGE_SIZE, GIB,
			PAGE_SIZE },
		{ "above 4 GiB", { true, true }, 4 * GIB, 8 * GIB, 2 * GIB, GIB, GIB },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct guest_memory memory = { 0 };
		uint64_t largest = 0, smallest = ~0ull, size;
		struct ept ept;

		make_ept(&ept, rows[i].capabilities);
		add_range(&memory, rows[i].gpa, rows[i].size, rows[i].host);
		assert_int_equal(ept_map_guest(&ept, &memory), STATUS_OK);
		for (uint64_t offset = 0; offset < rows[i].size; offset += size) {
			const uint64_t entry = walk(&ept, rows[i].gpa + offset, &size);

			/* Read, write, execute, type 6, PAT not ignored, bit 7 for a large page. */
			if (entry != ((rows[i].host + offset) | 0x37 | (size > 4096 ? 0x80 : 0)))
				fail_msg("%s: 0x%lx at 0x%lx", rows[i].name, entry, offset);
			largest = max_u64(largest, size);
			smallest = min_u64(smallest, size);
		}
		if (largest != rows[i].largest || smallest != rows[i].smallest)
			fail_msg("%s: leaves of 0x%lx to 0x%lx", rows[i].name, smallest, largest);
		assert_int_equal(walk(&ept, rows[i].gpa - 1, &size), 0);
		assert_int_equal(walk(&ept, rows[i].gpa + rows[i].size, &size), 0);
	}
}

/* 3.5 GiB split around the hole below 4 GiB, in which the device's page is; all else is unmapped.
 */
static void test_nothing_else_is_mapped(void **state)
{
	static const struct ept_capabilities sets[] = { { false, true }, { true, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++) {
		struct guest_memory memory = { 0 };
		struct paging_leaf leaf;
		uint64_t size, gpa = 0;
		struct ept ept;

		make_ept(&ept, sets[i]);
		add_range(&memory, 0, 3 * GIB, 8 * GIB);
		add_range(&memory, 4 * GIB, 512 * MIB, 16 * GIB + 4 * MIB);
		assert_int_equal(ept_map_guest(&ept, &memory), STATUS_OK);
		for (; gpa < BIT(48); gpa += size) {
			const bool is_memory =
				gpa < 3 * GIB || (gpa >= 4 * GIB && gpa < 4 * GIB + 512 * MIB);

			assert_int_equal(walk(&ept, gpa, &size) != 0, is_memory);
			assert_int_equal(ept_lookup(&ept, gpa, &leaf), is_memory);
			assert_int_equal(leaf.size, size);
		}
		assert_int_equal(walk(&ept, DEVICE_PAGE, &size), 0);
	}
}

/* A device's page that lies in the guest's memory is taken out of its 1 GiB leaf, and nothing else.
 */
static void test_device_page_hole(void **state)
{
	struct paging_step steps[PAGING_MAX_LEVELS];
	struct guest_memory memory = { 0 };
	struct paging_leaf leaf;
	struct ept ept;

	(void)state;
	make_ept(&ept, all_sizes);
	add_range(&memory, 0, 4 * GIB, 8 * GIB);
	assert_int_equal(ept_map_guest(&ept, &memory), STATUS_OK);
	assert_int_equal(pool.total, 2);
	assert_int_equal(ept_unmap(&ept, DEVICE_PAGE, PAGE_SIZE), STATUS_OK);
	assert_int_equal(pool.total, 4);
	for (uint64_t gpa = 3 * GIB; gpa < 4 * GIB; gpa += PAGE_SIZE) {
		const bool mapped = gpa != DEVICE_PAGE;

		assert_int_equal(ept_lookup(&ept, gpa + 5, &leaf), mapped);
		assert_int_equal(leaf.physical, mapped ? 8 * GIB + gpa + 5 : 0);
	}
	assert_true(ept_lookup(&ept, DEVICE_PAGE - 1, &leaf));
	assert_int_equal(leaf.level, 1);
	assert_true(ept_lookup(&ept, DEVICE_PAGE - 2 * MIB, &leaf));
	assert_int_equal(leaf.level, 2);
	assert_false(ept_lookup(&ept, DEVICE_PAGE, &leaf));
	assert_int_equal(leaf.level, 1);
	assert_int_equal(ept_trace(&ept, DEVICE_PAGE, steps), 4);
	assert_int_equal(steps[3].entry, 0);
	assert_true(ept_lookup(&ept, GIB, &leaf));
	assert_int_equal(leaf.level, 3);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa, size, host;
		enum status status;
	} rows[] = {
		{ "beyond 48 bits", BIT(48) - PAGE_SIZE, 2 * PAGE_SIZE, GIB, STATUS_BAD_VALUE },
		{ "host memory not aligned", 0, PAGE_SIZE, GIB + 8, STATUS_BAD_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct guest_memory memory = { 0 };
		struct ept ept;

		make_ept(&ept, all_sizes);
		add_range(&memory, rows[i].gpa, rows[i].size, rows[i].host);
		if (ept_map_guest(&ept, &memory) != rows[i].status)
			fail_msg("%s", rows[i].name);
	}
}

static void test_conflict_and_no_memory(void **state)
{
	struct guest_memory memory = { 0 };
	struct ept ept;

	(void)state;
	make_ept(&ept, all_sizes);
	add_range(&memory, 0, 64 * MIB, GIB);
	assert_int_equal(ept_map_guest(&ept, &memory), STATUS_OK);
	assert_int_equal(ept_map_guest(&ept, &memory), STATUS_CONFLICT);

	frame_store_init(&store, &pool, 0);
	assert_int_equal(ept_init(&ept, &pool, all_sizes), STATUS_NO_MEMORY);
	frame_store_init(&store, &pool, 2);
	assert_int_equal(ept_init(&ept, &pool, all_sizes), STATUS_OK);
	assert_int_equal(ept_map_guest(&ept, &memory), STATUS_NO_MEMORY);
	store.limit = 3;
	assert_int_equal(ept_map_guest(&ept, &memory), STATUS_OK);
	assert_int_equal(
		ept_unmap(&ept, DEVICE_PAGE & (64 * MIB - 1), PAGE_SIZE), STATUS_NO_MEMORY);
	assert_int_equal(ept_unmap(&ept, 123, PAGE_SIZE), STATUS_BAD_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pointer),
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_nothing_else_is_mapped),
		cmocka_unit_test(test_device_page_hole),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_conflict_and_no_memory),
	};

	return cmocka_run_group_tests_name("ept", tests, NULL, NULL);
}
