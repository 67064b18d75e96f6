/* SPDX-License-Identifier: MIT */
/*
 * The firmware as the boot floor sees it: the UEFI tables of this start, and memory that comes from
 * AllocatePages. Included by boot/ only.
 */
#ifndef BOOT_FIRMWARE_H
#define BOOT_FIRMWARE_H

#include <efi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/host_pages.h"

/* What was allocated for the hypervisor, and how its own page tables map it. */
struct firmware_region {
	uint64_t base;
	uint64_t pages;
	enum host_page kind;
	bool mapped;    /* false: a guard page, or memory that the host never touches */
	bool permanent; /* never freed: the processor may go on pointing at it */
	bool overhead;  /* counts as the hypervisor's own, beyond the guest's memory and the disk */
};

#define FIRMWARE_MAX_REGIONS 256

struct firmware {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *system;
	EFI_BOOT_SERVICES *boot;
	EFI_LOADED_IMAGE *loaded;
	size_t region_count;
	struct firmware_region regions[FIRMWARE_MAX_REGIONS];
};

/* Fills in the tables and switches the firmware's watchdog off. */
MUST_USE enum status firmware_open(
	struct firmware *firmware, EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/*
 * Zeroed pages for the hypervisor's own use, mapped read-write; null when the firmware has none.
 * guard: one page more at the low end that stays unmapped (a stack). Page-aligned.
 */
void *firmware_alloc(struct firmware *firmware, size_t pages);
void *firmware_alloc_stack(struct firmware *firmware, size_t pages);

/* Makes such pages permanent: from now on the processor may keep pointing at them. */
void firmware_keep(struct firmware *firmware, const void *memory);

/*
 * Contiguous memory for the guest or the disk, not zeroed, aligned to 2 MiB where alignment says
 * so; null when there is none. Not counted as overhead.
 */
void *firmware_alloc_large(struct firmware *firmware, uint64_t size, uint64_t alignment);

/* The size of the largest 2 MiB-aligned piece of free memory, for the guest; 0 when there is none.
 */
uint64_t firmware_largest_free(struct firmware *firmware, uint64_t *base);

/* One such piece at exactly base. */
void *firmware_alloc_at(struct firmware *firmware, uint64_t base, uint64_t size);

/* Memory for a file while it is looked at; given back by the second call. Never mapped by the host.
 */
void *firmware_alloc_temporary(struct firmware *firmware, uint64_t size);
void firmware_free_temporary(struct firmware *firmware, void *memory, uint64_t size);

/* Bytes allocated for the hypervisor itself, beyond the guest's memory and the disk. */
uint64_t firmware_overhead(const struct firmware *firmware);

/* Gives back every region that is not permanent. */
void firmware_free_all(struct firmware *firmware);

/* For frame pools: context is the struct firmware. */
void *firmware_frame_source(void *context, size_t pages);

#endif
