/* SPDX-License-Identifier: MIT */
/*
 * What the two virtqueue fuzz targets share beside the machine: a device that takes chains and puts
 * them back in turns. Whatever devices/virtq*.c answers must be what the target's model answers.
 */
#ifndef TESTS_FUZZ_VIRTQ_DRIVER_H
#define TESTS_FUZZ_VIRTQ_DRIVER_H

#include "tests/fuzz/virtq_machine.h"

/* The target's. */
static enum virtq_result model_take(struct machine *machine, struct model_chain *chain);
static void model_begin(struct machine *machine);
static bool model_has_more(struct machine *machine);
static void model_use(struct machine *machine, const struct held *held, uint32_t written);
static bool model_publish(struct machine *machine);

/* What virtq_start is to say of an area. */
static bool is_area(uint64_t gpa, uint64_t size, uint64_t alignment)
{
	return gpa % alignment == 0 && is_memory(gpa, size);
}

static bool is_setup(const struct virtq_setup *setup)
{
	const uint64_t size = setup->size;

	if (size == 0 || size > VIRTQ_MAX_SIZE || !is_area(setup->descriptors, 16 * size, 16))
		return false;
	if (setup->packed)
		return is_area(setup->driver, 4, 4) && is_area(setup->device, 4, 4);
	return (size & (size - 1)) == 0 && is_area(setup->driver, 6 + 2 * size, 2) &&
	       is_area(setup->device, 6 + 8 * size, 4);
}

/* A queue in cleared memory, mostly a good one. */
static void start(struct machine *machine)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 16, 32, 8, 4, 3, 7, 0 };
	struct virtq_setup *setup = &machine->setup;
	struct input *input = &machine->input;
	uint8_t how = take_byte(input);

	setup->size = sizes[take_byte(input) % (setup->packed ? 11 : 9)];
	setup->indirect = (how & 1) != 0;
	setup->event_index = (how & 2) != 0;
	setup->descriptors = (how & 4) != 0 ? SEAM2 - 64 : 0;
	setup->driver = (how & 8) != 0 ? SEAM2 + 0x400 : 0x400;
	setup->device = (how & 16) != 0 ? SEAM - 8 : 0x500;
	if ((how & 0xe0) == 0xe0) {
		uint64_t *area[] = { &setup->descriptors, &setup->driver, &setup->device };
		uint8_t which = take_byte(input);

		*area[which % 3] = take_address(input) & (which < 0x80 ? ~15ull : ~0ull);
		if (which % 16 == 0)
			setup->size = take_u16(input);
	}
	memset(machine->shadow, 0, sizeof(machine->shadow));
	for (unsigned int i = 0; i < PIECES; i++)
		memset(machine->memory.ranges[i].host, 0, pieces[i][1] - pieces[i][0]);
	machine->running = is_setup(setup);
	must((virtq_start(&machine->queue, setup) == STATUS_OK) == machine->running);
	must((machine->queue.why[0] == '\0') == machine->running);
	if (setup->size > MAX_SIZE) {
		virtq_stop(&machine->queue);
		machine->running = false;
	}
	machine->broken = false;
	machine->budget = 0;
	machine->next = machine->used = machine->shown = machine->event = 0;
	machine->pending = 0;
	machine->holds = 0;
	machine->puts = 0;
	machine->driver_next = machine->driver_available = 0;
}

/* Reads a descriptor for the model, whose chain it is added to: false for a ring error. */
static bool model_add(
	struct machine *machine, struct model_chain *chain, uint64_t gpa, uint32_t flags)
{
	const struct buffer buffer = { look(machine, gpa, 8), (uint32_t)look(machine, gpa + 8, 4) };
	const unsigned int count = chain->readable + chain->writable;

	if (count == machine->setup.size || !((flags & WRITE) != 0 || chain->writable == 0) ||
		!(buffer.length == 0 || is_memory(buffer.gpa, buffer.length)))
		return false;
	chain->buffers[count] = buffer;
	if ((flags & WRITE) != 0)
		chain->writable++;
	else
		chain->readable++;
	return true;
}

/* The descriptor of an indirect table: false for a ring error. */
static bool model_enter(
	struct machine *machine, uint64_t gpa, uint32_t flags, uint64_t *table, uint32_t *length)
{
	*table = look(machine, gpa, 8);
	*length = (uint32_t)look(machine, gpa + 8, 4);
	return machine->setup.indirect && (flags & NEXT) == 0 && *length != 0 &&
	       *length % 16 == 0 && is_memory(*table, *length);
}

/* Segments from index on are the bytes of the buffers, no more and no less. */
static unsigned int check_segments(struct machine *machine, unsigned int index,
	const struct buffer *buffers, unsigned int count, uint64_t total)
{
	const struct virtq_segment *segments = machine->chain.segments;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t gpa = buffers[i].gpa;

		for (uint64_t left = buffers[i].length; left > 0; index++) {
			uint64_t available;

			must(segments[index].host ==
				guest_memory_find(&machine->memory, gpa, left, &available));
			must(segments[index].size == available);
			gpa += available;
			left -= available;
			total -= available;
		}
	}
	must(total == 0);
	return index;
}

