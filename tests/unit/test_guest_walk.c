/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of vmm/guest_walk.c: where an address leads in every paging mode and page size, tables
 * in any part of guest memory or outside it, the trace, and the short walk against the complete
 * one.
 */
#include "tests/unit/guest_tables.h"

static void test_modes(void **state)
{
	static const struct {
		const char *name;
		uint64_t cr0, cr4, efer;
		enum guest_paging_mode mode;
	} rows[] = {
		{ "off", CR0_PE, 0, 0, GUEST_PAGING_NONE },
		{ "off, all else prepared", CR0_PE, CR4_PAE, EFER_LME, GUEST_PAGING_NONE },
		{ "32-bit", CR0_PG, 0, 0, GUEST_PAGING_32_BIT },
		{ "32-bit, NXE", CR0_PG, CR4_PSE, EFER_NXE, GUEST_PAGING_32_BIT },
		{ "PAE", CR0_PG, CR4_PAE, EFER_NXE, GUEST_PAGING_PAE },
		{ "PAE, LMA is not looked at", CR0_PG, CR4_PAE, EFER_LMA, GUEST_PAGING_PAE },
		{ "4-level", CR0_PG, CR4_PAE, EFER_LME, GUEST_PAGING_4_LEVEL },
		{ "4-level, LMA", CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, GUEST_PAGING_4_LEVEL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct guest_paging paging = {
			.cr0 = rows[i].cr0, .cr4 = rows[i].cr4, .efer = rows[i].efer
		};

		if (guest_paging_mode(&paging) != rows[i].mode)
			fail_msg("%s", rows[i].name);
	}
}

static void test_paging_off(void **state)
{
	const struct guest_paging paging = { .cr0 = CR0_PE, .efer = EFER_LME, .user = true };
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];

	(void)state;
	assert_int_equal(walk_both(&paging, 0xcafe0010, GUEST_WRITE).gpa, 0xcafe0010);
	assert_int_equal(walk_both(&paging, 0x1cafe0010, GUEST_FETCH).gpa, 0xcafe0010);
	assert_int_equal(walk_both(&paging, 0, GUEST_READ).status, STATUS_OK);
	assert_int_equal(guest_walk_trace(&paging, &memory, 0x1000, steps), 0);
}

static void test_translations(void **state)
{
	static const uint64_t linears[] = { 0, 0xfff, 0x1000, 0x12345678, 0x7fffffff, 0x80000000,
		0xc0000000, 0xffffffff, 0x7fffdeadbeef, 0xffffffff80001234, 0xffff800000000000,
		~0ull };

	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		for (size_t i = 0; i < ARRAY_COUNT(linears); i++) {
			const bool is_long = sizes[size].mode == GUEST_PAGING_4_LEVEL;
			const uint64_t linear = is_long ? linears[i] : (uint32_t)linears[i];
			struct way way = make_way(size, linear);
			uint64_t expected =
				way.entries[way.page_level] & 0xfffffffff000 & ~sizes[size].offset;
			struct answer answer;

			expected |= linear & sizes[size].offset;
			for (int access = GUEST_READ; access <= GUEST_FETCH; access++) {
				answer = walk_way(&way, (enum guest_access)access);
				assert_int_equal(answer.status, STATUS_OK);
				if (answer.gpa != expected)
					fail_msg("%s: 0x%lx to 0x%lx, not 0x%lx", sizes[size].name,
						linear, answer.gpa, expected);
			}
			/* Outside 64-bit mode the upper half of the address does not count. */
			way.linear = linears[i];
			if (!is_long)
				assert_int_equal(walk_both(&way.paging, linears[i], GUEST_READ).gpa,
					expected);
		}
	}
}

/* PSE-36: bits 20:13 of the entry of a 4 MiB page are bits 39:32 of its address. */
static void test_large_addresses(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		uint64_t entry, linear, gpa;
	} rows[] = {
		{ "4 MiB at 0xa5_00400000", 1, 0x0054a000, 0x00712345, 0xa500712345 },
		{ "4 MiB at 0xff_ffc00000", 1, 0xffdfe000, 0xffffffff, 0xffffffffff },
		{ "4 MiB with PAT", 1, 0x00401000, 0x00400007, 0x00400007 },
		{ "2 MiB with PAT", 5, 0x00601000, 0x00200007, 0x00600007 },
		{ "2 MiB PAE with PAT", 3, 0x00601000, 0x00200007, 0x00600007 },
		{ "1 GiB with PAT", 6, 0x80001000, 0x3fffffff, 0xbfffffff },
		{ "4 KiB with PAT", 4, 0x5080, 0x1234, 0x5234 },
		{ "4 KiB PAE with PAT", 2, 0x5080, 0x1234, 0x5234 },
		{ "4 KiB 32-bit with PAT", 0, 0x5080, 0x1234, 0x5234 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct way way = make_way(rows[i].size, rows[i].linear);
		struct answer answer;

		way.entries[way.page_level] &= 0xfff;
		way.entries[way.page_level] |= rows[i].entry;
		answer = walk_way(&way, GUEST_READ);
		if (answer.status != STATUS_OK || answer.gpa != rows[i].gpa)
			fail_msg("%s: 0x%lx", rows[i].name, answer.gpa);
	}
}

