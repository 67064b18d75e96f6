/* SPDX-License-Identifier: MIT */
/*
 * Into IA-32e mode and back, by plain writes of CR0 and by writes that exit; svirtb's registers
 * from compatibility mode (32- and 16-bit) and from 64-bit code, the device mapped elsewhere. One
 * part for each word; see the table at the end.
 */
#include "guest-driver/runtime/check.h"
#include "guest-driver/runtime/exceptions32.h"
#include "guest-driver/tests32/mmu.h"
#include "guest-driver/tests32/registers.h"
#include "lib/string.h"

/* long32.asm: its GDT, and what it runs. */
enum selector { CODE_16_SEGMENT = 0x18, TASK_16 = 0x28, TASK_32 = 0x30 };
extern uint64_t long_gdt[];
extern uint32_t long_found[8];
extern const uint8_t long_code_16_segment[];
extern void long_load(void);
extern void long_load_task(uint32_t selector);
extern void long_code_16(uint32_t window);
extern void long_code_64(uint32_t window);

#define MSR_EFER 0xc0000080u
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)

#define WINDOW 0x40000000u /* where the device is mapped */
#define MIB_2  0x00200000u

#define DESCRIPTOR_BUSY (1ull << 41)

static __attribute__((aligned(4096))) uint64_t top[512], pointers[512], directories[4][512];
static __attribute__((aligned(4096))) uint64_t window_table[512];
static uint32_t task[26];

static uint32_t efer_read(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
	return low;
}

static void efer_write(uint32_t value)
{
	__asm__ volatile("wrmsr" : : "c"(MSR_EFER), "a"(value), "d"(0) : "memory");
}

static void set_base(enum selector selector, uint32_t base)
{
	uint64_t *descriptor = &long_gdt[selector / 8];

	*descriptor &= ~0xff0000ffffff0000ull;
	if (selector != CODE_16_SEGMENT)
		*descriptor &= ~DESCRIPTOR_BUSY;
	*descriptor |= (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

static void build_tables(void)
{
	for (uint32_t i = 0; i < 4 * 512; i++)
		directories[i / 512][i % 512] = (uint64_t)i * MIB_2 | PAGE_READY | PAGE_LARGE;
	directories[DEVICE_PAGE >> 30][DEVICE_PAGE / MIB_2 % 512] = 0;
	window_table[0] = DEVICE_PAGE | PAGE_READY;
	directories[1][WINDOW / MIB_2 % 512] = address_of(window_table) | PAGE_READY;
	for (uint32_t i = 0; i < 4; i++)
		pointers[i] = address_of(directories[i]) | PAGE_READY;
	top[0] = address_of(pointers) | PAGE_READY;
}

/* cr0_change comes along with PG: CR0_CD makes the write exit. */
static void enter(uint8_t first, uint32_t cr0_change)
{
	build_tables();
	memset(long_found, 0, sizeof(uint32_t) * 8);
	set_base(CODE_16_SEGMENT, address_of(long_code_16_segment));
	long_load();
	cr3_write(address_of(top));
	cr4_write(CR4_PAE);
	efer_write(EFER_LME);
	check_equal(first, "EFER before", efer_read(), EFER_LME);
	cr0_write((cr0_read() | CR0_PG) ^ cr0_change);
	check_equal((uint8_t)(first + 1), "EFER inside", efer_read(), EFER_LME | EFER_LMA);
	check_equal((uint8_t)(first + 2), "CR0 inside", cr0_read() & (CR0_PG | CR0_CD),
		CR0_PG | cr0_change);
}

static void leave(uint8_t first, uint32_t cr0_change)
{
	cr0_write((cr0_read() & ~CR0_PG) ^ cr0_change);
	check_equal(first, "EFER outside", efer_read(), EFER_LME);
	check_equal((uint8_t)(first + 1), "CR0 outside", cr0_read() & (CR0_PG | CR0_CD), 0);
	efer_write(0);
	check_equal((uint8_t)(first + 2), "EFER afterwards", efer_read(), 0);
	cr4_write(0);
	exceptions32_load();
	registers_check((uint8_t)(first + 3), "paging off again", DEVICE_PAGE);
}

static void part_compatibility(void)
{
	enter(1, 0);
	registers_check(4, "compatibility mode", WINDOW);
	long_code_16(WINDOW);
	check_equal(10, "16-bit code's status", long_found[0], SVIRTB_MAGIC);
	check_equal(11, "16-bit code's size", long_found[1], 0x31415926);
	leave(12, 0);
}

static void part_compatibility_cd(void)
{
	enter(1, CR0_CD);
	registers_check(4, "compatibility mode, entered with CD", WINDOW);
	leave(12, CR0_CD);
	/* And once more, in and out by one kind each. */
	enter(21, CR0_CD);
	cr0_write(cr0_read() & ~CR0_CD);
	registers_check(24, "compatibility mode, CD cleared", WINDOW);
	leave(32, 0);
}

static void part_64_bit(void)
{
	enter(1, 0);
	long_code_64(WINDOW);
	check_equal(4, "64-bit code's status", long_found[0], SVIRTB_MAGIC);
	check_equal(5, "64-bit code's size", long_found[1], 0x27182818 >> 1);
	check_equal(6, "#GPs for writes of CR0", long_found[2], 3);
	check_equal(7, "PG and CD", long_found[3], 2);
	check_equal(8, "64-bit code's size with CD", long_found[4], 0x27182818);
	if (long_found[5] == 0)
		print("CR4.PCIDE is not offered\n");
	check_equal(9, "paging left with PCIDE", long_found[6], 0);
	registers_check(10, "compatibility mode", WINDOW);
	leave(20, 0);
}

static void write_cr0(void *value)
{
	cr0_write((uint32_t)(uintptr_t)value);
}

static void check_refused(uint8_t number, const char *what, uint32_t value)
{
	const uint32_t before = cr0_read();

	check_equal(number, what, exception32_try(write_cr0, (void *)(uintptr_t)value), 13);
	check_equal(number, "CR0 afterwards", cr0_read(), before);
	check_equal(number, "EFER afterwards", efer_read(), EFER_LME);
}

/* What IA-32e mode is not entered without. */
static void part_refused(void)
{
	build_tables();
	long_load();
	exceptions32_load();
	cr3_write(address_of(top));
	efer_write(EFER_LME);
	check_refused(1, "vector without PAE", cr0_read() | CR0_PG);
	check_refused(2, "vector without PAE, by an exit", cr0_read() | CR0_PG | CR0_CD);
	cr4_write(CR4_PAE);
	set_base(TASK_16, address_of(task));
	long_load_task(TASK_16);
	/* Only by an exit: KVM, under which we may run, lets the plain write pass. */
	check_refused(3, "vector with a 16-bit TSS", cr0_read() | CR0_PG | CR0_CD);
	set_base(TASK_32, address_of(task));
	long_load_task(TASK_32);
	enter(4, CR0_CD);
	leave(7, CR0_CD);
}

int main(const char *cmdline)
{
	static const struct check_part parts[] = {
		{ "compatibility", part_compatibility },
		{ "compatibility-cd", part_compatibility_cd },
		{ "64-bit", part_64_bit },
		{ "refused", part_refused },
	};

	exceptions32_load();
	return check_run_parts(cmdline, parts, sizeof(parts) / sizeof(parts[0]));
}
