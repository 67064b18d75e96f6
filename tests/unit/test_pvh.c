/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/pvh.c: the memory map for guest memory in one and in several pieces, and where
 * the start info goes when the image leaves little room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/pvh.h"
#include "lib/bits.h"

struct piece {
	uint64_t gpa, size;
};

struct map_row {
	const char *name;
	struct piece pieces[6];
	struct hvm_memmap_entry wanted[8]; /* ends with a type of 0 */
};

#define RAM      HVM_MEMMAP_RAM
#define RESERVED HVM_MEMMAP_RESERVED

static const struct map_row map_rows[] = {
	{ "one piece of 64 MiB", { { 0, 64 * MIB } },
		{ { 0, 0xa0000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x100000, 63 * MIB, RAM, 0 } } },
	{ "pieces that touch are one",
		{ { 0, 0x5000 }, { 0x5000, 0xab000 }, { 0xb0000, 0x150000 }, { 2 * MIB, MIB } },
		{ { 0, 0xa0000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x100000, 2 * MIB, RAM, 0 } } },
	{ "cut at 640 KiB and at 1 MiB",
		{ { 0, 0xa0000 }, { 0xa0000, 0x60000 }, { 0x100000, 0x1000 } },
		{ { 0, 0xa0000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x100000, 0x1000, RAM, 0 } } },
	{ "exactly 1 MiB", { { 0, MIB } },
		{ { 0, 0xa0000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 } } },
	{ "less than 640 KiB", { { 0, 0x10000 } },
		{ { 0, 0x10000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 } } },
	{ "no memory", { { 0, 0 } }, { { 0xa0000, 0x60000, RESERVED, 0 } } },
	{ "a hole below 4 GiB", { { 0, 3 * GIB }, { 4 * GIB, GIB }, { 5 * GIB, GIB } },
		{ { 0, 0xa0000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x100000, 3 * GIB - MIB, RAM, 0 }, { 4 * GIB, 2 * GIB, RAM, 0 } } },
	{ "a hole around the ROMs", { { 0, 0x80000 }, { 0x200000, MIB } },
		{ { 0, 0x80000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x200000, MIB, RAM, 0 } } },
	{ "a piece that begins in the ROMs", { { 0, 0x80000 }, { 0xb0000, 0x150000 } },
		{ { 0, 0x80000, RAM, 0 }, { 0xa0000, 0x60000, RESERVED, 0 },
			{ 0x100000, MIB, RAM, 0 } } },
};

static void test_map(void **state)
{
	static uint8_t host;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(map_rows); i++) {
		const struct map_row *row = &map_rows[i];
		struct guest_memory memory = { 0 };
		struct hvm_memmap_entry map[PVH_MAX_MAP];
		unsigned int count;

		for (const struct piece *piece = row->pieces; piece->size != 0; piece++)
			assert_int_equal(guest_memory_add(&memory, piece->gpa, piece->size, &host),
				STATUS_OK);
		count = pvh_build_map(&memory, map);
		for (unsigned int entry = 0; entry < count; entry++) {
			if (memcmp(&map[entry], &row->wanted[entry], sizeof(map[0])) != 0)
				fail_msg("%s: entry %u is 0x%llx+0x%llx type %u", row->name, entry,
					(unsigned long long)map[entry].addr,
					(unsigned long long)map[entry].size, map[entry].type);
		}
		if (row->wanted[count].type != 0)
			fail_msg("%s: only %u entries", row->name, count);
	}
}

/* The most entries that can be: no two ranges touch, and one is cut by the reserved piece. */
static void test_map_of_most_ranges(void **state)
{
	static uint8_t host;
	struct guest_memory memory = { 0 };
	struct hvm_memmap_entry map[PVH_MAX_MAP];

	(void)state;
	assert_int_equal(guest_memory_add(&memory, 0, 2 * MIB, &host), STATUS_OK);
	for (uint64_t i = 1; i < GUEST_MEMORY_MAX_RANGES; i++)
		assert_int_equal(
			guest_memory_add(&memory, 4 * MIB * i, PAGE_SIZE, &host), STATUS_OK);
	assert_int_equal(pvh_build_map(&memory, map), PVH_MAX_MAP);
	assert_true(map[PVH_MAX_MAP - 1].addr == 4 * MIB * (GUEST_MEMORY_MAX_RANGES - 1));
}

