/* SPDX-License-Identifier: MIT */
/*
 * A guest's file, whatever kind it is, into guest memory: an ELF file with a PVH note, or a bzImage
 * by the Linux boot protocol. Called by boot/session.c with files that came from anywhere.
 */
#ifndef BOOT_GUEST_IMAGE_H
#define BOOT_GUEST_IMAGE_H

#include <stddef.h>

#include "boot/guest_files.h"
#include "lib/status.h"
#include "mm/guest_memory.h"
#include "vmm/start.h"

/*
 * Loads the guest with its initial RAM disk and its ACPI tables, which one with a segment from
 * 0xe0000 to 0xfffff goes without, and answers in *start how it is entered. On any other result
 * than STATUS_OK why holds a sentence that says what is wrong with which numbers.
 */
MUST_USE enum status guest_image_load(const struct guest_files *files,
	const struct guest_memory *memory, struct vcpu_start *start, char *why, size_t why_size);

#endif
