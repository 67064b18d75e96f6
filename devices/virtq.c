/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping a virtqueue: what the driver wrote about it is checked once, here. Called
 * by the device when the driver says that the queue is ready, and at a reset.
 */
#include "devices/virtq.h"

#include "devices/virtq_chain.h"
#include "lib/bits.h"

/* An area's place in guest memory. virtio 1.2, 2.7 and 2.8.10.1. */
struct area_rule {
	const char *name;
	uint64_t gpa;
	uint64_t size;
	uint64_t alignment;
};

static enum status start_area(
	struct virtq *queue, struct virtq_area *area, const struct area_rule *rule)
{
	uint64_t available;

	if (!is_aligned(rule->gpa, rule->alignment)) {
		virtq_explain(queue, "%s at 0x%lx is not aligned to %lu", rule->name, rule->gpa,
			rule->alignment);
		return STATUS_BAD_VALUE;
	}
	if (!guest_memory_contains(queue->memory, rule->gpa, rule->size)) {
		virtq_explain(queue, "%s 0x%lx+%lu is outside guest memory", rule->name, rule->gpa,
			rule->size);
		return STATUS_OUT_OF_RANGE;
	}
	area->gpa = rule->gpa;
	area->host = guest_memory_find(queue->memory, rule->gpa, rule->size, &available);
	if (available < rule->size)
		area->host = NULL;
	return STATUS_OK;
}

static enum status start_areas(struct virtq *queue, const struct virtq_setup *setup)
{
	const uint64_t size = setup->size;
	const struct area_rule rules[2][3] = {
		{ { "descriptor table", setup->descriptors, VIRTQ_DESCRIPTOR_SIZE * size, 16 },
			{ "available ring", setup->driver, 6 + 2 * size, 2 },
			{ "used ring", setup->device, 6 + 8 * size, 4 } },
		{ { "descriptor ring", setup->descriptors, VIRTQ_DESCRIPTOR_SIZE * size, 16 },
			{ "driver event suppression", setup->driver, 4, 4 },
			{ "device event suppression", setup->device, 4, 4 } },
	};
	const struct area_rule *rule = rules[setup->packed];
	enum status status = start_area(queue, &queue->descriptors, &rule[0]);

	if (status == STATUS_OK)
		status = start_area(queue, &queue->driver, &rule[1]);
	if (status == STATUS_OK)
		status = start_area(queue, &queue->device, &rule[2]);
	return status;
}

static enum status check_size(struct virtq *queue, const struct virtq_setup *setup)
{
	const char *wanted = setup->packed ? "" : ", a power of two";

	if (setup->size != 0 && setup->size <= VIRTQ_MAX_SIZE &&
		(setup->packed || (setup->size & (setup->size - 1)) == 0))
		return STATUS_OK;
	virtq_explain(queue, "queue size %u is not 1 to %u%s", setup->size, VIRTQ_MAX_SIZE, wanted);
	return STATUS_BAD_VALUE;
}

enum status virtq_start(struct virtq *queue, const struct virtq_setup *setup)
{
	enum status status;

	virtq_stop(queue);
	queue->memory = setup->memory;
	status = check_size(queue, setup);
	if (status == STATUS_OK)
		status = start_areas(queue, setup);
	if (status != STATUS_OK) {
		queue->memory = NULL;
		return status;
	}
	queue->packed = setup->packed;
	queue->indirect = setup->indirect;
	queue->event_index = setup->event_index;
	queue->size = setup->size;
	queue->bytes = setup->size * VIRTQ_DESCRIPTOR_SIZE;
	queue->straight = queue->descriptors.host != NULL && setup->size >= 3;
	if (setup->packed)
		virtq_packed_start(queue);
	else
		virtq_split_start(queue);
	queue->takes = true;
	return STATUS_OK;
}

void virtq_stop(struct virtq *queue)
{
	*queue = (struct virtq){ 0 };
}
