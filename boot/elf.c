/* SPDX-License-Identifier: MIT */
/*
 * Loads a guest's ELF file. First everything is checked, then everything is copied: a file that is
 * refused has changed nothing.
 */
#include "boot/elf.h"

#include "boot/elf_file.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

/* The note that makes an ELF file a PVH guest. Xen public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY. */
#define PVH_NOTE_OWNER "Xen"
#define PVH_NOTE_TYPE  18u

/* One loading: what every step needs, and where a complaint goes. */
struct loader {
	struct elf_file elf;
	const struct guest_memory *memory;
	struct pvh_image *image;
	char *why;
	size_t why_size;
};

static bool overlaps(uint64_t start, uint64_t end, uint64_t other_start, uint64_t other_end)
{
	return start < other_end && other_start < end;
}

static enum status segment_does_not_fit(
	const struct loader *loader, unsigned int number, const struct elf_segment *segment)
{
	uint64_t size = guest_memory_size(loader->memory);
	bool whole = is_aligned(size, MIB);

	format_text(loader->why, loader->why_size,
		"segment %u at 0x%llx+0x%llx does not fit in guest memory of %llu %s", number,
		(unsigned long long)segment->paddr, (unsigned long long)segment->memory_size,
		(unsigned long long)(whole ? size / MIB : size / KIB), whole ? "MiB" : "KiB");
	return STATUS_OUT_OF_RANGE;
}

/* Whether the segment may go where it wants to; segments before this one are in the image. */
static enum status segment_check_place(
	const struct loader *loader, unsigned int number, const struct elf_segment *segment)
{
	uint64_t start = segment->paddr, end = start + segment->memory_size;

	if (!guest_memory_contains(loader->memory, start, segment->memory_size))
		return segment_does_not_fit(loader, number, segment);
	for (unsigned int i = 0; i < loader->image->count; i++) {
		const struct pvh_range *range = &loader->image->ranges[i];

		if (!overlaps(start, end, range->start, range->end))
			continue;
		format_text(loader->why, loader->why_size,
			"segment %u at 0x%llx+0x%llx overlaps another at 0x%llx", number,
			(unsigned long long)start, (unsigned long long)segment->memory_size,
			(unsigned long long)range->start);
		return STATUS_CONFLICT;
	}
	return STATUS_OK;
}

static enum status segment_check(
	const struct loader *loader, unsigned int number, const struct elf_segment *segment)
{
	if (elf_file_bytes(&loader->elf, segment) == NULL) {
		format_text(loader->why, loader->why_size,
			"segment %u: 0x%llx bytes at 0x%llx reach beyond the file's %llu bytes",
			number, (unsigned long long)segment->file_size,
			(unsigned long long)segment->offset, (unsigned long long)loader->elf.size);
		return STATUS_TRUNCATED;
	}
	if (segment->file_size > segment->memory_size) {
		format_text(loader->why, loader->why_size,
			"segment %u has 0x%llx bytes in the file, but 0x%llx in memory", number,
			(unsigned long long)segment->file_size,
			(unsigned long long)segment->memory_size);
		return STATUS_BAD_VALUE;
	}
	if (loader->image->count == PVH_MAX_RANGES) {
		format_text(loader->why, loader->why_size, "more than %u loadable segments",
			PVH_MAX_RANGES);
		return STATUS_UNSUPPORTED;
	}
	return segment_check_place(loader, number, segment);
}

static bool segment_is_loaded(const struct elf_segment *segment)
{
	return segment->type == ELF_SEGMENT_LOAD &&
	       (segment->memory_size != 0 || segment->file_size != 0);
}

/* Checks all loadable segments and notes in the image what they will occupy. */
static enum status segments_check(const struct loader *loader)
{
	struct pvh_image *image = loader->image;

