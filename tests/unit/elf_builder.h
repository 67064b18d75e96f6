/* SPDX-License-Identifier: MIT */
/*
 * A small PVH guest as an ELF file, built in memory in either class: three program headers (text at
 * 1 MiB, note, data with .bss at 2 MiB) right behind the header. Used by the unit test and by the
 * fuzz target of boot/elf.c, which then damage it.
 */
#ifndef TESTS_UNIT_ELF_BUILDER_H
#define TESTS_UNIT_ELF_BUILDER_H

#include <stdbool.h>
#include <string.h>

#include "boot/elf_file.h"

#define BUILT_TEXT_GPA    0x100000u
#define BUILT_TEXT_SIZE   0x40u
#define BUILT_ENTRY       0x100010u
#define BUILT_DATA_GPA    0x200000u
#define BUILT_DATA_SIZE   0x10u
#define BUILT_DATA_MEMORY 0x2010u
#define BUILT_TEXT_OFFSET 0x200u
#define BUILT_NOTE_OFFSET 0x280u
#define BUILT_DATA_OFFSET 0x300u
#define BUILT_SIZE        0x310u

enum built_segment { BUILT_TEXT, BUILT_NOTE, BUILT_DATA, BUILT_SEGMENT_COUNT };

struct built {
	bool wide;
	size_t size;
	uint8_t bytes[0x400];
};

/* What to build: the class, the bytes of the note's descriptor, the note segment's alignment. */
struct built_kind {
	bool wide;
	unsigned int desc_size;
	unsigned int align;
};

static inline size_t built_header_size(const struct built *built)
{
	return built->wide ? sizeof(struct elf64_header) : sizeof(struct elf32_header);
}

/* Where a program header lies in the file. */
static inline size_t built_segment_at(const struct built *built, unsigned int segment)
{
	size_t stride = built->wide ? sizeof(struct elf64_segment) : sizeof(struct elf32_segment);

	return built_header_size(built) + segment * stride;
}

static inline void built_set_segment(
	struct built *built, unsigned int number, struct elf_segment segment)
{
	struct elf64_segment wide = { segment.type, 7, segment.offset, segment.paddr, segment.paddr,
		segment.file_size, segment.memory_size, segment.align };
	struct elf32_segment narrow = { segment.type, (uint32_t)segment.offset,
		(uint32_t)segment.paddr, (uint32_t)segment.paddr, (uint32_t)segment.file_size,
		(uint32_t)segment.memory_size, 7, (uint32_t)segment.align };
	uint8_t *at = built->bytes + built_segment_at(built, number);

	if (built->wide)
		memcpy(at, &wide, sizeof(wide));
	else
		memcpy(at, &narrow, sizeof(narrow));
}

static inline void built_set_header(struct built *built)
{
	struct elf_ident ident = { { 0x7f, 'E', 'L', 'F' },
		built->wide ? ELF_CLASS_64 : ELF_CLASS_32, ELF_DATA_LITTLE, ELF_VERSION, 0, { 0 } };
	struct elf64_header wide = { .ident = ident,
		.type = ELF_TYPE_EXEC,
		.machine = ELF_MACHINE_X86_64,
		.version = 1,
		.entry = 0,
		.phoff = sizeof(wide),
		.phentsize = sizeof(struct elf64_segment),
		.phnum = BUILT_SEGMENT_COUNT };
	struct elf32_header narrow = { .ident = ident,
		.type = ELF_TYPE_EXEC,
		.machine = ELF_MACHINE_386,
		.version = 1,
		.entry = 0,
		.phoff = sizeof(narrow),
		.phentsize = sizeof(struct elf32_segment),
		.phnum = BUILT_SEGMENT_COUNT };

	if (built->wide)
		memcpy(built->bytes, &wide, sizeof(wide));
	else
		memcpy(built->bytes, &narrow, sizeof(narrow));
}

/*
 * Two notes: one of another owner and with a descriptor of 3 bytes, so that the way each alignment
 * goes on matters, then the PVH note. Returns the size of both.
 */
static inline unsigned int built_set_notes(uint8_t *at, const struct built_kind *kind)
{
	static const struct elf_note other = { 4, 3, 18 };
	const struct elf_note note = { 4, kind->desc_size, 18 };
	const uint64_t entry = BUILT_ENTRY;
	unsigned int next = kind->align == 8 ? 24 : 20;

	memcpy(at, &other, sizeof(other));
	memcpy(at + 12, "GNU", 4);
	memcpy(at + 16, "abc", 3);
	memcpy(at + next, &note, sizeof(note));
	memcpy(at + next + 12, "Xen", 4);
	memcpy(at + next + 16, &entry, kind->desc_size < 8 ? kind->desc_size : 8);
	return next + 16 + kind->desc_size;
}

static inline void built_init(struct built *built, const struct built_kind *kind)
{
	unsigned int notes;

	*built = (struct built){ .wide = kind->wide, .size = BUILT_SIZE };
	memset(built->bytes + BUILT_TEXT_OFFSET, 0x90, BUILT_TEXT_SIZE);
	memset(built->bytes + BUILT_DATA_OFFSET, 0xda, BUILT_DATA_SIZE);
	notes = built_set_notes(built->bytes + BUILT_NOTE_OFFSET, kind);
	built_set_header(built);
	built_set_segment(built, BUILT_TEXT,
		(struct elf_segment){ ELF_SEGMENT_LOAD, BUILT_TEXT_OFFSET, BUILT_TEXT_GPA,
			BUILT_TEXT_SIZE, BUILT_TEXT_SIZE, 4096 });
	built_set_segment(built, BUILT_NOTE,
		(struct elf_segment){
			ELF_SEGMENT_NOTE, BUILT_NOTE_OFFSET, 0, notes, notes, kind->align });
	built_set_segment(built, BUILT_DATA,
		(struct elf_segment){ ELF_SEGMENT_LOAD, BUILT_DATA_OFFSET, BUILT_DATA_GPA,
			BUILT_DATA_SIZE, BUILT_DATA_MEMORY, 4096 });
}

#endif
