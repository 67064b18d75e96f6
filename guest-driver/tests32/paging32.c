/* SPDX-License-Identifier: MIT */
/*
 * svirtb's registers under 32-bit and PAE paging, at linear addresses that are not its physical
 * one, and every way to load PAE's page-directory-pointer entries: MOV CR3, and writes of CR0 and
 * CR4 that exit. One part for each word; see the table at the end.
 */
#include "guest-driver/runtime/check.h"
#include "guest-driver/runtime/exceptions32.h"
#include "guest-driver/tests32/mmu.h"
#include "guest-driver/tests32/registers.h"
#include "lib/string.h"

#define PAGE_ALIGNED __attribute__((aligned(4096)))

#define WINDOW       0x40000000u /* where the device is mapped by a 4 KiB page */
#define OTHER_WINDOW 0x40200000u /* and by the other PDPTE's tables */
#define LARGE_WINDOW 0x50000000u /* and by a large one, at its offset there */
#define MIB_2        0x00200000u
#define MIB_4        0x00400000u

/* 32-bit paging: a directory, a table for the window, and one that two paging modes share. */
static PAGE_ALIGNED uint32_t directory[1024], window_table[1024];
static PAGE_ALIGNED uint32_t shared_directory[1024], shared_table[1024];

/* PAE: two tables of pointers, their directories, the window's tables. */
static PAGE_ALIGNED uint64_t pointers[4], other_pointers[4];
static PAGE_ALIGNED uint64_t directories[4][512], other_directory[512], pae_table[512];

static void build_32_bit(void)
{
	for (uint32_t i = 0; i < 1024; i++)
		directory[i] = i * MIB_4 | PAGE_READY | PAGE_LARGE;
	/* The device is nowhere but in its windows. */
	directory[DEVICE_PAGE / MIB_4] = 0;
	memset(window_table, 0, sizeof(window_table));
	window_table[0] = DEVICE_PAGE | PAGE_READY;
	directory[WINDOW / MIB_4] = address_of(window_table) | PAGE_READY;
	directory[LARGE_WINDOW / MIB_4] = (DEVICE_PAGE & ~(MIB_4 - 1)) | PAGE_READY | PAGE_LARGE;
}

static void build_pae(void)
{
	for (uint32_t i = 0; i < 4 * 512; i++)
		directories[i / 512][i % 512] = (uint64_t)i * MIB_2 | PAGE_READY | PAGE_LARGE;
	directories[DEVICE_PAGE >> 30][DEVICE_PAGE / MIB_2 % 512] = 0;
	memset(pae_table, 0, sizeof(pae_table));
	pae_table[0] = DEVICE_PAGE | PAGE_READY;
	memcpy(other_directory, directories[1], sizeof(other_directory));
	/* The same table behind different entries: where the device is shows whose tables count. */
	directories[1][WINDOW / MIB_2 % 512] = address_of(pae_table) | PAGE_READY;
	directories[1][OTHER_WINDOW / MIB_2 % 512] = 0;
	directories[1][LARGE_WINDOW / MIB_2 % 512] =
		(DEVICE_PAGE & ~(MIB_2 - 1)) | PAGE_READY | PAGE_LARGE;
	other_directory[OTHER_WINDOW / MIB_2 % 512] = address_of(pae_table) | PAGE_READY;
	other_directory[WINDOW / MIB_2 % 512] = 0;
	for (uint32_t i = 0; i < 4; i++) {
		pointers[i] = address_of(directories[i]) | PAGE_PRESENT;
		other_pointers[i] = pointers[i];
	}
	other_pointers[1] = address_of(other_directory) | PAGE_PRESENT;
}

static void paging_off(void)
{
	cr0_write(cr0_read() & ~(CR0_PG | CR0_CD | CR0_WP));
	cr4_write(0);
}

static void read_status(void *base)
{
	(void)register_read((uint32_t)(uintptr_t)base, SVIRTB_STATUS);
}

/* The window that is mapped works, the other one faults. */
static void check_windows(uint8_t first, const char *what, uint32_t mapped, uint32_t absent)
{
	uint32_t vector;

	registers_check(first, what, mapped);
	vector = exception32_try(read_status, (void *)(uintptr_t)absent);
	check_equal((uint8_t)(first + 6), "vector of an access to the unmapped window", vector, 14);
	check_equal((uint8_t)(first + 7), "CR2", exception32_cr2, absent);
}

