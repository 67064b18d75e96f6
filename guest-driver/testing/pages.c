/* SPDX-License-Identifier: MIT */
/*
 * The walk through the guest's own four-level tables that makes what is missing on the way. Called
 * by the test guests.
 */
#include "guest-driver/testing/pages.h"

#include "guest-driver/runtime/runtime.h"
#include "vmm/cpu.h"

#define ENTRIES    512
#define TABLES     24
#define ADDRESS    0x000ffffffffff000ull
#define TOP_SHIFT  39
#define PAGE_SHIFT 12

static uint64_t tables[TABLES][ENTRIES] __attribute__((aligned(4096)));
static unsigned int tables_used;

static uint64_t *new_table(void)
{
	if (tables_used == TABLES) {
		print("pages: no table is left of %d\n", TABLES);
		runtime_exit(99);
	}
	return tables[tables_used++];
}

/* A table in place of a large page: the same mapping in smaller pages. */
static void split(volatile uint64_t *entry, unsigned int shift)
{
	const uint64_t step = 1ull << (shift - 9);
	const uint64_t large = shift - 9 == PAGE_SHIFT ? *entry & ~(uint64_t)PAGE_LARGE : *entry;
	uint64_t *table = new_table();

	for (unsigned int i = 0; i < ENTRIES; i++)
		table[i] = large + i * step;
	*entry = (uintptr_t)table | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
}

volatile uint64_t *pages_entry(uint64_t linear)
{
	volatile uint64_t *entry = NULL;
	uint64_t table = cpu_read_cr3() & ADDRESS;

	for (unsigned int shift = TOP_SHIFT;; shift -= 9) {
		entry = (volatile uint64_t *)(uintptr_t)table + (linear >> shift) % ENTRIES;
		if (shift == PAGE_SHIFT)
			return entry;
		if (!(*entry & PAGE_PRESENT))
			*entry = (uintptr_t)new_table() | PAGE_PRESENT;
		else if (*entry & PAGE_LARGE)
			split(entry, shift);
		/* The page's own entry decides what may be done with it. */
		*entry |= PAGE_WRITABLE | PAGE_USER;
		table = *entry & ADDRESS;
	}
}

void pages_flush(uint64_t linear)
{
	__asm__ volatile("invlpg (%0)" : : "r"(linear) : "memory");
}

void pages_map(uint64_t linear, uint64_t physical, uint64_t bits)
{
	*pages_entry(linear) = bits == 0 ? 0 : physical | bits;
	pages_flush(linear);
}
