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
#define USED_INDEX    2u
#define USED_ENTRY(i) (4u + 8u * (i))

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
/* A chain on its way: at descriptor, which was read from byte at of table. */
struct walk {
	struct virtq_builder builder;
	struct virtq_table table;
	uint32_t at;
	struct virtq_descriptor descriptor;
};

static __attribute__((cold, noinline)) bool break_next(
	struct virtq *queue, uint32_t at, uint32_t next, uint32_t size)
{
	return virtq_break_at(queue, at, "next is %u; the table has %u descriptors", next,
		size / VIRTQ_DESCRIPTOR_SIZE);
}

/* Where the descriptor says that the chain goes on: false (a ring error) outside the table. */
static bool walk_to_next(struct virtq *queue, struct walk *walk)
{
	uint32_t next = walk->descriptor.other * VIRTQ_DESCRIPTOR_SIZE;

	if (next >= walk->table.size)
		return break_next(queue, walk->at, walk->descriptor.other, walk->table.size);
	walk->at = next;
	return true;
}

/*
 * Follows a chain to its end, from a descriptor on: the general way, in any table in any number of
 * pieces. False: a ring error.
 */
static __attribute__((noinline)) bool walk_on(
	struct virtq *queue, struct virtq_chain *chain, struct walk *walk)
{
	for (;;) {
		if ((walk->descriptor.flags & VIRTQ_INDIRECT) != 0) {
			if (walk->table.indirect)
				return virtq_break_nested(queue, walk->at);
			/* The chain ends in that table; its flag WRITE means nothing. 2.7.5.3 */
			if (!virtq_table_enter(queue, walk->at, &walk->descriptor, &walk->table))
				return false;
			walk->at = 0;
		} else {
			if (!virtq_chain_add(
				    queue, chain, &walk->builder, walk->at, &walk->descriptor))
				return false;
			if ((walk->descriptor.flags & VIRTQ_NEXT) == 0)
				break;
			if (!walk_to_next(queue, walk))
				return false;
		}
		virtq_table_read(queue, &walk->table, walk->at, &walk->descriptor);
	}
	queue->in_table = false;
	return virtq_chain_finish(
		queue, chain, walk->builder.end, walk->builder.bytes, walk->builder.direction);
}

/*
 * The same from the head on in the ring's table, which lies at wires, for as long as the chain is
 * like most: direct, its buffers in the first range of guest memory. No function is called before
 * that ends.
 */
static inline __attribute__((always_inline)) bool walk_from(struct virtq *queue,
	struct virtq_chain *chain, const volatile struct virtq_wire *wires, uint32_t head)
{
	const struct guest_memory *memory = queue->memory;
	struct virtq_segment *end = chain->segments;
	uint32_t left = queue->size;
	uint32_t direction = 0;
	uint32_t turn = VIRTQ_WRITE; /* the odd flag that turns the chain, once */
	uint32_t index = head;
	uint64_t bytes = 0;
	uint64_t address, length;
	uint32_t flags, next;

	do {
		const volatile struct virtq_wire *wire = &wires[index];
		uint32_t odd;

		flags = wire->split.flags;
		length = wire->length;
		address = wire->address;
		odd = (flags ^ direction) & (VIRTQ_WRITE | VIRTQ_INDIRECT);
		if (odd != 0) {
			if (odd != turn)
				break;
			virtq_chain_turn(chain, end, bytes);
			turn = 0;
			direction = VIRTQ_WRITE;
			bytes = 0;
		}
		if (!virtq_find_first(memory, address, length, &end->host))
			break;
		end->size = length;
		end++;
		bytes += length;
		if ((flags & VIRTQ_NEXT) == 0)
			return virtq_chain_finish(queue, chain, end, bytes, direction);
		next = wire->split.next;
		if (virtq_unlikely(next >= queue->size))
			return break_next(queue, index * VIRTQ_DESCRIPTOR_SIZE, next, queue->bytes);
		index = next;
	} while (--left != 0);
	if (left == 0)
		return virtq_break_length(queue, index * VIRTQ_DESCRIPTOR_SIZE);
	return walk_on(queue, chain,
		&(struct walk){
			.builder = { end, bytes, left, direction },
			.table = { (const uint8_t *)wires, queue->descriptors.gpa, queue->bytes,
				false },
			.at = index * VIRTQ_DESCRIPTOR_SIZE,
			.descriptor = { address, length, flags, wires[index].split.next },
		});
}

