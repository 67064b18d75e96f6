/* SPDX-License-Identifier: MIT */
/*
 * Loads a guest from an ELF file with a PVH note into guest memory. Called by efi_main with a file
 * that came from anywhere.
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "boot/pvh.h"
#include "lib/status.h"
#include "mm/guest_memory.h"

#define ELF_WHY_SIZE 160 /* bytes that the longest explanation needs */

/*
 * Copies each loadable segment of the executable at file, of size bytes, to its physical address
 * in guest memory, clears what it has in memory beyond its file, and tells in *image where the
 * guest starts (the PVH note's entry, below 4 GiB and within a segment) and what it occupies.
 * Segments lie in guest memory, apart from one another. One may lie in 0xa0000-0xfffff, too, which
 * the memory map calls reserved: there is memory, and linkers like to put an ELF's headers there.
 * On any other result than STATUS_OK guest memory is as it was and why holds a sentence that says
 * what is wrong with which numbers.
 */
MUST_USE enum status elf_load_pvh(const void *file, uint64_t size,
	const struct guest_memory *memory, struct pvh_image *image, char *why, size_t why_size);

#endif
