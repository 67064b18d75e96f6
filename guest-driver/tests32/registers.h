/* SPDX-License-Identifier: MIT */
/*
 * svirtb's registers wherever they are mapped: the same accesses for every mode of the processor.
 * Needs no ring; leaves the device reset.
 */
#ifndef GUEST_DRIVER_TESTS32_REGISTERS_H
#define GUEST_DRIVER_TESTS32_REGISTERS_H

#include <stdint.h>

#include "guest-driver/runtime/check.h"
#include "guest-driver/svirtb.h"

static inline uint32_t register_read(uint32_t base, enum svirtb_register offset)
{
	return *(const volatile uint32_t *)(uintptr_t)(base + offset);
}

static inline void register_write(uint32_t base, enum svirtb_register offset, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(base + offset) = value;
}

/* Uses check numbers first to first + 5; base is the linear address of the device's page. */
static inline void registers_check(uint8_t first, const char *where, uint32_t base)
{
	uint32_t sizes[] = { 0x1234, 0xffffffff, 0x80000001 };

	print("registers at 0x%x, %s\n", base, where);
	register_write(base, SVIRTB_STATUS, SVIRTB_RESET);
	check_equal(first, "status after RESET", register_read(base, SVIRTB_STATUS), SVIRTB_MAGIC);
	check_equal((uint8_t)(first + 1), "size after RESET",
		register_read(base, SVIRTB_QUEUE_SIZE), 0);
	register_write(base, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	check_equal((uint8_t)(first + 2), "status after DRIVER_OK",
		register_read(base, SVIRTB_STATUS), SVIRTB_DRIVER_OK);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		register_write(base, SVIRTB_QUEUE_SIZE, sizes[i]);
		register_write(base, SVIRTB_QUEUE_ADDR_LO, ~sizes[i]);
		check_equal((uint8_t)(first + 3), "size", register_read(base, SVIRTB_QUEUE_SIZE),
			sizes[i]);
		check_equal((uint8_t)(first + 4), "address",
			register_read(base, SVIRTB_QUEUE_ADDR_LO), ~sizes[i]);
	}
	register_write(base, SVIRTB_STATUS, SVIRTB_RESET);
	check_equal((uint8_t)(first + 5), "status after the second RESET",
		register_read(base, SVIRTB_STATUS), SVIRTB_MAGIC);
}

#endif
