/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of vmm/guest_walk.c: what it forbids. Every right and every reserved bit of each kind
 * of entry against tables written down from the SDM, and the error codes of the faults.
 */
#include "tests/unit/guest_tables.h"

/* What the SDM's "Determination of Access Rights" says, as one expression for each kind of access.
 */
static bool may_access(const struct way *way, enum guest_access access, bool writable,
	bool user_page, bool no_execute)
{
	const bool smap = (way->paging.cr4 & CR4_SMAP) && !way->paging.smap_override;
	const bool smep = (way->paging.cr4 & CR4_SMEP) != 0;

	if (way->paging.user) {
		if (access == GUEST_READ)
			return user_page;
		if (access == GUEST_WRITE)
			return user_page && writable;
		return user_page && !no_execute;
	}
	if (access == GUEST_READ)
		return !(user_page && smap);
	if (access == GUEST_WRITE)
		return !(user_page && smap) && (writable || !(way->paging.cr0 & CR0_WP));
	return !(user_page && smep) && !no_execute;
}

/* All rights in the upper entries and the page's, all that weighs them, every access and page size.
 */
static void check_rights(size_t size, unsigned int bits, enum guest_access access)
{
	struct way way = make_way(size, 0x12345678);
	const bool is_32_bit = way.mode == GUEST_PAGING_32_BIT;
	const bool two_levels = top_level[way.mode] > way.page_level &&
				!(way.mode == GUEST_PAGING_PAE && way.page_level == 2);
	/* Of a mapping with one entry alone both sets of rights are that entry's. */
	const uint64_t upper = two_levels ? bits : bits >> 3, page = bits >> 3;
	uint64_t no_execute = 0;
	struct answer answer;
	uint32_t error;

	for (unsigned int level = way.page_level; level <= top_level[way.mode]; level++) {
		const uint64_t rights = level == way.page_level ? page : upper;

		way.entries[level] &= ~(W | U);
		way.entries[level] |= (rights & 1 ? W : 0) | (rights & 2 ? U : 0);
		/* Upper rights stand in one of the upper entries alone; 4-level has up to three. */
		if (level > way.page_level + 1)
			way.entries[level] |= W | U;
		if (level <= way.page_level + 1 && (rights & 4) && !is_32_bit) {
			way.entries[level] |= NX;
			no_execute = NX;
		}
	}
	way.paging.cr0 &= bits & 0x40 ? ~0ull : ~CR0_WP;
	way.paging.cr4 |= (bits & 0x80 ? CR4_SMEP : 0) | (bits & 0x100 ? CR4_SMAP : 0);
	way.paging.smap_override = (bits & 0x200) != 0;
	way.paging.user = (bits & 0x400) != 0;
	answer = walk_way(&way, access);
	if (may_access(&way, access, upper & page & 1, upper & page & 2, no_execute != 0)) {
		if (answer.status != STATUS_OK)
			fail_msg("%s, rights 0x%x, access %d: error 0x%x", sizes[size].name, bits,
				access, answer.error_code);
		return;
	}
	error = 1 | (access == GUEST_WRITE ? 2 : 0) | (way.paging.user ? 4 : 0);
	if (access == GUEST_FETCH && (!is_32_bit || (way.paging.cr4 & CR4_SMEP)))
		error |= 0x10;
	if (answer.status != STATUS_FAULT || answer.error_code != error ||
		answer.fault_linear != way.linear)
		fail_msg("%s, rights 0x%x, access %d: %s, error 0x%x, not 0x%x", sizes[size].name,
			bits, access, status_text(answer.status), answer.error_code, error);
}

static void test_rights(void **state)
{
	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		for (unsigned int bits = 0; bits < 0x800; bits++) {
			for (int access = GUEST_READ; access <= GUEST_FETCH; access++)
				check_rights(size, bits, (enum guest_access)access);
		}
	}
}

