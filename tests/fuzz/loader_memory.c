/* SPDX-License-Identifier: MIT */
/*
 * Guest memory for the loaders' fuzz targets, see loader_memory.h.
 */
#include "tests/fuzz/loader_memory.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

const struct guest_memory *loader_memory_fill(const struct loader_piece *pieces, size_t count)
{
	static struct guest_memory memory;

	for (size_t i = 0; memory.count < count; i++)
		must(guest_memory_add(&memory, pieces[i].gpa, pieces[i].size,
			     must_alloc(pieces[i].size)) == STATUS_OK);
	for (unsigned int i = 0; i < memory.count; i++)
		memset(memory.ranges[i].host, LOADER_FILL, memory.ranges[i].size);
	return &memory;
}