/* Without CR4.PSE bit 7 of a 32-bit PDE means nothing: the page below counts. */
static void test_without_pse(void **state)
{
	struct way way = make_way(0, 0x1234);

	(void)state;
	way.entries[2] |= PS;
	way.paging.cr4 &= ~CR4_PSE;
	assert_int_equal(walk_way(&way, GUEST_READ).gpa, 0x9a800234);
	way.paging.cr4 |= CR4_PSE;
	assert_int_not_equal(walk_way(&way, GUEST_READ).gpa, 0x9a800234);
}

static void test_outside(void **state)
{
	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		const unsigned int top = top_level[sizes[size].mode];

		/* The table of a level is outside: CR3 says so, or the entry above it. */
		for (unsigned int level = sizes[size].level; level <= top; level++) {
			struct way way = make_way(size, 0x87654321);
			struct answer answer;

			if (way.mode == GUEST_PAGING_PAE && level == 3)
				continue;
			if (level == top)
				way.paging.cr3 = OUTSIDE_ADDRESS;
			else
				way.entries[level + 1] = OUTSIDE_ADDRESS | P | W | U;
			answer = walk_way(&way, GUEST_READ);
			assert_int_equal(answer.status, STATUS_OUT_OF_RANGE);
			assert_int_equal(
				answer.gpa, OUTSIDE_ADDRESS + (entry_address(&way, level) & 0xfff));
		}
	}
}

/* Tables in the second range of guest memory, and in a first range that does not begin at 0. */
static void test_tables_elsewhere(void **state)
{
	struct guest_memory elsewhere = { 0 };
	struct guest_fault fault;

	(void)state;
	for (size_t size = 2; size < ARRAY_COUNT(sizes); size++) {
		struct way way = make_way(size, 0x12345678);
		uint64_t gpa, expected = walk_way(&way, GUEST_READ).gpa;

		for (unsigned int level = top_level[way.mode]; level > way.page_level; level--)
			way.entries[level] += 4 * GIB;
		way.paging.cr3 += 4 * GIB;
		install(&way);
		memcpy(high, low, sizeof(high));
		memset(low, 0, sizeof(low));
		assert_int_equal(walk_both(&way.paging, way.linear, GUEST_READ).gpa, expected);

		elsewhere = (struct guest_memory){ 0 };
		assert_int_equal(
			guest_memory_add(&elsewhere, 4 * GIB, sizeof(high), high), STATUS_OK);
		assert_int_equal(
			guest_walk(&way.paging, &elsewhere, way.linear, GUEST_READ, &gpa, &fault),
			STATUS_OK);
		assert_int_equal(gpa, expected);
	}
}

/* The first range of guest memory begins above the tables: they are not where its bytes suggest. */
static void test_tables_below_memory(void **state)
{
	struct guest_memory above = { 0 };
	struct way way = make_way(4, 0x1234);
	struct guest_fault fault;
	uint64_t gpa;

	(void)state;
	install(&way);
	assert_int_equal(guest_memory_add(&above, 0x8000, sizeof(low), low), STATUS_OK);
	assert_int_equal(guest_walk(&way.paging, &above, way.linear, GUEST_READ, &gpa, &fault),
		STATUS_OUT_OF_RANGE);
	assert_int_equal(gpa, 0x4000);
}

/* 32-bit paging looks at bits 31:12 of CR3 alone. */
static void test_cr3(void **state)
{
	struct way way = make_way(0, 0x1234);

	(void)state;
	way.paging.cr3 |= 0xabcd00000000;
	assert_int_equal(walk_way(&way, GUEST_READ).gpa, 0x9a800234);
	way = make_way(4, 0x1234);
	way.paging.cr3 |= 0xfff; /* a PCID */
	assert_int_equal(walk_way(&way, GUEST_READ).gpa, 0x12340000234);
}

static void test_pdptes(void **state)
{
	struct way way = make_way(2, 0xc0001234);
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];

	(void)state;
	install(&way);
	way.pdptes[3] |=
		0xe00 | PS; /* ignored bits, and one that was reserved when it was loaded */
	assert_int_equal(walk_both(&way.paging, way.linear, GUEST_WRITE).gpa, 0x12340000234);
	assert_int_equal(walk_both(&way.paging, 0x1234, GUEST_WRITE).error_code, 2);
	way.paging.pdpte = NULL;
	assert_int_equal(walk_both(&way.paging, way.linear, GUEST_READ).status, STATUS_BAD_VALUE);
	assert_int_equal(guest_walk_trace(&way.paging, &memory, way.linear, steps), 0);
}

