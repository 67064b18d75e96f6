/* SPDX-License-Identifier: MIT */
/*
 * The bus contract: a device registers a region of guest-physical addresses (the MMIO bus) or of
 * ports (the port bus) with its operations, and the exit handlers hand accesses over by address.
 * One structure serves both buses. A device sees an offset into its region and a width, both
 * checked; it knows neither VT-x nor where it lies.
 */
#ifndef DEVICES_BUS_H
#define DEVICES_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/status.h"

#define BUS_MAX_REGIONS 16

/*
 * A device's operations. offset is relative to the region; width is 1, 2, 4 or 8 bytes (ports: 1, 2
 * or 4) and offset + width lies within the region. A value has no bits above its width, either way.
 */
struct bus_ops {
	uint64_t (*read)(void *device, uint64_t offset, unsigned int width);
	void (*write)(void *device, uint64_t offset, unsigned int width, uint64_t value);
};

/* Aligned so that finding one takes no multiplication. */
struct __attribute__((aligned(64))) bus_region {
	const char *name;
	uint64_t base;
	uint64_t size; /* bytes, or ports */
	const struct bus_ops *ops;
	void *device;
	uint64_t reads; /* accesses since the start, for the report */
	uint64_t writes;
};

/* Starts all zero. */
struct bus {
	unsigned int count;
	unsigned int last; /* the region that bus_find found last */
	struct bus_region regions[BUS_MAX_REGIONS];
};

/*
 * Registers a region. STATUS_BAD_VALUE: empty or wrapping; STATUS_CONFLICT: overlaps another;
 * STATUS_NO_MEMORY: the table is full.
 */
MUST_USE enum status bus_register(struct bus *bus, const char *name, uint64_t base, uint64_t size,
	const struct bus_ops *ops, void *device);

/* One comparison that cannot wrap: below the base, the offset is larger than any size. */
static inline bool bus_region_holds(const struct bus_region *region, uint64_t address)
{
	return address - region->base < region->size;
}

/* Whether [address, address + width) lies wholly within region. */
static inline bool bus_region_covers(
	const struct bus_region *region, uint64_t address, unsigned int width)
{
	return bus_region_holds(region, address) &&
	       region->size - (address - region->base) >= width;
}

/* The region in which address lies, or null. */
struct bus_region *bus_find(struct bus *bus, uint64_t address);

/*
 * The region that covers all of [address, address + width), or null. Inline: accesses come in runs
 * to one device.
 */
static inline struct bus_region *bus_find_access(
	struct bus *bus, uint64_t address, unsigned int width)
{
	/* On an empty bus this is a region of size 0. */
	struct bus_region *region = &bus->regions[bus->last];

	if (bus_region_covers(region, address, width))
		return region;
	region = bus_find(bus, address);
	return region != NULL && bus_region_covers(region, address, width) ? region : NULL;
}

/*
 * One access that lies wholly within region, of a value without bits above width; the caller has
 * seen to that, and the device does for what it answers.
 */
static inline uint64_t bus_region_read(
	struct bus_region *region, uint64_t address, unsigned int width)
{
	region->reads++;
	return region->ops->read(region->device, address - region->base, width);
}

static inline void bus_region_write(
	struct bus_region *region, uint64_t address, unsigned int width, uint64_t value)
{
	region->writes++;
	region->ops->write(region->device, address - region->base, width, value);
}

#endif
