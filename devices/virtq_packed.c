/* SPDX-License-Identifier: MIT */
/*
 * The packed virtqueue: one ring of descriptors, which the device overwrites with used ones, and an
 * event suppression structure for either side. virtio 1.2, 2.8. Called through devices/virtq.h.
 */
#include "devices/virtq_chain.h"

#define DESCRIPTOR_REST 8u /* the second half of a descriptor */

/* Event suppression: bits 0..14 a slot, 15 its round, 16..17 what is wanted. 2.8.14 */
#define EVENT_SLOT    0x7fffu
#define EVENT_ROUND   0x8000u
#define EVENT_MODE(e) ((e) >> 16 & 3)
#define EVENT_DISABLE 1u
#define EVENT_AT_SLOT 2u

/* Flags that most descriptors of a chain share: available, in the chain's direction, direct. */
#define EXPECTED (VIRTQ_ROUND | VIRTQ_WRITE | VIRTQ_INDIRECT)

static inline void *slot_at(const struct virtq *queue, uint32_t slot)
{
	return virtq_area_at(queue, &queue->descriptors, slot * VIRTQ_DESCRIPTOR_SIZE);
}

static inline uint64_t read_rest(const void *slot)
{
	return *(const virtq_u64 *)((const uint8_t *)slot + DESCRIPTOR_REST);
}

static inline void write_rest(const struct virtq *queue, uint32_t slot, uint64_t rest)
{
	*(virtq_u64 *)((uint8_t *)slot_at(queue, slot) + DESCRIPTOR_REST) = rest;
}

static inline uint32_t flags_of(uint64_t rest)
{
	return (uint32_t)(rest >> 48);
}

/* Available: the two bits differ, and say which round it is. 2.8.1 */
static inline bool next_is_available(const struct virtq *queue)
{
	uint64_t rest = read_rest(slot_at(queue, queue->ring.next));

	return (flags_of(rest) & VIRTQ_ROUND) == queue->ring.available;
}

void virtq_packed_start(struct virtq *queue)
{
	/* Both wrap counters begin at 1. 2.8.1 */
	queue->ring = (struct virtq_packed){
		.available = VIRTQ_AVAILABLE,
		.used_bits = VIRTQ_ROUND,
		.event = EVENT_ROUND,
		.driver_event = guest_memory_find_aligned(queue->memory, queue->driver.gpa),
		.device_event = guest_memory_find_aligned(queue->memory, queue->device.gpa),
	};
}

void virtq_packed_begin(struct virtq *queue)
{
	if (!queue->takes)
		return;
	queue->budget = next_is_available(queue) ? queue->size : 0;
}

static __attribute__((noinline, cold)) enum virtq_result break_chain(
	struct virtq *queue, uint32_t at)
{
	virtq_break_at(queue, at, "the chain goes on here, but this is not available");
	return VIRTQ_BROKEN;
}

static __attribute__((noinline, cold)) bool break_room(struct virtq *queue, uint32_t at)
{
	if (queue->ring.in_flight == 0)
		return virtq_break_length(queue, at);
	return virtq_break_at(queue, at,
		"made available, but %u of the ring's %u entries are in use, and the rest is this "
		"chain's",
		queue->ring.in_flight, queue->size);
}

/*
 * The whole chain is what the table of size bytes at gpa says. A flag other than WRITE and the
 * buffer id mean nothing in it (2.8.7), but for INDIRECT, which a driver MUST NOT set (2.8.19).
 */
static inline __attribute__((always_inline)) bool walk(struct virtq *queue,
	struct virtq_chain *chain, const uint8_t *host, uint64_t gpa, uint32_t size)
{
	const struct guest_memory *memory = queue->memory;
	struct virtq_builder builder = virtq_builder_start(chain, size / VIRTQ_DESCRIPTOR_SIZE);

