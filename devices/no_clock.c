/* SPDX-License-Identifier: MIT */
/*
 * What reads of clocks that are not there give.
 */
#include "devices/no_clock.h"

static uint64_t no_clock_read(void *device, uint64_t offset, unsigned int width)
{
	(void)device;
	(void)offset;
	(void)width;
	return 0;
}

static void no_clock_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)device;
	(void)offset;
	(void)width;
	(void)value;
}

const struct bus_ops no_clock_ops = { .read = no_clock_read, .write = no_clock_write };
