/* SPDX-License-Identifier: MIT */
/*
 * The ELF file format as far as a loader needs it, and a reader that believes nothing in it: the
 * header, the program headers of both classes, and notes. Called by boot/elf.c.
 * ELF specification: System V ABI, chapters 4 and 5 ("Object Files", "Program Loading").
 */
#ifndef BOOT_ELF_FILE_H
#define BOOT_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

enum {
	ELF_CLASS_32 = 1,
	ELF_CLASS_64 = 2,
	ELF_DATA_LITTLE = 1,
	ELF_VERSION = 1,
	ELF_TYPE_EXEC = 2,
	ELF_TYPE_DYN = 3,
	ELF_MACHINE_386 = 3,
	ELF_MACHINE_X86_64 = 62,
	ELF_SEGMENT_LOAD = 1,
	ELF_SEGMENT_NOTE = 4,
};

struct elf_ident {
	uint8_t magic[4]; /* 0x7f 'E' 'L' 'F' */
	uint8_t class;
	uint8_t data;
	uint8_t version;
	uint8_t abi;
	uint8_t padding[8];
};
_Static_assert(sizeof(struct elf_ident) == 16, "e_ident");

struct elf32_header {
	struct elf_ident ident;
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint32_t entry;
	uint32_t phoff;
	uint32_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};
_Static_assert(sizeof(struct elf32_header) == 52, "Elf32_Ehdr");
_Static_assert(offsetof(struct elf32_header, phnum) == 44, "Elf32_Ehdr");

struct elf64_header {
	struct elf_ident ident;
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phoff;
	uint64_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};
_Static_assert(sizeof(struct elf64_header) == 64, "Elf64_Ehdr");
_Static_assert(offsetof(struct elf64_header, phnum) == 56, "Elf64_Ehdr");

struct elf32_segment {
	uint32_t type;
	uint32_t offset;
	uint32_t vaddr;
	uint32_t paddr;
	uint32_t filesz;
	uint32_t memsz;
	uint32_t flags;
	uint32_t align;
};
_Static_assert(sizeof(struct elf32_segment) == 32, "Elf32_Phdr");

struct elf64_segment {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};
_Static_assert(sizeof(struct elf64_segment) == 56, "Elf64_Phdr");

/* The same in both classes: name and descriptor follow, each padded to the segment's alignment. */
struct elf_note {
	uint32_t name_size;
	uint32_t desc_size;
	uint32_t type;
};
_Static_assert(sizeof(struct elf_note) == 12, "Elf_Nhdr");

/* A file whose header was found good and whose program headers lie within it. */
struct elf_file {
	const uint8_t *bytes;
	uint64_t size;
	bool wide;         /* class 64 */
	uint64_t segments; /* offset of the program headers */
	unsigned int segment_count;
};

/* A program header of either class. Its values are the file's: nothing about them was checked. */
struct elf_segment {
	uint32_t type;
	uint64_t offset;
	uint64_t paddr;
	uint64_t file_size;
	uint64_t memory_size;
	uint64_t align;
};

/*
 * Opens size bytes as an executable for x86. STATUS_BAD_VALUE, STATUS_UNSUPPORTED or
 * STATUS_TRUNCATED put a sentence into why.
 */
MUST_USE enum status elf_file_open(
	struct elf_file *elf, const void *bytes, uint64_t size, char *why, size_t why_size);

/* The program header of that number, below segment_count. */
struct elf_segment elf_file_segment(const struct elf_file *elf, unsigned int number);

/*
 * The file_size bytes that the segment has in the file; null when they reach beyond the file's end.
 * Where there are none, the segment's offset means nothing.
 */
const uint8_t *elf_file_bytes(const struct elf_file *elf, const struct elf_segment *segment);

/*
 * The descriptor of the first note of that owner and type in a note segment, and its size; null
 * when there is none. Notes are 8-byte aligned where the segment says so, but files
 * exist that say so and pack them by 4: then the second reading counts.
 */
const uint8_t *elf_file_find_note(const struct elf_file *elf, const struct elf_segment *segment,
	const char *owner, uint32_t type, uint32_t *desc_size);

#endif