static void part_32_bit(void)
{
	build_32_bit();
	cr4_write(0);
	/* Without PSE bit 7 of a directory entry is ignored: only tables work. */
	for (uint32_t i = 0; i < 1024; i++)
		shared_table[i] = i << 12 | PAGE_READY;
	memset(shared_directory, 0, sizeof(shared_directory));
	shared_directory[0] = address_of(shared_table) | PAGE_READY | PAGE_LARGE;
	shared_directory[WINDOW / MIB_4] = address_of(window_table) | PAGE_READY | PAGE_LARGE;
	cr3_write(address_of(shared_directory));
	cr0_write(cr0_read() | CR0_PG);
	check_windows(1, "32-bit paging without PSE", WINDOW, DEVICE_PAGE);
	paging_off();

	cr4_write(CR4_PSE);
	cr3_write(address_of(directory));
	cr0_write(cr0_read() | CR0_PG);
	check_windows(10, "32-bit paging, 4 KiB page", WINDOW, DEVICE_PAGE);
	registers_check(20, "32-bit paging, 4 MiB page", LARGE_WINDOW + DEVICE_PAGE % MIB_4);
	paging_off();
	registers_check(30, "paging off again", DEVICE_PAGE);
}

/* MOV CR3 loads the four entries; memory is not looked at again until the next. */
static void part_pae(void)
{
	build_pae();
	cr3_write(address_of(pointers));
	cr4_write(CR4_PAE);
	cr0_write(cr0_read() | CR0_PG);
	check_windows(1, "PAE, 4 KiB page", WINDOW, OTHER_WINDOW);
	registers_check(10, "PAE, 2 MiB page", LARGE_WINDOW + DEVICE_PAGE % MIB_2);
	cr3_write(address_of(other_pointers));
	check_windows(20, "PAE, other entries by MOV CR3", OTHER_WINDOW, WINDOW);
	cr3_write(address_of(pointers));
	check_windows(30, "PAE, the first again", WINDOW, OTHER_WINDOW);

	/* Entry 0 maps the code: an emulator that reads it from memory cannot fetch. */
	pointers[0] = 0;
	pointers[1] = other_pointers[1];
	check_windows(40, "PAE, entries changed in memory only", WINDOW, OTHER_WINDOW);
	build_pae();
	paging_off();
	registers_check(50, "paging off again", DEVICE_PAGE);
}

/* CR0.CD is the host's: a write that changes it exits, and what else it changes is emulated. */
static void part_pae_cd(void)
{
	build_pae();
	cr3_write(address_of(pointers));
	cr4_write(CR4_PAE);
	cr0_write(cr0_read() | CR0_PG | CR0_CD);
	check_equal(1, "CR0 with PG and CD", cr0_read() & (CR0_PG | CR0_CD), CR0_PG | CR0_CD);
	check_windows(2, "PAE and CD set together", WINDOW, OTHER_WINDOW);

	/* A write that changes CD loads the entries, too. SDM vol. 3A, "PDPTE Registers". */
	pointers[1] = other_pointers[1];
	cr0_write(cr0_read() & ~CR0_CD);
	check_equal(11, "CR0 without CD", cr0_read() & (CR0_PG | CR0_CD), CR0_PG);
	check_windows(12, "PAE, entries loaded by clearing CD", OTHER_WINDOW, WINDOW);
	build_pae();
	cr0_write(cr0_read() | CR0_CD | CR0_NW);
	check_equal(21, "CR0 with CD and NW", cr0_read() & (CR0_PG | CR0_CD | CR0_NW),
		CR0_PG | CR0_CD | CR0_NW);
	check_windows(22, "PAE, entries loaded by setting CD and NW", WINDOW, OTHER_WINDOW);
	cr0_write(cr0_read() & ~(CR0_CD | CR0_NW | CR0_PG));
	check_equal(31, "CR0 afterwards", cr0_read() & (CR0_PG | CR0_CD | CR0_NW), 0);
	registers_check(32, "PAE and CD cleared together", DEVICE_PAGE);

	/* 32-bit paging by a write that exits. */
	build_32_bit();
	cr4_write(CR4_PSE);
	cr3_write(address_of(directory));
	cr0_write(cr0_read() | CR0_PG | CR0_CD);
	check_windows(40, "32-bit paging and CD set together", WINDOW, DEVICE_PAGE);
	cr0_write(cr0_read() & ~(CR0_PG | CR0_CD));
	registers_check(50, "32-bit paging and CD cleared together", DEVICE_PAGE);
	paging_off();
}

static void write_cr0(void *value)
{
	cr0_write((uint32_t)(uintptr_t)value);
}

static void check_cr0_refused(uint8_t number, const char *what, uint32_t value)
{
	const uint32_t before = cr0_read();
	const uint32_t vector = exception32_try(write_cr0, (void *)(uintptr_t)value);

	check_equal(number, what, vector, 13);
	check_equal(number, "error code of the #GP", exception32_last.error, 0);
	check_equal(
		number, "RF in the saved EFLAGS", exception32_last.eflags & EFLAGS_RF, EFLAGS_RF);
	check_equal(number, "CR0 after the #GP", cr0_read(), before);
}

/* Reserved bits of a present entry: #GP, and nothing has changed. Those of an absent one are free.
 */