static void test_trace(void **state)
{
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];

	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		struct way way = make_way(size, 0xdeadbeef);
		const unsigned int top = top_level[way.mode];

		way.paging.user = true;
		way.entries[way.page_level] &= ~(W | U); /* rights do not end a trace */
		install(&way);
		assert_int_equal(guest_walk_trace(&way.paging, &memory, way.linear, steps),
			top - way.page_level + 1);
		for (unsigned int level = top; level >= way.page_level; level--) {
			const struct guest_walk_step *step = &steps[top - level];

			assert_int_equal(step->level, level);
			assert_false(step->outside);
			if (way.mode == GUEST_PAGING_PAE && level == 3) {
				assert_int_equal(step->address, 0);
				assert_int_equal(
					step->entry & ~0xfffull, way.entries[3] & ~0xfffull);
				continue;
			}
			assert_int_equal(step->address, entry_address(&way, level));
			assert_int_equal(step->entry, way.entries[level]);
		}
	}
}

static void test_trace_ends(void **state)
{
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];
	struct way way = make_way(4, 0x1234);

	(void)state;
	way.entries[2] = 0x123456789abcde00;
	install(&way);
	assert_int_equal(guest_walk_trace(&way.paging, &memory, way.linear, steps), 3);
	assert_int_equal(steps[2].level, 2);
	assert_int_equal(steps[2].entry, 0x123456789abcde00);
	way.entries[2] = OUTSIDE_ADDRESS | P;
	install(&way);
	assert_int_equal(guest_walk_trace(&way.paging, &memory, way.linear, steps), 4);
	assert_true(steps[3].outside);
	assert_int_equal(steps[3].address, OUTSIDE_ADDRESS + 8);
	assert_int_equal(steps[3].entry, 0);
	way.entries[4] |= PS;
	install(&way);
	assert_int_equal(guest_walk_trace(&way.paging, &memory, way.linear, steps), 1);
}

static uint64_t random_64(void)
{
	return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

/* Mostly sensible entries with a random bit flipped now and then, and mostly the same few tables.
 */
static uint64_t random_entry(void)
{
	uint64_t entry = P | ((uint64_t)rand() % 20) << 12;

	entry |= rand() % 8 ? W : 0;
	entry |= rand() % 2 ? U : 0;
	entry |= rand() % 8 ? 0 : NX;
	if (rand() % 8 == 0)
		entry = (entry & 0xfff) | PS | (random_64() & 0x3fffc0000000);
	if (rand() % 8 == 0)
		entry ^= 1ull << rand() % 64;
	return rand() % 64 ? entry : random_64();
}

/* Both walks on tables of random entries: the short one may never know better. */
static void test_random(void **state)
{
	unsigned int found = 0, faults = 0, outside = 0;
	uint64_t *entries = (uint64_t *)low;

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 200000; round++) {
		const uint64_t pdptes[4] = { random_entry(), random_entry(), random_entry(),
			random_entry() };
		struct guest_paging paging = {
			.cr0 = CR0_PE | (rand() % 2 ? CR0_WP : 0) | (rand() % 16 ? CR0_PG : 0),
			.cr3 = ((uint64_t)rand() % 16) << 12,
			.cr4 = (rand() % 2 ? CR4_SMEP : 0) | (rand() % 2 ? CR4_SMAP : 0) |
			       (rand() % 8 ? CR4_PAE : CR4_PSE),
			.efer = (rand() % 4 ? EFER_NXE : 0) | (rand() % 4 ? EFER_LME : 0),
			.pdpte = pdptes,
			.physical_bits = 39 + (unsigned int)rand() % 14,
			.user = rand() % 2,
			.smap_override = rand() % 2,
		};
		struct answer answer;

		if (round % 64 == 0) {
			for (size_t i = 0; i < sizeof(low) / sizeof(entries[0]); i++)
				entries[i] = random_entry();
		}
		answer = walk_both(&paging, random_64(), (enum guest_access)(rand() % 3));
		found += answer.status == STATUS_OK;
		faults += answer.status == STATUS_FAULT;
		outside += answer.status == STATUS_OUT_OF_RANGE;
	}
	assert_true(found > 10000 && faults > 10000 && outside > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_paging_off),
		cmocka_unit_test(test_translations),
		cmocka_unit_test(test_large_addresses),
		cmocka_unit_test(test_without_pse),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_tables_elsewhere),
		cmocka_unit_test(test_tables_below_memory),
		cmocka_unit_test(test_cr3),
		cmocka_unit_test(test_pdptes),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_trace_ends),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("guest_walk", tests, set_up, NULL);
}
