/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/elf.c and boot/elf_file.c: guests of both classes and both note sizes are
 * loaded to the byte; every field that can lie is made to, and then nothing is loaded at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/elf.h"
#include "lib/bits.h"
#include "tests/unit/elf_builder.h"

#define FILL 0xcc

/* 4 MiB from 0 in two pieces that touch inside the guest's .bss, and a page above 4 GiB. */
#define SPLIT 0x201000u
#define TOTAL (4 * MIB)
#define APART (5 * GIB)

struct world {
	struct guest_memory memory;
	uint8_t *low, *high, *apart;
	struct pvh_image image;
	char why[ELF_WHY_SIZE];
};

static void world_init(struct world *world)
{
	*world = (struct world){
		.low = malloc(SPLIT), .high = malloc(TOTAL - SPLIT), .apart = malloc(PAGE_SIZE)
	};
	assert_non_null(world->low);
	assert_non_null(world->high);
	assert_non_null(world->apart);
	memset(world->low, FILL, SPLIT);
	memset(world->high, FILL, TOTAL - SPLIT);
	memset(world->apart, FILL, PAGE_SIZE);
	memset(world->why, 'x', sizeof(world->why));
	assert_int_equal(guest_memory_add(&world->memory, 0, SPLIT, world->low), STATUS_OK);
	assert_int_equal(
		guest_memory_add(&world->memory, SPLIT, TOTAL - SPLIT, world->high), STATUS_OK);
	assert_int_equal(
		guest_memory_add(&world->memory, APART, PAGE_SIZE, world->apart), STATUS_OK);
}

static void world_free(struct world *world)
{
	free(world->low);
	free(world->high);
	free(world->apart);
}

static uint8_t world_byte(const struct world *world, uint64_t gpa)
{
	if (gpa >= APART)
		return world->apart[gpa - APART];
	return gpa < SPLIT ? world->low[gpa] : world->high[gpa - SPLIT];
}

/* Expects value in [start, end) of guest memory. */
static void expect_bytes(
	const char *name, const struct world *world, uint64_t start, uint64_t end, uint8_t value)
{
	for (uint64_t gpa = start; gpa < end; gpa++) {
		if (world_byte(world, gpa) != value)
			fail_msg("%s: 0x%02x at 0x%llx, not 0x%02x", name, world_byte(world, gpa),
				(unsigned long long)gpa, value);
	}
}

static void expect_untouched(const char *name, const struct world *world)
{
	expect_bytes(name, world, 0, TOTAL, FILL);
	expect_bytes(name, world, APART, APART + PAGE_SIZE, FILL);
}

/* Loads a copy of exactly size bytes, so that the sanitizer sees each read beyond them. */
static enum status world_load(struct world *world, const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	status = elf_load_pvh(
		copy, size, &world->memory, &world->image, world->why, sizeof(world->why));
	free(copy);
	return status;
}

struct load_row {
	const char *name;
	struct built_kind kind;
};

static const struct load_row load_rows[] = {
	{ "64-bit, descriptor of 8, notes by 4", { true, 8, 4 } },
	{ "64-bit, descriptor of 4, notes by 4", { true, 4, 4 } },
	{ "64-bit, descriptor of 8, notes by 8", { true, 8, 8 } },
	{ "64-bit, descriptor of 4, notes by 8", { true, 4, 8 } },
	{ "32-bit, descriptor of 8, notes by 4", { false, 8, 4 } },
	{ "32-bit, descriptor of 4, notes by 4", { false, 4, 4 } },
	{ "32-bit, descriptor of 8, notes by 8", { false, 8, 8 } },
	{ "32-bit, descriptor of 4, notes by 8", { false, 4, 8 } },
};

