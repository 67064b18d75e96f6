/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of mm/guest_memory.c: the table of ranges, and the accessor at every edge: holes,
 * ranges that touch, the end of the address space, lengths that wrap around.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "mm/guest_memory.h"

#define TOP (0 - 2 * PAGE_SIZE) /* the last page that a range may have begins here */

static uint8_t somewhere[PAGE_SIZE];

struct range {
	uint64_t gpa, size;
};

/* Adds ranges with host memory of exactly their size. */
static void make_memory(struct guest_memory *memory, const struct range *ranges, size_t count)
{
	*memory = (struct guest_memory){ 0 };
	for (size_t i = 0; i < count; i++) {
		uint8_t *host = malloc(ranges[i].size);

		assert_non_null(host);
		memset(host, 0, ranges[i].size);
		assert_int_equal(
			guest_memory_add(memory, ranges[i].gpa, ranges[i].size, host), STATUS_OK);
	}
}

static void free_memory(struct guest_memory *memory)
{
	for (unsigned int i = 0; i < memory->count; i++)
		free(memory->ranges[i].host);
}

static void test_add(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa, size;
		enum status status;
	} rows[] = {
		{ "first", 0x10000, 0x4000, STATUS_OK },
		{ "empty", 0x40000, 0, STATUS_BAD_VALUE },
		{ "address not aligned", 0x40800, 0x1000, STATUS_BAD_VALUE },
		{ "size not aligned", 0x40000, 0x1001, STATUS_BAD_VALUE },
		{ "wraps", TOP, 0x3000, STATUS_BAD_VALUE },
		{ "ends at 2^64", TOP, 0x2000, STATUS_BAD_VALUE },
		{ "whole address space and more", 0x1000, ~PAGE_MASK, STATUS_BAD_VALUE },
		{ "same", 0x10000, 0x4000, STATUS_CONFLICT },
		{ "covers", 0xf000, 0x6000, STATUS_CONFLICT },
		{ "inside", 0x11000, 0x1000, STATUS_CONFLICT },
		{ "its first page", 0xf000, 0x2000, STATUS_CONFLICT },
		{ "its last page", 0x13000, 0x2000, STATUS_CONFLICT },
		{ "all below it, and it", 0, 0x11000, STATUS_CONFLICT },
		{ "touches its end", 0x14000, 0x1000, STATUS_OK },
		{ "touches its start", 0xf000, 0x1000, STATUS_OK },
		{ "very last page that may be", TOP, 0x1000, STATUS_OK },
		{ "page 0", 0, 0x1000, STATUS_OK },
		{ "over all of them", 0, TOP, STATUS_CONFLICT },
	};
	struct guest_memory memory = { 0 };
	uint64_t size = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const unsigned int count = memory.count;
		enum status status =
			guest_memory_add(&memory, rows[i].gpa, rows[i].size, somewhere);

		if (status != rows[i].status)
			fail_msg("%s: %s", rows[i].name, status_text(status));
		assert_int_equal(memory.count, count + (status == STATUS_OK));
		if (status == STATUS_OK)
			size += rows[i].size;
		assert_int_equal(guest_memory_size(&memory), size);
		for (unsigned int j = 1; j < memory.count; j++)
			assert_true(memory.ranges[j - 1].gpa < memory.ranges[j].gpa);
	}
	assert_int_equal(guest_memory_add(&memory, 0x80000000, 0x1000, NULL), STATUS_BAD_VALUE);
}

static void test_add_many(void **state)
{
	struct guest_memory memory = { 0 };
	uint64_t available;

	(void)state;
	/* Last to first, with holes between them. */
	for (uint64_t i = GUEST_MEMORY_MAX_RANGES; i > 0; i--)
		assert_int_equal(
			guest_memory_add(&memory, i * 0x2000, 0x1000, somewhere + i), STATUS_OK);
	assert_int_equal(guest_memory_add(&memory, 0x100000, 0x1000, somewhere), STATUS_NO_MEMORY);
	assert_int_equal(guest_memory_add(&memory, 0x2000, 0x1000, somewhere), STATUS_CONFLICT);
	for (uint64_t i = 1; i <= GUEST_MEMORY_MAX_RANGES; i++) {
		assert_ptr_equal(
			guest_memory_find(&memory, i * 0x2000, 1, &available), somewhere + i);
		assert_null(guest_memory_find(&memory, i * 0x2000 + 0x1000, 1, &available));
	}
}

