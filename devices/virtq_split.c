/* SPDX-License-Identifier: MIT */
/*
 * The split virtqueue: descriptor table, available ring, used ring. virtio 1.2, 2.7. Called through
 * devices/virtq.h.
 */
#include "devices/virtq_chain.h"
/* LAB 4 { for lab_not_implemented
 * #include "lib/lab.h"
 */
/* LAB 4 } */

/* The available ring: flags, index, entries, used event. 2.7.6 */
#define AVAILABLE_FLAGS        0u
#define AVAILABLE_INDEX        2u
#define AVAILABLE_ENTRY(i)     (4u + 2u * (i))
#define AVAILABLE_NO_INTERRUPT 1u
/* The used ring: flags, index, entries, available event. 2.7.8 */
#define USED_INDEX        2u
#define USED_ENTRY(i)     (4u + 8u * (i))
#define USED_ENTRY_LENGTH 4u

void virtq_split_start(struct virtq *queue)
{
	const struct guest_memory *memory = queue->memory;
	uint64_t driver = queue->driver.gpa;
	uint64_t device = queue->device.gpa;
	uint32_t size = queue->size;

	queue->split = (struct virtq_split){
		.available_flags = guest_memory_find_aligned(memory, driver + AVAILABLE_FLAGS),
		.available_index = guest_memory_find_aligned(memory, driver + AVAILABLE_INDEX),
		.used_event = guest_memory_find_aligned(memory, driver + AVAILABLE_ENTRY(size)),
		.used_index = guest_memory_find_aligned(memory, device + USED_INDEX),
		.available_event = guest_memory_find_aligned(memory, device + USED_ENTRY(size)),
	};
}

void virtq_split_begin(struct virtq *queue)
{
	/* LAB 4 { step 1: what is available
	 * lab_not_implemented(4, "step 1, virtq_split_begin in devices/virtq_split.c");
	 * (void)queue;
	 */
	struct virtq_split *ring = &queue->split;
	uint16_t outstanding;
	uint16_t more;

	if (!queue->takes)
		return;
	more = (uint16_t)(*ring->available_index - ring->next);
	/* The index before the entries and descriptors that it makes available. */
	virtq_barrier();
	/* Each chain has a descriptor, which is the device's until the driver sees it used. */
	outstanding = (uint16_t)(ring->next - ring->shown);
	if (virtq_unlikely(more + outstanding > queue->size)) {
		virtq_break(queue,
			"available index jumps from %u to %u; the ring has %u entries, %u of them "
			"in use",
			ring->next, (uint16_t)(ring->next + more), queue->size, outstanding);
		return;
	}
	queue->budget = more;
	/* LAB 4 } */
}

/* LAB 4 { the helpers of virtq_split_take */
/* The chain ends in the indirect table that a descriptor refers to. */
static bool walk_indirect(struct virtq *queue, struct virtq_chain *chain,
	const struct virtq_builder *builder, uint32_t at, uint64_t address, uint64_t rest)
	__attribute__((noinline));

/*
 * Follows a chain to its end through the table of size bytes at gpa (host: where it lies in one
 * piece, else null), from the descriptor at byte at on. Inlined, so that what is known about the
 * table is tested before the loop.
 */
static inline __attribute__((always_inline)) bool walk(struct virtq *queue,
	struct virtq_chain *chain, struct virtq_builder builder, const uint8_t *host, uint64_t gpa,
	uint32_t size, uint32_t at, bool indirect)
{
	const struct guest_memory *memory = queue->memory;

	for (;;) {
		struct virtq_descriptor descriptor = virtq_read_descriptor(memory, host, gpa, at);
		uint32_t flags = (uint32_t)(descriptor.rest >> 32);
		uint32_t next;

		if ((flags & (VIRTQ_WRITE | VIRTQ_INDIRECT)) != builder.direction) {
			if (virtq_unlikely((flags & VIRTQ_INDIRECT) != 0)) {
				const struct virtq_builder state = builder;

				return indirect ? virtq_break_nested(queue, at)
						: walk_indirect(queue, chain, &state, at,
							  descriptor.address, descriptor.rest);
			}
			if (virtq_unlikely(builder.direction != 0))
				return virtq_break_direction(queue, at);
			virtq_builder_turn(chain, &builder);
		}
		if (virtq_unlikely(builder.left == 0))
			return virtq_break_length(queue, at);
		if (!virtq_builder_add(queue, memory, chain, &builder, at, descriptor.address,
			    (uint32_t)descriptor.rest))
			return false;
		if ((flags & VIRTQ_NEXT) == 0)
			return virtq_builder_finish(queue, chain, &builder);
		next = (uint32_t)(descriptor.rest >> 48) * VIRTQ_DESCRIPTOR_SIZE;
		if (virtq_unlikely(next >= size))
			return virtq_break_at(queue, at, "next is %u; the table has %u descriptors",
				next / VIRTQ_DESCRIPTOR_SIZE, size / VIRTQ_DESCRIPTOR_SIZE);
		at = next;
	}
}

