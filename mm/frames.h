/* SPDX-License-Identifier: MIT */
/*
 * Page frames for tables and other small things of the hypervisor's own: a pool over chunks that
 * come from whoever owns the machine's memory (the firmware's AllocatePages, or malloc in a test).
 * Frames are handed out zeroed and are never given back one by one. Host memory is identity-mapped,
 * so a frame's pointer is its host-physical address.
 */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/* Asks the owner for count contiguous page-aligned pages; null when there are none. */
typedef void *frame_source_fn(void *context, size_t count);

struct frame_pool {
	frame_source_fn *source;
	void *context;
	size_t chunk;   /* pages asked for at a time */
	uint8_t *next;  /* first frame of the chunk that was not handed out */
	size_t left;    /* frames left in the chunk */
	uint64_t total; /* frames handed out since the start, for the report */
};

void frame_pool_init(struct frame_pool *pool, frame_source_fn *source, void *context, size_t chunk);

/* A zeroed page frame, or null when the owner has no more. */
void *frame_alloc(struct frame_pool *pool);

static inline uint64_t host_physical(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static inline void *host_pointer(uint64_t physical)
{
	return (void *)(uintptr_t)physical;
}

#endif
