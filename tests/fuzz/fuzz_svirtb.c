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
#include <string.h>

#include "devices/svirtb.h"
#include "lib/bits.h"
#include "tests/fuzz/board.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/svirtb_model.h"

struct machine {
	struct board board;
	struct svirtb device;
	unsigned int entries_left;
	struct model model;
};

static bool stop(void *context)
{
	struct machine *machine = context;

	if (machine->entries_left == 0)
		return true;
	machine->entries_left--;
	return false;
}

static void make_machine(
	struct machine *machine, enum ramdisk_mode mode, uint32_t entry_size, uint64_t disk_size)
{
	struct board *board = &machine->board;
	struct model *model = &machine->model;

	memset(machine, 0, sizeof(*machine));
	/* The first page stays 0: entries that do nothing, so that a ring there goes round easily.
	 */
	for (uint32_t i = PAGE_SIZE; i < END; i++)
		model->guest[i] = (uint8_t)(i * 7 + i / 256);
	for (uint32_t i = 0; i < disk_size; i++)
		model->disk[i] = (uint8_t)(i * 11 + i / 512 + 1);
	board_add_memory(board, BEHIND, END, model->guest + BEHIND);
	board_add_memory(board, 0, SEAM, model->guest);
	board_add_memory(board, SEAM, HOLE, model->guest + SEAM);
	board_add_disk(board, model->disk, disk_size, mode);
	svirtb_init(&machine->device, &board->memory, &board->block, entry_size);
	must(bus_register(&board->mmio, "svirtb", SVIRTB_BASE, SVIRTB_SIZE, &svirtb_ops,
		     &machine->device) == STATUS_OK);
	machine->device.stop = stop;
	machine->device.stop_context = machine;
	machine->entries_left = model->entries_left = ~0u;
	model->status = SVIRTB_MAGIC;
	model->entry_size = entry_size;
	model->disk_size = disk_size;
	model->mode = mode;
}

static void reg_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	struct bus_region *region = board_find(&machine->board, SVIRTB_BASE + offset, width);

	if (region == NULL)
		return;
	bus_region_write(region, SVIRTB_BASE + offset, width, value);
	model_write(&machine->model, offset, width, (uint32_t)value);
}

static void reg_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	struct bus_region *region = board_find(&machine->board, SVIRTB_BASE + offset, width);

	if (region == NULL)
		return;
	must(bus_region_read(region, SVIRTB_BASE + offset, width) ==
		model_read(&machine->model, offset, width));
}

/* The guest writes its own memory. */
static void poke(struct machine *machine, uint64_t gpa, const void *bytes, uint64_t size)
{
	if (!model_has(gpa, size))
		return;
	must(guest_memory_write(&machine->board.memory, gpa, bytes, size) == STATUS_OK);
	memcpy(machine->model.guest + gpa, bytes, size);
}

static void check(struct machine *machine)
{
	const struct ramdisk *disk = &machine->board.disk;
	struct model *model = &machine->model;

	for (uint64_t offset = 0; offset < 0x1c; offset += 4)
		reg_read(machine, offset, 4);
	for (unsigned int i = 0; i < machine->board.memory.count; i++) {
		const struct guest_range *range = &machine->board.memory.ranges[i];

		must(memcmp(range->host, model->guest + range->gpa, range->size) == 0);
	}
	must(disk->size == model->disk_size);
	must(memcmp(disk->data, model->disk, disk->capacity) == 0);
	must(machine->entries_left == model->entries_left);
	board_check_disk(&machine->board);
}

/* A number near one that matters, or any. */
static uint64_t take_number(struct input *input)
{
	static const uint64_t edges[INPUT_EDGES] = { 0, 1, 28, 512, 4096, SEAM, HOLE, BEHIND, END,
		DISK_MAX, 32768, SVIRTB_BASE, 1ull << 32, (1ull << 55) - 1, 1ull << 63, ~0ull };

	return take_near(input, edges);
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint64_t disk_sizes[] = { 1, 511, 512, 4096, 5000, 12288, 20001, DISK_MAX };
	static struct machine machine;
	struct input input = { bytes, size, size };
	uint8_t kind = take_byte(&input);

	log_set_level(LOG_DEBUG);
	make_machine(&machine, kind % 3, kind & 0x80 ? SVIRTB_ENTRY_UNPACKED : SVIRTB_ENTRY_PACKED,
		disk_sizes[kind >> 4 & 7]);
	for (int step = 0; step < 200 && input.left > 0; step++) {
		do_step(&machine, &input);
		check(&machine);
	}
	board_free(&machine.board);
	return 0;
}
