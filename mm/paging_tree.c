/* SPDX-License-Identifier: MIT */
/*
 * Map, unmap and look up in a tree of 512-entry tables. Called by mm/ept.c and mm/host_pages.c.
 */
#include "mm/paging_tree.h"

#include <stddef.h>

#include "lib/bits.h"
/* LAB 2 { for lab_not_implemented
 * #include "lib/lab.h"
 */
/* LAB 2 } */

#define PHYSICAL_BITS 52

/* Bytes that one entry of a level covers. */
static uint64_t level_span(unsigned int level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static uint64_t *table_entry(uint64_t *table, uint64_t address, unsigned int level)
{
	return &table[address / level_span(level) % PAGING_ENTRIES];
}

static bool is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || (entry & PAGING_LARGE_LEAF) != 0;
}

/* The last entry on the way to address: a leaf, or one that is not present. */
static uint64_t *tree_find(const struct paging_tree *tree, uint64_t address, unsigned int *level)
{
	uint64_t *table = tree->root;

	for (*level = tree->levels;; (*level)--) {
		uint64_t *entry = table_entry(table, address, *level);

		if (*entry == 0 || is_leaf(*entry, *level))
			return entry;
		table = host_pointer(*entry & PAGING_ADDRESS_MASK);
	}
}

static unsigned int address_bits(const struct paging_tree *tree)
{
	return PAGE_SHIFT + 9 * tree->levels;
}

