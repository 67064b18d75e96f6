/* SPDX-License-Identifier: MIT */
/*
 * A second svirtb for the fuzz target to compare the real one with: written from docs/svirtb.md as
 * simply as it goes, with guest memory and disk as flat arrays and sums in 128 bits, which no guest
 * can make wrap.
 */
#ifndef TESTS_FUZZ_SVIRTB_MODEL_H
#define TESTS_FUZZ_SVIRTB_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "devices/svirtb.h"
#include "lib/bits.h"

typedef unsigned __int128 wide;

/* Guest memory: two touching pieces, a hole, one piece behind it. */
#define SEAM   0x2000u
#define HOLE   0x3000u
#define BEHIND 0x5000u
#define END    0x6000u

#define DISK_MAX 0x6000u

struct model {
	uint32_t status, size, hi, lo, head, tail;
	uint64_t ring;
	uint32_t entry_size;
	uint8_t guest[END];
	uint8_t disk[DISK_MAX];
	uint64_t disk_size;
	enum ramdisk_mode mode;
	unsigned int entries_left; /* until the stop callback says stop */
};

static bool model_has(uint64_t gpa, uint64_t size)
{
	wide end = (wide)gpa + size;

	return (gpa < HOLE && end <= HOLE) || (gpa >= BEHIND && end <= END);
}

static uint64_t model_field(const struct model *model, uint64_t at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)model->guest[at + i] << (8 * i);
	return value;
}

/* Whether the entry at tail is done; when not, nothing has changed. */
static bool model_do_entry(struct model *model)
{
	uint64_t at = model->ring + (uint64_t)model->tail * model->entry_size;
	uint64_t addr = model_field(model, at, 8);
	uint64_t size = model_field(model, at + 8, 8);
	wide start = (wide)model_field(model, at + 16, 8) * 512;
	uint64_t cmd = model_field(model, at + 24, 4);
	uint64_t whole_sectors = (model->disk_size + 511) / 512 * 512;

	if (cmd > 1)
		return false;
	if (size == 0)
		return true;
	if (!model_has(addr, size) || start + size > (wide)1 << 64)
		return false;
	if (cmd == 0) {
		if (start < model->disk_size)
			memcpy(model->guest + addr, model->disk + start,
				min_u64(size, model->disk_size - (uint64_t)start));
		return true;
	}
	if (model->mode == RAMDISK_READ_ONLY || start + size > whole_sectors)
		return false;
	memcpy(model->disk + start, model->guest + addr, size);
	if (start + size > model->disk_size)
		model->disk_size = whole_sectors;
	return true;
}

static void model_doorbell(struct model *model, uint32_t head)
{
	if (model->status != SVIRTB_READY)
		return;
	if (head >= model->size) {
		model->status = SVIRTB_RESET;
		return;
	}
	model->head = head;
	while (model->tail != model->head) {
		if (model->entries_left == 0)
			return;
		model->entries_left--;
		if (!model_do_entry(model)) {
			model->status = SVIRTB_RESET;
			return;
		}
		model->tail = (model->tail + 1) % model->size;
	}
}

static void model_write_status(struct model *model, uint32_t value)
{
	if (value == SVIRTB_RESET) {
		model->status = SVIRTB_MAGIC;
		model->size = model->hi = model->lo = model->head = model->tail = 0;
	} else if (value == SVIRTB_DRIVER_OK && model->status == SVIRTB_MAGIC) {
		model->status = SVIRTB_DRIVER_OK;
	} else if (value == SVIRTB_READY && model->status == SVIRTB_DRIVER_OK) {
		model->ring = (uint64_t)model->hi << 32 | model->lo;
		model->status = model->size >= 1 && model->size <= 32768 &&
						model_has(model->ring,
							(uint64_t)model->size * model->entry_size)
					? SVIRTB_READY
					: SVIRTB_RESET;
	}
}

static void model_write(struct model *model, uint64_t offset, unsigned int width, uint32_t value)
{
	bool config = model->status == SVIRTB_DRIVER_OK;

	if (width != 4 || offset % 4 != 0)
		return;
	if (offset == 0x00)
		model_write_status(model, value);
	else if (offset == 0x04 && config)
		model->size = value;
	else if (offset == 0x08 && config)
		model->hi = value;
	else if (offset == 0x0c && config)
		model->lo = value;
	else if (offset == 0x10)
		model_doorbell(model, value);
}

static uint64_t model_read(const struct model *model, uint64_t offset, unsigned int width)
{
	const uint32_t registers[] = { model->status, model->size, model->hi, model->lo,
		model->head, model->tail };

	if (width != 4 || offset % 4 != 0)
		return ~0ull >> (64 - 8 * width);
	return offset / 4 < ARRAY_COUNT(registers) ? registers[offset / 4] : 0;
}

#endif
