/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue as a program: guest memory in pieces, each between pages that nobody may touch,
 * and the queue's functions. The requests are those of tests/lab/4/ring.py.
 */
#include "tests/lab/child.h"
#include "tests/lab/child_memory.h"

#include "devices/virtq.h"

static struct virtq queue;
static struct virtq_chain chain;

/* 'S': size, what was negotiated, the three areas. */
static enum status start(struct child *child)
{
	struct virtq_setup setup = { .memory = &child_memory };

	setup.size = (uint32_t)child_take(child, 4);
	setup.indirect = child_take(child, 1) != 0;
	setup.event_index = child_take(child, 1) != 0;
	setup.descriptors = child_take(child, 8);
	setup.driver = child_take(child, 8);
	setup.device = child_take(child, 8);
	return virtq_start(&queue, &setup);
}

/* The guest-physical address of a segment; all ones where it is not wholly guest memory. */
static uint64_t segment_gpa(const struct virtq_segment *segment)
{
	for (unsigned int i = 0; i < child_memory.count; i++) {
		const struct guest_range *range = &child_memory.ranges[i];
		uint64_t offset = (uint64_t)(uintptr_t)segment->host - (uintptr_t)range->host;

		if (offset < range->size && segment->size <= range->size - offset)
			return range->gpa + offset;
	}
	return ~0ull;
}

static void take(struct child *child)
{
	enum virtq_result result = virtq_take(&queue, &chain);
	uint64_t count = (uint64_t)chain.readable + chain.writable;

	child_put(child, result, 4);
	if (result != VIRTQ_CHAIN)
		return;
	if (count > VIRTQ_MAX_SEGMENTS)
		_exit(7);
	child_put(child, chain.id, 2);
	child_put(child, chain.slots, 2);
	child_put(child, chain.readable_bytes, 8);
	child_put(child, chain.writable_bytes, 8);
	child_put(child, chain.readable, 4);
	child_put(child, chain.writable, 4);
	for (uint64_t i = 0; i < count; i++) {
		child_put(child, segment_gpa(&chain.segments[i]), 8);
		child_put(child, chain.segments[i].size, 8);
	}
}

/* 'F': the available index's address, its value, a count: so many rounds of one chain each. */
static void go_round(struct child *child)
{
	uint64_t gpa = child_take(child, 8);
	uint16_t index = (uint16_t)child_take(child, 2);
	uint32_t count = (uint32_t)child_take(child, 4);
	uint32_t done = 0, wanted = 0;

	for (; done < count; done++) {
		index++;
		if (guest_memory_write(&child_memory, gpa, &index, sizeof(index)) != STATUS_OK)
			_exit(6);
		virtq_begin(&queue);
		if (virtq_take(&queue, &chain) != VIRTQ_CHAIN)
			break;
		virtq_use(&queue, chain.id, 1, 0);
		wanted += virtq_publish(&queue);
	}
	child_put(child, done, 4);
	child_put(child, wanted, 4);
}

static void answer(struct child *child)
{
	uint16_t id;

	switch (child->operation) {
	case 'M': child_add_memory(child); break;
	case 'P': child_poke(child); break;
	case 'G': child_peek(child); break;
	case 'S': child_put(child, start(child), 4); break;
	case 'B': virtq_begin(&queue); break;
	case 'T': take(child); break;
	case 'H': child_put(child, virtq_has_more(&queue), 1); break;
	case 'U':
		id = (uint16_t)child_take(child, 2);
		virtq_use(&queue, id, 1, (uint32_t)child_take(child, 4));
		break;
	case 'F': go_round(child); break;
	case 'V': child_put(child, virtq_publish(&queue), 1); break;
	default: _exit(5);
	}
}

int main(void)
{
	return child_serve(answer);
}
