/* SPDX-License-Identifier: MIT */
/*
 * The way out of a fuzz target, see fuzz.h.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

void must(bool holds)
{
	if (!holds)
		abort();
}

void *must_alloc(uint64_t size)
{
	void *memory = malloc(size);

	must(memory != NULL);
	return memory;
}
