/* SPDX-License-Identifier: MIT */
/*
 * Finds out what kind of guest it is, and loads it.
 */
#include "boot/guest_image.h"

#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/linux.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

static bool is_elf(const struct guest_files *files)
{
	return files->kernel_size >= 4 && memcmp(files->kernel, "\177ELF", 4) == 0;
}

/* The tables for a Linux kernel, which never lies there. */
static enum status load_linux(const struct guest_files *files, const struct guest_memory *memory,
	struct vcpu_start *start, char *why, size_t why_size)
{
	uint64_t rsdp = ACPI_TABLES_START;
	enum status status = linux_load(files, rsdp, memory, start, why, why_size);

	if (status != STATUS_OK)
		return status;
	status = acpi_place(memory, files->virtio_disk, &rsdp);
	if (status != STATUS_OK)
		format_text(why, why_size, "no memory at 0x%llx for its ACPI tables",
			(unsigned long long)ACPI_TABLES_START);
	return status;
}

static bool leaves_room_for_acpi(const struct pvh_image *image)
{
	for (unsigned int i = 0; i < image->count; i++) {
		if (image->ranges[i].start < ACPI_TABLES_END &&
			image->ranges[i].end > ACPI_TABLES_START)
			return false;
	}
	return true;
}

/* Above all segments: a kernel may take what lies behind it for its own. */
static enum status place_initrd(const struct guest_files *files, const struct guest_memory *memory,
	const struct pvh_image *image, uint64_t *gpa)
{
	uint64_t floor = PVH_HIGH_RAM_START;

	*gpa = 0;
	if (files->initrd_size == 0)
		return STATUS_OK;
	for (unsigned int i = 0; i < image->count; i++)
		floor = max_u64(floor, image->ranges[i].end);
	*gpa = pvh_find_high_place(memory, floor, 4 * GIB, files->initrd_size);
	if (*gpa == 0)
		return STATUS_NO_MEMORY;
	return guest_memory_write(memory, *gpa, files->initrd, files->initrd_size);
}

static enum status load_pvh(const struct guest_files *files, const struct guest_memory *memory,
	struct vcpu_start *start, char *why, size_t why_size)
{
	struct pvh_words words = { .cmdline = files->cmdline, .initrd_size = files->initrd_size };
	struct pvh_image image;
	uint32_t start_info = 0;
	enum status status =
		elf_load_pvh(files->kernel, files->kernel_size, memory, &image, why, why_size);

	if (status != STATUS_OK)
		return status;
	status = place_initrd(files, memory, &image, &words.initrd);
	if (status != STATUS_OK) {
		format_text(why, why_size,
			"its initrd of %llu bytes does not fit: not above its segments and below "
			"4 GiB in %llu MiB of memory",
			(unsigned long long)files->initrd_size,
			(unsigned long long)(guest_memory_size(memory) / MIB));
		return status;
	}
	/* Without memory there, or without room, it goes without. */
	if (!leaves_room_for_acpi(&image) ||
		acpi_place(memory, files->virtio_disk, &words.rsdp) != STATUS_OK)
		words.rsdp = 0;
	status = pvh_place_start_info(memory, &image, &words, &start_info);
	if (status != STATUS_OK) {
		format_text(why, why_size, "it leaves no room for the start info");
		return status;
	}
	*start = (struct vcpu_start){ .rip = image.entry, .rbx = start_info };
	return STATUS_OK;
}

enum status guest_image_load(const struct guest_files *files, const struct guest_memory *memory,
	struct vcpu_start *start, char *why, size_t why_size)
{
	if (linux_is_image(files->kernel, files->kernel_size))
		return load_linux(files, memory, start, why, why_size);
	if (is_elf(files))
		return load_pvh(files, memory, start, why, why_size);
	format_text(why, why_size, "neither an ELF file nor a Linux kernel (bzImage)");
	return STATUS_BAD_VALUE;
}
