/* SPDX-License-Identifier: MIT */
/*
 * Page tables of a guest for unit tests: one way through the tables of each paging mode and page
 * size, which a test bends where it wants. Included by the tests of vmm/guest_walk.c.
 */
#ifndef TESTS_UNIT_GUEST_TABLES_H
#define TESTS_UNIT_GUEST_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "vmm/guest_walk.h"
#include "vmm/x86.h"

#define P   0x1ull
#define W   0x2ull
#define U   0x4ull
#define PS  0x80ull
#define PAT 0x1000ull /* in an entry that maps a large page */
#define NX  0x8000000000000000ull

#define OUTSIDE_ADDRESS 0x3fff000ull /* a page that is no guest memory */

/* Guest memory: 64 KiB at 0, where tables are, and another 64 KiB at 4 GiB. */
static _Alignas(4096) uint8_t low[0x10000], high[0x10000];
static struct guest_memory memory;

/* A way through the tables: entries[level] is used at that level. */
struct way {
	enum guest_paging_mode mode;
	unsigned int page_level; /* of the entry that maps the page */
	uint64_t entries[5];
	uint64_t pdptes[4];
	struct guest_paging paging;
	uint64_t linear;
};

static const unsigned int top_level[] = {
	[GUEST_PAGING_32_BIT] = 2,
	[GUEST_PAGING_PAE] = 3,
	[GUEST_PAGING_4_LEVEL] = 4,
};

/* Every page size of every mode: what bits of the linear address count within the page. */
static const struct {
	const char *name;
	enum guest_paging_mode mode;
	unsigned int level;
	uint64_t offset;
} sizes[] = {
	{ "32-bit 4 KiB", GUEST_PAGING_32_BIT, 1, 0xfff },
	{ "32-bit 4 MiB", GUEST_PAGING_32_BIT, 2, 0x3fffff },
	{ "PAE 4 KiB", GUEST_PAGING_PAE, 1, 0xfff },
	{ "PAE 2 MiB", GUEST_PAGING_PAE, 2, 0x1fffff },
	{ "4-level 4 KiB", GUEST_PAGING_4_LEVEL, 1, 0xfff },
	{ "4-level 2 MiB", GUEST_PAGING_4_LEVEL, 2, 0x1fffff },
	{ "4-level 1 GiB", GUEST_PAGING_4_LEVEL, 3, 0x3fffffff },
};

static inline int set_up(void **state)
{
	(void)state;
	memory = (struct guest_memory){ 0 };
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	if (guest_memory_add(&memory, 0, sizeof(low), low) != STATUS_OK ||
		guest_memory_add(&memory, 4 * GIB, sizeof(high), high) != STATUS_OK)
		return -1;
	return 0;
}

/* Where the entry of a level lies: each level's table is the page of its number. */
static inline uint64_t entry_address(const struct way *way, unsigned int level)
{
	if (way->mode == GUEST_PAGING_32_BIT)
		return level * 0x1000 + (way->linear >> (12 + 10 * (level - 1)) & 0x3ff) * 4;
	return level * 0x1000 + (way->linear >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
}

/* A way that grants everything, to a page of junk address bits; CR0.WP and NXE on. */
static inline struct way make_way(size_t size, uint64_t linear)
{
	const bool is_32_bit = sizes[size].mode == GUEST_PAGING_32_BIT;
	const uint64_t page = is_32_bit ? 0x9a800000 : 0x12340000000;
	struct way way = {
		.mode = sizes[size].mode,
		.page_level = sizes[size].level,
		.linear = linear,
		.paging = {
			.cr0 = CR0_PE | CR0_PG | CR0_WP,
			.cr3 = top_level[sizes[size].mode] * 0x1000 | 0x18, /* PCD, PWT */
			.cr4 = is_32_bit ? CR4_PSE : CR4_PAE,
			.efer = EFER_NXE,
			.physical_bits = 46,
		},
	};

	if (way.mode == GUEST_PAGING_4_LEVEL)
		way.paging.efer |= EFER_LME;
	for (unsigned int level = top_level[way.mode]; level > way.page_level; level--)
		way.entries[level] = (level - 1) * 0x1000 | P | W | U;
	way.entries[way.page_level] = page | P | W | U | (way.page_level > 1 ? PS : 0);
	return way;
}

/* Writes the entries where the processor would look for them, and nothing else but zeros. */
static inline void install(struct way *way)
{
	memset(low, 0, sizeof(low));
	for (unsigned int level = way->page_level; level <= top_level[way->mode]; level++) {
		const uint64_t address = entry_address(way, level);

		if (way->mode == GUEST_PAGING_PAE && level == 3)
			way->pdptes[way->linear >> 30 & 3] = way->entries[3] & ~(W | U);
		else
			memcpy(low + address, &way->entries[level],
				way->mode == GUEST_PAGING_32_BIT ? 4 : 8);
	}
	way->paging.pdpte = way->mode == GUEST_PAGING_PAE ? way->pdptes : NULL;
}

/* What a walk answers, in one comparable value. */
struct answer {
	enum status status;
	uint64_t gpa;          /* 0 unless STATUS_OK or STATUS_OUT_OF_RANGE */
	uint64_t fault_linear; /* 0 unless STATUS_FAULT */
	uint32_t error_code;
};

static inline struct answer ask(
	enum status (*walk)(const struct guest_paging *, const struct guest_memory *, uint64_t,
		enum guest_access, uint64_t *, struct guest_fault *),
	const struct guest_paging *paging, uint64_t linear, enum guest_access access)
{
	struct guest_fault fault = { 0 };
	struct answer answer = { 0 };

	answer.status = walk(paging, &memory, linear, access, &answer.gpa, &fault);
	answer.fault_linear = fault.linear;
	answer.error_code = fault.error_code;
	if (answer.status == STATUS_FAULT)
		answer.gpa = 0;
	return answer;
}

/* The answer of both walks, which must be the same. */
static inline struct answer walk_both(
	const struct guest_paging *paging, uint64_t linear, enum guest_access access)
{
	const struct answer answer = ask(guest_walk, paging, linear, access);
	const struct answer complete = ask(guest_walk_complete, paging, linear, access);

	assert_int_equal(answer.status, complete.status);
	assert_int_equal(answer.gpa, complete.gpa);
	assert_int_equal(answer.fault_linear, complete.fault_linear);
	assert_int_equal(answer.error_code, complete.error_code);
	return answer;
}

static inline struct answer walk_way(struct way *way, enum guest_access access)
{
	install(way);
	return walk_both(&way->paging, way->linear, access);
}

#endif
