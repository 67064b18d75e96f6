/* SPDX-License-Identifier: MIT */
/*
 * The host's page tables as one more tree of 512-entry tables, 4 or 5 levels deep. Called when the
 * machine is taken.
 */
#include "mm/host_pages.h"

#include "lib/bits.h"

static const uint64_t kind_bits[HOST_PAGE_COUNT] = {
	[HOST_PAGE_TEXT] = HOST_PAGE_PRESENT,
	[HOST_PAGE_CONSTANT] = HOST_PAGE_PRESENT | HOST_PAGE_NO_EXECUTE,
	[HOST_PAGE_DATA] = HOST_PAGE_PRESENT | HOST_PAGE_WRITABLE | HOST_PAGE_NO_EXECUTE,
	[HOST_PAGE_DEVICE] = HOST_PAGE_PRESENT | HOST_PAGE_WRITABLE | HOST_PAGE_NO_EXECUTE |
			     HOST_PAGE_CACHE_DISABLE | HOST_PAGE_WRITE_THROUGH,
};

enum status host_pages_init(
	struct host_pages *pages, struct frame_pool *pool, struct host_page_features features)
{
	/* Tables permit everything; the leaf decides. 2 MiB pages are part of long mode. */
	return paging_tree_init(&pages->tree, pool, features.five_levels ? 5 : 4,
		HOST_PAGE_PRESENT | HOST_PAGE_WRITABLE, features.page_1g ? GIB : 2 * MIB);
}

/* Linear addresses are sign-extended: an identity map has the lower half of the tree alone. */
static bool is_lower_half(const struct host_pages *pages, uint64_t address, uint64_t size)
{
	uint64_t half = BIT(PAGE_SHIFT + 9 * pages->tree.levels - 1);

	return address < half && size <= half - address;
}

enum status host_pages_map(
	struct host_pages *pages, uint64_t address, uint64_t size, enum host_page kind)
{
	if ((unsigned int)kind >= HOST_PAGE_COUNT || !is_lower_half(pages, address, size))
		return STATUS_BAD_VALUE;
	return paging_tree_map(&pages->tree, address, address, size, kind_bits[kind]);
}

enum status host_pages_unmap(struct host_pages *pages, uint64_t address, uint64_t size)
{
	return paging_tree_unmap(&pages->tree, address, size);
}

uint64_t host_pages_root(const struct host_pages *pages)
{
	return host_physical(pages->tree.root);
}

bool host_pages_lookup(const struct host_pages *pages, uint64_t address, struct paging_leaf *leaf)
{
	return paging_tree_lookup(&pages->tree, address, leaf);
}
