/* SPDX-License-Identifier: MIT */
/*
 * The guest memory that a guest's file is loaded into, for the loaders' fuzz targets: the pieces of
 * it that matter, each with the sanitizer's red zones around it.
 */
#ifndef TESTS_FUZZ_LOADER_MEMORY_H
#define TESTS_FUZZ_LOADER_MEMORY_H

#include "mm/guest_memory.h"

#define LOADER_FILL 0xcc

struct loader_piece {
	uint64_t gpa, size;
};

/* The same memory for every run, so that only filling it, with LOADER_FILL, costs time. */
const struct guest_memory *loader_memory_fill(const struct loader_piece *pieces, size_t count);

#endif
