/* SPDX-License-Identifier: MIT */
/*
 * Changes to the runtime's page tables, page by page, for test guests that need one linear page to
 * lead elsewhere, nowhere, or to ring 3.
 */
#ifndef GUEST_DRIVER_TESTING_PAGES_H
#define GUEST_DRIVER_TESTING_PAGES_H

#include <stdint.h>

/* Bits of an entry. SDM vol. 3A, table 4-20. */
#define PAGE_PRESENT    0x001u
#define PAGE_WRITABLE   0x002u
#define PAGE_USER       0x004u
#define PAGE_UNCACHED   0x018u /* PCD and PWT */
#define PAGE_ACCESSED   0x020u
#define PAGE_DIRTY      0x040u
#define PAGE_LARGE      0x080u
#define PAGE_NO_EXECUTE (1ull << 63)

/*
 * The entry that maps the 4 KiB page at linear, in the tables that the runtime made. Around it all
 * stays as it was: mapped to itself below 4 GiB, not at all above, where of 512 GiB only the GiB of
 * the first linear that came can be had.
 */
volatile uint64_t *pages_entry(uint64_t linear);

/* Maps the page at linear to physical with these bits, 0 for not at all, and flushes it. */
void pages_map(uint64_t linear, uint64_t physical, uint64_t bits);

void pages_flush(uint64_t linear);

#endif
