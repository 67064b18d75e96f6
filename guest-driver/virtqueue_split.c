/* SPDX-License-Identifier: MIT */
/*
 * The split ring, the driver's side: a table of descriptors, and two rings of their numbers, one
 * that the driver writes (available) and one that the device writes (used). virtio 1.2, 2.7.
 *
 *	memory:  descriptors, 16 bytes each | available ring | used ring
 */
#include "guest-driver/virtqueue.h"

static struct virtq_split_descriptor *descriptors_of(const struct virtqueue *queue)
{
	return (struct virtq_split_descriptor *)(void *)queue->memory;
}

static struct virtq_split_avail *avail_of(const struct virtqueue *queue)
{
	return (struct virtq_split_avail *)(void *)(queue->memory + 16u * queue->size);
}

static struct virtq_split_used *used_of(const struct virtqueue *queue)
{
	const uint64_t end = 16u * queue->size + virtq_split_avail_bytes(queue->size);
	const uint64_t align = VIRTQ_SPLIT_USED_ALIGN - 1;

	return (struct virtq_split_used *)(void *)(queue->memory + ((end + align) & ~align));
}
_Static_assert(16 * VIRTQUEUE_MAX_SIZE + (4 + 2 * VIRTQUEUE_MAX_SIZE + 2) + 4 +
			       (4 + 8 * VIRTQUEUE_MAX_SIZE + 2) <=
		       VIRTQUEUE_MEMORY,
	"the largest split ring fits");

/* Behind the ring that each side writes stands the event of the other's index. 2.7.7, 2.7.10. */
static uint16_t *used_event_of(const struct virtqueue *queue)
{
	return &avail_of(queue)->ring[queue->size];
}

static const uint16_t *avail_event_of(const struct virtqueue *queue)
{
	return (const uint16_t *)(const void *)&used_of(queue)->ring[queue->size];
}

static struct virtio_queue_place split_place(const struct virtqueue *queue)
{
	return (struct virtio_queue_place){
		.size = queue->size,
		.descriptors = (uintptr_t)descriptors_of(queue),
		.driver = (uintptr_t)avail_of(queue),
		.device = (uintptr_t)used_of(queue),
	};
}

/* The descriptor of piece i of the chain; the one behind it is next, where there is one. */
static struct virtq_split_descriptor describe(
	const struct virtqueue_chain *chain, unsigned int i, uint16_t next)
{
	const bool last = i + 1 == chain->readable + chain->writable;

	return (struct virtq_split_descriptor){
		.addr = (uintptr_t)chain->pieces[i].at,
		.len = chain->pieces[i].size,
		.flags = (uint16_t)((i >= chain->readable ? VIRTQ_DESC_F_WRITE : 0) |
				    (last ? 0 : VIRTQ_DESC_F_NEXT)),
		.next = last ? 0 : next,
	};
}

static void add_indirect(struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	struct virtq_split_descriptor *table = chain->table;
	const unsigned int pieces = chain->readable + chain->writable;

	for (unsigned int i = 0; i < pieces; i++)
		table[i] = describe(chain, i, (uint16_t)(i + 1));
	descriptors_of(queue)[queue->free_head] = (struct virtq_split_descriptor){
		.addr = (uintptr_t)table,
		.len = pieces * (uint32_t)sizeof(*table),
		.flags = VIRTQ_DESC_F_INDIRECT,
	};
	queue->free_head = queue->links[queue->free_head];
}

static void add_direct(struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	for (unsigned int i = 0; i < chain->readable + chain->writable; i++) {
		const uint16_t at = queue->free_head;

		queue->free_head = queue->links[at];
		descriptors_of(queue)[at] = describe(chain, i, queue->free_head);
	}
}

static void split_add(struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	const uint16_t head = queue->free_head;

	if (chain->table != NULL)
		add_indirect(queue, chain);
	else
		add_direct(queue, chain);
	virtqueue_store(&avail_of(queue)->ring[queue->next_avail % queue->size], head);
	queue->next_avail++;
	queue->added++;
}

static bool split_publish(struct virtqueue *queue)
{
	const uint16_t before = (uint16_t)(queue->next_avail - queue->added);

	/* The index is seen after the descriptors and entries that it announces. 2.7.13.3. */
	virtqueue_store(&avail_of(queue)->idx, queue->next_avail);
	queue->added = 0;
	/* And before the device's wish is read: it may change it while it looks. 2.7.13.4. */
	virtqueue_barrier();
	if (queue->event_index)
		return virtqueue_passed(
			virtqueue_load(avail_event_of(queue)), queue->next_avail, before);
	return (virtqueue_load(&used_of(queue)->flags) & VIRTQ_USED_F_NO_NOTIFY) == 0;
}

static bool split_has_used(const struct virtqueue *queue)
{
	return virtqueue_load(&used_of(queue)->idx) != queue->next_used;
}

static uint32_t split_used_number(const struct virtqueue *queue, uint32_t *written)
{
	const struct virtq_split_used_element *element =
		&used_of(queue)->ring[queue->next_used % queue->size];

	*written = element->len;
	return element->id;
}

/* The chain's descriptors go back to the front of the free list. Links are our own copy. */
static void split_advance(struct virtqueue *queue, uint16_t number)
{
	uint16_t last = number;

	for (uint16_t i = 1; i < queue->slots[number]; i++)
		last = queue->links[last];
	queue->links[last] = queue->free_head;
	queue->free_head = number;
	queue->next_used++;
}

static void split_ask_interrupt(struct virtqueue *queue)
{
	if (queue->event_index)
		virtqueue_store(used_event_of(queue),
			(uint16_t)(queue->next_used + queue->chains - (queue->chains != 0)));
	else
		virtqueue_store(&avail_of(queue)->flags, 0);
}

/* With EVENT_IDX the flags stay 0 (2.7.7.1); an event just passed is far away. */
static void split_refuse_interrupt(struct virtqueue *queue)
{
	if (queue->event_index)
		virtqueue_store(used_event_of(queue), (uint16_t)(queue->next_used - 1));
	else
		virtqueue_store(&avail_of(queue)->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

const struct virtqueue_ops virtqueue_split_ops = {
	.place = split_place,
	.add = split_add,
	.publish = split_publish,
	.has_used = split_has_used,
	.used_number = split_used_number,
	.advance = split_advance,
	.ask_interrupt = split_ask_interrupt,
	.refuse_interrupt = split_refuse_interrupt,
};