enum status paging_tree_init(struct paging_tree *tree, struct frame_pool *pool, unsigned int levels,
	uint64_t table_bits, uint64_t largest_leaf)
{
	if (levels < 4 || levels > PAGING_MAX_LEVELS)
		return STATUS_BAD_VALUE;
	if (largest_leaf != PAGE_SIZE && largest_leaf != 2 * MIB && largest_leaf != GIB)
		return STATUS_BAD_VALUE;
	*tree = (struct paging_tree){
		.root = frame_alloc(pool),
		.levels = levels,
		.table_bits = table_bits,
		.largest_leaf = largest_leaf,
		.pool = pool,
	};
	return tree->root != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* LAB 2 { the helpers of paging_tree_map: steps 1 and 2 */
/* First address beyond the entry of a level that covers address. */
static uint64_t entry_end(uint64_t address, unsigned int level)
{
	return align_down(address, level_span(level)) + level_span(level);
}

static bool range_is_valid(uint64_t address, uint64_t size, unsigned int bits)
{
	return is_aligned(address | size, PAGE_SIZE) && size != 0 && address < BIT(bits) &&
	       size <= BIT(bits) - address;
}

static bool range_is_empty(const struct paging_tree *tree, uint64_t address, uint64_t end)
{
	unsigned int level;

	for (; address < end; address = entry_end(address, level)) {
		if (*tree_find(tree, address, &level) != 0)
			return false;
	}
	return true;
}

/* Clears what lies wholly in the range: no leaf reaches beyond it. */
static void range_clear(struct paging_tree *tree, uint64_t address, uint64_t end)
{
	unsigned int level;

	for (; address < end; address = entry_end(address, level))
		*tree_find(tree, address, &level) = 0;
}

/* Hangs a new table below an entry; null, and the entry unchanged, when there is no frame. */
static uint64_t *entry_add_table(struct paging_tree *tree, uint64_t *entry)
{
	uint64_t *table = frame_alloc(tree->pool);

	if (table != NULL)
		*entry = host_physical(table) | tree->table_bits;
	return table;
}

/* Maps the largest leaf that fits at the start of the range; returns its size, 0 without frames. */
static uint64_t map_leaf(struct paging_tree *tree, uint64_t address, uint64_t physical,
	uint64_t size, uint64_t attributes)
{
	unsigned int level;
	uint64_t *entry = tree_find(tree, address, &level);

	for (;; level--) {
		uint64_t span = level_span(level);
		uint64_t *table;

		if (span <= tree->largest_leaf && span <= size &&
			is_aligned(address | physical, span)) {
			*entry = physical | attributes | (level > 1 ? PAGING_LARGE_LEAF : 0);
			return span;
		}
		table = entry_add_table(tree, entry);
		if (table == NULL)
			return 0;
		entry = table_entry(table, address, level - 1);
	}
}
/* LAB 2 } */

enum status paging_tree_map(struct paging_tree *tree, uint64_t address, uint64_t physical,
	uint64_t size, uint64_t attributes)
{
	/* LAB 2 { steps 1 and 2: map
	 * lab_not_implemented(2, "step 1, paging_tree_map in mm/paging_tree.c");
	 * (void)tree;
	 * (void)address;
	 * (void)physical;
	 * (void)size;
	 * (void)attributes;
	 * return STATUS_UNSUPPORTED;
	 */
	uint64_t leaf;

	if (!range_is_valid(address, size, address_bits(tree)) ||
		!range_is_valid(physical, size, PHYSICAL_BITS))
		return STATUS_BAD_VALUE;
	if (attributes == 0 || (attributes & (PAGING_ADDRESS_MASK | PAGING_LARGE_LEAF)) != 0)
		return STATUS_BAD_VALUE;
	if (!range_is_empty(tree, address, address + size))
		return STATUS_CONFLICT;

	for (uint64_t done = 0; done < size; done += leaf) {
		leaf = map_leaf(tree, address + done, physical + done, size - done, attributes);
		if (leaf == 0) {
			range_clear(tree, address, address + done);
			return STATUS_NO_MEMORY;
		}
	}
	return STATUS_OK;
	/* LAB 2 } */
}

/* LAB 2 { the helpers of paging_tree_unmap: step 3 */
/* Replaces a large leaf by a table of the next smaller ones that maps the same. */
static uint64_t *leaf_split(struct paging_tree *tree, uint64_t *entry, unsigned int level)
{
	uint64_t leaf = *entry;
	uint64_t *table = frame_alloc(tree->pool);

	if (table == NULL)
		return NULL;
	if (level - 1 == 1)
		leaf &= ~PAGING_LARGE_LEAF;
	for (unsigned int i = 0; i < PAGING_ENTRIES; i++)
		table[i] = leaf + i * level_span(level - 1);
	*entry = host_physical(table) | tree->table_bits;
	return table;
}

/* Splits until no leaf lies on both sides of address. */
static enum status split_at(struct paging_tree *tree, uint64_t address)
{
	unsigned int level;
	uint64_t *entry = tree_find(tree, address, &level);

	for (; *entry != 0 && !is_aligned(address, level_span(level)); level--) {
		uint64_t *table = leaf_split(tree, entry, level);

		if (table == NULL)
			return STATUS_NO_MEMORY;
		entry = table_entry(table, address, level - 1);
	}
	return STATUS_OK;
}
/* LAB 2 } */

enum status paging_tree_unmap(struct paging_tree *tree, uint64_t address, uint64_t size)
{
	/* LAB 2 { step 3: split and unmap
	 * lab_not_implemented(2, "step 3, paging_tree_unmap in mm/paging_tree.c");
	 * (void)tree;
	 * (void)address;
	 * (void)size;
	 * return STATUS_UNSUPPORTED;
	 */
	if (!range_is_valid(address, size, address_bits(tree)))
		return STATUS_BAD_VALUE;
	/* The end may be the tree's: nothing crosses that, and its entry would be the first one's.
	 */
	if (split_at(tree, address) != STATUS_OK || split_at(tree, address + size) != STATUS_OK)
		return STATUS_NO_MEMORY;
	range_clear(tree, address, address + size);
	return STATUS_OK;
	/* LAB 2 } */
}

bool paging_tree_lookup(const struct paging_tree *tree, uint64_t address, struct paging_leaf *leaf)
{
	*leaf = (struct paging_leaf){ .level = tree->levels, .size = level_span(tree->levels) };
	if (address >= BIT(address_bits(tree)))
		return false;
	leaf->entry = *tree_find(tree, address, &leaf->level);
	leaf->size = level_span(leaf->level);
	if (leaf->entry == 0)
		return false;
	leaf->physical = align_down(leaf->entry & PAGING_ADDRESS_MASK, leaf->size) +
			 (address & (leaf->size - 1));
	return true;
}

unsigned int paging_tree_trace(const struct paging_tree *tree, uint64_t address,
	struct paging_step steps[PAGING_MAX_LEVELS])
{
	uint64_t *table = tree->root;
	unsigned int count = 0;

	if (address >= BIT(address_bits(tree)))
		return 0;
	for (unsigned int level = tree->levels;; level--) {
		uint64_t *entry = table_entry(table, address, level);

		steps[count++] = (struct paging_step){
			.level = level,
			.address = host_physical(entry),
			.entry = *entry,
		};
		if (*entry == 0 || is_leaf(*entry, level))
			return count;
		table = host_pointer(*entry & PAGING_ADDRESS_MASK);
	}
}
