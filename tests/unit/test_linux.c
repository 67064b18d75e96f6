/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/linux.c: what a kernel finds when it starts, and each refusal. Offsets are
 * those of Documentation/arch/x86/boot.rst and zero-page.rst, not of our own structures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/linux.h"
#include "lib/bits.h"
#include "tests/unit/linux_builder.h"

#define MEMORY  (8 * MIB)
#define FILL    0xcc
#define INITRD  0x2345u
#define CMDLINE "console=ttyS0 root=/dev/vda"
#define RSDP    0xe0000ull

struct world {
	struct guest_memory memory;
	uint8_t *host;
	uint8_t kernel[BUILT_KERNEL_SIZE];
	uint8_t initrd[INITRD];
	struct guest_files files;
	struct vcpu_start start;
	char why[GUEST_WHY_SIZE];
};

static void world_init(struct world *world, uint64_t memory)
{
	*world = (struct world){ .host = malloc(memory) };
	assert_non_null(world->host);
	memset(world->host, FILL, memory);
	assert_int_equal(guest_memory_add(&world->memory, 0, memory, world->host), STATUS_OK);
	built_kernel(world->kernel);
	for (unsigned int i = 0; i < INITRD; i++)
		world->initrd[i] = (uint8_t)(i * 3);
	world->files = (struct guest_files){
		.kernel = world->kernel,
		.kernel_size = BUILT_KERNEL_SIZE,
		.initrd = world->initrd,
		.initrd_size = INITRD,
		.cmdline = CMDLINE,
	};
}

static enum status load(struct world *world)
{
	return linux_load(
		&world->files, RSDP, &world->memory, &world->start, world->why, sizeof(world->why));
}

static uint64_t get(const struct world *world, uint64_t gpa, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, world->host + gpa, size);
	return value;
}

static void expect(const struct world *world, const char *name, uint64_t gpa, unsigned int size,
	uint64_t wanted)
{
	const uint64_t value = get(world, gpa, size);

	if (value != wanted)
		fail_msg("%s is 0x%llx, not 0x%llx", name, (unsigned long long)value,
			(unsigned long long)wanted);
}

static void test_parameters(void **state)
{
	const uint64_t initrd = MEMORY - align_up(INITRD, PAGE_SIZE);
	struct world world;
	uint64_t params;

	(void)state;
	world_init(&world, MEMORY);
	assert_int_equal(load(&world), STATUS_OK);
	params = world.start.rsi;
	expect(&world, "acpi_rsdp_addr", params + 0x70, 8, RSDP);
	expect(&world, "sentinel", params + 0x1ef, 1, 0);
	expect(&world, "orig_video_isVGA", params + 0x0f, 1, 0);
	expect(&world, "e820_entries", params + 0x1e8, 1, 3);
	expect(&world, "e820[0].addr", params + 0x2d0, 8, 0);
	expect(&world, "e820[0].size", params + 0x2d8, 8, 0xa0000);
	expect(&world, "e820[0].type", params + 0x2e0, 4, 1);
	expect(&world, "e820[1].addr", params + 0x2e4, 8, 0xa0000);
	expect(&world, "e820[1].type", params + 0x2f4, 4, 2);
	expect(&world, "e820[2].addr", params + 0x2f8, 8, MIB);
	expect(&world, "e820[2].size", params + 0x300, 8, MEMORY - MIB);
	expect(&world, "e820[3].size", params + 0x314, 8, 0);
	expect(&world, "boot_flag", params + 0x1fe, 2, 0xaa55);
	expect(&world, "header", params + 0x202, 4, 0x53726448);
	expect(&world, "version", params + 0x206, 2, 0x020f);
	expect(&world, "type_of_loader", params + 0x210, 1, 0xff);
	expect(&world, "loadflags", params + 0x211, 1, 1);
	expect(&world, "ramdisk_image", params + 0x218, 4, initrd);
	expect(&world, "ramdisk_size", params + 0x21c, 4, INITRD);
	expect(&world, "ext_ramdisk_image", params + 0xc0, 4, 0);
	expect(&world, "setup_data", params + 0x250, 8, 0);
	expect(&world, "init_size", params + 0x260, 4, BUILT_INIT_SIZE);
	assert_string_equal((char *)world.host + get(&world, params + 0x228, 4), CMDLINE);
	assert_memory_equal(world.host + initrd, world.initrd, INITRD);
	assert_memory_equal(
		world.host + BUILT_PREF, world.kernel + BUILT_SETUP_SIZE, BUILT_PAYLOAD);
	assert_int_equal(world.host[BUILT_PREF + BUILT_PAYLOAD], FILL);
	free(world.host);
}

