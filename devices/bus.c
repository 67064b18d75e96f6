/* SPDX-License-Identifier: MIT */
/*
 * The bus: regions that do not overlap, and the search for the one where an address lies. Filled
 * when a guest is set up; the exit handlers for EPT violations and port accesses look up in it.
 */
#include "devices/bus.h"

#include <stddef.h>

enum status bus_register(struct bus *bus, const char *name, uint64_t base, uint64_t size,
	const struct bus_ops *ops, void *device)
{
	if (size == 0 || base + size < base)
		return STATUS_BAD_VALUE;
	for (unsigned int i = 0; i < bus->count; i++) {
		const struct bus_region *other = &bus->regions[i];

		if (bus_region_holds(other, base) || other->base - base < size)
			return STATUS_CONFLICT;
	}
	if (bus->count == BUS_MAX_REGIONS)
		return STATUS_NO_MEMORY;
	bus->regions[bus->count++] = (struct bus_region){
		.name = name,
		.base = base,
		.size = size,
		.ops = ops,
		.device = device,
	};
	return STATUS_OK;
}

struct bus_region *bus_find(struct bus *bus, uint64_t address)
{
	for (unsigned int i = 0; i < bus->count; i++) {
		if (bus_region_holds(&bus->regions[i], address)) {
			bus->last = i;
			return &bus->regions[i];
		}
	}
	return NULL;
}
