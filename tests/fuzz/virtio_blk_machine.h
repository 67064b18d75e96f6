/* SPDX-License-Identifier: MIT */
/*
 * The machine of virtio-blk's fuzz target: the device with a small guest memory and a disk, and
 * what the guest does to both. Whoever drives it: virtio_blk_driver.c sanely, fuzz_virtio_blk.c
 * not.
 */
#ifndef TESTS_FUZZ_VIRTIO_BLK_MACHINE_H
#define TESTS_FUZZ_VIRTIO_BLK_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/virtio_blk.h"
#include "tests/fuzz/board.h"
#include "tests/fuzz/virtio_blk_model.h"

/* Guest memory: two touching pieces, a hole, one piece behind it. */
#define SEAM   0x8000ull
#define HOLE   0xc000ull
#define BEHIND 0x20000ull
#define END    0x22000ull

/* The sane driver's memory. */
#define DESCRIPTORS 0x1000ull
#define DRIVER      0x2000ull
#define DEVICE      0x3000ull
#define ENTRIES     32u
#define STREAM      0x4000ull

struct machine {
	struct board board;
	struct virtio_blk device;
	bool line;

	/* The sane driver; sane is false once anything hostile has happened. */
	bool sane;
	uint16_t next;
	uint16_t used;
	bool round;

	struct model model;
};

void machine_make(struct machine *machine, enum ramdisk_mode mode, bool sync_at_exit);
void machine_free(struct machine *machine);

/* Registers; where there is none, nothing is written, and 0 read. */
void reg_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value);
uint64_t reg_read(struct machine *machine, uint64_t offset, unsigned int width);

/* The guest's memory; where there is none, nothing is written, and nothing may be read. */
void poke(struct machine *machine, uint64_t gpa, const void *bytes, uint64_t size);
void peek(struct machine *machine, uint64_t gpa, void *bytes, uint64_t size);

/* What the run loop does when the device wants everything to be durable. */
void write_back(struct machine *machine, bool done);

/* What holds whatever the guest does. */
void machine_check(struct machine *machine);

#endif