/* The header ends where the jump at its beginning leads; what follows in the file is code. */
static void test_header_end(void **state)
{
	static const struct {
		const char *name;
		unsigned int jump;
		uint64_t init_size, handover_offset, kernel_info_offset;
	} rows[] = {
		{ "without kernel_info_offset", 0x66, BUILT_INIT_SIZE, 0x1111, 0 },
		{ "with all", 0x6a, BUILT_INIT_SIZE, 0x1111, 0x2222 },
		{ "with more than is known", 0xff, BUILT_INIT_SIZE, 0x1111, 0x2222 },
		{ "2.12 has init_size, whatever it says", 0, BUILT_INIT_SIZE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world world;

		world_init(&world, MEMORY);
		built_put(world.kernel, 0x201, rows[i].jump, 1);
		built_put(world.kernel, 0x264, 0x1111, 4);
		built_put(world.kernel, 0x268, 0x2222, 4);
		built_put(world.kernel, 0x26c, 0x3333, 4);
		assert_int_equal(load(&world), STATUS_OK);
		expect(&world, rows[i].name, world.start.rsi + 0x260, 4, rows[i].init_size);
		expect(&world, rows[i].name, world.start.rsi + 0x264, 4, rows[i].handover_offset);
		expect(&world, rows[i].name, world.start.rsi + 0x268, 4,
			rows[i].kernel_info_offset);
		expect(&world, rows[i].name, world.start.rsi + 0x26c, 4, 0);
		free(world.host);
	}
}

/* Follows the page tables as the processor does. SDM vol. 3A, '4-Level Paging'. */
static uint64_t walk(const struct world *world, uint64_t linear)
{
	uint64_t table = world->start.cr3;
	uint64_t entry = 0;

	for (unsigned int shift = 39; shift >= 21; shift -= 9) {
		entry = get(world, table + 8 * (linear >> shift & 511), 8);
		if ((entry & 3) != 3)
			return ~0ull;
		table = entry & 0xffffffffff000;
		if (shift < 39 && (entry & 0x80))
			return (table & ~(BIT(shift) - 1)) + (linear & (BIT(shift) - 1));
	}
	return ~0ull;
}

static void test_start(void **state)
{
	static const uint64_t addresses[] = { 0, 0x10000, BUILT_PREF + 0x200, 0x3fffffff,
		0x40000000, 3 * GIB + 5, 4 * GIB - 1 };
	struct world world;

	(void)state;
	world_init(&world, MEMORY);
	assert_int_equal(load(&world), STATUS_OK);
	assert_true(world.start.long_mode);
	assert_int_equal(world.start.rip, BUILT_PREF + 0x200);
	assert_int_equal(world.start.code_selector, 0x10);
	assert_int_equal(world.start.data_selector, 0x18);
	assert_int_equal(world.start.gdt_limit, 31);
	assert_int_equal(world.start.rbx, 0);
	/* P, DPL 0, code, readable, accessed, L, G; P, DPL 0, data, writable, accessed, B, G. */
	expect(&world, "__BOOT_CS", world.start.gdt_base + 0x10, 8, 0x00af9b000000ffff);
	expect(&world, "__BOOT_DS", world.start.gdt_base + 0x18, 8, 0x00cf93000000ffff);
	expect(&world, "null descriptor", world.start.gdt_base, 8, 0);
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		if (walk(&world, addresses[i]) != addresses[i])
			fail_msg("0x%llx is mapped to 0x%llx", (unsigned long long)addresses[i],
				(unsigned long long)walk(&world, addresses[i]));
	}
	assert_true(walk(&world, 4 * GIB) == ~0ull);
	free(world.host);
}

