/* SPDX-License-Identifier: MIT */
/*
 * The bus: who lives at an address, and the access itself, counted and cut to its width. Filled
 * when a guest is set up; the exit handlers for EPT violations and port accesses look up in it.
 */
#include "devices/bus.h"

#include <stddef.h>

#include "lib/bits.h"

/* One comparison that cannot wrap: below the base, the offset is larger than any size. */
static bool region_holds(const struct bus_region *region, uint64_t address)
{
	return address - region->base < region->size;
}

enum status bus_register(struct bus *bus, const char *name, uint64_t base, uint64_t size,
	const struct bus_ops *ops, void *device)
{
	if (size == 0 || base + size < base)
		return STATUS_BAD_VALUE;
	for (unsigned int i = 0; i < bus->count; i++) {
		const struct bus_region *other = &bus->regions[i];

		if (region_holds(other, base) || other->base - base < size)
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
	/* Accesses come in runs to one device. On an empty bus this is a region of size 0. */
	if (region_holds(&bus->regions[bus->last], address))
		return &bus->regions[bus->last];
	for (unsigned int i = 0; i < bus->count; i++) {
		if (region_holds(&bus->regions[i], address)) {
			bus->last = i;
			return &bus->regions[i];
		}
	}
	return NULL;
}

bool bus_region_covers(const struct bus_region *region, uint64_t address, unsigned int width)
{
	return region_holds(region, address) && region->size - (address - region->base) >= width;
}

uint64_t bus_region_read(struct bus_region *region, uint64_t address, unsigned int width)
{
	region->reads++;
	return region->ops->read(region->device, address - region->base, width) & width_mask(width);
}

void bus_region_write(
	struct bus_region *region, uint64_t address, unsigned int width, uint64_t value)
{
	region->writes++;
	region->ops->write(
		region->device, address - region->base, width, value & width_mask(width));
}
