/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of the split virtqueue: a driver that makes good chains and bad ones, direct and
 * indirect, and writes over its rings, against devices/virtq*.c and a model beside it. Nothing
 * outside guest memory is touched and nothing in it that is not the device's, every chain before
 * the first ring error is given out and put back once and none after it, no turn is longer than the
 * ring, and whatever happened, the queue can be started again.
 */
#include "tests/fuzz/virtq_driver.h"

static uint32_t available_index(struct machine *machine)
{
	return (uint32_t)look(machine, machine->setup.driver + 2, 2);
}

static void model_begin(struct machine *machine)
{
	uint32_t more = (available_index(machine) - machine->next) & 0xffff;
	uint32_t outstanding = (machine->next - machine->shown) & 0xffff;

	machine->budget = (int)more;
	machine->broken = more + outstanding > machine->setup.size;
}

static enum virtq_result model_take(struct machine *machine, struct model_chain *chain)
{
	const uint32_t size = machine->setup.size;
	uint64_t table = machine->setup.descriptors;
	uint32_t bytes = 16 * size;
	uint32_t index = (uint32_t)look(
		machine, machine->setup.driver + 4 + 2ull * (machine->next % size), 2);
	bool in_table = false;

	chain->id = (uint16_t)index;
	chain->slots = 1;
	for (;;) {
		const uint64_t at = table + 16ull * index;
		uint32_t flags;

		if (16ull * index >= bytes)
			return VIRTQ_BROKEN;
		flags = (uint32_t)look(machine, at + 12, 2);
		if ((flags & INDIRECT) != 0) {
			if (in_table || !model_enter(machine, at, flags, &table, &bytes))
				return VIRTQ_BROKEN;
			in_table = true;
			index = 0;
			continue;
		}
		if (!model_add(machine, chain, at, flags))
			return VIRTQ_BROKEN;
		if ((flags & NEXT) == 0)
			break;
		index = (uint32_t)look(machine, at + 14, 2);
	}
	machine->next = (machine->next + 1) & 0xffff;
	machine->budget--;
	return VIRTQ_CHAIN;
}

static bool model_has_more(struct machine *machine)
{
	return machine->budget != 0 || available_index(machine) != machine->next;
}

static void model_use(struct machine *machine, const struct held *held, uint32_t written)
{
	const uint64_t at =
		machine->setup.device + 4 + 8ull * (machine->used % machine->setup.size);

	put(machine, at, held->id, 4);
	put(machine, at + 4, written, 4);
	machine->used = (machine->used + 1) & 0xffff;
}

/* Whether the driver's event lies among the indices from shown up to the one before used. */
static bool model_publish(struct machine *machine)
{
	const struct virtq_setup *setup = &machine->setup;
	const uint32_t shown = machine->shown;
	uint32_t event;

	if (setup->event_index && machine->event != machine->next) {
		machine->event = machine->next;
		put(machine, setup->device + 4 + 8ull * setup->size, machine->next, 2);
	}
	if (machine->used == shown)
		return false;
	put(machine, setup->device + 2, machine->used, 2);
	machine->shown = machine->used;
	if (!setup->event_index)
		return (look(machine, setup->driver, 2) & 1) == 0;
	event = (uint32_t)look(machine, setup->driver + 4 + 2ull * setup->size, 2);
	for (uint32_t index = shown; index != machine->used; index = (index + 1) & 0xffff) {
		if (index == event)
			return true;
	}
	return false;
}

/* Links descriptors from index on, and says how each is; the mistakes come out of the input. */
static void add_chain(struct machine *machine)
{
	static const uint8_t counts[] = { 1, 3, 2, 3, 3, 4, 9, 3 };
	struct input *input = &machine->input;
	const uint32_t size = machine->setup.size;
	const unsigned int count = counts[take_byte(input) % 8];
	const uint32_t head = machine->driver_next;
	const bool indirect = take_byte(input) % 3 == 0 && machine->setup.indirect;
	const uint64_t table = indirect ? take_address(input) & ~7ull : machine->setup.descriptors;
	const uint32_t entries = indirect ? count : size;
	uint32_t index = indirect ? 0 : head;
	bool writing = false;

	for (unsigned int i = 0; i < count; i++) {
		uint8_t odd = take_byte(input);
		uint32_t next = (index + 1) % entries;
		uint32_t flags = i + 1 < count ? NEXT : 0;

		writing = (writing && odd != 0xff) || odd % 3 == 0;
		flags |= writing ? WRITE : 0;
		if (odd >= 0xf8)
			flags ^= odd & 7;
		if (odd >= 0xf0 && odd < 0xf4)
			next = entries + (odd & 1) * take_byte(input) % 8u;
		poke_descriptor(machine, table + 16ull * index, take_address(input),
			take_length(input), flags, next);
		index = next % entries;
	}
	/* What a look past the table's end would take for its next. */
	poke_descriptor(machine, table + 16ull * entries, 0x900, 1, WRITE, 0);
	if (indirect) {
		uint8_t odd = take_byte(input);

		poke_descriptor(machine, machine->setup.descriptors + 16ull * head, table,
			odd < 0xf8 ? 16 * count : take_length(input), INDIRECT | (odd == 0xf0),
			take_u16(input));
		index = (head + 1u) % size;
	}
	machine->driver_next = index;
	poke(machine, machine->setup.driver + 4 + 2ull * (machine->driver_available % size), head,
		2);
	machine->driver_available++;
}

static void act(struct machine *machine)
{
	struct input *input = &machine->input;
	const uint64_t driver = machine->setup.driver;
	const uint32_t size = machine->setup.size;

	switch (take_byte(input) % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
		/* A driver that counts keeps to the ring's size. */
		if (((machine->driver_available - machine->shown) & 0xffff) < size)
			add_chain(machine);
		break;
	case 4:
	case 5:
	case 6: poke(machine, driver + 2, machine->driver_available, 2); break;
	case 7:
	case 8:
	case 9:
	case 10: turn(machine); break;
	case 11:
		poke(machine, driver, take_byte(input), 2);
		poke(machine, driver + 4 + 2ull * size, machine->shown + take_byte(input) % 8u - 2u,
			2);
		break;
	case 12: scribble(machine); break;
	case 13:
		if (take_byte(input) % 4 == 0)
			poke(machine, driver + 4 + 2ull * (take_byte(input) % size),
				take_byte(input) % (size + 2), 2);
		break;
	case 14:
		if (take_byte(input) % 8 == 0)
			poke(machine, driver + 2, machine->next + take_byte(input) % (size + 2), 2);
		break;
	default: stop_or_publish(machine); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drive(data, size, false, act);
	return 0;
}
