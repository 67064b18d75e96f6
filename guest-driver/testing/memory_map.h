/* SPDX-License-Identifier: MIT */
/*
 * The memory map of the start info, for test guests that go to the edges of their memory.
 */
#ifndef GUEST_DRIVER_TESTING_MEMORY_MAP_H
#define GUEST_DRIVER_TESTING_MEMORY_MAP_H

#include <stdint.h>

#include "guest-driver/runtime/runtime.h"

#define MEMORY_RAM      1u
#define MEMORY_RESERVED 2u

/* Its entries, in *count, or none. */
static inline const struct memory_map_entry *memory_map(unsigned int *count)
{
	const struct start_info *info = runtime_info();

	*count = info != NULL && info->version >= 1 ? info->memmap_entries : 0;
	return *count != 0 ? (const void *)(uintptr_t)info->memmap_paddr : NULL;
}

/* Where the RAM ends that begins at 1 MiB; 0 where the map has none. */
static inline uint64_t memory_map_end(void)
{
	unsigned int count;
	const struct memory_map_entry *map = memory_map(&count);

	for (unsigned int i = 0; i < count; i++) {
		if (map[i].type == MEMORY_RAM && map[i].addr == 0x100000)
			return map[i].addr + map[i].size;
	}
	return 0;
}

#endif