	for (uint32_t at = 0; at < size; at += VIRTQ_DESCRIPTOR_SIZE) {
		struct virtq_descriptor entry = virtq_read_descriptor(memory, host, gpa, at);
		uint32_t flags = flags_of(entry.rest);

		if ((flags & (VIRTQ_WRITE | VIRTQ_INDIRECT)) != builder.direction) {
			if (virtq_unlikely((flags & VIRTQ_INDIRECT) != 0))
				return virtq_break_nested(queue, at);
			if (virtq_unlikely(builder.direction != 0))
				return virtq_break_direction(queue, at);
			virtq_builder_turn(chain, &builder);
		}
		if (!virtq_builder_add(queue, memory, chain, &builder, at, entry.address,
			    (uint32_t)entry.rest))
			return false;
	}
	return virtq_builder_finish(queue, chain, &builder);
}

/* A chain that is one descriptor, which refers to an indirect table; before it came others. */
static __attribute__((noinline)) bool take_indirect(struct virtq *queue, struct virtq_chain *chain,
	uint32_t at, uint64_t address, uint64_t rest, uint32_t before)
{
	uint32_t size = (uint32_t)rest;
	const uint8_t *host;
	bool done;

	if (before > 0 || (flags_of(rest) & VIRTQ_NEXT) != 0)
		return virtq_break_at(queue, at, "INDIRECT in a chain of several descriptors");
	if (queue->ring.in_flight == queue->size)
		return break_room(queue, at);
	if (!virtq_indirect_find(queue, at, address, size, &host))
		return false;
	if (size > queue->size * VIRTQ_DESCRIPTOR_SIZE)
		return virtq_break_at(queue, at,
			"indirect table of %u descriptors; the queue has %u entries",
			size / VIRTQ_DESCRIPTOR_SIZE, queue->size);
	queue->in_table = true;
	queue->table_gpa = address;
	done = walk(queue, chain, host, address, size);
	queue->in_table = false;
	return done;
}

/* A chain of taken slots was taken, of which last is the last one's second half. */
static inline __attribute__((always_inline)) enum virtq_result finish_take(
	struct virtq *queue, struct virtq_chain *chain, uint64_t last, uint32_t taken)
{
	struct virtq_packed *ring = &queue->ring;
	uint32_t next = ring->next + taken;

	if (next >= queue->size) {
		next -= queue->size;
		ring->available ^= VIRTQ_ROUND;
	}
	ring->next = (uint16_t)next;
	ring->in_flight = (uint16_t)(ring->in_flight + taken);
	/* The buffer id stands in the last descriptor; any will do. 2.8.6 */
	chain->id = (uint16_t)(last >> 32);
	chain->slots = (uint16_t)taken;
	queue->budget = (uint16_t)(taken < queue->budget ? queue->budget - taken : 0);
	queue->changed = true;
	return VIRTQ_CHAIN;
}

enum virtq_result virtq_packed_take(struct virtq *queue, struct virtq_chain *chain)
{
	uint8_t *host = queue->descriptors.host;
	const struct guest_memory *memory = queue->memory;
	uint32_t room = (uint32_t)queue->size - queue->ring.in_flight;
	uint32_t end = queue->size * VIRTQ_DESCRIPTOR_SIZE;
	uint32_t at = queue->ring.next * VIRTQ_DESCRIPTOR_SIZE;
	uint32_t available = queue->ring.available;
	struct virtq_builder builder = virtq_builder_start(chain, room);

	for (;;) {
		const uint8_t *descriptor =
			host != NULL ? host + at
				     : virtq_area_at_pieces(queue, &queue->descriptors, at);
		uint64_t rest = read_rest(descriptor);
		uint32_t flags = flags_of(rest);
		uint64_t address;

		/* The flags before what they make available. */
		virtq_barrier();
		address = *(const virtq_u64 *)descriptor;
		if (((flags ^ available ^ builder.direction) & EXPECTED) != 0) {
			if ((flags & VIRTQ_ROUND) != available)
				return builder.left == room ? VIRTQ_EMPTY : break_chain(queue, at);
			if (virtq_unlikely((flags & VIRTQ_INDIRECT) != 0)) {
				if (!take_indirect(
					    queue, chain, at, address, rest, room - builder.left))
					return VIRTQ_BROKEN;
				return finish_take(queue, chain, rest, 1);
			}
			if (virtq_unlikely(builder.direction != 0)) {
				virtq_break_direction(queue, at);
				return VIRTQ_BROKEN;
			}
			virtq_builder_turn(chain, &builder);
		}
		if (virtq_unlikely(builder.left == 0)) {
			break_room(queue, at);
			return VIRTQ_BROKEN;
		}
		if (!virtq_builder_add(queue, memory, chain, &builder, at, address, (uint32_t)rest))
			return VIRTQ_BROKEN;
		if ((flags & VIRTQ_NEXT) == 0) {
			if (!virtq_builder_finish(queue, chain, &builder))
				return VIRTQ_BROKEN;
			return finish_take(queue, chain, rest, room - builder.left);
		}
		at += VIRTQ_DESCRIPTOR_SIZE;
		if (at == end) {
			at = 0;
			available ^= VIRTQ_ROUND;
		}
	}
}