/* One entry of a way with its rights taken away: each level counts for itself. */
static void test_rights_of_each_level(void **state)
{
	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		for (unsigned int level = sizes[size].level; level <= top_level[sizes[size].mode];
			level++) {
			struct way way = make_way(size, 0x1234);

			if (way.mode == GUEST_PAGING_PAE && level == 3)
				continue;
			way.paging.user = true;
			way.entries[level] &= ~W;
			assert_int_equal(walk_way(&way, GUEST_READ).status, STATUS_OK);
			assert_int_equal(walk_way(&way, GUEST_WRITE).error_code, 7);
			way.entries[level] &= ~U;
			assert_int_equal(walk_way(&way, GUEST_READ).error_code, 5);
			way.entries[level] |= U | W;
			if (way.mode == GUEST_PAGING_32_BIT)
				continue;
			way.entries[level] |= NX;
			assert_int_equal(walk_way(&way, GUEST_WRITE).status, STATUS_OK);
			assert_int_equal(walk_way(&way, GUEST_FETCH).error_code, 0x15);
		}
	}
}

/* Bits that the SDM's figures of the entries show as reserved; MAXPHYADDR is 46. NX counts apart.
 */
static const struct {
	const char *name;
	size_t size; /* which way it lies on */
	unsigned int level;
	uint64_t reserved;
} entry_kinds[] = {
	{ "32-bit PDE of a table", 0, 2, 0 },
	{ "32-bit PTE", 0, 1, 0 },
	{ "32-bit PDE of 4 MiB", 1, 2, 0x00200000 },
	{ "PAE PDE of a table", 2, 2, 0x7fffc00000000000 },
	{ "PAE PTE", 2, 1, 0x7fffc00000000000 },
	{ "PAE PDE of 2 MiB", 3, 2, 0x7fffc000001fe000 },
	{ "PML4E", 4, 4, 0x000fc00000000080 },
	{ "PDPTE of a table", 4, 3, 0x000fc00000000000 },
	{ "PDE of a table", 4, 2, 0x000fc00000000000 },
	{ "PTE", 4, 1, 0x000fc00000000000 },
	{ "PDE of 2 MiB", 5, 2, 0x000fc000001fe000 },
	{ "PDPTE of 1 GiB", 6, 3, 0x000fc0003fffe000 },
};

static void check_reserved(size_t kind, unsigned int bit, bool nxe)
{
	struct way way = make_way(entry_kinds[kind].size, 0x1234);
	const unsigned int level = entry_kinds[kind].level;
	const bool is_32_bit = way.mode == GUEST_PAGING_32_BIT;
	const uint64_t flag = 1ull << bit;
	uint64_t reserved = entry_kinds[kind].reserved;
	struct answer answer;

	if (!nxe) {
		way.paging.efer &= ~EFER_NXE;
		reserved |= is_32_bit ? 0 : NX;
	}
	way.entries[level] |= flag;
	answer = walk_way(&way, GUEST_WRITE);
	if (flag & reserved) {
		if (answer.status != STATUS_FAULT || answer.error_code != 0xb)
			fail_msg("%s, bit %u: %s, error 0x%x", entry_kinds[kind].name, bit,
				status_text(answer.status), answer.error_code);
	} else if (answer.status == STATUS_FAULT && (answer.error_code & 8)) {
		fail_msg("%s, bit %u is not reserved", entry_kinds[kind].name, bit);
	}
	/* Of an entry that is not present nothing else counts. */
	way.entries[level] &= ~P;
	answer = walk_way(&way, GUEST_WRITE);
	assert_int_equal(answer.status, STATUS_FAULT);
	assert_int_equal(answer.error_code, 2);
}

static void test_reserved_bits(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < ARRAY_COUNT(entry_kinds); kind++) {
		const bool is_32_bit = sizes[entry_kinds[kind].size].mode == GUEST_PAGING_32_BIT;

		for (unsigned int bit = 0; bit < (is_32_bit ? 32 : 64); bit++) {
			/* Bit 7 would make another kind of entry of one that leads to a table. */
			if (bit == 7 && entry_kinds[kind].level < 4)
				continue;
			check_reserved(kind, bit, false);
			check_reserved(kind, bit, true);
		}
	}
}

