/* SPDX-License-Identifier: MIT */
/*
 * Memory from the firmware: every page that the hypervisor, the guest or the disk uses comes from
 * AllocatePages (UEFI 7.2 'Memory Allocation Services'), is noted here, and is freed at the end.
 */
#include "boot/firmware.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/frames.h"

#define LARGE_PAGE (2 * MIB)

enum status firmware_open(struct firmware *firmware, EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID loaded_image = LOADED_IMAGE_PROTOCOL;

	*firmware = (struct firmware){
		.image = image,
		.system = system,
		.boot = system->BootServices,
	};
	/* Five minutes is what UEFI gives a boot option; a guest may run longer. */
	firmware->boot->SetWatchdogTimer(0, 0, 0, NULL);
	if (EFI_ERROR(firmware->boot->HandleProtocol(
		    image, &loaded_image, (void **)&firmware->loaded)))
		return STATUS_NOT_FOUND;
	return STATUS_OK;
}

static void *allocate(struct firmware *firmware, EFI_ALLOCATE_TYPE type, uint64_t base,
	uint64_t pages, struct firmware_region region)
{
	EFI_PHYSICAL_ADDRESS address = base;

	if (firmware->region_count == FIRMWARE_MAX_REGIONS) {
		log_error("boot", "more than %d memory regions", FIRMWARE_MAX_REGIONS);
		return NULL;
	}
	if (EFI_ERROR(firmware->boot->AllocatePages(type, EfiLoaderData, pages, &address)))
		return NULL;
	region.base = address;
	region.pages = pages;
	firmware->regions[firmware->region_count++] = region;
	return (void *)(uintptr_t)address;
}

void *firmware_alloc(struct firmware *firmware, size_t pages)
{
	void *memory = allocate(firmware, AllocateAnyPages, 0, pages,
		(struct firmware_region){
			.kind = HOST_PAGE_DATA, .mapped = true, .overhead = true });

	if (memory != NULL)
		memset(memory, 0, pages * PAGE_SIZE);
	return memory;
}

void firmware_keep(struct firmware *firmware, const void *memory)
{
	for (size_t i = 0; i < firmware->region_count; i++) {
		if (firmware->regions[i].base == host_physical(memory))
			firmware->regions[i].permanent = true;
	}
}

void *firmware_alloc_stack(struct firmware *firmware, size_t pages)
{
	uint8_t *memory = firmware_alloc(firmware, pages + 1);
	struct firmware_region *guard;

	if (memory == NULL || firmware->region_count == FIRMWARE_MAX_REGIONS)
		return NULL;
	/* The region is split in two: the lowest page stays unmapped, the rest is the stack. */
	guard = &firmware->regions[firmware->region_count - 1];
	firmware->regions[firmware->region_count] = *guard;
	firmware->regions[firmware->region_count].base += PAGE_SIZE;
	firmware->regions[firmware->region_count].pages = pages;
	firmware->region_count++;
	guard->pages = 1;
	guard->mapped = false;
	return memory + PAGE_SIZE;
}

void *firmware_alloc_at(struct firmware *firmware, uint64_t base, uint64_t size)
{
	return allocate(firmware, AllocateAddress, base, size / PAGE_SIZE,
		(struct firmware_region){ .kind = HOST_PAGE_DATA, .mapped = true });
}

/* The firmware's memory map, in pool memory that the caller frees; null when there is no room. */
static EFI_MEMORY_DESCRIPTOR *read_memory_map(
	struct firmware *firmware, UINTN *size, UINTN *descriptor_size)
{
	void *map = NULL;
	UINTN key;
	UINT32 version;

	*size = 0;
	firmware->boot->GetMemoryMap(size, NULL, &key, descriptor_size, &version);
	*size += 8 * *descriptor_size;
	if (EFI_ERROR(firmware->boot->AllocatePool(EfiLoaderData, *size, &map)))
		return NULL;
	if (EFI_ERROR(firmware->boot->GetMemoryMap(size, map, &key, descriptor_size, &version))) {
		firmware->boot->FreePool(map);
		return NULL;
	}
	return map;
}

/* The highest place for size bytes in free memory, for what fits nowhere else lies low; 0: none. */
static uint64_t highest_free(struct firmware *firmware, uint64_t size, uint64_t alignment)
{
	UINTN map_size, step;
	uint64_t highest = 0;
	uint8_t *map = (uint8_t *)read_memory_map(firmware, &map_size, &step);

	if (map == NULL)
		return 0;
	for (UINTN at = 0; at + step <= map_size; at += step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const void *)(map + at);
		uint64_t bytes = d->NumberOfPages * PAGE_SIZE;
		uint64_t base = align_down(d->PhysicalStart + bytes - size, alignment);

		if (d->Type == EfiConventionalMemory && bytes >= size && base >= d->PhysicalStart &&
			base > highest)
			highest = base;
	}
	firmware->boot->FreePool(map);
	return highest;
}

/*
 * Looked up rather than tried out with more than is needed: there is firmware that fills all memory
 * that is freed, byte by byte.
 */
void *firmware_alloc_large(struct firmware *firmware, uint64_t size, uint64_t alignment)
{
	const uint64_t base = highest_free(firmware, align_up(size, PAGE_SIZE), alignment);

	return base == 0 ? NULL : firmware_alloc_at(firmware, base, align_up(size, PAGE_SIZE));
}

uint64_t firmware_largest_free(struct firmware *firmware, uint64_t *base)
{
	UINTN size, step;
	uint64_t largest = 0;
	uint8_t *map = (uint8_t *)read_memory_map(firmware, &size, &step);

	if (map == NULL)
		return 0;
	for (UINTN at = 0; at + step <= size; at += step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const void *)(map + at);
		/* Not page 0: its address is a null pointer. */
		uint64_t start = align_up(max_u64(d->PhysicalStart, PAGE_SIZE), LARGE_PAGE);
		uint64_t end =
			align_down(d->PhysicalStart + d->NumberOfPages * PAGE_SIZE, LARGE_PAGE);

		if (d->Type == EfiConventionalMemory && end > start && end - start > largest) {
			largest = end - start;
			*base = start;
		}
	}
	firmware->boot->FreePool(map);
	return largest;
}

void *firmware_alloc_temporary(struct firmware *firmware, uint64_t size)
{
	EFI_PHYSICAL_ADDRESS address = 0;

	if (EFI_ERROR(firmware->boot->AllocatePages(AllocateAnyPages, EfiLoaderData,
		    align_up(size, PAGE_SIZE) / PAGE_SIZE, &address)))
		return NULL;
	return (void *)(uintptr_t)address;
}

void firmware_free_temporary(struct firmware *firmware, void *memory, uint64_t size)
{
	firmware->boot->FreePages(
		(EFI_PHYSICAL_ADDRESS)(uintptr_t)memory, align_up(size, PAGE_SIZE) / PAGE_SIZE);
}

uint64_t firmware_overhead(const struct firmware *firmware)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < firmware->region_count; i++) {
		if (firmware->regions[i].overhead)
			pages += firmware->regions[i].pages;
	}
	return pages * PAGE_SIZE;
}

void firmware_free_all(struct firmware *firmware)
{
	for (size_t i = 0; i < firmware->region_count; i++) {
		const struct firmware_region *region = &firmware->regions[i];

		if (!region->permanent)
			firmware->boot->FreePages(region->base, region->pages);
	}
	firmware->region_count = 0;
}

void *firmware_frame_source(void *context, size_t pages)
{
	return firmware_alloc(context, pages);
}