/* A first range not at 0, one that touches it, a hole, one at the very end of the address space. */
static const struct range pieces[] = {
	{ 0x2000, 0x2000 },
	{ 0x4000, 0x1000 },
	{ 0x7000, 0x1000 },
	{ TOP, 0x1000 },
};

static void test_find(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa, wanted;
		int piece; /* -1: nothing there */
		uint64_t offset, available;
	} rows[] = {
		{ "first byte", 0x2000, 1, 0, 0, 1 },
		{ "last byte", 0x3fff, 1, 0, 0x1fff, 1 },
		{ "whole range", 0x2000, 0x2000, 0, 0, 0x2000 },
		{ "one byte more", 0x2000, 0x2001, 0, 0, 0x2000 },
		{ "from its last byte into the next", 0x3fff, 2, 0, 0x1fff, 1 },
		{ "all there is, from inside", 0x3000, ~0ull, 0, 0x1000, 0x1000 },
		{ "wraps around to where it began", 0x3000, 0 - 0x1000ull, 0, 0x1000, 0x1000 },
		{ "nothing wanted", 0x2000, 0, -1, 0, 0 },
		{ "nothing wanted in the second", 0x4000, 0, -1, 0, 0 },
		{ "byte before", 0x1fff, 1, -1, 0, 0 },
		{ "byte before, reaching in", 0x1fff, 0x1000, -1, 0, 0 },
		{ "address 0", 0, ~0ull, -1, 0, 0 },
		{ "range that touches", 0x4000, 8, 1, 0, 8 },
		{ "range that touches, into the hole", 0x4ff8, 16, 1, 0xff8, 8 },
		{ "hole", 0x5000, 1, -1, 0, 0 },
		{ "end of the hole", 0x6fff, 2, -1, 0, 0 },
		{ "after the hole", 0x7fff, 1, 2, 0xfff, 1 },
		{ "beyond", 0x8000, 1, -1, 0, 0 },
		{ "last page", TOP, 0x1000, 3, 0, 0x1000 },
		{ "last byte, and around the end", TOP + 0xfff, ~0ull, 3, 0xfff, 1 },
		{ "first byte that is none", TOP + 0x1000, 1, -1, 0, 0 },
		{ "address ~0", ~0ull, 1, -1, 0, 0 },
		{ "address ~0, around into memory", ~0ull, 0x4000, -1, 0, 0 },
	};
	struct guest_memory memory;

	(void)state;
	make_memory(&memory, pieces, ARRAY_COUNT(pieces));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint8_t *expected = NULL;
		uint64_t available = 77;
		void *host = guest_memory_find(&memory, rows[i].gpa, rows[i].wanted, &available);

		if (rows[i].piece >= 0)
			expected = memory.ranges[rows[i].piece].host + rows[i].offset;
		if (host != expected || available != rows[i].available)
			fail_msg("%s: 0x%lx bytes", rows[i].name, available);
		if (rows[i].wanted != 0)
			assert_ptr_equal(guest_memory_find_aligned(&memory, rows[i].gpa), expected);
	}
	free_memory(&memory);
}

static void test_find_without_memory(void **state)
{
	struct guest_memory memory = { 0 };
	uint64_t available = 77;

	(void)state;
	assert_null(guest_memory_find(&memory, 0, 1, &available));
	assert_int_equal(available, 0);
	assert_null(guest_memory_find_aligned(&memory, 0));
	assert_false(guest_memory_contains(&memory, 0, 1));
	assert_true(guest_memory_contains(&memory, 0, 0));
	assert_int_equal(guest_memory_size(&memory), 0);
}