struct place_row {
	const char *name;
	struct piece pieces[4];
	struct pvh_range image[4];
	size_t cmdline;  /* characters */
	uint64_t wanted; /* 0: no place */
};

/* Start info and a map of three entries; with a command line of this length a page is just full. */
#define FULL_PAGE (4096 - 56 - 32 - 3 * 24 - 1)

static const struct place_row place_rows[] = {
	{ "the last low page", { { 0, 2 * MIB } }, { { MIB, MIB + 5 } }, 10, 0x9f000 },
	{ "a command line fills the page", { { 0, 2 * MIB } }, { { MIB, MIB + 5 } }, FULL_PAGE,
		0x9f000 },
	{ "one character more", { { 0, 2 * MIB } }, { { MIB, MIB + 5 } }, FULL_PAGE + 1, 0x9e000 },
	{ "image uses the last low page", { { 0, 2 * MIB } }, { { 0x9f800, 0xa0000 } }, 10,
		0x9e000 },
	{ "image's last byte in the last low page", { { 0, 2 * MIB } }, { { 0x9e000, 0x9f001 } },
		10, 0x9d000 },
	{ "image ends where the last low page begins", { { 0, 2 * MIB } }, { { 0x9e000, 0x9f000 } },
		10, 0x9f000 },
	{ "page 1 is the last choice below", { { 0, 2 * MIB } }, { { 0x2000, 0xa0000 } }, 10,
		0x1000 },
	{ "page 0 is none", { { 0, 2 * MIB } }, { { 0x1000, 0xa0000 } }, 10, 0x100000 },
	{ "behind the image", { { 0, 2 * MIB } }, { { 0x1000, 0xa0000 }, { 0x100000, 0x104001 } },
		10, 0x105000 },
	{ "between two segments", { { 0, 2 * MIB } },
		{ { 0x1000, 0xa0000 }, { 0x105000, 0x200000 }, { 0x100000, 0x104000 } }, 10,
		0x104000 },
	{ "in another piece", { { 0, 2 * MIB }, { 4 * MIB, PAGE_SIZE } }, { { 0x1000, 0x200000 } },
		10, 4 * MIB },
	{ "a command line across two pieces", { { 0, 0x9f000 }, { 0x9f000, MIB } },
		{ { MIB, MIB + 5 } }, FULL_PAGE + 100, 0x9e000 },
	{ "the last page below 4 GiB", { { 0, 2 * MIB }, { 4 * GIB - PAGE_SIZE, PAGE_SIZE } },
		{ { 0x1000, 0x200000 } }, 10, 4 * GIB - PAGE_SIZE },
	{ "not across 4 GiB", { { 0, 2 * MIB }, { 4 * GIB - PAGE_SIZE, 2 * PAGE_SIZE } },
		{ { 0x1000, 0x200000 } }, FULL_PAGE + 100, 0 },
	{ "not above 4 GiB", { { 0, 2 * MIB }, { 4 * GIB, PAGE_SIZE } }, { { 0x1000, 0x200000 } },
		10, 0 },
	{ "no room", { { 0, 2 * MIB } }, { { 0x1000, 0x200000 } }, 10, 0 },
};

struct world {
	struct guest_memory memory;
	struct pvh_image image;
	uint8_t *hosts[4];
	unsigned int count;
	char cmdline[2 * 4096];
};