static void check_chain(struct machine *machine, const struct model_chain *model)
{
	const struct virtq_chain *chain = &machine->chain;

	must(chain->id == model->id && chain->slots == model->slots);
	must(check_segments(machine, 0, model->buffers, model->readable, chain->readable_bytes) ==
		chain->readable);
	must(check_segments(machine, chain->readable, model->buffers + model->readable,
		     model->writable, chain->writable_bytes) == chain->readable + chain->writable);
}

/* What a device does with a chain: writes into it, maybe over the rings. */
static void write_chain(struct machine *machine, const struct model_chain *model)
{
	const struct virtq_chain *chain = &machine->chain;
	uint8_t how = take_byte(&machine->input);

	if ((how & 1) == 0)
		return;
	for (unsigned int i = 0; i < model->writable; i++) {
		const struct buffer *buffer = &model->buffers[model->readable + i];

		if (buffer->length > 0)
			memset(machine->shadow + buffer->gpa, how, buffer->length);
	}
	for (unsigned int i = chain->readable; i < chain->readable + chain->writable; i++)
		memset(chain->segments[i].host, how, chain->segments[i].size);
}

static void put_back(struct machine *machine, unsigned int which)
{
	const struct held held = machine->held[which];
	uint32_t written = take_byte(&machine->input) % 16u;

	machine->held[which] = machine->held[--machine->holds];
	virtq_use(&machine->queue, held.id, held.slots, written);
	if (machine->running)
		model_use(machine, &held, written);
	machine->puts++;
	check_memory(machine);
}

static void publish(struct machine *machine)
{
	bool wanted = virtq_publish(&machine->queue);

	must(wanted == (machine->running && model_publish(machine)));
	must(!wanted || machine->puts > 0);
	machine->puts = 0;
	check_memory(machine);
	must(!virtq_publish(&machine->queue));
}

/* One chain, if there is one, as the model sees it. */
static enum virtq_result take(struct machine *machine)
{
	struct model_chain model = { 0 };
	enum virtq_result result = virtq_take(&machine->queue, &machine->chain);
	enum virtq_result expected = VIRTQ_EMPTY;

	if (machine->broken)
		expected = VIRTQ_BROKEN;
	else if (machine->running && machine->budget > 0)
		expected = model_take(machine, &model);
	must(result == expected);
	check_memory(machine);
	if (result == VIRTQ_BROKEN) {
		must(machine->queue.why[0] != '\0');
		machine->broken = true;
	}
	if (result != VIRTQ_CHAIN)
		return result;
	check_chain(machine, &model);
	write_chain(machine, &model);
	must(machine->holds < machine->setup.size);
	machine->held[machine->holds++] = (struct held){ model.id, model.slots };
	return result;
}

/* A turn of the device: takes chains, keeps some, puts others back, shows them. */
static void turn(struct machine *machine)
{
	uint8_t how = take_byte(&machine->input);
	unsigned int limit = (how & 1) != 0 ? 1 : MAX_SIZE + 1;
	unsigned int taken = 0;

	virtq_begin(&machine->queue);
	if (machine->running && !machine->broken)
		model_begin(machine);
	while (taken < limit && take(machine) == VIRTQ_CHAIN) {
		taken++;
		if ((how & 2) == 0)
			put_back(machine, machine->holds - 1);
	}
	/* Bounded by the ring. */
	must(taken <= machine->setup.size);
	while ((how & 4) != 0 && machine->holds > 0)
		put_back(machine, take_byte(&machine->input) % machine->holds);
	must(virtq_has_more(&machine->queue) ==
		(machine->running && !machine->broken && model_has_more(machine)));
	if ((how & 8) == 0)
		publish(machine);
}

static void stop(struct machine *machine)
{
	virtq_stop(&machine->queue);
	machine->running = false;
	machine->broken = false;
}

/* What either target does now and then: the guest writes anywhere. */
static void scribble(struct machine *machine)
{
	struct input *input = &machine->input;

	if (take_byte(input) % 4 == 0)
		poke(machine, take_address(input), take_u16(input), 2);
}

/* The queue's end, rarely; or a device that shows what it has put back. */
static void stop_or_publish(struct machine *machine)
{
	if (take_byte(&machine->input) < 8)
		stop(machine);
	else
		publish(machine);
}

/* Starts queues one after the other in whatever state the last one was, act by act of the target.
 */
static void drive(
	const uint8_t *data, size_t size, bool packed, void (*act)(struct machine *machine))
{
	static struct machine all;
	struct machine *machine = &all;

	make_machine(machine, data, size);
	machine->setup.packed = packed;
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int steps = 16u + take_byte(&machine->input) % 64u;

		start(machine);
		while (machine->running && steps-- > 0)
			act(machine);
		/* What is stopped, or was never started, does nothing. */
		if (!machine->running) {
			machine->holds = 1;
			machine->held[0].slots = 1;
			put_back(machine, 0);
			turn(machine);
			publish(machine);
		}
	}
	free_machine(machine);
}

#endif