bool virtq_packed_has_more(const struct virtq *queue)
{
	if (!queue->takes)
		return false;
	/* The device's event suppression, which virtq_packed_publish wrote, before the flags. */
	virtq_store_load_barrier();
	return next_is_available(queue);
}

void virtq_packed_use(struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written)
{
	struct virtq_packed *ring = &queue->ring;
	uint32_t flags = ring->used_bits | (written > 0 ? VIRTQ_WRITE : 0u);
	uint64_t rest = (uint64_t)flags << 48 | (uint64_t)id << 32 | written;
	uint32_t next = (uint32_t)ring->used + slots;

	if (virtq_unlikely(queue->memory == NULL))
		return;
	/* The driver looks at the first alone until that is used: it waits for virtq_publish. */
	if (ring->pending == 0)
		ring->first = rest;
	else
		write_rest(queue, ring->used, rest);
	ring->pending = (uint16_t)(ring->pending + slots);
	ring->in_flight = (uint16_t)(ring->in_flight - slots);
	if (next >= queue->size) {
		next -= queue->size;
		ring->used_bits ^= VIRTQ_ROUND;
	}
	ring->used = (uint16_t)next;
	queue->changed = true;
}

/*
 * Whether the driver wants an interrupt for the pending slots that begin at first, in the round of
 * rest. Slots of two rounds count from 0 up to twice the size, then from 0 again. 2.8.14
 */
static inline bool wants_interrupt(const struct virtq *queue, uint32_t first, uint64_t rest)
{
	uint32_t event = *queue->ring.driver_event;
	uint32_t slot = event & EVENT_SLOT;
	uint32_t size = queue->size;

	if (EVENT_MODE(event) == EVENT_DISABLE)
		return false;
	/* Otherwise always, unless a slot is named that there is. */
	if (EVENT_MODE(event) != EVENT_AT_SLOT || !queue->event_index || slot >= size)
		return true;
	if ((event & EVENT_ROUND) == 0)
		slot += size;
	if ((flags_of(rest) & VIRTQ_USED) == 0)
		first += size;
	return (slot >= first ? slot - first : slot + 2 * size - first) < queue->ring.pending;
}

/* Asks to be notified of the next chain. */
static inline void show_event(struct virtq_packed *ring)
{
	uint32_t round = (ring->available & VIRTQ_AVAILABLE) != 0 ? EVENT_ROUND : 0;
	uint32_t event = round | ring->next;

	if (event == ring->event)
		return;
	ring->event = (uint16_t)event;
	*ring->device_event = EVENT_AT_SLOT << 16 | event;
}

bool virtq_packed_publish(struct virtq *queue)
{
	struct virtq_packed *ring = &queue->ring;
	uint32_t first;
	bool wanted;

	if (queue->event_index)
		show_event(ring);
	if (ring->pending == 0)
		return false;
	first = ring->used;
	if (first < ring->pending)
		first += queue->size;
	first -= ring->pending;
	/* The other used descriptors, and the buffers' bytes, before the first one's flags. */
	virtq_barrier();
	write_rest(queue, first, ring->first);
	/* Those before the driver's event suppression: it writes that, then looks at the flags. */
	virtq_store_load_barrier();
	wanted = wants_interrupt(queue, first, ring->first);
	ring->pending = 0;
	return wanted;
}
