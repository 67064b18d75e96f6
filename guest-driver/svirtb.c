/* SPDX-License-Identifier: MIT */
/*
 * The svirtb driver: initialisation as the specification orders it, requests through the ring, and
 * the disk's size by short reads. Called by the demo guest and the test guests.
 */
#include "guest-driver/svirtb.h"

#include "lib/string.h"

/* No disk is larger than this: the bytes of a sector beyond it would be numbered past 2^64. */
#define SECTOR_LIMIT (UINT64_MAX / SVIRTB_SECTOR_SIZE)

/* Compiler and processor keep their order here: the ring is written before the doorbell rings. */
static void memory_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Step 4: the ring's place and size, each register read back. */
static enum svirtb_error configure_ring(const struct svirtb *disk)
{
	uint64_t address = (uintptr_t)disk->ring;

	svirtb_register_write(SVIRTB_QUEUE_SIZE, disk->size);
	svirtb_register_write(SVIRTB_QUEUE_ADDR_HI, (uint32_t)(address >> 32));
	svirtb_register_write(SVIRTB_QUEUE_ADDR_LO, (uint32_t)address);
	if (svirtb_register_read(SVIRTB_QUEUE_SIZE) != disk->size ||
		svirtb_register_read(SVIRTB_QUEUE_ADDR_HI) != (uint32_t)(address >> 32) ||
		svirtb_register_read(SVIRTB_QUEUE_ADDR_LO) != (uint32_t)address)
		return SVIRTB_NO_RING;
	return SVIRTB_OK;
}

enum svirtb_error svirtb_init(struct svirtb *disk, void *ring, uint32_t size, uint32_t entry_size)
{
	enum svirtb_error error;

	*disk = (struct svirtb){ .ring = ring, .size = size, .entry_size = entry_size };

	/* 1. The magic value says that this is the device. */
	if (svirtb_register_read(SVIRTB_STATUS) != SVIRTB_MAGIC)
		return SVIRTB_NO_DEVICE;
	/* 2. and 3. */
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	if (svirtb_register_read(SVIRTB_STATUS) != SVIRTB_DRIVER_OK)
		return SVIRTB_NO_DRIVER_OK;
	/* 4. */
	error = configure_ring(disk);
	if (error != SVIRTB_OK)
		return error;
	/* 5. and 6. */
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_READY);
	if (svirtb_register_read(SVIRTB_STATUS) != SVIRTB_READY)
		return SVIRTB_NOT_READY;
	return SVIRTB_OK;
}

enum svirtb_error svirtb_recover(struct svirtb *disk)
{
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	return svirtb_init(disk, disk->ring, disk->size, disk->entry_size);
}

enum svirtb_error svirtb_queue(struct svirtb *disk, enum svirtb_command command, uint64_t sector,
	const void *buffer, uint64_t size)
{
	const struct svirtb_entry entry = {
		.addr = (uintptr_t)buffer,
		.size = size,
		.sector = sector,
		.cmd = command,
	};
	uint32_t next = disk->head + 1 < disk->size ? disk->head + 1 : 0;

	/* An empty ring has head == tail, so a ring in which they would meet is full. */
	if (next == disk->tail)
		return SVIRTB_QUEUE_FULL;
	memcpy(disk->ring + (size_t)disk->head * disk->entry_size, &entry, sizeof(entry));
	disk->head = next;
	return SVIRTB_OK;
}

enum svirtb_error svirtb_submit(struct svirtb *disk)
{
	uint32_t first = disk->tail;

	memory_barrier();
	svirtb_register_write(SVIRTB_QUEUE_HEAD, disk->head);
	for (;;) {
		disk->tail = svirtb_register_read(SVIRTB_QUEUE_TAIL);
		disk->done = (disk->tail + disk->size - first) % disk->size;
		if (disk->tail == disk->head)
			break;
		if (svirtb_register_read(SVIRTB_STATUS) != SVIRTB_READY)
			return SVIRTB_REQUEST_FAILED;
	}
	/* What the device wrote into the buffers is read after the tail that announces it. */
	memory_barrier();
	return SVIRTB_OK;
}

static enum svirtb_error request(struct svirtb *disk, enum svirtb_command command, uint64_t sector,
	const void *buffer, uint64_t size)
{
	enum svirtb_error error = svirtb_queue(disk, command, sector, buffer, size);

	return error == SVIRTB_OK ? svirtb_submit(disk) : error;
}

enum svirtb_error svirtb_read(struct svirtb *disk, uint64_t sector, void *buffer, uint64_t size)
{
	return request(disk, SVIRTB_READ, sector, buffer, size);
}

enum svirtb_error svirtb_write(
	struct svirtb *disk, uint64_t sector, const void *buffer, uint64_t size)
{
	return request(disk, SVIRTB_WRITE, sector, buffer, size);
}

/*
 * How many bytes of a sector the disk has. It is read twice, over zeros and over ones: a byte that
 * the device wrote is the same both times, one that it left alone is not.
 */
static enum svirtb_error sector_bytes(struct svirtb *disk, uint64_t sector, uint32_t *count)
{
	uint8_t over_zeros[SVIRTB_SECTOR_SIZE], over_ones[SVIRTB_SECTOR_SIZE];
	enum svirtb_error error;

	memset(over_zeros, 0x00, sizeof(over_zeros));
	memset(over_ones, 0xff, sizeof(over_ones));
	error = svirtb_read(disk, sector, over_zeros, sizeof(over_zeros));
	if (error == SVIRTB_OK)
		error = svirtb_read(disk, sector, over_ones, sizeof(over_ones));
	*count = 0;
	while (*count < SVIRTB_SECTOR_SIZE && over_zeros[*count] == over_ones[*count])
		(*count)++;
	return error;
}

enum svirtb_error svirtb_capacity(struct svirtb *disk, uint64_t *bytes)
{
	uint64_t full = 0;  /* sectors that are all there */
	uint64_t limit = 1; /* the last full one lies below this, once it is known */
	enum svirtb_error error;
	uint32_t count;

	/* Doubles until a sector is not all there, then halves what lies between. */
	*bytes = 0;
	for (;; limit *= 2) {
		error = sector_bytes(disk, limit - 1, &count);
		if (error != SVIRTB_OK)
			return error;
		if (count < SVIRTB_SECTOR_SIZE)
			break;
		full = limit;
		if (limit > SECTOR_LIMIT / 2)
			return SVIRTB_REQUEST_FAILED;
	}
	while (full + 1 < limit) {
		uint64_t middle = full + (limit - full) / 2;

		error = sector_bytes(disk, middle - 1, &count);
		if (error != SVIRTB_OK)
			return error;
		if (count == SVIRTB_SECTOR_SIZE)
			full = middle;
		else
			limit = middle;
	}
	error = sector_bytes(disk, full, &count);
	*bytes = full * SVIRTB_SECTOR_SIZE + count;
	return error;
}

const char *svirtb_error_text(enum svirtb_error error)
{
	switch (error) {
	case SVIRTB_OK: return "success";
	case SVIRTB_NO_DEVICE: return "step 1: the status register does not read the magic value";
	case SVIRTB_NO_DRIVER_OK: return "step 3: the status did not become DRIVER_OK";
	case SVIRTB_NO_RING: return "step 4: a register of the ring does not keep its value";
	case SVIRTB_NOT_READY: return "step 6: the device refused the ring";
	case SVIRTB_QUEUE_FULL: return "the ring is full";
	case SVIRTB_REQUEST_FAILED: return "the device refused a request and wants a reset";
	}
	return "unknown error";
}
