/* SPDX-License-Identifier: MIT */
/*
 * An EPT as a program: it is changed through mm/ept.h and mm/paging_tree.h, and shown table by
 * table as it lies in memory. The requests are those of tests/lab/2/tree.py.
 */
#include "tests/lab/child.h"

#include "mm/ept.h"

#define STORE_PAGES 4096u

static struct {
	uint8_t *pages;
	size_t used;
	size_t limit;
} store;

static struct frame_pool pool;
static struct guest_memory memory;
static struct ept ept;

static void *take_frames(void *context, size_t count)
{
	uint8_t *first = store.pages + store.used * PAGE_SIZE;

	(void)context;
	if (count > store.limit - store.used)
		return NULL;
	store.used += count;
	return first;
}

/* 'I': 1 GiB pages, 2 MiB pages, frames that there are, levels: of EPT 4, of a host's tables 5. */
static enum status start(struct child *child)
{
	struct ept_capabilities capabilities = { 0 };
	unsigned int levels;
	enum status status;

	capabilities.page_1g = child_take(child, 1) != 0;
	capabilities.page_2m = child_take(child, 1) != 0;
	memory = (struct guest_memory){ 0 };
	memset(store.pages, 0xa5, STORE_PAGES * PAGE_SIZE);
	store.used = 0;
	store.limit = min_u64(child_take(child, 4), STORE_PAGES);
	levels = (unsigned int)child_take(child, 1);
	frame_pool_init(&pool, take_frames, NULL, 1);
	status = ept_init(&ept, &pool, capabilities);
	if (status != STATUS_OK || levels == ept.tree.levels)
		return status;
	return paging_tree_init(
		&ept.tree, &pool, levels, ept.tree.table_bits, ept.tree.largest_leaf);
}

static enum status map(struct child *child)
{
	uint64_t gpa = child_take(child, 8), physical = child_take(child, 8);
	uint64_t size = child_take(child, 8);

	return paging_tree_map(&ept.tree, gpa, physical, size, child_take(child, 8));
}

static enum status unmap(struct child *child)
{
	uint64_t gpa = child_take(child, 8);

	return ept_unmap(&ept, gpa, child_take(child, 8));
}

static enum status add_range(struct child *child)
{
	uint64_t gpa = child_take(child, 8), size = child_take(child, 8);

	return guest_memory_add(&memory, gpa, size, host_pointer(child_take(child, 8)));
}

/* 'T': the table at an address, if a frame that was handed out lies there, else nothing. */
static void put_table(struct child *child)
{
	uint64_t offset = child_take(child, 8) - host_physical(store.pages);

	if (offset < store.used * PAGE_SIZE && is_aligned(offset, PAGE_SIZE))
		child_put_bytes(child, store.pages + offset, PAGE_SIZE);
}

static void answer(struct child *child)
{
	switch (child->operation) {
	case 'I': child_put(child, start(child), 4); break;
	case 'M': child_put(child, map(child), 4); break;
	case 'U': child_put(child, unmap(child), 4); break;
	case 'A': child_put(child, add_range(child), 4); break;
	case 'G': child_put(child, ept_map_guest(&ept, &memory), 4); break;
	case 'L': store.limit = min_u64(store.used + child_take(child, 4), STORE_PAGES); break;
	case 'P': child_put(child, ept_pointer(&ept), 8); break;
	case 'T': put_table(child); break;
	default: _exit(5);
	}
}

int main(void)
{
	store.pages = child_pages(STORE_PAGES * PAGE_SIZE);
	return child_serve(answer);
}
