/* SPDX-License-Identifier: MIT */
/*
 * The radix tree of 512-entry tables that EPT and the host's own page tables have in common: both
 * are indexed by 9 bits of the address a level, keep a physical address in bits 51:12 of an entry,
 * and mark a large leaf by bit 7. What the other bits mean is for mm/ept.c and mm/host_pages.c.
 *
 *    56     48 47     39 38     30 29     21 20     12 11         0
 *   +---------+---------+---------+---------+---------+------------+
 *   | level 5 | level 4 | level 3 | level 2 | level 1 |   offset   |
 *   +---------+---------+---------+---------+---------+------------+
 *                        1 GiB     2 MiB     4 KiB leaves
 *
 * An entry of 0 is one that is not present; the tree alone writes the entries. A frame never goes
 * back to its pool, so a table that has become empty, by an unmap or a map that failed, stays in
 * the tree: what is mapped there next is mapped by its entries, with leaves of their size at most.
 * Who changes a tree that a processor uses does the INVEPT or INVLPG.
 */
#ifndef MM_PAGING_TREE_H
#define MM_PAGING_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/frames.h"

#define PAGING_MAX_LEVELS   5
#define PAGING_ENTRIES      512
#define PAGING_ADDRESS_MASK 0x000ffffffffff000ull
#define PAGING_LARGE_LEAF   0x80ull /* bit 7, in an entry of level 2 or 3 */

struct paging_tree {
	uint64_t *root;
	unsigned int levels;   /* 4, or 5 for the host's own tables under CR4.LA57 */
	uint64_t table_bits;   /* the bits beside the address in an entry that leads to a table */
	uint64_t largest_leaf; /* bytes: 4 KiB, 2 MiB or 1 GiB */
	struct frame_pool *pool;
};

/* Where an address leads: the last entry on its way. */
struct paging_leaf {
	uint64_t entry;     /* 0 when not mapped */
	unsigned int level; /* of that entry: 1 for a 4 KiB page, 2 for 2 MiB, 3 for 1 GiB */
	uint64_t size;      /* bytes that an entry of this level covers */
	uint64_t physical;  /* what the address becomes; 0 when not mapped */
};

/* One step of a walk, for reports. */
struct paging_step {
	unsigned int level;
	uint64_t address; /* where the entry lies */
	uint64_t entry;
};

/* Allocates the root. STATUS_NO_MEMORY: no frame; STATUS_BAD_VALUE: levels or largest_leaf. */
MUST_USE enum status paging_tree_init(struct paging_tree *tree, struct frame_pool *pool,
	unsigned int levels, uint64_t table_bits, uint64_t largest_leaf);

/*
 * Maps [address, address + size) to physical with the given attribute bits in each leaf (not 0, and
 * neither address bits nor bit 7), with the largest leaves that both alignments, the size,
 * largest_leaf and the tables that are there already allow. All or nothing. STATUS_BAD_VALUE: other
 * attributes than those; not page-aligned, empty, wrapping, wider than the levels or than 52
 * physical bits; STATUS_CONFLICT: something is mapped there; STATUS_NO_MEMORY: no frames.
 */
MUST_USE enum status paging_tree_map(struct paging_tree *tree, uint64_t address, uint64_t physical,
	uint64_t size, uint64_t attributes);

/*
 * Unmaps [address, address + size), splitting large leaves that reach beyond it; what is not mapped
 * there is left so. All or nothing: what a call that failed has split maps the same as before.
 * STATUS_BAD_VALUE: address and size, as above; STATUS_NO_MEMORY: no frame to split.
 */
MUST_USE enum status paging_tree_unmap(struct paging_tree *tree, uint64_t address, uint64_t size);

/* Whether address is mapped, and by what (or the level at which the way ends). */
bool paging_tree_lookup(const struct paging_tree *tree, uint64_t address, struct paging_leaf *leaf);

/* The entries on the way to address, the root's first; how many, 0 beyond the tree's width. */
unsigned int paging_tree_trace(const struct paging_tree *tree, uint64_t address,
	struct paging_step steps[PAGING_MAX_LEVELS]);

#endif
