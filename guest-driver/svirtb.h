/* SPDX-License-Identifier: MIT */
/*
 * A driver for the Simple VirtIO Block device (svirtb), for a guest of any kind, 32- or 64-bit.
 *
 *	static struct svirtb_entry ring[64];
 *	static struct svirtb disk;
 *
 *	if (svirtb_init(&disk, ring, 64, SVIRTB_ENTRY_SIZE) == SVIRTB_OK)
 *		svirtb_read(&disk, 0, buffer, 4096);
 *
 * Reads 8 sectors from sector 0 on. For many requests with one doorbell: svirtb_queue() each, then
 * svirtb_submit(). The device knows physical addresses only: buffers and the ring must lie where
 * virtual and physical addresses are the same, and in one piece.
 */
#ifndef GUEST_DRIVER_SVIRTB_H
#define GUEST_DRIVER_SVIRTB_H

#include <stddef.h>
#include <stdint.h>

#define SVIRTB_BASE        0xcafe0000u /* svirtb specification, 4 */
#define SVIRTB_SECTOR_SIZE 512u

/* Registers, each of 32 bits, as offsets from the base. Specification, 2. */
enum svirtb_register {
	SVIRTB_STATUS = 0x00,
	SVIRTB_QUEUE_SIZE = 0x04,
	SVIRTB_QUEUE_ADDR_HI = 0x08,
	SVIRTB_QUEUE_ADDR_LO = 0x0c,
	SVIRTB_QUEUE_HEAD = 0x10, /* the driver's: the doorbell */
	SVIRTB_QUEUE_TAIL = 0x14, /* the device's: what it has completed */
};

/* Values of the status register. Specification, 2.1. */
#define SVIRTB_DRIVER_OK 0u
#define SVIRTB_READY     1u
#define SVIRTB_RESET     2u
#define SVIRTB_MAGIC     0x74726976u

enum svirtb_command { SVIRTB_READ = 0, SVIRTB_WRITE = 1 };

/* An entry of the ring. Specification, 2.2.1; no padding (1.2), hence packed. */
struct svirtb_entry {
	uint64_t addr; /* of the buffer, physical */
	uint64_t size; /* in bytes; need not be whole sectors */
	uint64_t sector;
	uint32_t cmd;
} __attribute__((packed));

#define SVIRTB_ENTRY_SIZE          28u
#define SVIRTB_ENTRY_SIZE_UNPACKED 32u /* where the hypervisor runs with svirtb.entry-size=32 */
_Static_assert(sizeof(struct svirtb_entry) == SVIRTB_ENTRY_SIZE, "specification, 1.2: no padding");

enum svirtb_error {
	SVIRTB_OK,
	SVIRTB_NO_DEVICE,     /* step 1: status does not read the magic value */
	SVIRTB_NO_DRIVER_OK,  /* step 3: status did not become DRIVER_OK */
	SVIRTB_NO_RING,       /* step 4: a register of the ring does not keep its value */
	SVIRTB_NOT_READY,     /* step 6: the device refused the ring; its log says why */
	SVIRTB_QUEUE_FULL,    /* no room in the ring: submit first */
	SVIRTB_REQUEST_FAILED /* the device refused an entry and wants a reset */
};

/* The driver's side of the device. Nobody else writes it. */
struct svirtb {
	uint8_t *ring;
	uint32_t size; /* entries in the ring; one of them always stays free */
	uint32_t entry_size;
	uint32_t head; /* where the next entry goes */
	uint32_t tail; /* first entry that is not known to be completed */
	uint32_t done; /* entries that the last submit completed */
};

/* The six steps of the specification's section 3, each checked. ring has size entries. */
enum svirtb_error svirtb_init(struct svirtb *disk, void *ring, uint32_t size, uint32_t entry_size);

/* After SVIRTB_REQUEST_FAILED: resets the device and initialises it again with the same ring. */
enum svirtb_error svirtb_recover(struct svirtb *disk);

/* One request: size bytes between buffer and the disk from sector on; returns when it is done. */
enum svirtb_error svirtb_read(struct svirtb *disk, uint64_t sector, void *buffer, uint64_t size);
enum svirtb_error svirtb_write(
	struct svirtb *disk, uint64_t sector, const void *buffer, uint64_t size);

/* Puts one request into the ring; the device does not know of it before svirtb_submit. */
enum svirtb_error svirtb_queue(struct svirtb *disk, enum svirtb_command command, uint64_t sector,
	const void *buffer, uint64_t size);

/* One doorbell for all that was queued; returns when all is done, or at the first that failed. */
enum svirtb_error svirtb_submit(struct svirtb *disk);

/*
 * The disk's size in bytes. No register holds it; but a read stops where the disk ends and leaves
 * the rest of its buffer alone, which shows.
 */
enum svirtb_error svirtb_capacity(struct svirtb *disk, uint64_t *bytes);

const char *svirtb_error_text(enum svirtb_error error);

/* One register access is one 32-bit mov: the device takes nothing else. */
static inline uint32_t svirtb_register_read(enum svirtb_register offset)
{
	return *(const volatile uint32_t *)(uintptr_t)(SVIRTB_BASE + offset);
}

static inline void svirtb_register_write(enum svirtb_register offset, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(SVIRTB_BASE + offset) = value;
}

#endif
