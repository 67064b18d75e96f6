/* SPDX-License-Identifier: MIT */
/*
 * What the two virtqueue fuzz targets share: a small guest memory in pieces, each with the
 * sanitizer's red zones around it, a copy of it that a second, simple implementation of the ring
 * (the model, which is the target's) works on, and a device that takes chains and puts them back in
 * turns. After every step both memories must be the same, byte by byte, and whatever
 * devices/virtq*.c answers must be what the model answers.
 */
#ifndef TESTS_FUZZ_VIRTQ_DRIVER_H
#define TESTS_FUZZ_VIRTQ_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtq.h"
#include "lib/bits.h"

/* Three touching pieces, a hole, one piece behind it. */
#define SEAM   0x1000u
#define SEAM2  0x2000u
#define HOLE   0x3000u
#define BEHIND 0x4000u
#define END    0x5000u
#define PIECES 4u

#define NEXT      1u
#define WRITE     2u
#define INDIRECT  4u
#define AVAILABLE 0x80u
#define USED      0x8000u

/* Sizes of the queue are small, so that all ends are met often. */
#define MAX_SIZE 32u

/* Where the input ends, a random sequence that depends on it goes on. */
struct input {
	const uint8_t *bytes;
	size_t left;
	uint64_t random;
};

/* A chain that the device has. */
struct held {
	uint16_t id, slots;
};

struct buffer {
	uint64_t gpa;
	uint32_t length;
};

/* What the model says of a chain. */
struct model_chain {
	uint16_t id, slots;
	unsigned int readable, writable; /* buffers, the writable ones behind the others */
	struct buffer buffers[MAX_SIZE];
};

struct machine {
	struct guest_memory memory;
	struct virtq_setup setup;
	struct virtq queue;
	struct virtq_chain chain;
	struct input input;
	/* Guest memory as it is to be. */
	uint8_t shadow[END];
	/* The model: places and indices as the target's ring counts them. */
	bool running, broken;
	int budget;
	uint32_t next, used, shown, event;
	uint32_t pending, first_flags; /* packed: slots put back and not shown; their first flags */
	/* Taken and not put back; never more than the ring has entries. */
	struct held held[MAX_SIZE + 1];
	unsigned int holds;
	uint64_t puts; /* since the last time that the driver was shown them */
	/* The driver's half. */
	uint32_t driver_next, driver_available;
};

static const uint64_t pieces[PIECES][2] = { { 0, SEAM }, { SEAM, SEAM2 }, { SEAM2, HOLE },
	{ BEHIND, END } };

/* The target's. */
static enum virtq_result model_take(struct machine *machine, struct model_chain *chain);
static void model_begin(struct machine *machine);
static bool model_has_more(struct machine *machine);
static void model_use(struct machine *machine, const struct held *held, uint32_t written);
static bool model_publish(struct machine *machine);

static __attribute__((noinline)) void must(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t take_byte(struct input *input)
{
	input->random = input->random * 6364136223846793005ull + 1442695040888963407ull;
	if (input->left == 0)
		return (uint8_t)(input->random >> 56);
	input->left--;
	input->random ^= *input->bytes;
	return *input->bytes++;
}

static uint32_t take_u16(struct input *input)
{
	uint32_t low = take_byte(input);

	return low | (uint32_t)take_byte(input) << 8;
}

static uint64_t take_address(struct input *input)
{
	static const uint64_t edges[] = { 0, SEAM, SEAM2, HOLE, BEHIND, END, 1ull << 32, ~0ull };
	uint8_t kind = take_byte(input);

	/* Mostly where no ring is. */
	if (kind < 0xa0)
		return 0x900 + take_u16(input) % 0x400;
	if (kind < 0xe0)
		return SEAM2 - 0x180 + take_u16(input) % 0x200;
	/* Where short buffers lie across a seam, or end at it. */
	if (kind < 0xf0)
		return SEAM - take_byte(input) % 64u;
	if (kind < 0xf8)
		return take_u16(input) % (HOLE - 64);
	return edges[kind % 8] + (uint64_t)(int8_t)take_byte(input);
}

static uint32_t take_length(struct input *input)
{
	uint8_t kind = take_byte(input);

	if (kind < 0xf8)
		return kind % 64;
	if (kind < 0xfe)
		return take_u16(input);
	return 0u - kind % 8u;
}

static bool is_memory(uint64_t gpa, uint64_t bytes)
{
	if (gpa > END || bytes > END - gpa)
		return false;
	return bytes == 0 || gpa + bytes <= HOLE || gpa >= BEHIND;
}

/* The model's own accesses of memory. */
static uint64_t look(const struct machine *machine, uint64_t gpa, unsigned int bytes)
{
	uint64_t value = 0;

	must(is_memory(gpa, bytes));
	memcpy(&value, machine->shadow + gpa, bytes);
	return value;
}

static void put(struct machine *machine, uint64_t gpa, uint64_t value, unsigned int bytes)
{
	must(is_memory(gpa, bytes));
	memcpy(machine->shadow + gpa, &value, bytes);
}

/* The guest writes, where there is memory. */
static void poke(struct machine *machine, uint64_t gpa, uint64_t value, unsigned int bytes)
{
	if (!is_memory(gpa, bytes))
		return;
	put(machine, gpa, value, bytes);
	must(guest_memory_write(&machine->memory, gpa, &value, bytes) == STATUS_OK);
}

static void poke_descriptor(struct machine *machine, uint64_t gpa, uint64_t address,
	uint32_t length, uint32_t third, uint32_t fourth)
{
	poke(machine, gpa, address, 8);
	poke(machine, gpa + 8, length, 4);
	poke(machine, gpa + 12, third, 2);
	poke(machine, gpa + 14, fourth, 2);
}

/* Nothing was written but what the model has written, too. */
static void check_memory(const struct machine *machine)
{
	for (unsigned int i = 0; i < PIECES; i++)
		must(memcmp(machine->memory.ranges[i].host, machine->shadow + pieces[i][0],
			     pieces[i][1] - pieces[i][0]) == 0);
}

static void make_machine(struct machine *machine, const uint8_t *data, size_t size)
{
	memset(machine, 0, sizeof(*machine));
	machine->input = (struct input){ data, size, size };
	for (unsigned int i = 0; i < PIECES; i++) {
		const uint64_t length = pieces[i][1] - pieces[i][0];
		void *host = malloc(length);

		must(host != NULL);
		must(guest_memory_add(&machine->memory, pieces[i][0], length, host) == STATUS_OK);
	}
	machine->setup.memory = &machine->memory;
}

static void free_machine(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->memory.count; i++)
		free(machine->memory.ranges[i].host);
}

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

/* Starts queues one after the other in whatever state the last one was, and ends the machine. */
static void drive(struct machine *machine, void (*act)(struct machine *machine))
{
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
