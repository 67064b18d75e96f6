/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of the packed virtqueue: a driver that makes good chains and bad ones, direct and
 * indirect, and writes over its ring, against devices/virtq*.c and a model beside it. Nothing
 * outside guest memory is touched and nothing in it that is not the device's, every chain before
 * the first ring error is given out and put back once and none after it, no turn is longer than the
 * ring, and whatever happened, the queue can be started again.
 *
 * The model counts places through two rounds, from 0 to twice the ring's size: in the first, the
 * wrap counter is 1.
 */
#include "tests/fuzz/virtq_driver.h"

#define BOTH  (AVAILABLE | USED)
#define ROUND 0x8000u

static uint32_t step(const struct machine *machine, uint32_t place, uint32_t slots)
{
	return (place + slots) % (2 * machine->setup.size);
}

static bool first_round(const struct machine *machine, uint32_t place)
{
	return place < machine->setup.size;
}

static uint64_t place_at(const struct machine *machine, uint32_t place)
{
	return machine->setup.descriptors + 16ull * (place % machine->setup.size);
}

static uint32_t flags_at(const struct machine *machine, uint32_t place)
{
	return (uint32_t)look(machine, place_at(machine, place) + 14, 2);
}

static bool is_available(const struct machine *machine, uint32_t place)
{
	return (flags_at(machine, place) & BOTH) ==
	       (first_round(machine, place) ? AVAILABLE : USED);
}

static void model_begin(struct machine *machine)
{
	machine->budget = is_available(machine, machine->next) ? (int)machine->setup.size : 0;
}

/* All of an indirect table. */
static bool add_table(
	struct machine *machine, struct model_chain *chain, uint64_t at, uint32_t flags)
{
	uint64_t table;
	uint32_t bytes;

	if (chain->slots > 0 || !model_enter(machine, at, flags, &table, &bytes))
		return false;
	for (; bytes > 0; bytes -= 16, table += 16) {
		flags = (uint32_t)look(machine, table + 14, 2);
		if ((flags & INDIRECT) != 0 || !model_add(machine, chain, table, flags))
			return false;
	}
	return true;
}

static enum virtq_result model_take(struct machine *machine, struct model_chain *chain)
{
	const uint32_t size = machine->setup.size;
	const uint32_t in_flight = (machine->next + 2 * size - machine->used) % (2 * size);
	uint32_t place = machine->next;
	uint32_t flags;

	if (!is_available(machine, place))
		return VIRTQ_EMPTY;
	do {
		const uint64_t at = place_at(machine, place);

		flags = flags_at(machine, place);
		if (!is_available(machine, place) || in_flight + chain->slots >= size)
			return VIRTQ_BROKEN;
		if (!((flags & INDIRECT) != 0 ? add_table(machine, chain, at, flags)
					      : model_add(machine, chain, at, flags)))
			return VIRTQ_BROKEN;
		chain->id = (uint16_t)look(machine, at + 12, 2);
		chain->slots++;
		place = step(machine, place, 1);
	} while ((flags & (NEXT | INDIRECT)) == NEXT);
	machine->next = place;
	machine->budget -= chain->slots;
	return VIRTQ_CHAIN;
}

static bool model_has_more(struct machine *machine)
{
	return is_available(machine, machine->next);
}

static uint32_t used_flags(const struct machine *machine, uint32_t place, uint32_t written)
{
	return (first_round(machine, place) ? BOTH : 0) | (written > 0 ? WRITE : 0);
}

static void model_use(struct machine *machine, const struct held *held, uint32_t written)
{
	const uint64_t at = place_at(machine, machine->used);
	const uint32_t flags = used_flags(machine, machine->used, written);

	put(machine, at + 8, written, 4);
	put(machine, at + 12, held->id, 2);
	if (machine->pending == 0)
		machine->first_flags = flags;
	else
		put(machine, at + 14, flags, 2);
	machine->pending += held->slots;
	machine->used = step(machine, machine->used, held->slots);
}

