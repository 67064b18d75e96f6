/* SPDX-License-Identifier: MIT */
/*
 * The guest's ACPI tables: hardware-reduced, so that there is a processor, its interrupt
 * controllers, a serial port, a disk and a way to switch off, and nothing of an old PC. Called by
 * boot/guest_image.c once the guest's file lies in its memory.
 */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"

/*
 * Where they lie: where a guest that is not told looks for them, too. ACPI specification 6.3,
 * 5.2.5.1 'Finding the RSDP on IA-PC Systems'. The memory map calls it reserved.
 */
#define ACPI_TABLES_START 0xe0000ull
#define ACPI_TABLES_END   0x100000ull

/*
 * Puts the tables into guest memory; virtio_disk: with the disk as a virtio-mmio device. *rsdp is
 * where they begin. STATUS_OUT_OF_RANGE: there is no memory there.
 */
MUST_USE enum status acpi_place(
	const struct guest_memory *memory, bool virtio_disk, uint64_t *rsdp);

#endif