/* 2.7.5.3 */
static bool walk_indirect(struct virtq *queue, struct virtq_chain *chain,
	const struct virtq_builder *builder, uint32_t at, uint64_t address, uint64_t rest)
{
	uint32_t size = (uint32_t)rest;
	const uint8_t *host;
	bool done;

	if ((rest >> 32 & VIRTQ_NEXT) != 0)
		return virtq_break_at(queue, at, "INDIRECT together with NEXT");
	if (!virtq_indirect_find(queue, at, address, size, &host))
		return false;
	queue->in_table = true;
	queue->table_gpa = address;
	done = walk(queue, chain, *builder, host, address, size, 0, true);
	queue->in_table = false;
	return done;
}
/* LAB 4 } */

enum virtq_result virtq_split_take(struct virtq *queue, struct virtq_chain *chain)
{
	/* LAB 4 { steps 2 to 4: a chain is taken
	 * lab_not_implemented(4, "step 2, virtq_split_take in devices/virtq_split.c");
	 * (void)queue;
	 * (void)chain;
	 * return VIRTQ_BROKEN;
	 */
	struct virtq_split *ring = &queue->split;
	uint32_t size = queue->size;
	uint32_t entry = ring->next & (size - 1);
	uint32_t head =
		*(const virtq_u16 *)virtq_area_at(queue, &queue->driver, AVAILABLE_ENTRY(entry));
	const struct virtq_area *table = &queue->descriptors;
	struct virtq_builder builder = virtq_builder_start(chain, size);
	bool done;

	if (virtq_unlikely(head >= size)) {
		virtq_break(queue, "available entry %u: head %u; the table has %u descriptors",
			entry, head, size);
		return VIRTQ_BROKEN;
	}
	chain->id = (uint16_t)head;
	chain->slots = 1;
	done = walk(queue, chain, builder, table->host, table->gpa, size * VIRTQ_DESCRIPTOR_SIZE,
		head * VIRTQ_DESCRIPTOR_SIZE, false);
	if (!done)
		return VIRTQ_BROKEN;
	ring->next++;
	queue->budget--;
	queue->changed = true;
	return VIRTQ_CHAIN;
	/* LAB 4 } */
}

bool virtq_split_has_more(const struct virtq *queue)
{
	/* LAB 4 { step 1, too
	 * lab_not_implemented(4, "step 1, virtq_split_has_more in devices/virtq_split.c");
	 * (void)queue;
	 * return false;
	 */
	if (!queue->takes)
		return false;
	/* The available event, which virtq_split_publish wrote, before the index. */
	virtq_store_load_barrier();
	return queue->budget != 0 || *queue->split.available_index != queue->split.next;
	/* LAB 4 } */
}

void virtq_split_use(struct virtq *queue, uint16_t id, uint32_t written)
{
	/* LAB 4 { step 5: a chain is put back
	 * lab_not_implemented(4, "step 5, virtq_split_use in devices/virtq_split.c");
	 * (void)queue;
	 * (void)id;
	 * (void)written;
	 */
	struct virtq_split *ring = &queue->split;
	uint32_t at = USED_ENTRY(ring->used & (queue->size - 1u));

	if (virtq_unlikely(queue->memory == NULL))
		return;
	/* An entry has 8 bytes, but is aligned to 4. */
	*(virtq_u32 *)virtq_area_at(queue, &queue->device, at) = id;
	*(virtq_u32 *)virtq_area_at(queue, &queue->device, at + USED_ENTRY_LENGTH) = written;
	ring->used++;
	queue->changed = true;
	/* LAB 4 } */
}

/* LAB 4 { a helper of virtq_split_publish */
/* Whether the driver wants an interrupt for the used entries from shown up to used. 2.7.7 */
static inline bool wants_interrupt(const struct virtq *queue, uint16_t shown, uint16_t used)
{
	if (!queue->event_index)
		return (*queue->split.available_flags & AVAILABLE_NO_INTERRUPT) == 0;
	return (uint16_t)(used - *queue->split.used_event - 1) < (uint16_t)(used - shown);
}
/* LAB 4 } */

bool virtq_split_publish(struct virtq *queue)
{
	/* LAB 4 { step 6: the driver sees it
	 * lab_not_implemented(4, "step 6, virtq_split_publish in devices/virtq_split.c");
	 * (void)queue;
	 * return false;
	 */
	struct virtq_split *ring = &queue->split;
	uint16_t shown = ring->shown;

	if (queue->event_index && ring->event != ring->next) {
		ring->event = ring->next;
		*ring->available_event = ring->next;
	}
	if (ring->used == shown)
		return false;
	/* The entries, and what was written into the buffers, before the index. */
	virtq_barrier();
	*ring->used_index = ring->used;
	ring->shown = ring->used;
	/* The index before the driver's flags or event: it writes those, then looks at the index.
	 */
	virtq_store_load_barrier();
	return wants_interrupt(queue, shown, ring->used);
	/* LAB 4 } */
}
