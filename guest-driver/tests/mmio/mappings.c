/* SPDX-License-Identifier: MIT */
/*
 * The device page by way of the guest's page tables: at other addresses, protected, under PCID and
 * SMEP and SMAP, from ring 3, and with translations that are no longer in the tables.
 */
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define ALIAS     0x8000000000ull
#define USER_CODE 0x8000100000ull
#define BITS      (PAGE_PRESENT | PAGE_WRITABLE)
#define HAS_PCID  BIT(17) /* CPUID leaf 1 ECX */
#define HAS_SMEP  BIT(7)  /* leaf 7 EBX */
#define HAS_SMAP  BIT(20)

static const uint8_t load[] = { 0x8b, 0x13 };  /* mov edx, [rbx] */
static const uint8_t store[] = { 0x89, 0x13 }; /* mov [rbx], edx */

static struct execution run_code(
	uint64_t rip, const uint8_t *code, size_t size, uint64_t rbx, uint64_t rdx)
{
	struct execution run = execution_at(rip);

	memcpy(window_code(0), code, size);
	execution_write_jump(window_code(0) + size);
	run.registers[RBX] = rbx;
	run.registers[RDX] = rdx;
	execution_run(&run);
	return run;
}

static void check_fault(const struct execution *run, uint64_t error_code, uint64_t cr2)
{
	check_equal("vector", run->exception.vector, VECTOR_PF);
	check_equal("error code", run->exception.error_code, error_code);
	check_equal("CR2", run->exception.cr2, cr2);
}

/* Reads and writes addr_hi there, and compares with what the device's own address shows. */
static void check_works_at(uint64_t linear)
{
	const uint32_t cells[3] = { 1, 0x13572468, 3 };
	uint32_t found[3];
	struct execution run;

	window_set_device(cells);
	run = run_code(CODE_WINDOW, load, sizeof(load), linear + DEVICE_CELL, ~0ull);
	check_equal("vector", run.exception.vector, EXCEPTION_NONE);
	check_equal("what is read", run.registers[RDX], cells[1]);
	run = run_code(CODE_WINDOW, store, sizeof(store), linear + DEVICE_CELL, 0x86427531);
	check_equal("vector", run.exception.vector, EXCEPTION_NONE);
	window_get_device(found);
	check_equal("what was written", found[1], 0x86427531);
}

static void test_aliases(void)
{
	check_begin("the device page at another address");
	pages_map(ALIAS, DEVICE_PAGE, BITS);
	check_works_at(ALIAS);
	check_begin("the device page in the upper half");
	pages_map(0xffff800000000000, DEVICE_PAGE, BITS);
	check_works_at(0xffff800000000000);
	check_begin("the device page at linear 0");
	pages_map(0, DEVICE_PAGE, BITS);
	check_works_at(0);
	pages_map(0, 0, BITS);
}

static void test_protection(void)
{
	const uint32_t cells[3] = { 1, 2, 3 };
	struct execution run;
	uint32_t found[3];

	window_set_device(cells);
	check_begin("a write to the device page, mapped read-only");
	cpu_write_cr0(cpu_read_cr0() | CR0_WP);
	pages_map(ALIAS, DEVICE_PAGE, PAGE_PRESENT);
	run = run_code(CODE_WINDOW, store, sizeof(store), ALIAS + DEVICE_CELL, 9);
	check_fault(&run, 3, ALIAS + DEVICE_CELL);
	cpu_write_cr0(cpu_read_cr0() & ~CR0_WP);
	window_get_device(found);
	check_equal("the register", found[1], cells[1]);
	check_begin("the same without CR0.WP");
	check_works_at(ALIAS);
	check_begin("a read where nothing is mapped");
	pages_map(ALIAS, 0, 0);
	run = run_code(CODE_WINDOW, load, sizeof(load), ALIAS, 9);
	check_fault(&run, 0, ALIAS);
	check_begin("a reserved bit in the entry");
	*pages_entry(ALIAS) = DEVICE_PAGE | BITS | PAGE_NO_EXECUTE; /* EFER.NXE is 0 */
	pages_flush(ALIAS);
	run = run_code(CODE_WINDOW, load, sizeof(load), ALIAS, 9);
	check_fault(&run, 9, ALIAS);
	pages_map(ALIAS, DEVICE_PAGE, BITS);
}

