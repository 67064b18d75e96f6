/* SPDX-License-Identifier: MIT */
/*
 * The packed virtqueue's chains: what the driver has made available is followed once, from
 * descriptor to descriptor or through an indirect table. virtio 1.2, 2.8. Called through
 * devices/virtq.h.
 */
#include "devices/virtq_chain.h"

/* Flags that most descriptors of a chain share: available, in the chain's direction, direct. */
#define EXPECTED (VIRTQ_ROUND | VIRTQ_WRITE | VIRTQ_INDIRECT)

/* Bytes of the ring that were taken and not yet put back: next may be a round ahead of used. */
static inline uint32_t bytes_in_flight(const struct virtq *queue)
{
	const struct virtq_packed *ring = &queue->ring;
	bool ahead = ((ring->available ^ ring->used_bits) & VIRTQ_AVAILABLE) != 0;

	return (ahead ? queue->bytes : 0u) + ring->next - ring->used;
}

/* Slots that a chain may take. */
static inline uint32_t room_of(const struct virtq *queue)
{
	return (queue->bytes - bytes_in_flight(queue)) / VIRTQ_DESCRIPTOR_SIZE;
}

/* A chain was taken that takes so many bytes of the ring. */
static inline __attribute__((always_inline)) enum virtq_result finish_take(
	struct virtq *queue, struct virtq_chain *chain, uint32_t bytes)
{
	struct virtq_packed *ring = &queue->ring;
	uint32_t slots = bytes / VIRTQ_DESCRIPTOR_SIZE;
	uint32_t next = ring->next + bytes;

	chain->slots = (uint16_t)slots;
	queue->budget = queue->budget - (int32_t)slots;
	if (virtq_unlikely(next >= queue->bytes)) {
		next -= queue->bytes;
		ring->available ^= VIRTQ_ROUND;
		ring->straight = 0;
	}
	ring->next = next;
	queue->changed = true;
	return VIRTQ_CHAIN;
}

/*
 * The whole chain is what an indirect table says. A flag other than WRITE, and the buffer id, mean
 * nothing in it (2.8.7); but INDIRECT a driver MUST NOT set (2.8.19).
 */
static bool take_table(struct virtq *queue, struct virtq_chain *chain,
	struct virtq_builder *builder, uint32_t at, struct virtq_descriptor *descriptor)
{
	struct virtq_table table;

	if (!virtq_table_enter(queue, at, descriptor, &table))
		return false;
	builder->left = queue->size;
	for (at = 0; at < table.size; at += VIRTQ_DESCRIPTOR_SIZE) {
		virtq_table_read(queue, &table, at, descriptor);
		if ((descriptor->flags & VIRTQ_INDIRECT) != 0)
			return virtq_break_nested(queue, at);
		if (!virtq_chain_add(queue, chain, builder, at, descriptor))
			return false;
	}
	queue->in_table = false;
	return true;
}

/* A chain on its way: at descriptor, which was read from byte at of the ring. */
struct walk {
	struct virtq_builder builder;
	uint32_t at;
	uint32_t before;    /* bytes of the ring that the chain takes so far */
	uint32_t available; /* the bits of a descriptor that is available */
	struct virtq_descriptor descriptor;
};

static void read_slot(struct virtq *queue, struct walk *walk)
{
	const volatile struct virtq_wire *wire =
		virtq_area_at(queue, &queue->descriptors, walk->at);

	/* The flags before what they make available. */
	walk->descriptor.flags = wire->packed.flags;
	walk->descriptor.other = wire->packed.id;
	walk->descriptor.length = wire->length;
	walk->descriptor.address = wire->address;
}

static __attribute__((cold, noinline)) bool break_room(struct virtq *queue, uint32_t at)
{
	uint32_t in_flight = bytes_in_flight(queue);

	if (in_flight == 0)
		return virtq_break_length(queue, at);
	return virtq_break_at(queue, at,
		"made available, but %u of the ring's %u entries are in use, and the rest is this "
		"chain's",
		in_flight / VIRTQ_DESCRIPTOR_SIZE, queue->size);
}

