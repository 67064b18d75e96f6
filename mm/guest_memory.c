/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory as the host sees it. Every guest-physical address and length that a guest made
 * passes through guest_memory_find: no comparison here adds two numbers that a guest chose, so none
 * can wrap around.
 */
#include "mm/guest_memory.h"

#include <stddef.h>

#include "lib/bits.h"
#include "lib/string.h"

enum status guest_memory_add(struct guest_memory *memory, uint64_t gpa, uint64_t size, void *host)
{
	unsigned int at = 0;

	if (!is_aligned(gpa | size, PAGE_SIZE) || size == 0 || gpa + size < gpa || host == NULL)
		return STATUS_BAD_VALUE;
	while (at < memory->count && memory->ranges[at].gpa < gpa)
		at++;
	if (at > 0 && gpa - memory->ranges[at - 1].gpa < memory->ranges[at - 1].size)
		return STATUS_CONFLICT;
	if (at < memory->count && memory->ranges[at].gpa - gpa < size)
		return STATUS_CONFLICT;
	if (memory->count == GUEST_MEMORY_MAX_RANGES)
		return STATUS_NO_MEMORY;

	memmove(&memory->ranges[at + 1], &memory->ranges[at],
		(memory->count - at) * sizeof(memory->ranges[0]));
	memory->ranges[at] = (struct guest_range){ .gpa = gpa, .size = size, .host = host };
	memory->count++;
	return STATUS_OK;
}

void *guest_memory_find_any(
	const struct guest_memory *memory, uint64_t gpa, uint64_t wanted, uint64_t *available)
{
	*available = 0;
	if (wanted == 0)
		return NULL;
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];
		uint64_t offset = gpa - range->gpa;

		if (offset < range->size) {
			*available = min_u64(wanted, range->size - offset);
			return range->host + offset;
		}
	}
	return NULL;
}

bool guest_memory_contains(const struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
	uint64_t piece;

	/* No range reaches the end of the address space: what wraps around meets that hole first.
	 */
	for (; size > 0; gpa += piece, size -= piece) {
		if (guest_memory_find(memory, gpa, size, &piece) == NULL)
			return false;
	}
	return true;
}

enum status guest_memory_read(
	const struct guest_memory *memory, uint64_t gpa, void *to, uint64_t size)
{
	uint8_t *target = to;
	uint64_t piece;

	if (!guest_memory_contains(memory, gpa, size))
		return STATUS_OUT_OF_RANGE;
	for (; size > 0; gpa += piece, target += piece, size -= piece) {
		const void *from = guest_memory_find(memory, gpa, size, &piece);

		memcpy(target, from, piece);
	}
	return STATUS_OK;
}

enum status guest_memory_write(
	const struct guest_memory *memory, uint64_t gpa, const void *from, uint64_t size)
{
	const uint8_t *source = from;
	uint64_t piece;

	if (!guest_memory_contains(memory, gpa, size))
		return STATUS_OUT_OF_RANGE;
	for (; size > 0; gpa += piece, source += piece, size -= piece) {
		void *to = guest_memory_find(memory, gpa, size, &piece);

		memcpy(to, source, piece);
	}
	return STATUS_OK;
}

uint64_t guest_memory_size(const struct guest_memory *memory)
{
	uint64_t size = 0;

	for (unsigned int i = 0; i < memory->count; i++)
		size += memory->ranges[i].size;
	return size;
}