/* Whether the driver's event is one of the places that become visible. */
static bool model_publish(struct machine *machine)
{
	const struct virtq_setup *setup = &machine->setup;
	const uint32_t first = machine->shown;
	const uint32_t pending = machine->pending;
	const uint32_t size = setup->size;
	uint32_t event, mode, slot;

	if (setup->event_index && machine->event != machine->next) {
		machine->event = machine->next;
		put(machine, setup->device,
			2u << 16 | (first_round(machine, machine->next) ? ROUND : 0) |
				machine->next % size,
			4);
	}
	if (pending == 0)
		return false;
	put(machine, place_at(machine, first) + 14, machine->first_flags, 2);
	machine->shown = machine->used;
	machine->pending = 0;
	event = (uint32_t)look(machine, setup->driver, 4);
	mode = event >> 16 & 3;
	slot = event & (ROUND - 1);
	if (mode != 2 || !setup->event_index || slot >= size)
		return mode != 1;
	for (uint32_t i = 0; i < pending; i++) {
		if (step(machine, first, i) == slot + ((event & ROUND) != 0 ? 0 : size))
			return true;
	}
	return false;
}

/* A descriptor of the driver's next chain; the mistakes come out of the input. */
static void add_descriptor(struct machine *machine, uint64_t at, bool *writing, uint32_t flags)
{
	struct input *input = &machine->input;
	uint8_t odd = take_byte(input);

	*writing = (*writing && odd != 0xff) || odd % 3 == 0;
	flags |= *writing ? WRITE : 0;
	if (odd >= 0xf8)
		flags ^= odd & 7;
	if (odd == 0xf0)
		flags ^= BOTH;
	poke_descriptor(
		machine, at, take_address(input), take_length(input), take_byte(input), flags);
}

static void add_chain(struct machine *machine)
{
	static const uint8_t counts[] = { 1, 3, 2, 3, 3, 4, 9, 3 };
	struct input *input = &machine->input;
	const uint32_t size = machine->setup.size;
	const unsigned int count = counts[take_byte(input) % 8];
	const bool indirect = take_byte(input) % 3 == 0 && machine->setup.indirect;
	const uint64_t table = take_address(input);
	const uint32_t in_use = (machine->driver_next + 2 * size - machine->shown) % (2 * size);
	uint32_t place = machine->driver_next;
	bool writing = false;

	/* A driver that counts keeps to the ring's size. */
	if (in_use + (indirect ? 1 : count) > size && take_byte(input) >= 64)
		return;
	for (unsigned int i = 0; i < count; i++) {
		const uint32_t round = first_round(machine, place) ? AVAILABLE : USED;

		if (indirect) {
			add_descriptor(machine, table + 16 * i, &writing, 0);
			continue;
		}
		add_descriptor(machine, place_at(machine, place), &writing,
			round | (i + 1 < count ? NEXT : 0));
		place = step(machine, place, 1);
	}
	if (indirect) {
		uint8_t odd = take_byte(input);

		poke_descriptor(machine, place_at(machine, place), table,
			odd < 0xf8 ? 16 * count : take_length(input), take_byte(input),
			INDIRECT | (odd == 0xf0) |
				(first_round(machine, place) ? AVAILABLE : USED));
		place = step(machine, place, 1);
	}
	machine->driver_next = place;
}

/* The driver's event suppression: on, off, or a place near what comes next. */
static void set_event(struct machine *machine)
{
	const uint32_t size = machine->setup.size;
	const uint8_t kind = take_byte(&machine->input);
	const uint32_t place = step(machine, machine->shown + 2 * size - 1, kind % 8u);

	poke(machine, machine->setup.driver,
		place % size | (first_round(machine, place) ? ROUND : 0), 2);
	poke(machine, machine->setup.driver + 2, kind < 0x20 ? kind : 2, 2);
}

static void act(struct machine *machine)
{
	struct input *input = &machine->input;

	switch (take_byte(input) % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5: add_chain(machine); break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10: turn(machine); break;
	case 11: set_event(machine); break;
	case 12: scribble(machine); break;
	case 13:
		if (take_byte(input) % 8 == 0)
			poke(machine, place_at(machine, take_byte(input)) + 14,
				take_byte(input) % 8u | (take_byte(input) & 1 ? AVAILABLE : USED),
				2);
		break;
	case 14:
		if (take_byte(input) % 16 == 0)
			poke(machine, machine->setup.driver, take_u16(input), 2);
		break;
	default: stop_or_publish(machine); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drive(data, size, true, act);
	return 0;
}