static void expect_loaded(const char *name, const struct world *world)
{
	const uint64_t text_end = BUILT_TEXT_GPA + BUILT_TEXT_SIZE;
	const uint64_t data_end = BUILT_DATA_GPA + BUILT_DATA_SIZE;
	const uint64_t bss_end = BUILT_DATA_GPA + BUILT_DATA_MEMORY;

	assert_int_equal(world->image.entry, BUILT_ENTRY);
	assert_int_equal(world->image.count, 2);
	assert_true(world->image.ranges[0].start == BUILT_TEXT_GPA);
	assert_true(world->image.ranges[0].end == text_end);
	assert_true(world->image.ranges[1].start == BUILT_DATA_GPA);
	assert_true(world->image.ranges[1].end == bss_end);
	expect_bytes(name, world, 0, BUILT_TEXT_GPA, FILL);
	expect_bytes(name, world, BUILT_TEXT_GPA, text_end, 0x90);
	expect_bytes(name, world, text_end, BUILT_DATA_GPA, FILL);
	expect_bytes(name, world, BUILT_DATA_GPA, data_end, 0xda);
	expect_bytes(name, world, data_end, bss_end, 0);
	expect_bytes(name, world, bss_end, TOTAL, FILL);
	expect_bytes(name, world, APART, APART + PAGE_SIZE, FILL);
}

static void test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(load_rows); i++) {
		struct world world;
		struct built built;

		world_init(&world);
		built_init(&built, &load_rows[i].kind);
		if (world_load(&world, built.bytes, built.size) != STATUS_OK)
			fail_msg("%s: %s", load_rows[i].name, world.why);
		expect_loaded(load_rows[i].name, &world);
		world_free(&world);
	}
}

/* Notes packed by 4 in a segment that claims 8, as some kernels have them. */
static void test_load_note_alignment_lies(void **state)
{
	const struct built_kind kind = { true, 8, 4 };
	struct world world;
	struct built built;

	(void)state;
	world_init(&world);
	built_init(&built, &kind);
	built.bytes[built_segment_at(&built, BUILT_NOTE) + offsetof(struct elf64_segment, align)] =
		8;
	assert_int_equal(world_load(&world, built.bytes, built.size), STATUS_OK);
	expect_loaded("lie", &world);
	world_free(&world);
}

/* A field of a program header of either class. */
#define S64(segment, field)                                                       \
	(sizeof(struct elf64_header) + (segment) * sizeof(struct elf64_segment) + \
		offsetof(struct elf64_segment, field))
#define S32(segment, field)                                                       \
	(sizeof(struct elf32_header) + (segment) * sizeof(struct elf32_segment) + \
		offsetof(struct elf32_segment, field))
#define H64(field)   offsetof(struct elf64_header, field)
#define H32(field)   offsetof(struct elf32_header, field)
#define IDENT(field) offsetof(struct elf_ident, field)
#define NOTE(field)  (BUILT_NOTE_OFFSET + 20 + offsetof(struct elf_note, field))

struct patch {
	size_t at;
	unsigned int width;
	uint64_t value;
};

struct patch_row {
	const char *name;
	bool wide;
	struct patch patches[3];
	enum status status;
	const char *why; /* STATUS_OK: ignored */
};

#define WIDE   true
#define NARROW false

