/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: one piece where the firmware has it, else the largest pieces first. Pieces begin at
 * multiples of 2 MiB on both sides, so that EPT can use large pages.
 */
#include "boot/guest_ram.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

#define LARGE_PAGE (2 * MIB)

/* What the firmware and its drivers are left with, in each large piece that we cut. */
#define FIRMWARE_RESERVE (8 * MIB)

static void *allocate_piece(struct firmware *firmware, uint64_t wanted, uint64_t *size)
{
	uint64_t alignment = wanted >= GIB ? GIB : LARGE_PAGE;
	uint64_t base, largest;
	void *piece = firmware_alloc_large(firmware, wanted, alignment);

	if (piece == NULL && alignment != LARGE_PAGE)
		piece = firmware_alloc_large(firmware, wanted, LARGE_PAGE);
	*size = wanted;
	if (piece != NULL)
		return piece;
	largest = firmware_largest_free(firmware, &base);
	if (largest <= FIRMWARE_RESERVE)
		return NULL;
	*size = min_u64(wanted, largest - FIRMWARE_RESERVE);
	return firmware_alloc_at(firmware, base, *size);
}

enum status guest_ram_allocate(
	struct firmware *firmware, uint64_t size, struct guest_memory *memory)
{
	uint64_t gpa = 0;

	while (size != 0) {
		uint64_t wanted =
			gpa < GUEST_HOLE_START ? min_u64(size, GUEST_HOLE_START - gpa) : size;
		uint64_t got = 0;
		void *piece = allocate_piece(firmware, wanted, &got);
		enum status status;

		if (piece == NULL)
			return STATUS_NO_MEMORY;
		status = guest_memory_add(memory, gpa, got, piece);
		if (status != STATUS_OK)
			return status;
		log_debug("boot", "guest memory 0x%lx+0x%lx at 0x%lx", gpa, got,
			(uint64_t)(uintptr_t)piece);
		gpa += got;
		size -= got;
		if (gpa == GUEST_HOLE_START)
			gpa = GUEST_HOLE_END;
	}
	/* Only now that all of it is there: clearing takes long, and a refusal must not. */
	for (unsigned int i = 0; i < memory->count; i++)
		memset(memory->ranges[i].host, 0, memory->ranges[i].size);
	return STATUS_OK;
}