static void test_without_initrd(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, BUILT_PREF + BUILT_INIT_SIZE);
	world.files.initrd = NULL;
	world.files.initrd_size = 0;
	assert_int_equal(load(&world), STATUS_OK);
	expect(&world, "ramdisk_image", world.start.rsi + 0x218, 4, 0);
	expect(&world, "ramdisk_size", world.start.rsi + 0x21c, 4, 0);
	free(world.host);
}

struct row {
	const char *name;
	unsigned int offset, size; /* of a field of the header, 0: none */
	uint64_t value;
	uint64_t memory; /* 0: MEMORY */
	enum status status;
	const char *why; /* what the sentence has in it */
};

static const struct row good_rows[] = {
	{ "protocol 2.12", 0x206, 2, 0x020c, 0, STATUS_OK, NULL },
	{ "more load flags", 0x236, 2, 0x007f, 0, STATUS_OK, NULL },
	{ "0 setup sectors are 4", 0x1f1, 1, 0, 0, STATUS_OK, NULL },
	{ "no relocation, no alignment", 0x230, 5, 0, 0, STATUS_OK, NULL },
	{ "just enough memory for kernel and initrd", 0, 0, 0,
		BUILT_PREF + BUILT_INIT_SIZE + 0x3000, STATUS_OK, NULL },
	{ "the initrd just below its limit", 0x22c, 4, BUILT_PREF + BUILT_INIT_SIZE + INITRD - 1, 0,
		STATUS_OK, NULL },
	{ "the command line just fits", 0x238, 4, sizeof(CMDLINE) - 1, 0, STATUS_OK, NULL },
	{ "init_size is what there is", 0x260, 4, BUILT_PAYLOAD, 0, STATUS_OK, NULL },
};

static const struct row bad_rows[] = {
	{ "no magic", 0x202, 4, 0x53726449, 0, STATUS_BAD_VALUE, "not a Linux kernel" },
	{ "no boot flag", 0x1fe, 2, 0xaa54, 0, STATUS_BAD_VALUE, "not a Linux kernel" },
	{ "protocol 2.11", 0x206, 2, 0x020b, 0, STATUS_UNSUPPORTED, "boot protocol 2.11; 2.12" },
	{ "protocol 1.0", 0x206, 2, 0x0100, 0, STATUS_UNSUPPORTED, "boot protocol 1.00" },
	{ "more setup than file", 0x1f1, 1, 6, 0, STATUS_TRUNCATED, "cut off" },
	{ "the most setup", 0x1f1, 1, 255, 0, STATUS_TRUNCATED, "0x20000" },
	{ "no 64-bit entry", 0x236, 2, 0xfffe, 0, STATUS_UNSUPPORTED, "without a 64-bit entry" },
	{ "zImage", 0x211, 1, 0, 0, STATUS_UNSUPPORTED, "zImage" },
	{ "below 1 MiB", 0x258, 8, 0x90000, 0, STATUS_BAD_VALUE, "wants to run at 0x90000" },
	{ "at 4 GiB", 0x258, 8, 4 * GIB, 0, STATUS_BAD_VALUE, "wants to run at 0x100000000" },
	{ "at the end of all addresses", 0x258, 8, ~0ull - 4096, 0, STATUS_BAD_VALUE,
		"wants to run" },
	{ "over 4 GiB", 0x258, 8, 4 * GIB - 0x100000, 0, STATUS_OUT_OF_RANGE, "memory = " },
	{ "init_size too small", 0x260, 4, BUILT_PAYLOAD - 1, 0, STATUS_BAD_VALUE, "init_size" },
	{ "init_size too large", 0x260, 4, 0xffffffff, 0, STATUS_OUT_OF_RANGE, "memory = 4098M" },
	{ "an odd alignment", 0x230, 4, 0x300000, 0, STATUS_BAD_VALUE, "0x300000, no power" },
	{ "no alignment", 0x230, 4, 0, 0, STATUS_BAD_VALUE, "no power of two" },
	{ "the highest alignment", 0x230, 4, 0x80000000, 0, STATUS_OUT_OF_RANGE, "0x80000000" },
	{ "too little memory", 0, 0, 0, BUILT_PREF + BUILT_INIT_SIZE - PAGE_SIZE,
		STATUS_OUT_OF_RANGE, "from 0x200000 to 0x380000: memory = 4M, at least" },
	{ "no memory for the parameters", 0, 0, 0, 0x10000, STATUS_OUT_OF_RANGE, "memory = 4M" },
	{ "no memory for the initrd", 0, 0, 0, BUILT_PREF + BUILT_INIT_SIZE + 0x2000,
		STATUS_OUT_OF_RANGE, "its initrd of 1 MiB does not fit" },
	{ "the initrd over its limit", 0x22c, 4, BUILT_PREF + BUILT_INIT_SIZE + INITRD - 2, 0,
		STATUS_OUT_OF_RANGE, "below 0x382344" },
	{ "an initrd's limit below the kernel", 0x22c, 4, 0, 0, STATUS_OUT_OF_RANGE,
		"does not fit" },
	{ "the command line does not fit", 0x238, 4, sizeof(CMDLINE) - 2, 0, STATUS_OUT_OF_RANGE,
		"command line of 27 characters, and this kernel takes 26" },
};

