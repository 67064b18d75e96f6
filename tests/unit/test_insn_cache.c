/* SPDX-License-Identifier: MIT */
/*
 * vmm/insn_cache.c: an instruction is found again as long as everything that it came from stands,
 * and not a moment longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "vmm/insn_cache.h"
#include "vmm/x86.h"

#define CODE  0x5000u /* identity-mapped by a page of 4 KiB */
#define CR3   0x1000u
#define ENTRY 0x3ull

static _Alignas(4096) uint8_t ram[0x10000];
static struct guest_memory memory;
static struct guest_paging paging;
static struct insn_cache cache;
static struct bus_region region = { .base = 0xcafe0000, .size = 0x1000 };

static uint64_t *table_entry(unsigned int level)
{
	/* Tables at 0x1000 to 0x4000, of level 4 down to 1. */
	return (uint64_t *)(void *)&ram[CR3 + 0x1000 * (4 - level) + (level == 1 ? CODE / 512 : 0)];
}

static int set_up(void **state)
{
	(void)state;
	memory = (struct guest_memory){ 0 };
	memset(ram, 0, sizeof(ram));
	for (unsigned int level = 4; level > 1; level--)
		*table_entry(level) = (CR3 + 0x1000 * (5 - level)) | ENTRY;
	*table_entry(1) = CODE | ENTRY;
	paging = (struct guest_paging){
		.cr0 = CR0_PE | CR0_PG | CR0_WP,
		.cr3 = CR3,
		.cr4 = CR4_PAE,
		.efer = EFER_LME | EFER_LMA,
		.physical_bits = 40,
	};
	insn_cache_init(&cache);
	return guest_memory_add(&memory, 0, sizeof(ram), ram) == STATUS_OK ? 0 : -1;
}

/* Decodes what stands at offset in the code's page and keeps it. */
static struct insn keep(const void *bytes, size_t size, uint64_t offset)
{
	struct insn insn;

	memcpy(&ram[CODE + offset], bytes, size);
	assert_int_equal(decode_insn(&ram[CODE + offset], 15, CODE_64, &insn), STATUS_OK);
	insn_cache_keep(
		&cache, &memory, CODE + offset, &paging, &insn, &ram[CODE + offset], &region);
	return insn;
}

static const struct insn_cache_entry *find(void)
{
	return insn_cache_find(&cache, CODE, CR3);
}

static void test_finds_what_was_kept(void **state)
{
	const struct insn insn = keep("\x89\x48\x10", 3, 0); /* mov [rax + 0x10], ecx */
	const uint64_t registers[REG_COUNT + 1] = { [REG_RAX] = 0xcafe0000 };

	(void)state;
	assert_non_null(find());
	assert_memory_equal(&find()->insn, &insn, sizeof(insn));
	assert_ptr_equal(find()->region, &region);
	assert_true(find()->next_rip == CODE + 3);
	assert_true(insn_cache_operand(find(), registers) == 0xcafe0010);
	assert_null(insn_cache_find(&cache, CODE + 16, CR3));
	assert_null(insn_cache_find(&cache, CODE, CR3 + 0x1000));
}

static void test_operand_forms(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		uint64_t operand;
	} rows[] = {
		{ "mov [rip + 0x100], ecx", "\x89\x0d\x00\x01\x00\x00", 6, CODE + 6 + 0x100 },
		{ "mov [0x1234], ecx", "\x89\x0c\x25\x34\x12\x00\x00", 7, 0x1234 },
		{ "mov [rbx + rsi * 8 - 1], ecx", "\x89\x4c\xf3\xff", 4, 0x1000 + 8 * 7 - 1 },
		{ "mov [rsi * 4], ecx", "\x89\x0c\xb5\x00\x00\x00\x00", 7, 28 },
	};
	const uint64_t registers[REG_COUNT + 1] = { [REG_RBX] = 0x1000, [REG_RSI] = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		keep(rows[i].bytes, rows[i].size, 0);
		assert_non_null(find());
		assert_true(insn_cache_operand(find(), registers) == rows[i].operand);
	}
}

static void test_covers_whole_accesses_only(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		uint64_t last; /* the last address of the region where it lies in it */
	} rows[] = {
		{ "mov [rax + 0x10], cl", "\x88\x48\x10", 3, 0xcafe0fff },
		{ "mov [rax + 0x10], ecx", "\x89\x48\x10", 3, 0xcafe0ffc },
		{ "mov [rax + 0x10], rcx", "\x48\x89\x48\x10", 4, 0xcafe0ff8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		keep(rows[i].bytes, rows[i].size, 0);
		assert_non_null(find());
		assert_true(insn_cache_covers(find(), 0xcafe0000));
		assert_true(insn_cache_covers(find(), rows[i].last));
		assert_false(insn_cache_covers(find(), rows[i].last + 1));
		assert_false(insn_cache_covers(find(), 0xcafe1000));
		assert_false(insn_cache_covers(find(), 0xcafdffff));
		assert_false(insn_cache_covers(find(), 0));
	}
}

/* Whatever it came from changes: the instruction's bytes, or an entry of any level. */
static void test_sees_every_change(void **state)
{
	(void)state;
	for (unsigned int level = 4; level >= 1; level--) {
		set_up(NULL);
		keep("\x89\x48\x10", 3, 0);
		assert_non_null(find());
		*table_entry(level) ^= BIT(12);
		assert_null(find());
		*table_entry(level) ^= BIT(12);
		assert_non_null(find());
	}
	for (unsigned int i = 0; i < 16; i++) {
		ram[CODE + i] ^= 1;
		assert_null(find());
		ram[CODE + i] ^= 1;
	}
	assert_non_null(find());
}

static void test_keeps_no_rare_ones(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		uint64_t offset;
	} rows[] = {
		{ "in the page's last 15 bytes", "\x89\x48\x10", 3, 0xff1 },
		{ "rsp as the base", "\x89\x0c\x24", 3, 0 },
		{ "rsp as the register", "\x89\x60\x10", 3, 0 },
		{ "32-bit address", "\x67\x89\x48\x10", 4, 0 },
		{ "gs", "\x65\x89\x48\x10", 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		keep(rows[i].bytes, rows[i].size, rows[i].offset);
		assert_null(insn_cache_find(&cache, CODE + rows[i].offset, CR3));
	}
	keep("\x89\x48\x10", 3, 0xff0);
	assert_non_null(insn_cache_find(&cache, CODE + 0xff0, CR3));
}

/* Large pages: fewer steps to witness. */
static void test_large_page(void **state)
{
	(void)state;
	*table_entry(2) = 0x83;
	keep("\x89\x48\x10", 3, 0);
	assert_non_null(find());
	*table_entry(2) = 0x200083;
	assert_null(find());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_finds_what_was_kept, set_up),
		cmocka_unit_test_setup(test_operand_forms, set_up),
		cmocka_unit_test_setup(test_covers_whole_accesses_only, set_up),
		cmocka_unit_test_setup(test_sees_every_change, set_up),
		cmocka_unit_test_setup(test_keeps_no_rare_ones, set_up),
		cmocka_unit_test_setup(test_large_page, set_up),
	};

	return cmocka_run_group_tests_name("insn_cache", tests, NULL, NULL);
}
