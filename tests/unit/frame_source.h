/* SPDX-License-Identifier: MIT */
/*
 * Page frames for unit tests: a fixed store full of junk, of which a test may use so many pages.
 * Included by the tests of mm/.
 */
#ifndef TESTS_UNIT_FRAME_SOURCE_H
#define TESTS_UNIT_FRAME_SOURCE_H

#include <string.h>

#include "lib/bits.h"
#include "mm/frames.h"

#define STORE_PAGES 64

struct frame_store {
	_Alignas(4096) uint8_t pages[STORE_PAGES][PAGE_SIZE];
	size_t used;
	size_t limit;
};

/* Gives the store's next pages; null beyond its limit. */
static inline void *frame_store_take(void *context, size_t count)
{
	struct frame_store *store = context;
	void *first = store->pages[store->used];

	if (count > store->limit - store->used)
		return NULL;
	store->used += count;
	return first;
}

/* A pool over an empty store of limit pages, which takes one at a time. */
static inline void frame_store_init(
	struct frame_store *store, struct frame_pool *pool, size_t limit)
{
	memset(store->pages, 0xa5, sizeof(store->pages));
	store->used = 0;
	store->limit = limit;
	frame_pool_init(pool, frame_store_take, store, 1);
}

#endif
