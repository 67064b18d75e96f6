/* SPDX-License-Identifier: MIT */
/*
 * Where the guest's memory comes from: as many pieces of the firmware's free memory as it takes.
 */
#ifndef BOOT_GUEST_RAM_H
#define BOOT_GUEST_RAM_H

#include "boot/firmware.h"
#include "mm/guest_memory.h"

/* What is not memory below 4 GiB: the guest's devices. Memory goes on at 4 GiB. */
#define GUEST_HOLE_START (3 * GIB)
#define GUEST_HOLE_END   (4 * GIB)

/*
 * size bytes of zeroed guest memory, from 0 to the hole and on behind it, in pieces of 2 MiB
 * multiples where size allows. STATUS_NO_MEMORY.
 */
MUST_USE enum status guest_ram_allocate(
	struct firmware *firmware, uint64_t size, struct guest_memory *memory);

#endif
