/* SPDX-License-Identifier: MIT */
/*
 * What both rings share and seldom need: the words for a ring error, buffers in several pieces of
 * guest memory, and the checks of an indirect table. Called by the two rings through
 * devices/virtq_chain.h.
 */
#include "devices/virtq_chain.h"

#include <stdarg.h>

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/panic.h"

static void stop_taking(struct virtq *queue)
{
	queue->takes = false;
	queue->in_table = false;
	queue->idle = VIRTQ_BROKEN;
	queue->budget = 0;
}

/* The rest of the text, behind what is there up to from. */
static void explain(struct virtq *queue, size_t from, const char *format, va_list arguments)
{
	format_text_va(queue->why + from, sizeof(queue->why) - from, format, arguments);
	queue->kind = format;
}

void virtq_explain(struct virtq *queue, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	explain(queue, 0, format, arguments);
	va_end(arguments);
}

bool virtq_break(struct virtq *queue, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	explain(queue, 0, format, arguments);
	va_end(arguments);
	stop_taking(queue);
	return false;
}

bool virtq_break_at(struct virtq *queue, uint32_t at, const char *format, ...)
{
	va_list arguments;
	size_t length;

	length = queue->in_table ? format_text(queue->why, sizeof(queue->why),
					   "descriptor %u of the indirect table at 0x%lx: ",
					   at / VIRTQ_DESCRIPTOR_SIZE, queue->table_gpa)
				 : format_text(queue->why, sizeof(queue->why),
					   "descriptor %u: ", at / VIRTQ_DESCRIPTOR_SIZE);
	va_start(arguments, format);
	explain(queue, length, format, arguments);
	va_end(arguments);
	stop_taking(queue);
	return false;
}

bool virtq_break_direction(struct virtq *queue, uint32_t at)
{
	return virtq_break_at(queue, at, "device-readable, but behind a device-writable one");
}

bool virtq_break_nested(struct virtq *queue, uint32_t at)
{
	return virtq_break_at(queue, at, "INDIRECT inside an indirect table");
}

bool virtq_break_length(struct virtq *queue, uint32_t at)
{
	return virtq_break_at(queue, at,
		"the chain has more descriptors than the queue has entries (%u), or loops",
		queue->size);
}

bool virtq_chain_is_too_long(struct virtq *queue, const struct virtq_chain *chain)
{
	uint64_t total = chain->readable_bytes + chain->writable_bytes;

	/* A used length has 32 bits: 2^32 writable bytes could not be reported. */
	if (total <= BIT(32) && chain->writable_bytes < BIT(32) && chain->readable_bytes < BIT(32))
		return false;
	return !virtq_break(queue, "chain of 0x%lx readable and 0x%lx writable bytes is too long",
		chain->readable_bytes, chain->writable_bytes);
}

struct virtq_segment *virtq_chain_add_pieces(struct virtq *queue, struct virtq_chain *chain,
	struct virtq_segment *end, uint32_t left, uint32_t at,
	const struct virtq_descriptor *descriptor)
{
	const struct virtq_segment *limit = chain->segments + VIRTQ_MAX_SEGMENTS - left;
	uint64_t gpa = descriptor->address;
	uint64_t rest = descriptor->length;
	uint64_t piece;

	for (; rest > 0; gpa += piece, rest -= piece) {
		uint8_t *host = guest_memory_find(queue->memory, gpa, rest, &piece);

		if (host == NULL) {
			virtq_break_at(queue, at, "buffer 0x%lx+%lu is outside guest memory",
				descriptor->address, descriptor->length);
			return NULL;
		}
		if (end >= limit) {
			virtq_break_at(queue, at,
				"the chain's buffers lie in more than %u pieces of guest memory",
				VIRTQ_MAX_SEGMENTS);
			return NULL;
		}
		*end++ = (struct virtq_segment){ .host = host, .size = piece };
	}
	return end;
}

bool virtq_chain_add(struct virtq *queue, struct virtq_chain *chain, struct virtq_builder *builder,
	uint32_t at, const struct virtq_descriptor *descriptor)
{
	uint8_t *host;

	if (builder->left == 0)
		return virtq_break_length(queue, at);
	builder->left--;
	if ((descriptor->flags & VIRTQ_WRITE) != builder->direction) {
		if (builder->direction != 0)
			return virtq_break_direction(queue, at);
		virtq_chain_turn(chain, builder->end, builder->bytes);
		builder->direction = VIRTQ_WRITE;
		builder->bytes = 0;
	}
	builder->bytes += descriptor->length;
	if (virtq_find_first(queue->memory, descriptor->address, descriptor->length, &host)) {
		*builder->end++ =
			(struct virtq_segment){ .host = host, .size = descriptor->length };
		return true;
	}
	builder->end =
		virtq_chain_add_pieces(queue, chain, builder->end, builder->left, at, descriptor);
	return builder->end != NULL;
}

bool virtq_table_enter(struct virtq *queue, uint32_t at, const struct virtq_descriptor *descriptor,
	struct virtq_table *table)
{
	uint64_t gpa = descriptor->address;
	uint32_t size = (uint32_t)descriptor->length;
	uint64_t available;

	if (!queue->indirect)
		return virtq_break_at(
			queue, at, "INDIRECT, but VIRTIO_F_INDIRECT_DESC was not negotiated");
	if ((descriptor->flags & VIRTQ_NEXT) != 0)
		return virtq_break_at(queue, at, "INDIRECT together with NEXT");
	if (size == 0 || size % VIRTQ_DESCRIPTOR_SIZE != 0)
		return virtq_break_at(queue, at,
			"length %u of the indirect table is 0 or no multiple of %u", size,
			VIRTQ_DESCRIPTOR_SIZE);
	table->host = guest_memory_find(queue->memory, gpa, size, &available);
	if (available < size) {
		if (!guest_memory_contains(queue->memory, gpa, size))
			return virtq_break_at(queue, at,
				"indirect table 0x%lx+%u is outside guest memory", gpa, size);
		table->host = NULL;
	}
	table->gpa = gpa;
	table->size = size;
	table->indirect = true;
	queue->in_table = true;
	queue->table_gpa = gpa;
	return true;
}

void virtq_table_read(const struct virtq *queue, const struct virtq_table *table, uint32_t at,
	struct virtq_descriptor *descriptor)
{
	const volatile struct virtq_wire *wire;
	struct virtq_wire copy;

	if (virtq_unlikely(table->host == NULL)) {
		if (guest_memory_read(queue->memory, table->gpa + at, &copy, sizeof(copy)) !=
			STATUS_OK)
			panic("virtq", "no descriptor at 0x%lx", table->gpa + at);
		wire = &copy;
	} else {
		wire = (const volatile struct virtq_wire *)(table->host + at);
	}
	descriptor->address = wire->address;
	descriptor->length = wire->length;
	if (queue->packed) {
		descriptor->flags = wire->packed.flags;
		descriptor->other = wire->packed.id;
	} else {
		descriptor->flags = wire->split.flags;
		descriptor->other = wire->split.next;
	}
}

void *virtq_area_at_pieces(
	const struct virtq *queue, const struct virtq_area *area, uint32_t offset)
{
	return guest_memory_find_aligned(queue->memory, area->gpa + offset);
}
