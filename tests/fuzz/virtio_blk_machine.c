/* SPDX-License-Identifier: MIT */
/*
 * The machine of virtio-blk's fuzz target, see virtio_blk_machine.h.
 */
#include "tests/fuzz/virtio_blk_machine.h"

#include <string.h>

#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"

static void set_line(void *controller, unsigned int line, bool asserted)
{
	struct machine *machine = controller;

	must(line == VIRTIO_MMIO_GSI);
	machine->line = asserted;
}

/* What guest memory has to begin with. */
static const uint8_t *pattern(void)
{
	static uint8_t bytes[SEAM];
	static bool made;

	for (uint32_t at = 0; !made && at < sizeof(bytes); at++)
		bytes[at] = (uint8_t)(at * 7 + at / 256);
	made = true;
	return bytes;
}

void machine_make(struct machine *machine, enum ramdisk_mode mode, bool sync_at_exit)
{
	struct board *board = &machine->board;
	struct virtio_blk_setup setup = {
		.memory = &board->memory,
		.block = &board->block,
		.line = { .set = set_line, .controller = machine, .line = VIRTIO_MMIO_GSI },
		.sync_at_exit = sync_at_exit,
	};
	uint8_t disk[DISK_SIZE];

	memset(machine, 0, sizeof(*machine));
	board_add_memory(board, BEHIND, END, pattern());
	board_add_memory(board, 0, SEAM, pattern());
	board_add_memory(board, SEAM, HOLE, pattern());
	for (uint32_t i = 0; i < DISK_SIZE; i++)
		disk[i] = (uint8_t)(i * 11 + i / 512 + 1);
	board_add_disk(board, disk, DISK_SIZE, mode);
	virtio_blk_init(&machine->device, &setup);
	must(bus_register(&board->mmio, "virtio-blk", VIRTIO_MMIO_BASE, VIRTIO_MMIO_SIZE,
		     &virtio_blk_ops, &machine->device) == STATUS_OK);
}

void machine_free(struct machine *machine)
{
	board_free(&machine->board);
}

void reg_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	struct bus_region *region = board_find(&machine->board, VIRTIO_MMIO_BASE + offset, width);

	if (region != NULL)
		bus_region_write(
			region, VIRTIO_MMIO_BASE + offset, width, value & width_mask(width));
}

uint64_t reg_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	struct bus_region *region = board_find(&machine->board, VIRTIO_MMIO_BASE + offset, width);
	uint64_t value;

	if (region == NULL)
		return 0;
	value = bus_region_read(region, VIRTIO_MMIO_BASE + offset, width);
	must((value & ~width_mask(width)) == 0);
	return value;
}

void poke(struct machine *machine, uint64_t gpa, const void *bytes, uint64_t size)
{
	if (guest_memory_contains(&machine->board.memory, gpa, size))
		must(guest_memory_write(&machine->board.memory, gpa, bytes, size) == STATUS_OK);
}

void peek(struct machine *machine, uint64_t gpa, void *bytes, uint64_t size)
{
	must(guest_memory_read(&machine->board.memory, gpa, bytes, size) == STATUS_OK);
}

void write_back(struct machine *machine, bool done)
{
	if (done)
		board_clean_disk(&machine->board);
	block_complete_sync(&machine->board.block, done);
}

void machine_check(struct machine *machine)
{
	const uint32_t status = (uint32_t)reg_read(machine, VIRTIO_MMIO_STATUS, 4);

	must(machine->line == (reg_read(machine, VIRTIO_MMIO_INTERRUPT_STATUS, 4) != 0));
	must(machine->board.block.sync_wanted == machine->device.syncing);
	must((status & VIRTIO_STATUS_NEEDS_RESET) == 0 || !machine->device.mmio.running);
	must(machine->board.disk.size == DISK_SIZE || machine->board.disk.size == SECTORS * 512);
	board_check_disk(&machine->board);
}