static __attribute__((noinline)) bool walk_head(
	struct virtq *queue, struct virtq_chain *chain, uint32_t head)
{
	struct walk walk = {
		.builder = { .end = chain->segments, .left = queue->size },
		.table = { .gpa = queue->descriptors.gpa, .size = queue->bytes },
		.at = head * VIRTQ_DESCRIPTOR_SIZE,
	};

	if (queue->descriptors.host != NULL)
		return walk_from(queue, chain,
			(const volatile struct virtq_wire *)queue->descriptors.host, head);
	virtq_table_read(queue, &walk.table, walk.at, &walk.descriptor);
	return walk_on(queue, chain, &walk);
}

#define TABLE_OF_THREE (3 * VIRTQ_DESCRIPTOR_SIZE)

/*
 * The same for a chain of three, direct or all in an indirect table, that is readable first and
 * writable last, as most requests of a block device are. False: it is something else, and goes the
 * other way, from its beginning: nothing that was read here is used then.
 */
static inline __attribute__((always_inline)) bool take_three(struct virtq *queue,
	struct virtq_chain *chain, const volatile struct virtq_wire *table, uint32_t head)
{
	const struct guest_memory *memory = queue->memory;
	const volatile struct virtq_wire *wire = &table[head];
	uint32_t entries = queue->size;
	uint32_t flags = wire->split.flags;
	uint32_t second, third, odd;
	uint8_t *host;

	if (flags == VIRTQ_INDIRECT) {
		if (!queue->indirect || wire->length != TABLE_OF_THREE ||
			!virtq_find_first(memory, wire->address, TABLE_OF_THREE, &host))
			return false;
		entries = 3;
		table = (const volatile struct virtq_wire *)host;
		wire = table;
		flags = wire->split.flags;
	}
	if (flags != VIRTQ_NEXT)
		return false;
	second = wire->split.next;
	if (second >= entries)
		return false;
	odd = table[second].split.flags ^ VIRTQ_NEXT;
	third = table[second].split.next;
	if ((odd & ~(uint32_t)VIRTQ_WRITE) != 0 || third >= entries ||
		table[third].split.flags != VIRTQ_WRITE)
		return false;
	return virtq_chain_three(
		memory, chain, wire, &table[second], &table[third], odd / VIRTQ_WRITE);
}

static __attribute__((cold, noinline)) enum virtq_result break_head(
	struct virtq *queue, uint32_t entry, uint32_t head)
{
	virtq_break(queue, "available entry %u: head %u; the table has %u descriptors", entry, head,
		queue->size);
	return VIRTQ_BROKEN;
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
	uint32_t entry = ring->next & (queue->size - 1u);
	uint32_t head =
		*(const virtq_u16 *)virtq_area_at(queue, &queue->driver, AVAILABLE_ENTRY(entry));
	const uint8_t *host = queue->descriptors.host;

	if (virtq_unlikely(head >= queue->size))
		return break_head(queue, entry, head);
	chain->id = (uint16_t)head;
	chain->slots = 1;
	if (!(queue->straight &&
		    take_three(queue, chain, (const volatile struct virtq_wire *)host, head)) &&
		!walk_head(queue, chain, head))
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

/* LAB 4 { the helpers of virtq_split_use */
/* An entry has 8 bytes, but is aligned to 4. */
static inline void use_entry(
	struct virtq *queue, virtq_u32 *id_at, virtq_u32 *written_at, uint16_t id, uint32_t written)
{
	*id_at = id;
	*written_at = written;
	queue->split.used++;
	queue->changed = true;
}

static __attribute__((cold, noinline)) void use_entry_in_pieces(
	struct virtq *queue, uint32_t at, uint16_t id, uint32_t written)
{
	/* Or the queue is stopped. */
	if (queue->memory != NULL)
		use_entry(queue, virtq_area_at(queue, &queue->device, at),
			virtq_area_at(queue, &queue->device, at + 4), id, written);
}
/* LAB 4 } */

void virtq_split_use(struct virtq *queue, uint16_t id, uint32_t written)
{
	/* LAB 4 { step 5: a chain is put back
	 * lab_not_implemented(4, "step 5, virtq_split_use in devices/virtq_split.c");
	 * (void)queue;
	 * (void)id;
	 * (void)written;
	 */
	uint32_t at = USED_ENTRY(queue->split.used & (queue->size - 1u));
	uint8_t *host = queue->device.host;

	if (virtq_unlikely(host == NULL))
		use_entry_in_pieces(queue, at, id, written);
	else
		use_entry(
			queue, (virtq_u32 *)(host + at), (virtq_u32 *)(host + at + 4), id, written);
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
