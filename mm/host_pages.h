/* SPDX-License-Identifier: MIT */
/*
 * The host's own page tables, in force from take-over to give-back: what the hypervisor uses is
 * mapped where it lies (linear = physical) with no more rights than it needs, everything else is
 * not. Called when the machine is taken.
 * Source: SDM volume 3A, "4-Level Paging and 5-Level Paging".
 */
#ifndef MM_HOST_PAGES_H
#define MM_HOST_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/paging_tree.h"

/* Bits of an entry. SDM "4-Level Paging and 5-Level Paging", formats of entries. */
#define HOST_PAGE_PRESENT       0x1ull
#define HOST_PAGE_WRITABLE      0x2ull
#define HOST_PAGE_WRITE_THROUGH 0x8ull
#define HOST_PAGE_CACHE_DISABLE 0x10ull
#define HOST_PAGE_NO_EXECUTE    0x8000000000000000ull

enum host_page {
	HOST_PAGE_TEXT,     /* read, execute */
	HOST_PAGE_CONSTANT, /* read */
	HOST_PAGE_DATA,     /* read, write */
	HOST_PAGE_DEVICE,   /* read, write, uncacheable */
	HOST_PAGE_COUNT
};

struct host_pages {
	struct paging_tree tree;
};

/* five_levels: CR4.LA57 is set, and cannot be changed without leaving long mode. */
struct host_page_features {
	bool page_1g; /* CPUID 0x80000001 EDX bit 26 */
	bool five_levels;
};

/* STATUS_NO_MEMORY: no frame for the root. */
MUST_USE enum status host_pages_init(
	struct host_pages *pages, struct frame_pool *pool, struct host_page_features features);

/*
 * Maps [address, address + size) to itself. STATUS_BAD_VALUE: not page-aligned, empty, or not in
 * the lower canonical half; STATUS_CONFLICT: mapped already; STATUS_NO_MEMORY: no frames. All or
 * nothing. No-execute needs EFER.NXE; uncacheable is entry 3 of the PAT, which is UC from reset on.
 */
MUST_USE enum status host_pages_map(
	struct host_pages *pages, uint64_t address, uint64_t size, enum host_page kind);

/* Leaves a hole: page 0, the guard page under a stack. As paging_tree_unmap. */
MUST_USE enum status host_pages_unmap(struct host_pages *pages, uint64_t address, uint64_t size);

/* For CR3. */
uint64_t host_pages_root(const struct host_pages *pages);

/* For reports: see paging_tree_lookup. */
bool host_pages_lookup(const struct host_pages *pages, uint64_t address, struct paging_leaf *leaf);

#endif