	for (unsigned int i = 0; i < loader->elf.segment_count; i++) {
		struct elf_segment segment = elf_file_segment(&loader->elf, i);
		enum status status;

		if (!segment_is_loaded(&segment))
			continue;
		status = segment_check(loader, i, &segment);
		if (status != STATUS_OK)
			return status;
		image->ranges[image->count++] =
			(struct pvh_range){ segment.paddr, segment.paddr + segment.memory_size };
	}
	if (image->count == 0) {
		format_text(loader->why, loader->why_size, "an ELF without loadable segments");
		return STATUS_BAD_VALUE;
	}
	return STATUS_OK;
}

/* The descriptor of the PVH note, wherever it is; null when there is none. */
static const uint8_t *pvh_note_find(const struct loader *loader, uint32_t *desc_size)
{
	for (unsigned int i = 0; i < loader->elf.segment_count; i++) {
		struct elf_segment segment = elf_file_segment(&loader->elf, i);
		const uint8_t *desc;

		if (segment.type != ELF_SEGMENT_NOTE)
			continue;
		desc = elf_file_find_note(
			&loader->elf, &segment, PVH_NOTE_OWNER, PVH_NOTE_TYPE, desc_size);
		if (desc != NULL)
			return desc;
	}
	return NULL;
}

static enum status entry_find(const struct loader *loader)
{
	struct pvh_image *image = loader->image;
	uint32_t desc_size = 0;
	const uint8_t *desc = pvh_note_find(loader, &desc_size);
	uint64_t entry = 0;

	if (desc == NULL) {
		format_text(
			loader->why, loader->why_size, "no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)");
		return STATUS_NOT_FOUND;
	}
	if (desc_size != 4 && desc_size != 8) {
		format_text(loader->why, loader->why_size,
			"a PVH note with a descriptor of %u bytes, not 4 or 8", desc_size);
		return STATUS_BAD_VALUE;
	}
	memcpy(&entry, desc, desc_size);
	for (unsigned int i = 0; i < image->count && entry <= UINT32_MAX; i++) {
		if (entry >= image->ranges[i].start && entry < image->ranges[i].end) {
			image->entry = (uint32_t)entry;
			return STATUS_OK;
		}
	}
	format_text(loader->why, loader->why_size, "the PVH note's entry 0x%llx %s",
		(unsigned long long)entry,
		entry > UINT32_MAX ? "is not below 4 GiB" : "lies in no loadable segment");
	return STATUS_BAD_VALUE;
}

/* Copies one segment that was checked; the rest that it has in memory becomes zero. */
static enum status segment_copy(const struct loader *loader, const struct elf_segment *segment)
{
	uint64_t gpa = segment->paddr + segment->file_size;
	uint64_t left = segment->memory_size - segment->file_size;
	uint64_t piece;

	for (; left != 0; gpa += piece, left -= piece) {
		void *host = guest_memory_find(loader->memory, gpa, left, &piece);

		if (host == NULL)
			return STATUS_OUT_OF_RANGE;
		memset(host, 0, piece);
	}
	return guest_memory_write(loader->memory, segment->paddr,
		elf_file_bytes(&loader->elf, segment), segment->file_size);
}

static enum status segments_copy(const struct loader *loader)
{
	for (unsigned int i = 0; i < loader->elf.segment_count; i++) {
		struct elf_segment segment = elf_file_segment(&loader->elf, i);
		enum status status;

		if (!segment_is_loaded(&segment))
			continue;
		status = segment_copy(loader, &segment);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

enum status elf_load_pvh(const void *file, uint64_t size, const struct guest_memory *memory,
	struct pvh_image *image, char *why, size_t why_size)
{
	struct loader loader = {
		.memory = memory, .image = image, .why = why, .why_size = why_size
	};
	enum status status;

	*image = (struct pvh_image){ 0 };
	status = elf_file_open(&loader.elf, file, size, why, why_size);
	if (status == STATUS_OK)
		status = segments_check(&loader);
	if (status == STATUS_OK)
		status = entry_find(&loader);
	if (status == STATUS_OK)
		status = segments_copy(&loader);
	return status;
}