static void make_row(struct world *world, const struct row *row)
{
	world_init(world, row->memory != 0 ? row->memory : MEMORY);
	built_put(world->kernel, row->offset, row->value, row->size);
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_rows); i++) {
		struct world world;

		make_row(&world, &good_rows[i]);
		if (load(&world) != STATUS_OK)
			fail_msg("%s: %s", good_rows[i].name, world.why);
		free(world.host);
	}
}

static void expect_refusal(struct world *world, const struct row *row)
{
	const enum status status = load(world);

	if (status != row->status || strstr(world->why, row->why) == NULL)
		fail_msg("%s: status %d, '%s'", row->name, (int)status, world->why);
	for (uint64_t at = 0; at < guest_memory_size(&world->memory); at++) {
		if (world->host[at] != FILL)
			fail_msg("%s: 0x%llx changed", row->name, (unsigned long long)at);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_rows); i++) {
		struct world world;

		make_row(&world, &bad_rows[i]);
		expect_refusal(&world, &bad_rows[i]);
		free(world.host);
	}
}

/* Every length a file can be cut to, in memory of exactly that size for the sanitizer's sake. */
static void test_cut_off(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, MEMORY);
	for (size_t size = 0; size <= BUILT_SETUP_SIZE + 0x200; size++) {
		uint8_t *copy = malloc(size == 0 ? 1 : size);

		assert_non_null(copy);
		memcpy(copy, world.kernel, size);
		world.files.kernel = copy;
		world.files.kernel_size = size;
		assert_int_not_equal(load(&world), STATUS_OK);
		if (strstr(world.why, size < 0x206 ? "not a Linux" : "cut off") == NULL)
			fail_msg("%zu bytes: %s", size, world.why);
		free(copy);
	}
	free(world.host);
}

/* A kernel whose preferred place is not aligned runs at the next one that is. */
static void test_alignment(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, MEMORY);
	built_put(world.kernel, 0x258, BUILT_PREF + 0x1000, 8);
	assert_int_equal(load(&world), STATUS_OK);
	assert_int_equal(world.start.rip, 2 * BUILT_PREF + 0x200);
	built_put(world.kernel, 0x234, 0, 1);
	assert_int_equal(load(&world), STATUS_OK);
	assert_int_equal(world.start.rip, BUILT_PREF + 0x1200);
	free(world.host);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_header_end),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_without_initrd),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_alignment),
	};

	return cmocka_run_group_tests_name("linux", tests, NULL, NULL);
}