/* Ring 3: code and device page are the user's there. */
static void test_user(void)
{
	const uint32_t cells[3] = { 1, 0x77665544, 3 };
	struct execution run = execution_at(USER_CODE);

	window_set_device(cells);
	check_begin("a read from ring 3");
	pages_map(USER_CODE, (uintptr_t)window_code(0), BITS | PAGE_USER);
	pages_map(ALIAS, DEVICE_PAGE, BITS | PAGE_USER);
	/* mov edx, [rbx]; int3 */
	memcpy(window_code(0), (const uint8_t[]){ 0x8b, 0x13, 0xcc }, 3);
	run.cs = SELECTOR_USER_CODE;
	run.ss = SELECTOR_USER_DATA;
	run.registers[RBX] = ALIAS + DEVICE_CELL;
	execution_run(&run);
	check_equal("vector", run.exception.vector, 3);
	check_equal("where it points", run.exception.rip, USER_CODE + 3);
	check_equal("what was read", run.registers[RDX], cells[1]);
	check_begin("a read from ring 3 of a page of ring 0");
	pages_map(ALIAS, DEVICE_PAGE, BITS);
	execution_run(&run);
	check_fault(&run, 5, ALIAS + DEVICE_CELL);
}

static void test_modes(void)
{
	const uint64_t cr3 = cpu_read_cr3(), cr4 = cpu_read_cr4();
	const uint32_t features = cpu_id(7, 0).ebx;

	pages_map(ALIAS, DEVICE_PAGE, BITS);
	check_begin("with CR4.PCIDE and a PCID in CR3");
	if (cpu_id(1, 0).ecx & HAS_PCID) {
		cpu_write_cr4(cr4 | CR4_PCIDE);
		cpu_write_cr3(cr3 | 0x123);
		check_works_at(ALIAS);
		cpu_write_cr3(cr3);
		cpu_write_cr4(cr4);
	}
	check_begin("with CR4.PGE, SMEP and SMAP");
	cpu_write_cr4(cr4 | CR4_PGE | (features & HAS_SMEP ? CR4_SMEP : 0) |
		      (features & HAS_SMAP ? CR4_SMAP : 0));
	check_works_at(ALIAS);
	cpu_write_cr4(cr4);
}

/*
 * The tables change under a translation that the processor still has: whatever it answers must be
 * one of both truths, and the guest must go on.
 */
static void test_stale(void)
{
	const uint32_t cells[3] = { 1, 0x11112222, 3 };
	struct execution run;

	check_begin("an entry that changed from device to memory without INVLPG");
	window_set_device(cells);
	memset(window_ram(1), 0x33, PAGE);
	pages_map(ALIAS, DEVICE_PAGE, BITS);
	run_code(CODE_WINDOW, load, sizeof(load), ALIAS + DEVICE_CELL, 0);
	*pages_entry(ALIAS) = (uintptr_t)window_ram(1) | BITS;
	run = run_code(CODE_WINDOW, load, sizeof(load), ALIAS + DEVICE_CELL, 0);
	check_equal("vector", run.exception.vector, EXCEPTION_NONE);
	check_true("the answer is the device's or memory's",
		run.registers[RDX] == cells[1] || run.registers[RDX] == 0x33333333);

	check_begin("code that changed without INVLPG");
	memcpy(window_code(0), load, sizeof(load));
	execution_write_jump(window_code(0) + sizeof(load));
	memcpy(window_code(1), (const uint8_t[]){ 0x8b, 0x11 }, 2); /* mov edx, [rcx] */
	execution_write_jump(window_code(1) + 2);
	pages_map(ALIAS, DEVICE_PAGE, BITS);
	run = execution_at(USER_CODE);
	run.registers[RBX] = ALIAS + DEVICE_CELL;
	run.registers[RCX] = (uintptr_t)window_ram(1);
	pages_map(USER_CODE, (uintptr_t)window_code(0), BITS);
	execution_run(&run);
	*pages_entry(USER_CODE) = (uintptr_t)window_code(1) | BITS;
	execution_run(&run);
	check_equal("vector", run.exception.vector, EXCEPTION_NONE);
	check_true("the answer is the device's or memory's",
		run.registers[RDX] == cells[1] || run.registers[RDX] == 0x33333333);
	pages_flush(USER_CODE);
}

void mmio_test_mappings(void)
{
	test_aliases();
	test_protection();
	test_user();
	test_modes();
	test_stale();
	pages_map(ALIAS, 0, 0);
}
