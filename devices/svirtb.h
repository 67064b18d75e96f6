/* SPDX-License-Identifier: MIT */
/*
 * The svirtb block device (docs/svirtb.md): six 32-bit registers in one page at guest-physical
 * 0xcafe0000, a ring of packed entries in guest memory, a doorbell, and a ramdisk behind it.
 * Synchronous: when the doorbell's mov retires, the requests are done.
 */
#ifndef DEVICES_SVIRTB_H
#define DEVICES_SVIRTB_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/block.h"
#include "devices/bus.h"
#include "lib/log.h"
#include "mm/guest_memory.h"

#define SVIRTB_BASE 0xcafe0000ull
#define SVIRTB_SIZE 0x1000ull

/* Register offsets. svirtb specification, 4. */
enum svirtb_register {
	SVIRTB_STATUS = 0x00,
	SVIRTB_QUEUE_SIZE = 0x04,
	SVIRTB_QUEUE_ADDR_HI = 0x08,
	SVIRTB_QUEUE_ADDR_LO = 0x0c,
	SVIRTB_QUEUE_HEAD = 0x10,
	SVIRTB_QUEUE_TAIL = 0x14,
};

/* Values of the status register. svirtb specification, 2.1. */
enum svirtb_status {
	SVIRTB_DRIVER_OK = 0,
	SVIRTB_READY = 1,
	SVIRTB_RESET = 2,
	SVIRTB_MAGIC = 0x74726976,
};

enum svirtb_command { SVIRTB_READ = 0, SVIRTB_WRITE = 1 };

#define SVIRTB_ENTRY_PACKED   28u /* as the specification demands */
#define SVIRTB_ENTRY_UNPACKED 32u /* as a compiler lays the structure out */
#define SVIRTB_MAX_ENTRIES    32768u

/* Kinds of mistakes a driver can make; each has its own rate limit on the log. */
enum svirtb_mistake {
	SVIRTB_MISTAKE_ACCESS,  /* not an aligned 32-bit access, or a write beyond the registers */
	SVIRTB_MISTAKE_STATUS,  /* a status that may not be written now, or at all */
	SVIRTB_MISTAKE_CONFIG,  /* queue_size or queue_addr written outside DRIVER_OK */
	SVIRTB_MISTAKE_RING,    /* READY with a ring that cannot be */
	SVIRTB_MISTAKE_HEAD,    /* queue_head written outside READY, or beyond the ring */
	SVIRTB_MISTAKE_TAIL,    /* queue_tail written */
	SVIRTB_MISTAKE_COMMAND, /* from here on: what is wrong in an entry */
	SVIRTB_MISTAKE_SECTOR,
	SVIRTB_MISTAKE_BUFFER,
	SVIRTB_MISTAKE_READ_ONLY,
	SVIRTB_MISTAKE_DISK_END,
	SVIRTB_MISTAKE_COUNT
};

struct svirtb {
	/* What the driver sees. */
	uint32_t status;
	uint32_t queue_size;
	uint32_t queue_addr_hi;
	uint32_t queue_addr_lo;
	uint32_t queue_head;
	uint32_t queue_tail;

	/* The ring as it was checked and latched at READY. */
	uint64_t ring;
	uint32_t entries;

	uint32_t entry_size; /* SVIRTB_ENTRY_PACKED or SVIRTB_ENTRY_UNPACKED */
	const struct guest_memory *memory;
	struct block *block;

	/* Asked between entries: true ends the batch there (the run's time is up). May be null. */
	bool (*stop)(void *context);
	void *stop_context;

	/* For the report at the end. */
	uint64_t requests; /* completed */
	uint64_t bytes_read;
	uint64_t bytes_written;

	struct log_limit mistakes[SVIRTB_MISTAKE_COUNT];
	struct log_limit short_reads;
	struct log_limit stops;
};

/* The device as after power-on: status MAGIC, all else 0. */
void svirtb_init(struct svirtb *device, const struct guest_memory *memory, struct block *block,
	uint32_t entry_size);

extern const struct bus_ops svirtb_ops;

#endif