static void test_physical_bits(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		unsigned int physical_bits;
		uint64_t bit;
		bool reserved;
	} rows[] = {
		{ "4-level, 52 bits", 4, 52, BIT(51), false },
		{ "4-level, 52 bits, 2 MiB", 5, 52, BIT(51), false },
		{ "4-level, 39 bits", 4, 39, BIT(39), true },
		{ "4-level, 39 bits, 2 MiB", 5, 39, BIT(39), true },
		{ "PAE, 52 bits", 2, 52, BIT(51), false },
		{ "PAE, 52 bits", 2, 52, BIT(52), true },
		{ "PAE, 36 bits", 2, 36, BIT(36), true },
		{ "4 MiB, 36 bits", 1, 36, BIT(16), false },
		{ "4 MiB, 36 bits", 1, 36, BIT(17), true },
		{ "4 MiB, 36 bits", 1, 36, BIT(20), true },
		{ "4 MiB, 40 bits", 1, 40, BIT(20), false },
		{ "4 MiB, 39 bits", 1, 39, BIT(20), true },
		{ "4 MiB, 32 bits", 1, 32, BIT(13), true },
		{ "4 MiB, 32 bits: PAT", 1, 32, BIT(12), false },
		{ "4 MiB, 52 bits", 1, 52, BIT(21), true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct way way = make_way(rows[i].size, 0x1234);
		struct answer answer;

		way.paging.physical_bits = rows[i].physical_bits;
		way.entries[way.page_level] &= 0x80000fff; /* an address that all of them have */
		way.entries[way.page_level] |= rows[i].bit;
		answer = walk_way(&way, GUEST_READ);
		if ((answer.status == STATUS_FAULT && answer.error_code == 9) != rows[i].reserved)
			fail_msg("%s, bit 0x%lx", rows[i].name, rows[i].bit);
	}
}

static void test_not_present(void **state)
{
	static const struct {
		enum guest_access access;
		bool user;
		uint32_t error, error_without_nx;
	} rows[] = {
		{ GUEST_READ, false, 0, 0 },
		{ GUEST_READ, true, 4, 4 },
		{ GUEST_WRITE, false, 2, 2 },
		{ GUEST_WRITE, true, 6, 6 },
		{ GUEST_FETCH, false, 0x10, 0 },
		{ GUEST_FETCH, true, 0x14, 4 },
	};

	(void)state;
	for (size_t size = 0; size < ARRAY_COUNT(sizes); size++) {
		const unsigned int top = top_level[sizes[size].mode];
		const bool is_32_bit = sizes[size].mode == GUEST_PAGING_32_BIT;

		for (unsigned int level = sizes[size].level; level <= top; level++) {
			for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
				struct way way = make_way(size, 0xfffffff0);
				struct answer answer;

				way.entries[level] &= ~P;
				way.paging.user = rows[i].user;
				answer = walk_way(&way, rows[i].access);
				assert_int_equal(answer.status, STATUS_FAULT);
				assert_int_equal(answer.fault_linear, 0xfffffff0);
				assert_int_equal(answer.error_code,
					is_32_bit ? rows[i].error_without_nx : rows[i].error);
				/* The I/D flag needs SMEP, or NXE with PAE. */
				way.paging.efer &= ~EFER_NXE;
				assert_int_equal(walk_way(&way, rows[i].access).error_code,
					rows[i].error_without_nx);
				way.paging.cr4 |= CR4_SMEP;
				assert_int_equal(
					walk_way(&way, rows[i].access).error_code, rows[i].error);
			}
		}
	}
}

/* A reserved bit counts before a missing right and before what lies below it. */
static void test_order(void **state)
{
	struct way way = make_way(4, 0x1234);

	(void)state;
	way.paging.user = true;
	way.entries[3] |= BIT(50);
	way.entries[4] &= ~U;
	assert_int_equal(walk_way(&way, GUEST_READ).error_code, 0xd);
	way.entries[1] &= ~P;
	assert_int_equal(walk_way(&way, GUEST_READ).error_code, 0xd);
	way.entries[3] &= ~BIT(50);
	assert_int_equal(walk_way(&way, GUEST_READ).error_code, 4);
	way.entries[2] = OUTSIDE_ADDRESS | P;
	assert_int_equal(walk_way(&way, GUEST_READ).status, STATUS_OUT_OF_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_rights_of_each_level),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_physical_bits),
		cmocka_unit_test(test_not_present),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("guest_walk_faults", tests, set_up, NULL);
}
