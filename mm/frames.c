/* SPDX-License-Identifier: MIT */
/*
 * The pool that page tables and other small things of the hypervisor's own are made of. Called at
 * set-up, and when a large leaf of a page table is split.
 */
#include "mm/frames.h"

#include "lib/bits.h"
#include "lib/string.h"

void frame_pool_init(struct frame_pool *pool, frame_source_fn *source, void *context, size_t chunk)
{
	*pool = (struct frame_pool){
		.source = source,
		.context = context,
		.chunk = chunk > 0 ? chunk : 1,
	};
}

/* Memory may be too scattered for a whole chunk and still have a page. */
static void pool_refill(struct frame_pool *pool)
{
	pool->left = pool->chunk;
	pool->next = pool->source(pool->context, pool->left);
	if (pool->next == NULL && pool->chunk > 1) {
		pool->left = 1;
		pool->next = pool->source(pool->context, pool->left);
	}
	if (pool->next == NULL)
		pool->left = 0;
}

void *frame_alloc(struct frame_pool *pool)
{
	void *frame;

	if (pool->left == 0)
		pool_refill(pool);
	if (pool->left == 0)
		return NULL;
	frame = pool->next;
	pool->next += PAGE_SIZE;
	pool->left--;
	pool->total++;
	return memset(frame, 0, PAGE_SIZE);
}
