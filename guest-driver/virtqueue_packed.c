/* SPDX-License-Identifier: MIT */
/*
 * The packed ring, the driver's side: one ring of descriptors that both sides write. Two bits of a
 * descriptor's flags say whose it is, compared with wrap counters that change each time round.
 * virtio 1.2, 2.8.
 *
 *	memory:  descriptors, 16 bytes each | the driver's event | the device's event
 */
#include "guest-driver/virtqueue.h"

static struct virtq_packed_descriptor *descriptors_of(const struct virtqueue *queue)
{
	return (struct virtq_packed_descriptor *)(void *)queue->memory;
}

static struct virtq_packed_event *driver_event_of(const struct virtqueue *queue)
{
	return (struct virtq_packed_event *)(void *)(queue->memory + 16u * queue->size);
}

static struct virtq_packed_event *device_event_of(const struct virtqueue *queue)
{
	return driver_event_of(queue) + 1;
}
_Static_assert(16 * VIRTQUEUE_MAX_SIZE + 2 * sizeof(struct virtq_packed_event) <= VIRTQUEUE_MEMORY,
	"the largest packed ring fits");

static struct virtio_queue_place packed_place(const struct virtqueue *queue)
{
	return (struct virtio_queue_place){
		.size = queue->size,
		.descriptors = (uintptr_t)descriptors_of(queue),
		.driver = (uintptr_t)driver_event_of(queue),
		.device = (uintptr_t)device_event_of(queue),
	};
}

/* Moves a place in the ring on, and its wrap counter where it passes the end. */
static void move_on(const struct virtqueue *queue, uint16_t *place, bool *wrap, uint16_t entries)
{
	*place = (uint16_t)(*place + entries);
	if (*place < queue->size)
		return;
	*place = (uint16_t)(*place - queue->size);
	*wrap = !*wrap;
}

/*
 * Puts a descriptor into the next entry and makes it available, but for the first one of a batch:
 * its flags wait for publish, and a device that has not seen it looks at none behind it.
 */
static void put(struct virtqueue *queue, struct virtq_packed_descriptor descriptor)
{
	const uint16_t at = queue->next_avail;
	struct virtq_packed_descriptor *entry = &descriptors_of(queue)[at];
	const uint16_t owner = queue->avail_wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
	const uint16_t flags = (uint16_t)(descriptor.flags | owner);

	entry->addr = descriptor.addr;
	entry->len = descriptor.len;
	entry->id = descriptor.id;
	if (queue->added++ == 0) {
		queue->held_at = at;
		queue->held_flags = flags;
	} else {
		virtqueue_store(&entry->flags, flags);
	}
	move_on(queue, &queue->next_avail, &queue->avail_wrap, 1);
}

static struct virtq_packed_descriptor describe(
	const struct virtqueue_chain *chain, unsigned int i, uint16_t id)
{
	return (struct virtq_packed_descriptor){
		.addr = (uintptr_t)chain->pieces[i].at,
		.len = chain->pieces[i].size,
		.id = id,
		.flags = i >= chain->readable ? VIRTQ_DESC_F_WRITE : 0,
	};
}

static void packed_add(struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	struct virtq_packed_descriptor *table = chain->table;
	const unsigned int pieces = chain->readable + chain->writable;
	const uint16_t id = queue->free_head;

	queue->free_head = queue->links[id];
	/* In a table the order alone makes the chain: no NEXT, no owner. 2.8.7. */
	for (unsigned int i = 0; table != NULL && i < pieces; i++)
		table[i] = describe(chain, i, 0);
	if (table != NULL) {
		put(queue, (struct virtq_packed_descriptor){
				   .addr = (uintptr_t)table,
				   .len = pieces * (uint32_t)sizeof(*table),
				   .id = id,
				   .flags = VIRTQ_DESC_F_INDIRECT,
			   });
		return;
	}
	for (unsigned int i = 0; i < pieces; i++) {
		struct virtq_packed_descriptor descriptor = describe(chain, i, id);

		if (i + 1 < pieces)
			descriptor.flags |= VIRTQ_DESC_F_NEXT;
		put(queue, descriptor);
	}
}