/* Adds the descriptor that walk is at. False: a ring error. */
static bool walk_add(struct virtq *queue, struct virtq_chain *chain, struct walk *walk)
{
	if ((walk->descriptor.flags & VIRTQ_ROUND) != walk->available)
		return virtq_break_at(
			queue, walk->at, "the chain goes on here, but this is not available");
	if (walk->builder.left == 0)
		return break_room(queue, walk->at);
	if ((walk->descriptor.flags & VIRTQ_INDIRECT) == 0)
		return virtq_chain_add(queue, chain, &walk->builder, walk->at, &walk->descriptor);
	if (walk->before > 0)
		return virtq_break_at(queue, walk->at, "INDIRECT inside a chain");
	return take_table(queue, chain, &walk->builder, walk->at, &walk->descriptor);
}

/*
 * Follows a chain to its end, from a descriptor on: the general way, in a ring in any number of
 * pieces.
 */
static __attribute__((noinline)) enum virtq_result walk_on(
	struct virtq *queue, struct virtq_chain *chain, struct walk *walk)
{
	if (walk->before == 0 && (walk->descriptor.flags & VIRTQ_ROUND) != walk->available)
		return VIRTQ_EMPTY;
	for (;;) {
		bool last = (walk->descriptor.flags & (VIRTQ_NEXT | VIRTQ_INDIRECT)) != VIRTQ_NEXT;

		/* The buffer id stands in the last descriptor; any will do. 2.8.6 */
		chain->id = (uint16_t)walk->descriptor.other;
		if (!walk_add(queue, chain, walk))
			return VIRTQ_BROKEN;
		walk->before += VIRTQ_DESCRIPTOR_SIZE;
		if (last)
			break;
		walk->at += VIRTQ_DESCRIPTOR_SIZE;
		if (walk->at == queue->bytes) {
			walk->at = 0;
			walk->available ^= VIRTQ_ROUND;
		}
		read_slot(queue, walk);
	}
	if (!virtq_chain_finish(
		    queue, chain, walk->builder.end, walk->builder.bytes, walk->builder.direction))
		return VIRTQ_BROKEN;
	return finish_take(queue, chain, walk->before);
}

/* Reads the descriptor that walk is at, which may be the ring's end, and goes on there. */
static __attribute__((noinline)) enum virtq_result walk_at(
	struct virtq *queue, struct virtq_chain *chain, struct walk *walk)
{
	if (walk->at == queue->bytes) {
		walk->at = 0;
		walk->available ^= VIRTQ_ROUND;
	}
	read_slot(queue, walk);
	return walk_on(queue, chain, walk);
}

/*
 * The same for as long as a chain is like most: direct, its buffers in the first range of guest
 * memory, in a ring in one piece (at host), not past the ring's end nor where it is in use. No
 * function is called before that ends.
 */
static inline __attribute__((always_inline)) enum virtq_result walk_from(
	struct virtq *queue, struct virtq_chain *chain, const uint8_t *host, uint32_t straight)
{
	const struct guest_memory *memory = queue->memory;
	const volatile struct virtq_wire *wire =
		(const volatile struct virtq_wire *)(host + queue->ring.next);
	const volatile struct virtq_wire *stop =
		(const volatile struct virtq_wire *)(host + straight);
	struct virtq_segment *end = chain->segments;
	uint32_t expected = queue->ring.available;
	uint32_t turn = VIRTQ_WRITE; /* the odd flag that turns the chain, once */
	uint64_t address, length, bytes = 0;
	uint32_t flags;
	uint32_t before;

	do {
		uint32_t odd;

		/* The flags before what they make available. */
		flags = wire->packed.flags;
		length = wire->length;
		address = wire->address;
		odd = (flags ^ expected) & EXPECTED;
		if (odd != 0) {
			if (odd != turn)
				break;
			virtq_chain_turn(chain, end, bytes);
			turn = 0;
			expected |= VIRTQ_WRITE;
			bytes = 0;
		}
		if (!virtq_find_first(memory, address, length, &end->host))
			break;
		end->size = length;
		end++;
		bytes += length;
		if ((flags & VIRTQ_NEXT) == 0) {
			/* The buffer id stands in the last descriptor; any will do. 2.8.6 */
			chain->id = wire->packed.id;
			if (!virtq_chain_finish(queue, chain, end, bytes, expected & VIRTQ_WRITE))
				return VIRTQ_BROKEN;
			before = (uint32_t)((const uint8_t *)(wire + 1) - host);
			return finish_take(queue, chain, before - queue->ring.next);
		}
	} while (++wire != stop);