static void world_init(struct world *world, const struct place_row *row)
{
	memset(world, 0, sizeof(*world));
	for (const struct piece *piece = row->pieces; piece->size != 0; piece++) {
		uint8_t *host = malloc(piece->size);

		assert_non_null(host);
		memset(host, 0xcc, piece->size);
		world->hosts[world->count++] = host;
		assert_int_equal(
			guest_memory_add(&world->memory, piece->gpa, piece->size, host), STATUS_OK);
	}
	while (row->image[world->image.count].end != 0) {
		world->image.ranges[world->image.count] = row->image[world->image.count];
		world->image.count++;
	}
	memset(world->cmdline, 'c', row->cmdline);
}

static void world_free(struct world *world)
{
	while (world->count > 0)
		free(world->hosts[--world->count]);
}

/* Expects that of all guest memory only [gpa, gpa + size) has changed. */
static void expect_rest_untouched(
	const char *name, const struct world *world, uint64_t gpa, uint64_t size)
{
	for (unsigned int i = 0; i < world->memory.count; i++) {
		const struct guest_range *range = &world->memory.ranges[i];

		for (uint64_t at = 0; at < range->size; at++) {
			if (range->gpa + at - gpa >= size && range->host[at] != 0xcc)
				fail_msg("%s: 0x%llx changed", name,
					(unsigned long long)(range->gpa + at));
		}
	}
}

static void expect_start_info(const struct place_row *row, const struct world *world, uint32_t gpa)
{
	struct hvm_memmap_entry map[PVH_MAX_MAP], found[PVH_MAX_MAP];
	unsigned int entries = pvh_build_map(&world->memory, map);
	struct hvm_start_info info;
	char cmdline[sizeof(world->cmdline)];

	assert_int_equal(guest_memory_read(&world->memory, gpa, &info, sizeof(info)), STATUS_OK);
	assert_int_equal(info.magic, 0x336ec578);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.nr_modules, 0);
	assert_true(info.modlist_paddr == 0 && info.rsdp_paddr == 0);
	assert_int_equal(info.memmap_entries, entries);
	assert_int_equal(info.reserved, 0);
	assert_int_equal(guest_memory_read(&world->memory, info.memmap_paddr, found,
				 entries * sizeof(map[0])),
		STATUS_OK);
	assert_memory_equal(found, map, entries * sizeof(map[0]));
	assert_int_equal(
		guest_memory_read(&world->memory, info.cmdline_paddr, cmdline, row->cmdline + 1),
		STATUS_OK);
	assert_string_equal(cmdline, world->cmdline);
	expect_rest_untouched(row->name, world, gpa, 56 + 32 + entries * 24 + row->cmdline + 1);
}

static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(place_rows); i++) {
		const struct place_row *row = &place_rows[i];
		static struct world world;
		enum status status;
		uint32_t gpa = 0;

		world_init(&world, row);
		status = pvh_place_start_info(&world.memory, &world.image,
			&(struct pvh_words){ .cmdline = world.cmdline }, &gpa);
		if (status != (row->wanted != 0 ? STATUS_OK : STATUS_NO_MEMORY))
			fail_msg("%s: status %d", row->name, (int)status);
		if (gpa != row->wanted)
			fail_msg("%s: at 0x%x", row->name, gpa);
		if (status == STATUS_OK)
			expect_start_info(row, &world, gpa);
		else
			expect_rest_untouched(row->name, &world, 0, 0);
		world_free(&world);
	}
}

/* The initial RAM disk is a module, and where it lies nothing else is put. */
static void test_initrd_and_rsdp(void **state)
{
	static const struct place_row row = { .pieces = { { 0, 2 * MIB } },
		.image = { { 0x1000, 0xa0000 } } };
	static struct world world;
	struct hvm_start_info info;
	struct hvm_modlist_entry module;
	uint32_t gpa = 0;

	(void)state;
	world_init(&world, &row);
	assert_int_equal(pvh_place_start_info(&world.memory, &world.image,
				 &(struct pvh_words){ .cmdline = "",
					 .rsdp = 0xe0000,
					 .initrd = 0x100000,
					 .initrd_size = 0x1801 },
				 &gpa),
		STATUS_OK);
	assert_int_equal(gpa, 0x102000);
	assert_int_equal(guest_memory_read(&world.memory, gpa, &info, sizeof(info)), STATUS_OK);
	assert_int_equal(info.rsdp_paddr, 0xe0000);
	assert_int_equal(info.nr_modules, 1);
	assert_int_equal(
		guest_memory_read(&world.memory, info.modlist_paddr, &module, sizeof(module)),
		STATUS_OK);
	assert_true(module.paddr == 0x100000 && module.size == 0x1801);
	assert_true(module.cmdline_paddr == 0 && module.reserved == 0);
	world_free(&world);
}

