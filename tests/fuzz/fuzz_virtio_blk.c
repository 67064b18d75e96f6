/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of devices/virtio_*.c, devices/virtq*.c and the floors below: hostile register
 * accesses and hostile rings in a small guest memory, of which every piece, like the disk, has the
 * sanitizer's red zones around it. Between them a sane driver hands over single requests in random
 * framings, and a second, simple implementation (the model), in numbers too wide to wrap, says what
 * must become of each: its status, its length, the bytes of the disk and of its buffer. Whatever
 * happened before, a reset recovers.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/virtio_blk_driver.h"
#include "tests/fuzz/virtio_blk_machine.h"

static const uint64_t wanted_features =
	VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX |
	VIRTIO_F_RING_RESET | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD |
	VIRTIO_BLK_F_WRITE_ZEROES;

/* A chain that nobody checks, into whichever ring the device has. */
static void put_hostile(struct machine *machine, struct input *input)
{
	const uint8_t place = take_byte(input) % ENTRIES;
	uint64_t fields[2] = { driver_take_number(input), driver_take_number(input) & 0xffff };
	uint16_t entry;

	fields[1] |= (uint64_t)take_byte(input) << 32 | (uint64_t)take_byte(input) << 48;
	if (take_byte(input) & 1)
		fields[1] |= (uint64_t)VIRTQ_DESC_F_AVAIL << 48;
	poke(machine, DESCRIPTORS + 16ull * place, fields, sizeof(fields));
	entry = take_byte(input) % (ENTRIES + 4);
	poke(machine, DRIVER + 4 + 2ull * (place % ENTRIES), &entry, 2);
	peek(machine, DRIVER + 2, &entry, 2);
	entry = (uint16_t)(entry + take_byte(input) % 4);
	poke(machine, DRIVER + 2, &entry, 2);
}

static void do_step(struct machine *machine, struct input *input)
{
	static const uint8_t registers[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x50, 0x64,
		0x70, 0x70, 0x80, 0x84, 0x90, 0xa0, 0xac, 0xc0, 0x34 };
	uint8_t bytes[16];
	uint64_t at;

	switch (take_byte(input) % 14) {
	case 0:
		at = registers[take_byte(input) % ARRAY_COUNT(registers)];
		reg_write(machine, at, 4, driver_take_number(input) & 0xffffffff);
		machine->sane = false;
		break;
	case 1:
		at = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		reg_write(machine, at, 1u << (take_byte(input) & 3), driver_take_number(input));
		machine->sane = false;
		break;
	case 2:
		at = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		reg_read(machine, at, 1u << (take_byte(input) & 3));
		break;
	case 3: driver_start(machine, take_raw(input, 6) & wanted_features); break;
	case 4:
		at = driver_take_number(input);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = take_byte(input);
		poke(machine, at, bytes, sizeof(bytes));
		machine->sane = false;
		break;
	case 5:
		machine->sane = false;
		put_hostile(machine, input);
		break;
	case 6:
		machine->sane = false;
		reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
		break;
	case 7: virtio_blk_continue(&machine->device); break;
	case 8:
		if (machine->board.block.sync_wanted)
			write_back(machine, take_byte(input) & 1);
		break;
	case 9:
	case 10: driver_do_batch(machine, input); break;
	default: driver_do_request(machine, input); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint8_t recovery[] = { 0, 0, 1, 1, 0xff, 0xff, 0xff };
	static struct machine machine;
	struct input input = { bytes, size, size };
	uint8_t kind = take_byte(&input);

	log_set_level(LOG_DEBUG);
	machine_make(&machine, kind % 3, kind & 0x80);
	if (kind & 0x40)
		driver_start(&machine, take_raw(&input, 6) & wanted_features);
	for (int step = 0; step < 200 && (input.left > 0 || step < 16); step++) {
		do_step(&machine, &input);
		machine_check(&machine);
	}
	/* A reset recovers from whatever it was. */
	driver_start(&machine, kind & 0x20 ? wanted_features : VIRTIO_F_VERSION_1);
	input = (struct input){ recovery, sizeof(recovery), 0 };
	driver_do_request(&machine, &input);
	machine_check(&machine);
	machine_free(&machine);
	return 0;
}