static void part_pae_reserved(void)
{
	static const uint8_t bits[] = { 1, 2, 5, 6, 7, 8, 52, 62, 63 };

	build_pae();
	cr4_write(CR4_PAE);
	cr3_write(address_of(pointers));
	for (uint32_t i = 0; i < sizeof(bits); i++) {
		print("bit %u\n", bits[i]);
		pointers[1] |= 1ull << bits[i];
		check_cr0_refused(
			1, "vector of a load of a reserved bit", cr0_read() | CR0_PG | CR0_CD);
		pointers[1] = 1ull << bits[i];
		cr0_write(cr0_read() | CR0_PG | CR0_CD);
		check_equal(2, "CR0 with a reserved bit in an absent entry",
			cr0_read() & (CR0_PG | CR0_CD), CR0_PG | CR0_CD);
		cr0_write(cr0_read() & ~(CR0_PG | CR0_CD));
		build_pae();
	}
	/* Bits that are free even in a present one. */
	pointers[1] |= 0xe18;
	cr0_write(cr0_read() | CR0_PG | CR0_CD);
	check_windows(3, "PAE, entries with ignored bits", WINDOW, OTHER_WINDOW);
	/* With paging on, too: the processor goes on with the entries that it had. */
	pointers[1] |= PAGE_WRITABLE;
	check_cr0_refused(12, "vector of a load with paging on", cr0_read() & ~CR0_CD);
	build_pae();
	check_windows(13, "PAE after a refused load", WINDOW, OTHER_WINDOW);
	paging_off();
}

/* What MOV to CR0 refuses in itself, by writes that exit. */
static void part_cr0(void)
{
	const uint32_t reserved = 1u << 6 | 1u << 15 | 1u << 17 | 1u << 19 | 1u << 28;

	check_cr0_refused(1, "vector of NW without CD", cr0_read() | CR0_NW);
	check_cr0_refused(2, "vector of PG without PE", (cr0_read() & ~CR0_PE) | CR0_PG | CR0_CD);
	cr0_write(cr0_read() | CR0_CD | reserved);
	check_equal(3, "reserved bits after a write", cr0_read() & (reserved | CR0_CD), CR0_CD);
	cr0_write(cr0_read() & ~(CR0_CD | CR0_ET));
	check_equal(4, "ET, which is always set", cr0_read() & (CR0_CD | CR0_ET), CR0_ET);
	registers_check(5, "afterwards", DEVICE_PAGE);
}

/*
 * CR4.PAE switched under paging by writes that also change OSXSAVE and so exit. The same page is a
 * directory to 32-bit paging and the four entries to PAE, the next one a table and a directory:
 * entry 0 of that maps 4 KiB to the one and 2 MiB, this guest, to the other.
 */
static void part_cr4(void)
{
	_Static_assert(MIB_2 / 4096 == 512, "the guest lies below 2 MiB in a table's first half");

	build_pae();
	memset(shared_directory, 0, sizeof(shared_directory));
	memset(shared_table, 0, sizeof(shared_table));
	for (uint32_t i = 256; i < 512; i++)
		shared_table[i] = i << 12 | PAGE_READY;
	shared_table[0] = PAGE_READY | PAGE_LARGE;
	shared_directory[0] = address_of(shared_table) | PAGE_PRESENT;
	shared_directory[2] = address_of(directories[1]) | PAGE_PRESENT;
	cr4_write(0);
	cr3_write(address_of(shared_directory));
	cr0_write(cr0_read() | CR0_PG);
	/* 32-bit paging has set the accessed bit, which is reserved in the four entries. */
	__asm__ volatile("andl %1, %0\n\t"
			 "mov %2, %%cr4"
			 : "+m"(shared_directory[0])
			 : "i"(~PAGE_ACCESSED), "r"(CR4_PAE | CR4_OSXSAVE)
			 : "memory");
	check_equal(1, "CR4 with PAE", cr4_read(), CR4_PAE | CR4_OSXSAVE);
	check_windows(2, "PAE by a write of CR4 that exits", WINDOW, OTHER_WINDOW);
	cr4_write(0);
	check_equal(11, "CR4 without PAE", cr4_read(), 0);
	shared_directory[WINDOW / MIB_4] = address_of(window_table) | PAGE_READY;
	window_table[0] = DEVICE_PAGE | PAGE_READY;
	check_windows(12, "32-bit paging by a write of CR4 that exits", WINDOW, OTHER_WINDOW);
	paging_off();
}

int main(const char *cmdline)
{
	static const struct check_part parts[] = {
		{ "32-bit", part_32_bit },
		{ "pae", part_pae },
		{ "pae-cd", part_pae_cd },
		{ "pae-reserved", part_pae_reserved },
		{ "cr0", part_cr0 },
		{ "cr4", part_cr4 },
	};

	exceptions32_load();
	return check_run_parts(cmdline, parts, sizeof(parts) / sizeof(parts[0]));
}
