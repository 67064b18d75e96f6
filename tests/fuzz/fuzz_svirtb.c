/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of devices/svirtb*.c and the floors below: hostile register accesses and a hostile
 * ring in a small guest memory. Every piece of guest memory and the disk has the sanitizer's red
 * zones around it, so that no byte outside is touched unseen. Beside the device runs a second,
 * simple one (the model) over flat copies, in numbers too wide to wrap; after each step both must
 * agree on every register, every byte of guest memory and every byte of the disk.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/svirtb.h"
#include "lib/bits.h"
#include "tests/fuzz/svirtb_model.h"

struct input {
	const uint8_t *bytes;
	size_t left;
};

struct machine {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	struct svirtb device;
	unsigned int entries_left;
	struct model model;
	uint8_t disk_at_start[DISK_MAX];
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool stop(void *context)
{
	struct machine *machine = context;

	if (machine->entries_left == 0)
		return true;
	machine->entries_left--;
	return false;
}

static void *must_alloc(uint64_t size)
{
	void *memory = malloc(size);

	must(memory != NULL);
	return memory;
}

static void add_piece(struct machine *machine, uint64_t gpa, uint64_t end)
{
	uint8_t *host = must_alloc(end - gpa);

	memcpy(host, machine->model.guest + gpa, end - gpa);
	must(guest_memory_add(&machine->memory, gpa, end - gpa, host) == STATUS_OK);
}

static void make_machine(
	struct machine *machine, enum ramdisk_mode mode, uint32_t entry_size, uint64_t disk_size)
{
	struct model *model = &machine->model;
	uint64_t capacity = align_up(disk_size, 512);
	uint8_t *data = must_alloc(capacity);
	uint64_t *dirty = must_alloc(ramdisk_dirty_words(disk_size) * sizeof(*dirty));

	memset(machine, 0, sizeof(*machine));
	/* The first page stays 0: entries that do nothing, so that a ring there goes round easily.
	 */
	for (uint32_t i = PAGE_SIZE; i < END; i++)
		model->guest[i] = (uint8_t)(i * 7 + i / 256);
	for (uint32_t i = 0; i < disk_size; i++)
		model->disk[i] = (uint8_t)(i * 11 + i / 512 + 1);
	add_piece(machine, BEHIND, END);
	add_piece(machine, 0, SEAM);
	add_piece(machine, SEAM, HOLE);
	memcpy(data, model->disk, disk_size);
	memcpy(machine->disk_at_start, model->disk, DISK_MAX);
	must(ramdisk_init(&machine->disk, data, disk_size, dirty, mode) == STATUS_OK);
	block_init(&machine->block, &machine->disk);
	svirtb_init(&machine->device, &machine->memory, &machine->block, entry_size);
	must(bus_register(&machine->mmio, "svirtb", SVIRTB_BASE, SVIRTB_SIZE, &svirtb_ops,
		     &machine->device) == STATUS_OK);
	machine->device.stop = stop;
	machine->device.stop_context = machine;
	machine->entries_left = model->entries_left = ~0u;
	model->status = SVIRTB_MAGIC;
	model->entry_size = entry_size;
	model->disk_size = disk_size;
	model->mode = mode;
}

static void free_machine(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->memory.count; i++)
		free(machine->memory.ranges[i].host);
	free(machine->disk.data);
	free(machine->disk.dirty);
}

static void reg_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	struct bus_region *region = bus_find(&machine->mmio, SVIRTB_BASE + offset);

	if (region == NULL || !bus_region_covers(region, SVIRTB_BASE + offset, width))
		return;
	bus_region_write(region, SVIRTB_BASE + offset, width, value);
	model_write(&machine->model, offset, width, (uint32_t)value);
}

static void reg_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	struct bus_region *region = bus_find(&machine->mmio, SVIRTB_BASE + offset);

	if (region == NULL || !bus_region_covers(region, SVIRTB_BASE + offset, width))
		return;
	must(bus_region_read(region, SVIRTB_BASE + offset, width) ==
		model_read(&machine->model, offset, width));
}

/* The guest writes its own memory. */
static void poke(struct machine *machine, uint64_t gpa, const void *bytes, uint64_t size)
{
	if (!model_has(gpa, size))
		return;
	must(guest_memory_write(&machine->memory, gpa, bytes, size) == STATUS_OK);
	memcpy(machine->model.guest + gpa, bytes, size);
}

/* Every byte that is no longer what it was at the start lies in a dirty run. */
static void check_dirty_map(const struct machine *machine)
{
	uint64_t offset = 0;
	uint64_t size = 0;
	uint64_t clean = 0;

	while (ramdisk_next_dirty(&machine->disk, &offset, &size)) {
		must(offset >= clean && offset + size <= machine->disk.size);
		must(memcmp(machine->disk.data + clean, machine->disk_at_start + clean,
			     offset - clean) == 0);
		clean = offset + size;
		offset = clean;
	}
	must(memcmp(machine->disk.data + clean, machine->disk_at_start + clean,
		     machine->disk.capacity - clean) == 0);
}