static const struct {
	const char *name;
	struct piece pieces[4];
	uint64_t floor, limit, size;
	uint64_t wanted; /* 0: none */
} high_rows[] = {
	{ "at the end", { { 0, 4 * MIB } }, MIB, 4 * GIB, 100, 4 * MIB - PAGE_SIZE },
	{ "whole pages", { { 0, 4 * MIB } }, MIB, 4 * GIB, PAGE_SIZE + 1, 4 * MIB - 2 * PAGE_SIZE },
	{ "all there is", { { 0, 4 * MIB } }, MIB, 4 * GIB, 3 * MIB, MIB },
	{ "a byte too many", { { 0, 4 * MIB } }, MIB, 4 * GIB, 3 * MIB + 1, 0 },
	{ "a floor within a page", { { 0, 4 * MIB } }, MIB + 1, 4 * GIB, 3 * MIB - PAGE_SIZE,
		MIB + PAGE_SIZE },
	{ "not into a floor's page", { { 0, 4 * MIB } }, MIB + 1, 4 * GIB, 3 * MIB - 1, 0 },
	{ "below the limit", { { 0, 4 * MIB } }, MIB, 3 * MIB, 100, 3 * MIB - PAGE_SIZE },
	{ "a limit within a page", { { 0, 4 * MIB } }, MIB, 3 * MIB - 5, 100, 3 * MIB - PAGE_SIZE },
	{ "across pieces that touch", { { 0, 2 * MIB }, { 2 * MIB, 2 * MIB } }, MIB, 4 * GIB,
		2 * MIB + 1, 2 * MIB - PAGE_SIZE },
	{ "the higher piece", { { 0, 2 * MIB }, { 4 * MIB, MIB } }, MIB, 4 * GIB, MIB, 4 * MIB },
	{ "the lower piece, being larger", { { 0, 4 * MIB }, { 5 * MIB, MIB } }, MIB, 4 * GIB,
		2 * MIB, 2 * MIB },
	{ "below the ROMs", { { 0, MIB } }, 0x1000, 4 * GIB, 100, 0x9f000 },
	{ "not among the ROMs", { { 0, MIB } }, 0xa0000, 4 * GIB, 100, 0 },
	{ "floor above the limit", { { 0, 4 * MIB } }, 3 * MIB, 2 * MIB, 100, 0 },
	{ "no size is too large", { { 0, 4 * MIB } }, MIB, 4 * GIB, ~0ull, 0 },
};

static void test_high_place(void **state)
{
	static uint8_t host;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(high_rows); i++) {
		struct guest_memory memory = { 0 };
		uint64_t at;

		for (const struct piece *piece = high_rows[i].pieces; piece->size != 0; piece++)
			assert_int_equal(guest_memory_add(&memory, piece->gpa, piece->size, &host),
				STATUS_OK);
		at = pvh_find_high_place(
			&memory, high_rows[i].floor, high_rows[i].limit, high_rows[i].size);
		if (at != high_rows[i].wanted)
			fail_msg("%s: 0x%llx", high_rows[i].name, (unsigned long long)at);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_of_most_ranges),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_initrd_and_rsdp),
		cmocka_unit_test(test_high_place),
	};

	return cmocka_run_group_tests_name("pvh", tests, NULL, NULL);
}
