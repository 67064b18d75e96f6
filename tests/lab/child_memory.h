/* SPDX-License-Identifier: MIT */
/*
 * The guest memory of a child whose code under test works on one: in pieces, each between pages
 * that nobody may touch, and the requests that make a piece, write and read. Included by
 * tests/lab/<n>/child.c.
 */
#ifndef TESTS_LAB_CHILD_MEMORY_H
#define TESTS_LAB_CHILD_MEMORY_H

#include "mm/guest_memory.h"
#include "tests/lab/child.h"

static struct guest_memory child_memory;

/* 'M': gpa, size. A piece of guest memory. */
static inline void child_add_memory(struct child *child)
{
	uint64_t gpa = child_take(child, 8), size = child_take(child, 8);

	if (guest_memory_add(&child_memory, gpa, size, child_pages(size)) != STATUS_OK)
		_exit(6);
}

/* 'P': gpa, bytes. */
static inline void child_poke(struct child *child)
{
	uint64_t gpa = child_take(child, 8);

	if (guest_memory_write(&child_memory, gpa, child->in + child->taken,
		    child->in_size - child->taken) != STATUS_OK)
		_exit(6);
}

/* 'G': gpa, size. */
static inline void child_peek(struct child *child)
{
	uint64_t gpa = child_take(child, 8), size = child_take(child, 8);

	if (size > CHILD_MAX ||
		guest_memory_read(&child_memory, gpa, child->out, size) != STATUS_OK)
		_exit(6);
	child->out_size = size;
}

#endif
