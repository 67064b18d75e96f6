/* SPDX-License-Identifier: MIT */
/*
 * The PVH start of a guest: what a loader tells about the image it loaded, and the start info with
 * memory map, initial RAM disk and
 * command line that the guest finds by %ebx. Xen, docs/misc/pvh.pandoc ("x86/HVM
 * direct boot ABI") and public/arch-x86/hvm/start_info.h. Called by boot/guest_image.c.
 */
#ifndef BOOT_PVH_H
#define BOOT_PVH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"

#define PVH_MAX_RANGES 32

/* What lies between is no RAM for a guest: the PC's video memory and ROMs. */
#define PVH_LOW_RAM_END    0xa0000ull
#define PVH_HIGH_RAM_START 0x100000ull

struct pvh_range {
	uint64_t start; /* guest-physical */
	uint64_t end;   /* the first address behind it */
};

/* A guest that lies in memory, ready to be started. */
struct pvh_image {
	uint32_t entry; /* guest-physical; 32-bit protected mode, paging off */
	unsigned int count;
	/* An ELF file's segments, and one range for what is put beside them. */
	struct pvh_range ranges[PVH_MAX_RANGES + 1];
};

#define HVM_START_MAGIC   0x336ec578u /* "xEn3" with bit 7 of the E set */
#define HVM_START_VERSION 1u

struct hvm_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr; /* a text that ends with a zero byte */
	uint64_t rsdp_paddr;    /* 0: no ACPI tables */
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info, version 1");
_Static_assert(offsetof(struct hvm_start_info, cmdline_paddr) == 24, "hvm_start_info");
_Static_assert(offsetof(struct hvm_start_info, memmap_paddr) == 40, "hvm_start_info");

struct hvm_modlist_entry {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr; /* 0: none */
	uint64_t reserved;
};
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "hvm_modlist_entry");

enum hvm_memmap_type { HVM_MEMMAP_RAM = 1, HVM_MEMMAP_RESERVED = 2 };

struct hvm_memmap_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "hvm_memmap_table_entry");
_Static_assert(offsetof(struct hvm_memmap_entry, type) == 16, "hvm_memmap_table_entry");

/* Every range of guest memory, one of them cut in two by the reserved piece, and that. */
#define PVH_MAX_MAP (GUEST_MEMORY_MAX_RANGES + 2)

/*
 * The guest's memory map, sorted, pieces that touch joined; returns the number of entries.
 * 0xa0000-0xfffff is reserved, whether there is memory behind it or not.
 */
unsigned int pvh_build_map(
	const struct guest_memory *memory, struct hvm_memmap_entry map[PVH_MAX_MAP]);

/*
 * The highest whole pages of RAM between floor and limit that take size bytes; 0 when there are
 * none. For an initial RAM disk.
 */
uint64_t pvh_find_high_place(
	const struct guest_memory *memory, uint64_t floor, uint64_t limit, uint64_t size);

/* What else the start info tells. */
struct pvh_words {
	const char *cmdline;
	uint64_t rsdp;        /* guest-physical; 0: no ACPI tables */
	uint64_t initrd;      /* guest-physical */
	uint64_t initrd_size; /* 0: none; else it is the only module */
};

/*
 * Puts start info, module list, memory map and command line, in one piece, into pages of RAM that
 * neither the image nor the initial RAM disk uses, below 640 KiB if possible, below 4 GiB at all
 * events and never in page 0, and answers in *gpa what belongs in %ebx. STATUS_NO_MEMORY: there is
 * no such place.
 */
MUST_USE enum status pvh_place_start_info(const struct guest_memory *memory,
	const struct pvh_image *image, const struct pvh_words *words, uint32_t *gpa);

#endif