	before = (uint32_t)((const uint8_t *)wire - host) - queue->ring.next;
	struct walk walk = {
		.builder = { end, bytes, room_of(queue) - before / VIRTQ_DESCRIPTOR_SIZE,
			expected & VIRTQ_WRITE },
		.at = queue->ring.next + before,
		.before = before,
		.available = queue->ring.available,
	};

	if (wire == stop)
		return walk_at(queue, chain, &walk);
	walk.descriptor = (struct virtq_descriptor){ address, length, flags, wire->packed.id };
	return walk_on(queue, chain, &walk);
}

/* The general way from the chain's first descriptor on. */
static __attribute__((noinline)) enum virtq_result walk_first(
	struct virtq *queue, struct virtq_chain *chain)
{
	return walk_at(queue, chain,
		&(struct walk){
			.builder = { .end = chain->segments, .left = room_of(queue) },
			.at = queue->ring.next,
			.available = queue->ring.available,
		});
}

#define TABLE_OF_THREE (3 * VIRTQ_DESCRIPTOR_SIZE)

/*
 * The same for a chain of three that is readable first and writable last, as most requests of a
 * block device are, in an indirect table. False: it is something else, and goes the other way, from
 * its beginning: nothing that was read here is used then.
 */
static inline __attribute__((always_inline)) bool three_in_table(const struct virtq *queue,
	struct virtq_chain *chain, const volatile struct virtq_wire *wire)
{
	const struct guest_memory *memory = queue->memory;
	const volatile struct virtq_wire *table;
	uint32_t middle;
	uint8_t *host;

	if (!queue->indirect || wire->length != TABLE_OF_THREE ||
		!virtq_find_first(memory, wire->address, TABLE_OF_THREE, &host))
		return false;
	table = (const volatile struct virtq_wire *)host;
	middle = table[1].packed.flags;
	if ((table[0].packed.flags & (VIRTQ_WRITE | VIRTQ_INDIRECT)) != 0 ||
		(middle & VIRTQ_INDIRECT) != 0 ||
		(table[2].packed.flags & (VIRTQ_WRITE | VIRTQ_INDIRECT)) != VIRTQ_WRITE)
		return false;
	if (!virtq_chain_three(memory, chain, &table[0], &table[1], &table[2],
		    (middle & VIRTQ_WRITE) / VIRTQ_WRITE))
		return false;
	chain->id = wire->packed.id;
	return true;
}

/* The same in the ring itself. */
static inline __attribute__((always_inline)) bool three_in_ring(const struct virtq *queue,
	struct virtq_chain *chain, const volatile struct virtq_wire *wire)
{
	uint32_t available = queue->ring.available;
	uint32_t odd;

	if (queue->ring.next + TABLE_OF_THREE > queue->ring.straight)
		return false;
	odd = wire[1].packed.flags ^ (available | VIRTQ_NEXT);
	if ((odd & ~(uint32_t)VIRTQ_WRITE) != 0 ||
		wire[2].packed.flags != (available | VIRTQ_WRITE) ||
		!virtq_chain_three(
			queue->memory, chain, &wire[0], &wire[1], &wire[2], odd / VIRTQ_WRITE))
		return false;
	chain->id = wire[2].packed.id;
	return true;
}

static __attribute__((noinline)) enum virtq_result walk_straight(
	struct virtq *queue, struct virtq_chain *chain)
{
	return walk_from(queue, chain, queue->descriptors.host, queue->bytes);
}

enum virtq_result virtq_packed_take(struct virtq *queue, struct virtq_chain *chain)
{
	const struct virtq_packed *ring = &queue->ring;
	const uint8_t *host = queue->descriptors.host;
	const volatile struct virtq_wire *wire;
	uint32_t flags;

	/* A round ahead of what is put back: what is in use may come before the ring's end. */
	if (virtq_unlikely(ring->straight == 0))
		return walk_first(queue, chain);
	wire = (const volatile struct virtq_wire *)(host + ring->next);
	flags = wire->packed.flags ^ ring->available;
	if (flags == VIRTQ_NEXT && three_in_ring(queue, chain, wire))
		return finish_take(queue, chain, TABLE_OF_THREE);
	if (flags == VIRTQ_INDIRECT && three_in_table(queue, chain, wire))
		return finish_take(queue, chain, VIRTQ_DESCRIPTOR_SIZE);
	return walk_straight(queue, chain);
}
