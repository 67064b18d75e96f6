/* SPDX-License-Identifier: MIT */
/*
 * The machine of the two virtqueue fuzz targets: a small guest memory in pieces, each with the
 * sanitizer's red zones around it, a copy of it that a second, simple implementation of the ring
 * (the model, which is the target's) works on, and what the model knows. After every step both
 * memories must be the same, byte by byte. Included by virtq_driver.h.
 */
#ifndef TESTS_FUZZ_VIRTQ_MACHINE_H
#define TESTS_FUZZ_VIRTQ_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtq.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

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

static uint32_t take_u16(struct input *input)
{
	return (uint32_t)take_raw(input, 2);
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

		must(guest_memory_add(&machine->memory, pieces[i][0], length, must_alloc(length)) ==
			STATUS_OK);
	}
	machine->setup.memory = &machine->memory;
}

static void free_machine(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->memory.count; i++)
		free(machine->memory.ranges[i].host);
}

#endif