static bool packed_publish(struct virtqueue *queue)
{
	const uint16_t before = (uint16_t)(queue->next_avail - queue->added);
	const struct virtq_packed_event *wish = device_event_of(queue);
	uint16_t flags, event;

	/* These flags are seen after all that was put into the batch. 2.8.21.1. */
	virtqueue_store(&descriptors_of(queue)[queue->held_at].flags, queue->held_flags);
	queue->added = 0;
	/* And before the device's wish is read. 2.8.21.3. */
	virtqueue_barrier();
	flags = virtqueue_load(&wish->flags) & 3;
	if (flags != VIRTQ_PACKED_EVENT_DESCRIPTOR)
		return flags != VIRTQ_PACKED_EVENT_DISABLE;
	/* An event of the round before is that many entries back. */
	event = virtqueue_load(&wish->offset_wrap);
	if (((event & VIRTQ_PACKED_EVENT_WRAP) != 0) != queue->avail_wrap)
		event = (uint16_t)((event & ~VIRTQ_PACKED_EVENT_WRAP) - queue->size);
	else
		event &= (uint16_t)~VIRTQ_PACKED_EVENT_WRAP;
	return virtqueue_passed(event, queue->next_avail, before);
}

/* Used: both bits are as the wrap counter says. */
static bool packed_has_used(const struct virtqueue *queue)
{
	const uint16_t flags = virtqueue_load(&descriptors_of(queue)[queue->next_used].flags);
	const bool avail = (flags & VIRTQ_DESC_F_AVAIL) != 0;
	const bool used = (flags & VIRTQ_DESC_F_USED) != 0;

	return avail == used && used == queue->used_wrap;
}

static uint32_t packed_used_number(const struct virtqueue *queue, uint32_t *written)
{
	const struct virtq_packed_descriptor *entry = &descriptors_of(queue)[queue->next_used];

	*written = entry->len;
	return entry->id;
}

static void packed_advance(struct virtqueue *queue, uint16_t number)
{
	queue->links[number] = queue->free_head;
	queue->free_head = number;
	move_on(queue, &queue->next_used, &queue->used_wrap, queue->slots[number]);
}

/* With EVENT_IDX, the last entry that any chain has: it is passed when all chains are used. */
static void packed_ask_interrupt(struct virtqueue *queue)
{
	struct virtq_packed_event *wish = driver_event_of(queue);
	const uint16_t taken = (uint16_t)(queue->size - queue->free);
	uint16_t place = queue->next_used;
	bool wrap = queue->used_wrap;

	if (!queue->event_index) {
		virtqueue_store(&wish->flags, VIRTQ_PACKED_EVENT_ENABLE);
		return;
	}
	move_on(queue, &place, &wrap, (uint16_t)(taken - (taken != 0)));
	virtqueue_store(
		&wish->offset_wrap, (uint16_t)(place | (wrap ? VIRTQ_PACKED_EVENT_WRAP : 0)));
	virtqueue_store(&wish->flags, VIRTQ_PACKED_EVENT_DESCRIPTOR);
}

static void packed_refuse_interrupt(struct virtqueue *queue)
{
	virtqueue_store(&driver_event_of(queue)->flags, VIRTQ_PACKED_EVENT_DISABLE);
}

const struct virtqueue_ops virtqueue_packed_ops = {
	.place = packed_place,
	.add = packed_add,
	.publish = packed_publish,
	.has_used = packed_has_used,
	.used_number = packed_used_number,
	.advance = packed_advance,
	.ask_interrupt = packed_ask_interrupt,
	.refuse_interrupt = packed_refuse_interrupt,
};