static void test_contains(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa, size;
		bool contains;
	} rows[] = {
		{ "first two, which touch", 0x2000, 0x3000, true },
		{ "across the border", 0x3fff, 2, true },
		{ "one byte more", 0x2000, 0x3001, false },
		{ "one byte before", 0x1fff, 2, false },
		{ "across the hole", 0x4000, 0x4000, false },
		{ "third", 0x7000, 0x1000, true },
		{ "nothing", 0x5000, 0, true },
		{ "nothing at ~0", ~0ull, 0, true },
		{ "last page", TOP, 0x1000, true },
		{ "last page and one byte", TOP, 0x1001, false },
		{ "to the end of the address space", TOP, 0x2000, false },
		{ "wraps to before its start", 0x3000, ~0ull, false },
		{ "wraps to exactly its start", 0x3000, 0 - 0x1000ull, false },
		{ "everything", 0, ~0ull, false },
	};
	struct guest_memory memory;

	(void)state;
	make_memory(&memory, pieces, ARRAY_COUNT(pieces));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (guest_memory_contains(&memory, rows[i].gpa, rows[i].size) != rows[i].contains)
			fail_msg("%s", rows[i].name);
	}
	free_memory(&memory);
}

/* Every start and size around the border of two ranges, against a plain array. */
static void test_read_and_write(void **state)
{
	static uint8_t model[0x6000], seen[0x6000], buffer[64];
	struct guest_memory memory;
	uint8_t next = 1;

	(void)state;
	make_memory(&memory, pieces, ARRAY_COUNT(pieces));
	for (uint64_t gpa = 0x3fe0; gpa < 0x4020; gpa++) {
		for (uint64_t size = 0; size < sizeof(buffer); size++) {
			for (uint64_t i = 0; i < size; i++)
				buffer[i] = next++;
			memcpy(model + gpa, buffer, size);
			assert_int_equal(guest_memory_write(&memory, gpa, buffer, size), STATUS_OK);
			memset(buffer, 0, sizeof(buffer));
			assert_int_equal(guest_memory_read(&memory, gpa, buffer, size), STATUS_OK);
			assert_memory_equal(buffer, model + gpa, size);
			if (size < sizeof(buffer))
				assert_int_equal(buffer[size], 0);
		}
	}
	assert_int_equal(guest_memory_read(&memory, 0x2000, seen + 0x2000, 0x3000), STATUS_OK);
	assert_memory_equal(seen, model, 0x5000);
	free_memory(&memory);
}

/* A copy that does not fit as a whole changes neither side. */
static void test_all_or_nothing(void **state)
{
	static const struct range rows[] = {
		{ 0x4f00, 0x101 },
		{ 0x1f00, 0x200 },
		{ 0x5000, 1 },
		{ TOP + 0xf00, 0x1000 },
		{ 0x4fff, ~0ull },
		{ 0x2000, 0 - 0x1000ull },
	};
	uint8_t buffer[0x1000], before[0x1000];
	struct guest_memory memory;

	(void)state;
	make_memory(&memory, pieces, ARRAY_COUNT(pieces));
	memset(buffer, 0xee, sizeof(buffer));
	memset(before, 0xee, sizeof(before));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(guest_memory_read(&memory, rows[i].gpa, buffer, rows[i].size),
			STATUS_OUT_OF_RANGE);
		assert_memory_equal(buffer, before, sizeof(buffer));
		assert_int_equal(guest_memory_write(&memory, rows[i].gpa, buffer, rows[i].size),
			STATUS_OUT_OF_RANGE);
	}
	for (unsigned int i = 0; i < memory.count; i++) {
		for (uint64_t byte = 0; byte < memory.ranges[i].size; byte++)
			assert_int_equal(memory.ranges[i].host[byte], 0);
	}
	free_memory(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_many),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_without_memory),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_read_and_write),
		cmocka_unit_test(test_all_or_nothing),
	};

	return cmocka_run_group_tests_name("guest_memory", tests, NULL, NULL);
}
