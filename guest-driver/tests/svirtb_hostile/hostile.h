/* SPDX-License-Identifier: MIT */
/*
 * What the groups of the hostile guest share: the device without a driver's good manners, and the
 * image of the disk as it has to be.
 */
#ifndef GUEST_DRIVER_TESTS_SVIRTB_HOSTILE_HOSTILE_H
#define GUEST_DRIVER_TESTS_SVIRTB_HOSTILE_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"

#define RING_ENTRIES   8u
#define MAX_ENTRIES    32768u /* that a ring may have */
#define DISK_MAX       (64u * 1024)
#define DISK_SECTORS   (hostile.disk_size / SVIRTB_SECTOR_SIZE)
#define DEVICE_PAGE    ((uint64_t)SVIRTB_BASE)
#define HOLE           0xc0000000ull /* between memory and what lies above 4 GiB */
#define NORMAL_SECTORS 4u            /* from 0 on, written by hostile_recover */

struct registers {
	uint32_t status, size, hi, lo, head, tail;
};

struct hostile {
	uint32_t entry_size;
	uint64_t memory_end; /* of the guest's memory, which is in one piece */
	uint64_t disk_size;  /* bytes, whole sectors */
	bool read_only;
	uint64_t seed, rounds;
};
extern struct hostile hostile;

/* The disk as it has to be. */
extern uint8_t hostile_image[DISK_MAX] __attribute__((aligned(4096)));

/* The ring of most cases, RING_ENTRIES of them of either size, and two buffers. */
extern uint8_t hostile_ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED];
extern uint8_t hostile_source[DISK_MAX] __attribute__((aligned(4096)));
extern uint8_t hostile_target[DISK_MAX] __attribute__((aligned(4096)));

/* Learns what the command line, the memory map and the disk say. */
void hostile_open(const char *cmdline);

/* Part of a check: all registers. */
struct registers registers_read(void);
void registers_check(struct registers expected);

/* RESET, DRIVER_OK, size and address; hostile_start writes READY, too, and returns the status. */
void hostile_configure(uint64_t ring, uint32_t entries);
uint32_t hostile_start(uint64_t ring, uint32_t entries);

void hostile_put(void *ring, uint32_t index, uint64_t addr, uint64_t size, uint64_t sector,
	uint32_t command);

/* What a write of size bytes at sector makes of the image. */
void hostile_note_write(const void *from, uint64_t size, uint64_t sector);

/*
 * Ends a check: after a RESET all registers are as at power-on, the driver can write and read, and
 * the whole disk is what the image says.
 */
void hostile_recover(void);

/* xorshift64*. */
uint64_t hostile_random(void);

void hostile_test_registers(void);
void hostile_test_accesses(void);
void hostile_test_rings(void);
void hostile_test_entries(void);
void hostile_test_overlaps(void);
void hostile_test_read_only(void);
void hostile_test_garbage(void);

#endif
