/* SPDX-License-Identifier: MIT */
/*
 * What the split and the packed ring of a driver have in common: which chains are out, and under
 * which numbers. Called by guest-driver/virtio_blk.c and test guests.
 */
#include "guest-driver/virtqueue.h"

#include "lib/string.h"

void virtqueue_init(
	struct virtqueue *queue, void *memory, uint16_t size, bool packed, bool event_index)
{
	memset(memory, 0, VIRTQUEUE_MEMORY);
	memset(queue, 0, sizeof(*queue));
	queue->ops = packed ? &virtqueue_packed_ops : &virtqueue_split_ops;
	queue->memory = memory;
	queue->size = size;
	queue->event_index = event_index;
	queue->free = size;
	queue->avail_wrap = true;
	queue->used_wrap = true;
	for (uint16_t i = 0; i < size; i++)
		queue->links[i] = (uint16_t)(i + 1);
	virtqueue_refuse_interrupt(queue);
}

struct virtio_queue_place virtqueue_place(const struct virtqueue *queue)
{
	return queue->ops->place(queue);
}

enum virtio_error virtqueue_add(struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	const unsigned int pieces = chain->readable + chain->writable;
	const unsigned int slots = chain->table != NULL ? 1 : pieces;
	const uint16_t number = queue->free_head;

	if (pieces == 0 || slots > queue->free)
		return VIRTIO_QUEUE_FULL;
	queue->tokens[number] = chain->token;
	queue->slots[number] = (uint16_t)slots;
	queue->free = (uint16_t)(queue->free - slots);
	queue->chains++;
	queue->ops->add(queue, chain);
	return VIRTIO_OK;
}

bool virtqueue_publish(struct virtqueue *queue)
{
	return queue->added != 0 && queue->ops->publish(queue);
}

bool virtqueue_has_used(const struct virtqueue *queue)
{
	return queue->ops->has_used(queue);
}

enum virtio_error virtqueue_take(struct virtqueue *queue, void **token, uint32_t *written)
{
	uint32_t number;

	*token = NULL;
	if (!queue->ops->has_used(queue))
		return VIRTIO_OK;
	number = queue->ops->used_number(queue, written);
	if (number >= queue->size || queue->tokens[number] == NULL)
		return VIRTIO_BROKEN_DEVICE;
	*token = queue->tokens[number];
	queue->tokens[number] = NULL;
	queue->free = (uint16_t)(queue->free + queue->slots[number]);
	queue->chains--;
	queue->ops->advance(queue, (uint16_t)number);
	return VIRTIO_OK;
}

void virtqueue_ask_interrupt(struct virtqueue *queue)
{
	queue->ops->ask_interrupt(queue);
	virtqueue_barrier();
}

void virtqueue_refuse_interrupt(struct virtqueue *queue)
{
	queue->ops->refuse_interrupt(queue);
}
