/* SPDX-License-Identifier: MIT */
/*
 * The packed virtqueue: one ring of descriptors, which the device overwrites with used ones, and an
 * event suppression structure for either side. virtio 1.2, 2.8. Called through devices/virtq.h.
 * Chains are taken in devices/virtq_packed_take.c.
 */
#include "devices/virtq_chain.h"

/* Event suppression: bits 0..14 a slot, 15 its round, 16..17 what is wanted. 2.8.14 */
#define EVENT_SLOT    0x7fffu
#define EVENT_ROUND   0x8000u
#define EVENT_MODE(e) ((e) >> 16 & 3)
#define EVENT_DISABLE 1u
#define EVENT_AT_SLOT 2u

static inline volatile struct virtq_wire *slot_at(const struct virtq *queue, uint32_t at)
{
	return virtq_area_at(queue, &queue->descriptors, at);
}

/* Available: the two bits differ, and say which round it is. 2.8.1 */
static inline bool next_is_available(const struct virtq *queue)
{
	uint32_t flags = slot_at(queue, queue->ring.next)->packed.flags;

	return (flags & VIRTQ_ROUND) == queue->ring.available;
}

void virtq_packed_start(struct virtq *queue)
{
	/* Both wrap counters begin at 1. 2.8.1 */
	queue->ring = (struct virtq_packed){
		.available = VIRTQ_AVAILABLE,
		.used_bits = VIRTQ_ROUND,
		.event = EVENT_ROUND,
		.straight = queue->straight ? queue->bytes : 0,
		.driver_event = guest_memory_find_aligned(queue->memory, queue->driver.gpa),
		.device_event = guest_memory_find_aligned(queue->memory, queue->device.gpa),
	};
}

void virtq_packed_begin(struct virtq *queue)
{
	if (!queue->takes)
		return;
	queue->budget = next_is_available(queue) ? (int32_t)queue->size : 0;
}

bool virtq_packed_has_more(const struct virtq *queue)
{
	if (!queue->takes)
		return false;
	/* The device's event suppression, which virtq_packed_publish wrote, before the flags. */
	virtq_store_load_barrier();
	return next_is_available(queue);
}

static inline void use_slot(struct virtq *queue, volatile struct virtq_wire *wire, uint16_t id,
	uint32_t slots, uint32_t written)
{
	struct virtq_packed *ring = &queue->ring;
	uint32_t flags = ring->used_bits;
	uint32_t bytes = slots * VIRTQ_DESCRIPTOR_SIZE;
	uint32_t next = ring->used + bytes;

	uint32_t pending = ring->pending;

	flags |= written > 0 ? VIRTQ_WRITE : 0u;
	wire->length = written;
	wire->packed.id = id;
	ring->pending = pending + bytes;
	if (virtq_unlikely(pending == 0)) {
		/* The driver looks at this one until it is used: that waits for virtq_publish. */
		ring->first = ring->used;
		ring->first_flags = flags;
	} else {
		/* Length and id before the flags that show them. */
		virtq_barrier();
		wire->packed.flags = (uint16_t)flags;
	}
	if (virtq_unlikely(next >= queue->bytes)) {
		next -= queue->bytes;
		ring->used_bits ^= VIRTQ_ROUND;
		ring->straight = queue->straight ? queue->bytes : 0;
	}
	ring->used = next;
	queue->changed = true;
}

static __attribute__((cold, noinline)) void use_slot_in_pieces(
	struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written)
{
	/* Or the queue is stopped. */
	if (queue->memory != NULL)
		use_slot(queue, slot_at(queue, queue->ring.used), id, slots, written);
}

void virtq_packed_use(struct virtq *queue, uint16_t id, uint16_t slots, uint32_t written)
{
	uint8_t *host = queue->descriptors.host;
	uint32_t at = queue->ring.used;

	if (virtq_unlikely(host == NULL))
		use_slot_in_pieces(queue, id, slots, written);
	else
		use_slot(queue, (volatile struct virtq_wire *)(host + at), id, slots, written);
}

/*
 * Whether the driver wants an interrupt for what is pending. Places in two rounds count from 0 to
 * twice the ring's bytes, then from 0 again. 2.8.14
 */
static inline bool wants_interrupt(const struct virtq *queue)
{
	const struct virtq_packed *ring = &queue->ring;
	uint32_t event = *ring->driver_event;
	uint32_t place = (event & EVENT_SLOT) * VIRTQ_DESCRIPTOR_SIZE;
	uint32_t first = ring->first;
	uint32_t bytes = queue->bytes;

	if (EVENT_MODE(event) == EVENT_DISABLE)
		return false;
	/* Otherwise always, unless a slot is named that there is. */
	if (EVENT_MODE(event) != EVENT_AT_SLOT || !queue->event_index || place >= bytes)
		return true;
	if ((event & EVENT_ROUND) == 0)
		place += bytes;
	if ((ring->first_flags & VIRTQ_USED) == 0)
		first += bytes;
	return (place >= first ? place - first : place + 2 * bytes - first) < ring->pending;
}

/* Asks to be notified of the next chain. */
static inline void show_event(struct virtq_packed *ring)
{
	uint32_t round = (ring->available & VIRTQ_AVAILABLE) != 0 ? EVENT_ROUND : 0u;
	uint32_t event = round | ring->next / VIRTQ_DESCRIPTOR_SIZE;

	if (event == ring->event)
		return;
	ring->event = event;
	*ring->device_event = EVENT_AT_SLOT << 16 | event;
}

bool virtq_packed_publish(struct virtq *queue)
{
	struct virtq_packed *ring = &queue->ring;
	bool wanted;

	if (queue->event_index)
		show_event(ring);
	if (ring->pending == 0)
		return false;
	/* The other used descriptors, and the buffers' bytes, before the first one's flags. */
	virtq_barrier();
	slot_at(queue, ring->first)->packed.flags = (uint16_t)ring->first_flags;
	/* Those before the driver's event suppression: it writes that, then looks at the flags. */
	virtq_store_load_barrier();
	wanted = wants_interrupt(queue);
	ring->pending = 0;
	return wanted;
}
