/* SPDX-License-Identifier: MIT */
/*
 * Page tables for the places where test guests want pages of 4 KiB: of the first 4 GiB, which the
 * runtime's directories map to themselves, and of one GiB each in some entries of the top table.
 * Called by the test guests.
 */
#include "guest-driver/testing/pages.h"

#include "guest-driver/runtime/runtime.h"

#define ENTRIES    512
#define ADDRESS    0x000ffffffffff000ull
#define FLAT_END   (1ull << 32)
#define DEVICES    0xc0000000ull /* from here on the runtime maps uncached */
#define PAGE_SHIFT 12
#define PAGE_ABOVE (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER)
#define PLACES     24
#define AREAS      4

/* The runtime's tables (guest-driver/runtime/start.asm): the directories lie in a row. */
extern uint64_t page_top[ENTRIES], page_pointers[ENTRIES], page_directories[4 * ENTRIES];

/* What the top table leads to beyond the runtime's own entry. */
static struct area {
	uint64_t pointers[ENTRIES];
	uint64_t directory[ENTRIES];
} areas[AREAS] __attribute__((aligned(4096)));
static unsigned int areas_used;

/* The pages of 2 MiB each. */
static uint64_t places[PLACES][ENTRIES] __attribute__((aligned(4096)));
static unsigned int places_used;

static unsigned int next_of(unsigned int *used, unsigned int count, const char *what)
{
	if (*used == count) {
		print("pages: none of %u %s is left\n", count, what);
		runtime_exit(99);
	}
	return (*used)++;
}

static unsigned int index_in(uint64_t linear, unsigned int shift)
{
	return (linear >> shift) % ENTRIES;
}

static uint64_t leading_to(const void *table)
{
	return (uintptr_t)table | PAGE_ABOVE;
}

/* The directory's entry for linear. The page's own entry decides what may be done with it. */
static volatile uint64_t *directory_entry(uint64_t linear)
{
	volatile uint64_t *top = &page_top[index_in(linear, 39)];
	struct area *area;

	if (linear < FLAT_END) {
		*top |= PAGE_ABOVE;
		page_pointers[index_in(linear, 30)] |= PAGE_ABOVE;
		return &page_directories[linear >> 21];
	}
	if (*top == 0) {
		area = &areas[next_of(&areas_used, AREAS, "areas")];
		area->pointers[index_in(linear, 30)] = leading_to(area->directory);
		*top = leading_to(area);
	}
	area = (struct area *)(uintptr_t)(*top & ADDRESS);
	if (area->pointers[index_in(linear, 30)] == 0) {
		print("pages: 0x%llx is not in its area's GiB\n", (unsigned long long)linear);
		runtime_exit(99);
	}
	return &area->directory[index_in(linear, 21)];
}

static void map_to_itself(uint64_t table[ENTRIES], uint64_t linear)
{
	const uint64_t cache = linear < DEVICES ? 0 : PAGE_UNCACHED;
	uint64_t physical = linear >> 21 << 21;

	for (unsigned int i = 0; i < ENTRIES; i++, physical += 1 << PAGE_SHIFT)
		table[i] = physical | PAGE_PRESENT | PAGE_WRITABLE | cache;
}

volatile uint64_t *pages_entry(uint64_t linear)
{
	volatile uint64_t *entry = directory_entry(linear);

	if (*entry == 0 || *entry & PAGE_LARGE) {
		uint64_t *table = places[next_of(&places_used, PLACES, "places")];

		if (linear < FLAT_END)
			map_to_itself(table, linear);
		*entry = leading_to(table);
	}
	return (volatile uint64_t *)(uintptr_t)(*entry & ADDRESS) + index_in(linear, PAGE_SHIFT);
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