static void check(struct machine *machine)
{
	struct model *model = &machine->model;

	for (uint64_t offset = 0; offset < 0x1c; offset += 4)
		reg_read(machine, offset, 4);
	for (unsigned int i = 0; i < machine->memory.count; i++) {
		const struct guest_range *range = &machine->memory.ranges[i];

		must(memcmp(range->host, model->guest + range->gpa, range->size) == 0);
	}
	must(machine->disk.size == model->disk_size);
	must(memcmp(machine->disk.data, model->disk, machine->disk.capacity) == 0);
	must(machine->entries_left == model->entries_left);
	must(model->mode != RAMDISK_READ_ONLY ||
		memcmp(machine->disk.data, machine->disk_at_start, machine->disk.capacity) == 0);
	check_dirty_map(machine);
}

static uint8_t take_byte(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->bytes++;
}

static uint64_t take_raw(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)take_byte(input) << (8 * i);
	return value;
}

/* A number near one that matters, or any. */
static uint64_t take_number(struct input *input)
{
	static const uint64_t edges[] = { 0, 1, 28, 512, 4096, SEAM, HOLE, BEHIND, END, DISK_MAX,
		32768, SVIRTB_BASE, 1ull << 32, (1ull << 55) - 1, 1ull << 63, ~0ull };
	uint8_t kind = take_byte(input);

	if (kind < 0x40)
		return kind;
	if (kind < 0x80)
		return take_raw(input, 2) & 0x3fff;
	if (kind < 0xf0)
		return edges[kind % 16] + (uint64_t)((int8_t)take_byte(input) / 8);
	return take_raw(input, 8);
}

static unsigned int take_width(struct input *input)
{
	return 1u << (take_byte(input) & 3);
}

static void put_entry(struct machine *machine, struct input *input)
{
	const struct model *model = &machine->model;
	uint64_t index = take_byte(input);
	uint8_t entry[28];
	uint64_t fields[3];

	for (unsigned int i = 0; i < 3; i++)
		fields[i] = take_number(input);
	memcpy(entry, fields, sizeof(fields));
	memset(entry + 24, 0, 4);
	entry[24] = take_byte(input) % 3;
	if (entry[24] == 2)
		entry[26] = take_byte(input);
	index = (model->tail + index % 8) % (model->size != 0 ? model->size : 1);
	poke(machine, model->ring + index * model->entry_size, entry, sizeof(entry));
}

static void start_device(struct machine *machine, struct input *input)
{
	uint64_t ring = take_number(input);

	reg_write(machine, SVIRTB_STATUS, 4, SVIRTB_RESET);
	reg_write(machine, SVIRTB_STATUS, 4, SVIRTB_DRIVER_OK);
	reg_write(machine, SVIRTB_QUEUE_SIZE, 4, take_number(input) & 0xffffffff);
	reg_write(machine, SVIRTB_QUEUE_ADDR_HI, 4, ring >> 32);
	reg_write(machine, SVIRTB_QUEUE_ADDR_LO, 4, ring & 0xffffffff);
	reg_write(machine, SVIRTB_STATUS, 4, SVIRTB_READY);
}

static void ring_doorbell(struct machine *machine, struct input *input)
{
	const struct model *model = &machine->model;
	uint32_t head = model->tail + take_byte(input);

	reg_write(machine, SVIRTB_QUEUE_HEAD, 4, model->size != 0 ? head % model->size : head);
}

static void do_step(struct machine *machine, struct input *input)
{
	uint8_t bytes[16];
	uint64_t at;

	switch (take_byte(input) % 8) {
	case 0:
		at = (uint64_t)take_byte(input) % 7 * 4;
		reg_write(machine, at, 4, take_number(input) & 0xffffffff);
		break;
	case 1:
		at = take_raw(input, 2) % SVIRTB_SIZE;
		reg_write(machine, at, take_width(input), take_number(input));
		break;
	case 2:
		at = take_raw(input, 2) % SVIRTB_SIZE;
		reg_read(machine, at, take_width(input));
		break;
	case 3: put_entry(machine, input); break;
	case 4: start_device(machine, input); break;
	case 5: ring_doorbell(machine, input); break;
	case 6:
		at = take_number(input);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = take_byte(input);
		poke(machine, at, bytes, sizeof(bytes));
		break;
	default: machine->entries_left = machine->model.entries_left = take_byte(input); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint64_t disk_sizes[] = { 1, 511, 512, 4096, 5000, 12288, 20001, DISK_MAX };
	static struct machine machine;
	struct input input = { bytes, size };
	uint8_t kind = take_byte(&input);

	log_set_level(LOG_DEBUG);
	make_machine(&machine, kind % 3, kind & 0x80 ? SVIRTB_ENTRY_UNPACKED : SVIRTB_ENTRY_PACKED,
		disk_sizes[kind >> 4 & 7]);
	for (int step = 0; step < 200 && input.left > 0; step++) {
		do_step(&machine, &input);
		check(&machine);
	}
	free_machine(&machine);
	return 0;
}
