/* SPDX-License-Identifier: MIT */
/*
 * What a guest program gets: main is called with the guest's command line, print writes to the
 * console on COM1, and what main returns becomes the status of the run.
 */
#ifndef GUEST_DRIVER_RUNTIME_RUNTIME_H
#define GUEST_DRIVER_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The PVH start info. Xen, public/arch-x86/hvm/start_info.h. */
struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	/* From version 1 on. */
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "hvm_start_info, version 1");

#define START_INFO_MAGIC 0x336ec578u

/* An entry of the memory map; type 1 is RAM. */
struct memory_map_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};
_Static_assert(sizeof(struct memory_map_entry) == 24, "hvm_memmap_table_entry");

/* The guest program. Its return value, 0 to 255, is the status of the run; 0 means success. */
int main(const char *cmdline);

/* Called by the assembly start, once. */
_Noreturn void runtime_start(const struct start_info *info);

/* What the loader passed, or null when it passed none. */
const struct start_info *runtime_info(void);

/* Whether the command line has this word between its blanks. */
bool runtime_has_word(const char *cmdline, const char *word);

/* Ends the run with this status: port 0xf4, and where nobody listens there, HLT for ever. */
_Noreturn void runtime_exit(uint8_t status);

/* Halts with interrupts off, which nothing but a reset ends. */
_Noreturn void runtime_halt(void);

/* The console: a 16550 on COM1. A text longer than 1023 bytes is cut. Formats: lib/format.h. */
void console_init(void);
void console_write(const char *bytes, size_t size);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