static const struct patch_row patch_rows[] = {
	{ "type DYN", WIDE, { { H64(type), 2, 3 } }, STATUS_OK, NULL },
	{ "32-bit file for x86-64", NARROW, { { H32(machine), 2, 62 } }, STATUS_OK, NULL },
	{ "bytes in the file, none in memory", WIDE,
		{ { S64(2, memsz), 8, 0 }, { S64(2, paddr), 8, ~0ull } }, STATUS_BAD_VALUE,
		"segment 2 has 0x10 bytes in the file, but 0x0 in memory" },
	{ "empty segment anywhere", WIDE,
		{ { S64(2, memsz), 8, 0 }, { S64(2, filesz), 8, 0 },
			{ S64(2, paddr), 8, 0xb0000 } },
		STATUS_OK, NULL },
	{ "offset of a segment without bytes", WIDE,
		{ { S64(2, offset), 8, ~0ull }, { S64(2, filesz), 8, 0 } }, STATUS_OK, NULL },
	{ "data up to the end of memory", WIDE, { { S64(2, paddr), 8, TOTAL - 0x2010 } }, STATUS_OK,
		NULL },
	{ "data into video memory", WIDE, { { S64(2, paddr), 8, 0xa0000 - 0x200f } }, STATUS_OK,
		NULL },
	{ "data up to 1 MiB", WIDE, { { S64(2, paddr), 8, 0x100000 - 0x2010 } }, STATUS_OK, NULL },
	{ "data up to 640 KiB", WIDE, { { S64(2, paddr), 8, 0xa0000 - 0x2010 } }, STATUS_OK, NULL },
	{ "data at 0", WIDE, { { S64(2, paddr), 8, 0 } }, STATUS_OK, NULL },
	{ "data right behind text", WIDE, { { S64(2, paddr), 8, 0x100040 } }, STATUS_OK, NULL },
	{ "entry at the first byte", WIDE, { { NOTE(type) + 8, 8, 0x100000 } }, STATUS_OK, NULL },
	{ "entry at the last byte", WIDE, { { NOTE(type) + 8, 8, 0x10003f } }, STATUS_OK, NULL },

	{ "magic", WIDE, { { 0, 1, 0x7e } }, STATUS_BAD_VALUE, "not an ELF file" },
	{ "magic's end", WIDE, { { 3, 1, 'f' } }, STATUS_BAD_VALUE, "not an ELF file" },
	{ "class", WIDE, { { IDENT(class), 1, 3 } }, STATUS_BAD_VALUE,
		"an ELF of class 3, neither 32- nor 64-bit" },
	{ "class 0", NARROW, { { IDENT(class), 1, 0 } }, STATUS_BAD_VALUE,
		"an ELF of class 0, neither 32- nor 64-bit" },
	{ "big-endian", WIDE, { { IDENT(data), 1, 2 } }, STATUS_UNSUPPORTED,
		"an ELF of byte order 2, not little-endian" },
	{ "version", WIDE, { { IDENT(version), 1, 0 } }, STATUS_UNSUPPORTED,
		"an ELF of version 0, not 1" },
	{ "machine", WIDE, { { H64(machine), 2, 40 } }, STATUS_UNSUPPORTED,
		"an ELF for machine 40, not x86" },
	{ "machine in 32 bits", NARROW, { { H32(machine), 2, 8 } }, STATUS_UNSUPPORTED,
		"an ELF for machine 8, not x86" },
	{ "object file", WIDE, { { H64(type), 2, 1 } }, STATUS_UNSUPPORTED,
		"an ELF of type 1, not an executable (2 or 3)" },
	{ "core file", NARROW, { { H32(type), 2, 4 } }, STATUS_UNSUPPORTED,
		"an ELF of type 4, not an executable (2 or 3)" },
	{ "no program headers", WIDE, { { H64(phnum), 2, 0 } }, STATUS_BAD_VALUE,
		"an ELF without program headers" },
	{ "program headers' size", WIDE, { { H64(phentsize), 2, 32 } }, STATUS_BAD_VALUE,
		"program headers of 32 bytes, not 56" },
	{ "program headers' size in 32 bits", NARROW, { { H32(phentsize), 2, 56 } },
		STATUS_BAD_VALUE, "program headers of 56 bytes, not 32" },
	{ "program headers beyond the end", WIDE, { { H64(phoff), 8, BUILT_SIZE - 3 * 56 + 1 } },
		STATUS_TRUNCATED, "3 program headers at 0x269 reach beyond the file's 784 bytes" },
	{ "program headers wrap", WIDE, { { H64(phoff), 8, ~0ull - 55 } }, STATUS_TRUNCATED,
		"3 program headers at 0xffffffffffffffc8 reach beyond the file's 784 bytes" },
	{ "program headers in 32 bits", NARROW, { { H32(phoff), 4, ~0u } }, STATUS_TRUNCATED,
		"3 program headers at 0xffffffff reach beyond the file's 784 bytes" },
	{ "65535 program headers", WIDE, { { H64(phnum), 2, 65535 } }, STATUS_TRUNCATED,
		"65535 program headers at 0x40 reach beyond the file's 784 bytes" },
	{ "nothing to load", WIDE, { { S64(0, type), 4, 0 }, { S64(2, type), 4, 2 } },
		STATUS_BAD_VALUE, "an ELF without loadable segments" },

	{ "segment beyond the file by a byte", WIDE, { { S64(2, offset), 8, 0x301 } },
		STATUS_TRUNCATED,
		"segment 2: 0x10 bytes at 0x301 reach beyond the file's 784 bytes" },
	{ "segment's offset wraps", WIDE, { { S64(2, offset), 8, ~0ull - 7 } }, STATUS_TRUNCATED,
		"segment 2: 0x10 bytes at 0xfffffffffffffff8 reach beyond the file's 784 bytes" },
	{ "segment's file size wraps", WIDE,
		{ { S64(2, filesz), 8, ~0ull }, { S64(2, memsz), 8, ~0ull } }, STATUS_TRUNCATED,
		"segment 2: 0xffffffffffffffff bytes at 0x300 reach beyond the file's 784 bytes" },
	{ "segment in 32 bits", NARROW, { { S32(2, offset), 4, ~0u } }, STATUS_TRUNCATED,
		"segment 2: 0x10 bytes at 0xffffffff reach beyond the file's 784 bytes" },
	{ "larger in the file", WIDE, { { S64(2, memsz), 8, 15 } }, STATUS_BAD_VALUE,
		"segment 2 has 0x10 bytes in the file, but 0xf in memory" },
	{ "larger in the 32-bit file", NARROW, { { S32(2, memsz), 4, 15 } }, STATUS_BAD_VALUE,
		"segment 2 has 0x10 bytes in the file, but 0xf in memory" },

	{ "beyond memory by a byte", WIDE, { { S64(2, paddr), 8, TOTAL - 0x200f } },
		STATUS_OUT_OF_RANGE,
		"segment 2 at 0x3fdff1+0x2010 does not fit in guest memory of 4100 KiB" },
	{ "beyond memory", NARROW, { { S32(2, paddr), 4, 0x4000000 } }, STATUS_OUT_OF_RANGE,
		"segment 2 at 0x4000000+0x2010 does not fit in guest memory of 4100 KiB" },
	{ "address wraps", WIDE, { { S64(2, paddr), 8, ~0ull - 0xf } }, STATUS_OUT_OF_RANGE,
		"segment 2 at 0xfffffffffffffff0+0x2010 does not fit in guest memory of 4100 KiB" },
	{ "address and size make 2^64", WIDE, { { S64(2, memsz), 8, ~0ull - 0x1fffff } },
		STATUS_OUT_OF_RANGE,
		"segment 2 at 0x200000+0xffffffffffe00000 does not fit in guest memory of 4100 "
		"KiB" },
	{ "across the hole", WIDE, { { S64(2, memsz), 8, 0x300800 } }, STATUS_OUT_OF_RANGE,
		"segment 2 at 0x200000+0x300800 does not fit in guest memory of 4100 KiB" },
	{ "overlap by a byte", WIDE, { { S64(2, paddr), 8, 0x10003f } }, STATUS_CONFLICT,
		"segment 2 at 0x10003f+0x2010 overlaps another at 0x100000" },
	{ "overlap from below", WIDE,
		{ { S64(0, paddr), 8, 0x201000 }, { S64(0, memsz), 8, 0x50 } }, STATUS_CONFLICT,
		"segment 2 at 0x200000+0x2010 overlaps another at 0x201000" },

	{ "no note segment", WIDE, { { S64(1, type), 4, 5 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note segment beyond the file", WIDE, { { S64(1, offset), 8, 0x2f0 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note segment wraps", WIDE, { { S64(1, offset), 8, ~0ull } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "empty note segment", WIDE, { { S64(1, filesz), 8, 0 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note cut by a byte", WIDE, { { S64(1, filesz), 8, 43 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note type", WIDE, { { NOTE(type), 4, 17 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note owner", WIDE, { { NOTE(type) + 4, 4, 0x006e6559 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "note owner without its end", WIDE, { { NOTE(name_size), 4, 3 } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "first note's name endless", WIDE, { { BUILT_NOTE_OFFSET, 4, ~0u } }, STATUS_NOT_FOUND,
		"no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "first note's descriptor endless", WIDE, { { BUILT_NOTE_OFFSET + 4, 4, ~0u } },
		STATUS_NOT_FOUND, "no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)" },
	{ "descriptor of 5 bytes", WIDE, { { NOTE(desc_size), 4, 5 } }, STATUS_BAD_VALUE,
		"a PVH note with a descriptor of 5 bytes, not 4 or 8" },
	{ "descriptor of 0 bytes", WIDE, { { NOTE(desc_size), 4, 0 } }, STATUS_BAD_VALUE,
		"a PVH note with a descriptor of 0 bytes, not 4 or 8" },
	{ "entry before text", WIDE, { { NOTE(type) + 8, 8, 0xfffff } }, STATUS_BAD_VALUE,
		"the PVH note's entry 0xfffff lies in no loadable segment" },
	{ "entry behind text", WIDE, { { NOTE(type) + 8, 8, 0x100040 } }, STATUS_BAD_VALUE,
		"the PVH note's entry 0x100040 lies in no loadable segment" },
	{ "entry in a segment above 4 GiB", WIDE,
		{ { NOTE(type) + 8, 8, APART }, { S64(2, paddr), 8, APART },
			{ S64(2, memsz), 8, 0x20 } },
		STATUS_BAD_VALUE, "the PVH note's entry 0x140000000 is not below 4 GiB" },
	{ "entry above 4 GiB", WIDE, { { NOTE(type) + 8, 8, 0x100100010 } }, STATUS_BAD_VALUE,
		"the PVH note's entry 0x100100010 is not below 4 GiB" },
};

static void test_patched(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(patch_rows); i++) {
		const struct patch_row *row = &patch_rows[i];
		const struct built_kind kind = { row->wide, 8, 4 };
		struct world world;
		struct built built;
		enum status status;

		world_init(&world);
		built_init(&built, &kind);
		for (size_t p = 0; p < ARRAY_COUNT(row->patches); p++)
			memcpy(built.bytes + row->patches[p].at, &row->patches[p].value,
				row->patches[p].width);
		status = world_load(&world, built.bytes, built.size);
		if (status != row->status)
			fail_msg("%s: status %d, not %d: %.160s", row->name, (int)status,
				(int)row->status, world.why);
		if (status != STATUS_OK) {
			if (strcmp(world.why, row->why) != 0)
				fail_msg("%s: '%s', not '%s'", row->name, world.why, row->why);
			expect_untouched(row->name, &world);
		}
		world_free(&world);
	}
}

/* Every file that is too short, of either class, is refused in order and touches nothing. */
static void test_truncated(void **state)
{
	(void)state;
	for (int wide = 0; wide <= 1; wide++) {
		const struct built_kind kind = { wide != 0, 8, 4 };
		struct world world;
		struct built built;

		world_init(&world);
		built_init(&built, &kind);
		for (size_t size = 0; size < built.size; size++) {
			memset(world.why, 'x', sizeof(world.why));
			if (world_load(&world, built.bytes, size) == STATUS_OK)
				fail_msg("%zu bytes were loaded", size);
			assert_true(strlen(world.why) > 0);
		}
		expect_untouched("truncated", &world);
		world_free(&world);
	}
}

static void test_truncated_headers(void **state)
{
	const struct built_kind wide = { true, 8, 4 }, narrow = { false, 8, 4 };
	struct world world;
	struct built built;

	(void)state;
	world_init(&world);
	built_init(&built, &wide);
	assert_int_equal(world_load(&world, built.bytes, 15), STATUS_BAD_VALUE);
	assert_string_equal(world.why, "not an ELF file");
	assert_int_equal(world_load(&world, built.bytes, 63), STATUS_TRUNCATED);
	assert_string_equal(world.why, "an ELF header that is cut off after 63 bytes");
	assert_int_equal(world_load(&world, built.bytes, 64), STATUS_TRUNCATED);
	assert_string_equal(
		world.why, "3 program headers at 0x40 reach beyond the file's 64 bytes");
	built_init(&built, &narrow);
	assert_int_equal(world_load(&world, built.bytes, 51), STATUS_TRUNCATED);
	assert_string_equal(world.why, "an ELF header that is cut off after 51 bytes");
	world_free(&world);
}

/* As many one-page segments as are wanted, the entry in the first. */
static enum status load_many(struct world *world, unsigned int count)
{
	static uint8_t file[sizeof(struct elf64_header) + 64 * sizeof(struct elf64_segment) + 64];
	const struct built_kind kind = { true, 8, 4 };
	const size_t note = sizeof(file) - 64;
	struct built built;

	built_init(&built, &kind);
	memset(file, 0, sizeof(file));
	memcpy(file, built.bytes, sizeof(struct elf64_header));
	file[offsetof(struct elf64_header, phnum)] = (uint8_t)(count + 1);
	memcpy(file + note, built.bytes + BUILT_NOTE_OFFSET, 64);
	for (unsigned int i = 0; i <= count; i++) {
		struct elf64_segment segment = { .type = ELF_SEGMENT_LOAD,
			.paddr = BUILT_TEXT_GPA + i * PAGE_SIZE,
			.memsz = PAGE_SIZE };

		if (i == count)
			segment = (struct elf64_segment){
				.type = ELF_SEGMENT_NOTE, .offset = note, .filesz = 64, .align = 4
			};
		memcpy(file + sizeof(struct elf64_header) + i * sizeof(segment), &segment,
			sizeof(segment));
	}
	return world_load(world, file, sizeof(file));
}

static void test_many_segments(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(load_many(&world, PVH_MAX_RANGES + 1), STATUS_UNSUPPORTED);
	assert_string_equal(world.why, "more than 32 loadable segments");
	expect_untouched("too many", &world);
	assert_int_equal(load_many(&world, PVH_MAX_RANGES), STATUS_OK);
	assert_int_equal(world.image.count, PVH_MAX_RANGES);
	world_free(&world);
}

static void test_memory_in_mib(void **state)
{
	const struct built_kind kind = { true, 8, 4 };
	struct guest_memory memory = { 0 };
	struct pvh_image image;
	struct built built;
	char why[ELF_WHY_SIZE];
	uint8_t *host = calloc(1, MIB);

	(void)state;
	assert_non_null(host);
	assert_int_equal(guest_memory_add(&memory, 0, MIB, host), STATUS_OK);
	built_init(&built, &kind);
	assert_int_equal(elf_load_pvh(built.bytes, built.size, &memory, &image, why, sizeof(why)),
		STATUS_OUT_OF_RANGE);
	assert_string_equal(
		why, "segment 0 at 0x100000+0x40 does not fit in guest memory of 1 MiB");
	free(host);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_note_alignment_lies),
		cmocka_unit_test(test_patched),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_truncated_headers),
		cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_memory_in_mib),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
