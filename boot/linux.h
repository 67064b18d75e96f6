/* SPDX-License-Identifier: MIT */
/*
 * Loads a Linux kernel, or what else comes as a bzImage, by the 64-bit boot protocol. Called by
 * boot/guest_image.c with files that came from anywhere.
 */
#ifndef BOOT_LINUX_H
#define BOOT_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/guest_files.h"
#include "lib/status.h"
#include "mm/guest_memory.h"
#include "vmm/start.h"

/*
 * Where its own things go, below what a kernel that makes room for its trampolines looks at:
 * parameters, GDT, page tables that map the first 4 GiB onto themselves, command line.
 */
#define LINUX_PARAMS_GPA  0x10000ull
#define LINUX_GDT_GPA     0x11000ull
#define LINUX_TABLES_GPA  0x12000ull
#define LINUX_CMDLINE_GPA 0x18000ull
#define LINUX_CMDLINE_MAX 0x1000ull

/* Whether the file has a bzImage's magic numbers. */
bool linux_is_image(const void *file, uint64_t size);

/*
 * Puts kernel, initial RAM disk, command line, memory map and the rest into guest memory, and
 * answers in *start how it is entered; rsdp is where its ACPI tables are, 0 for none.
 * On any other result than STATUS_OK guest memory is as it was and why holds a sentence that says
 * what is wrong with which numbers.
 */
MUST_USE enum status linux_load(const struct guest_files *files, uint64_t rsdp,
	const struct guest_memory *memory, struct vcpu_start *start, char *why, size_t why_size);

#endif
