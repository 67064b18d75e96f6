/* SPDX-License-Identifier: MIT */
/*
 * Reads an ELF file that nobody vouches for. Structures are copied out before they are looked at,
 * since nothing in a file is aligned unless it says the truth about itself.
 */
#include "boot/elf_file.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

/* Whether [offset, offset + size) lies within the first limit bytes; nothing here can wrap. */
static bool within(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

static enum status ident_check(const struct elf_ident *ident, char *why, size_t why_size)
{
	if (ident->class != ELF_CLASS_32 && ident->class != ELF_CLASS_64) {
		format_text(
			why, why_size, "an ELF of class %u, neither 32- nor 64-bit", ident->class);
		return STATUS_BAD_VALUE;
	}
	if (ident->data != ELF_DATA_LITTLE) {
		format_text(
			why, why_size, "an ELF of byte order %u, not little-endian", ident->data);
		return STATUS_UNSUPPORTED;
	}
	if (ident->version != ELF_VERSION) {
		format_text(why, why_size, "an ELF of version %u, not 1", ident->version);
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

/* The header in its wide form; the narrow one widens without loss. */
static struct elf64_header header_read(const struct elf_file *elf)
{
	struct elf64_header wide;
	struct elf32_header narrow;

	if (elf->wide) {
		memcpy(&wide, elf->bytes, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, elf->bytes, sizeof(narrow));
	return (struct elf64_header){
		.type = narrow.type,
		.machine = narrow.machine,
		.phoff = narrow.phoff,
		.phentsize = narrow.phentsize,
		.phnum = narrow.phnum,
	};
}

static uint64_t segment_stride(const struct elf_file *elf)
{
	return elf->wide ? sizeof(struct elf64_segment) : sizeof(struct elf32_segment);
}

static enum status header_check(
	struct elf_file *elf, const struct elf64_header *header, char *why, size_t why_size)
{
	uint64_t table_size = header->phnum * segment_stride(elf);

	if (header->machine != ELF_MACHINE_386 && header->machine != ELF_MACHINE_X86_64) {
		format_text(why, why_size, "an ELF for machine %u, not x86", header->machine);
		return STATUS_UNSUPPORTED;
	}
	if (header->type != ELF_TYPE_EXEC && header->type != ELF_TYPE_DYN) {
		format_text(why, why_size, "an ELF of type %u, not an executable (2 or 3)",
			header->type);
		return STATUS_UNSUPPORTED;
	}
	if (header->phnum == 0) {
		format_text(why, why_size, "an ELF without program headers");
		return STATUS_BAD_VALUE;
	}
	if (header->phentsize != segment_stride(elf)) {
		format_text(why, why_size, "program headers of %u bytes, not %u", header->phentsize,
			(unsigned int)segment_stride(elf));
		return STATUS_BAD_VALUE;
	}
	if (!within(header->phoff, table_size, elf->size)) {
		format_text(why, why_size,
			"%u program headers at 0x%llx reach beyond the file's %llu bytes",
			header->phnum, (unsigned long long)header->phoff,
			(unsigned long long)elf->size);
		return STATUS_TRUNCATED;
	}
	elf->segments = header->phoff;
	elf->segment_count = header->phnum;
	return STATUS_OK;
}

enum status elf_file_open(
	struct elf_file *elf, const void *bytes, uint64_t size, char *why, size_t why_size)
{
	struct elf64_header header;
	struct elf_ident ident;
	enum status status;

	*elf = (struct elf_file){ .bytes = bytes, .size = size };
	if (size < sizeof(ident) || memcmp(bytes, "\177ELF", 4) != 0) {
		format_text(why, why_size, "not an ELF file");
		return STATUS_BAD_VALUE;
	}
	memcpy(&ident, bytes, sizeof(ident));
	status = ident_check(&ident, why, why_size);
	if (status != STATUS_OK)
		return status;

	elf->wide = ident.class == ELF_CLASS_64;
	if (size < (elf->wide ? sizeof(struct elf64_header) : sizeof(struct elf32_header))) {
		format_text(why, why_size, "an ELF header that is cut off after %llu bytes",
			(unsigned long long)size);
		return STATUS_TRUNCATED;
	}
	header = header_read(elf);
	return header_check(elf, &header, why, why_size);
}

struct elf_segment elf_file_segment(const struct elf_file *elf, unsigned int number)
{
	const uint8_t *at = elf->bytes + elf->segments + number * segment_stride(elf);
	struct elf64_segment wide;
	struct elf32_segment narrow;

	if (elf->wide) {
		memcpy(&wide, at, sizeof(wide));
		return (struct elf_segment){ wide.type, wide.offset, wide.paddr, wide.filesz,
			wide.memsz, wide.align };
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (struct elf_segment){ narrow.type, narrow.offset, narrow.paddr, narrow.filesz,
		narrow.memsz, narrow.align };
}

const uint8_t *elf_file_bytes(const struct elf_file *elf, const struct elf_segment *segment)
{
	if (segment->file_size == 0)
		return elf->bytes;
	if (!within(segment->offset, segment->file_size, elf->size))
		return NULL;
	return elf->bytes + segment->offset;
}

/* Sums below are of numbers under 2^32 and an offset within the file: they cannot wrap. */
static const uint8_t *note_find(const uint8_t *notes, uint64_t size, uint64_t align,
	const char *owner, uint32_t type, uint32_t *desc_size)
{
	size_t owner_size = strlen(owner) + 1;
	uint64_t offset = 0;

	while (within(offset, sizeof(struct elf_note), size)) {
		const uint8_t *name = notes + offset + sizeof(struct elf_note);
		struct elf_note note;
		uint64_t desc;

		memcpy(&note, notes + offset, sizeof(note));
		desc = align_up(offset + sizeof(note) + note.name_size, align);
		if (!within(desc, note.desc_size, size))
			return NULL;
		if (note.type == type && note.name_size == owner_size &&
			memcmp(name, owner, owner_size) == 0) {
			*desc_size = note.desc_size;
			return notes + desc;
		}
		offset = align_up(desc + note.desc_size, align);
	}
	return NULL;
}

const uint8_t *elf_file_find_note(const struct elf_file *elf, const struct elf_segment *segment,
	const char *owner, uint32_t type, uint32_t *desc_size)
{
	const uint8_t *notes = elf_file_bytes(elf, segment);
	const uint8_t *desc = NULL;

	if (notes == NULL)
		return NULL;
	if (segment->align == 8)
		desc = note_find(notes, segment->file_size, 8, owner, type, desc_size);
	if (desc == NULL)
		desc = note_find(notes, segment->file_size, 4, owner, type, desc_size);
	return desc;
}
