/* SPDX-License-Identifier: MIT */
/*
 * Builds the PVH start info in guest memory: memory map, command line and what leads
 * to both, in one piece where nothing of the guest's image lies.
 */
#include "boot/pvh.h"

#include "lib/bits.h"
#include "lib/string.h"

/* As it lies in guest memory; the command line follows right behind the last entry in use. */
struct start_block {
	struct hvm_start_info info;
	struct hvm_modlist_entry initrd;
	struct hvm_memmap_entry map[PVH_MAX_MAP];
};

static void map_add(struct hvm_memmap_entry *map, unsigned int *count, uint64_t start, uint64_t end,
	enum hvm_memmap_type type)
{
	if (start < end)
		map[(*count)++] = (struct hvm_memmap_entry){
			.addr = start, .size = end - start, .type = type
		};
}

unsigned int pvh_build_map(
	const struct guest_memory *memory, struct hvm_memmap_entry map[PVH_MAX_MAP])
{
	const struct guest_range *range = memory->ranges, *last = range + memory->count;
	unsigned int count = 0;
	bool reserved = false;

	while (range < last) {
		uint64_t start = range->gpa, end = start;

		for (; range < last && range->gpa == end; range++)
			end += range->size;
		map_add(map, &count, start, min_u64(end, PVH_LOW_RAM_END), HVM_MEMMAP_RAM);
		if (end >= PVH_HIGH_RAM_START && !reserved) {
			map_add(map, &count, PVH_LOW_RAM_END, PVH_HIGH_RAM_START,
				HVM_MEMMAP_RESERVED);
			reserved = true;
		}
		map_add(map, &count, max_u64(start, PVH_HIGH_RAM_START), end, HVM_MEMMAP_RAM);
	}
	if (!reserved)
		map_add(map, &count, PVH_LOW_RAM_END, PVH_HIGH_RAM_START, HVM_MEMMAP_RESERVED);
	return count;
}

uint64_t pvh_find_high_place(
	const struct guest_memory *memory, uint64_t floor, uint64_t limit, uint64_t size)
{
	struct hvm_memmap_entry map[PVH_MAX_MAP];

	for (unsigned int i = pvh_build_map(memory, map); i-- > 0;) {
		const uint64_t start = align_up(max_u64(map[i].addr, floor), PAGE_SIZE);
		const uint64_t end = min_u64(map[i].addr + map[i].size, limit);

		if (map[i].type == HVM_MEMMAP_RAM && start < end && size <= end - start &&
			align_down(end - size, PAGE_SIZE) >= start)
			return align_down(end - size, PAGE_SIZE);
	}
	return 0;
}

/* Whether [start, start + size) is RAM below 4 GiB, not in page 0, that the image leaves free. */
static bool place_is_free(const struct guest_memory *memory, const struct pvh_image *image,
	uint64_t start, uint64_t size)
{
	uint64_t end = start + size;

	if (start < PAGE_SIZE || end < start || end > 4 * GIB ||
		!guest_memory_contains(memory, start, size))
		return false;
	if (start < PVH_HIGH_RAM_START && end > PVH_LOW_RAM_END)
		return false;
	for (unsigned int i = 0; i < image->count; i++) {
		if (start < image->ranges[i].end && end > image->ranges[i].start)
			return false;
	}
	return true;
}

/*
 * A free place, or 0. From 640 KiB downwards, so that the lowest memory, where small guests put
 * their own things, is taken last. Above 1 MiB a free piece that is large enough begins behind the
 * ROMs, behind a segment or where a range of memory begins.
 */
static uint64_t place_find(
	const struct guest_memory *memory, const struct pvh_image *image, uint64_t size)
{
	for (uint64_t at = PVH_LOW_RAM_END; at >= PAGE_SIZE; at -= PAGE_SIZE) {
		if (place_is_free(memory, image, at, size))
			return at;
	}
	if (place_is_free(memory, image, PVH_HIGH_RAM_START, size))
		return PVH_HIGH_RAM_START;
	for (unsigned int i = 0; i < image->count; i++) {
		uint64_t at = align_up(image->ranges[i].end, PAGE_SIZE);

		if (place_is_free(memory, image, at, size))
			return at;
	}
	for (unsigned int i = 0; i < memory->count; i++) {
		if (place_is_free(memory, image, memory->ranges[i].gpa, size))
			return memory->ranges[i].gpa;
	}
	return 0;
}

enum status pvh_place_start_info(const struct guest_memory *memory, const struct pvh_image *image,
	const struct pvh_words *words, uint32_t *gpa)
{
	struct start_block block;
	unsigned int entries = pvh_build_map(memory, block.map);
	uint64_t head_size = offsetof(struct start_block, map) + entries * sizeof(block.map[0]);
	uint64_t cmdline_size = strlen(words->cmdline) + 1;
	uint64_t pages = align_up(head_size + cmdline_size, PAGE_SIZE);
	struct pvh_image taken = *image;
	enum status status;
	uint64_t at;

	if (words->initrd_size != 0)
		taken.ranges[taken.count++] =
			(struct pvh_range){ words->initrd, words->initrd + words->initrd_size };
	at = place_find(memory, &taken, pages);
	if (at == 0)
		return STATUS_NO_MEMORY;
	block.info = (struct hvm_start_info){
		.magic = HVM_START_MAGIC,
		.version = HVM_START_VERSION,
		.nr_modules = words->initrd_size != 0,
		.modlist_paddr =
			words->initrd_size != 0 ? at + offsetof(struct start_block, initrd) : 0,
		.cmdline_paddr = at + head_size,
		.rsdp_paddr = words->rsdp,
		.memmap_paddr = at + offsetof(struct start_block, map),
		.memmap_entries = entries,
	};
	block.initrd =
		(struct hvm_modlist_entry){ .paddr = words->initrd, .size = words->initrd_size };
	status = guest_memory_write(memory, at, &block, head_size);
	if (status == STATUS_OK)
		status = guest_memory_write(memory, at + head_size, words->cmdline, cmdline_size);
	*gpa = (uint32_t)at;
	return status;
}
