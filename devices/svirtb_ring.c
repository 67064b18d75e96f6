/* SPDX-License-Identifier: MIT */
/*
 * svirtb's ring: each entry is copied once out of guest memory, then checked, then used; its data
 * moves once, straight between guest memory and the ramdisk. Called at a doorbell.
 */
#include "devices/svirtb_ring.h"

#include <stdarg.h>
#include <stddef.h>

#include "lib/format.h"
#include "lib/string.h"
/* LAB 3 { for lab_not_implemented, and for a refuse() that nobody calls yet
 * #include "lib/lab.h"
 * static bool refuse(struct svirtb *device, enum svirtb_mistake mistake, const char *format, ...)
 * 	__attribute__((unused));
 */
/* LAB 3 } */

/* An entry is refused: the log says which and why, and the device waits for a reset. */
static bool refuse(struct svirtb *device, enum svirtb_mistake mistake, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool refuse(struct svirtb *device, enum svirtb_mistake mistake, const char *format, ...)
{
	char reason[160];
	va_list arguments;

	va_start(arguments, format);
	format_text_va(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	log_limited(&device->mistakes[mistake], LOG_WARN, "svirtb",
		"entry %u: %s; status set to RESET", device->queue_tail, reason);
	device->status = SVIRTB_RESET;
	return false;
}

/* LAB 3 { the helpers of svirtb_ring_run */
/* A request that has passed its checks. */
struct transfer {
	uint64_t gpa;    /* the buffer; all of it is guest memory */
	uint64_t size;   /* bytes, not 0 */
	uint64_t offset; /* bytes from the disk's start */
	void *host;      /* the buffer where it lies in one piece of guest memory, else null */
};

/* Both copies follow a buffer in several pieces across them, one turn a piece. */
static void copy_to_guest(
	const struct svirtb *device, const struct transfer *transfer, uint64_t size)
{
	uint64_t gpa = transfer->gpa;
	uint64_t offset = transfer->offset;
	uint64_t piece;

	if (transfer->host != NULL) {
		block_read(device->block, offset, transfer->host, size);
		return;
	}
	for (; size > 0; gpa += piece, offset += piece, size -= piece) {
		void *to = guest_memory_find(device->memory, gpa, size, &piece);

		block_read(device->block, offset, to, piece);
	}
}

static void copy_from_guest(struct svirtb *device, const struct transfer *transfer)
{
	uint64_t size = transfer->size;
	uint64_t gpa = transfer->gpa;
	uint64_t offset = transfer->offset;
	uint64_t piece;

	if (transfer->host != NULL) {
		block_write(device->block, offset, transfer->host, size);
		return;
	}
	for (; size > 0; gpa += piece, offset += piece, size -= piece) {
		const void *from = guest_memory_find(device->memory, gpa, size, &piece);

		block_write(device->block, offset, from, piece);
	}
}

/* What the disk has there moves; the rest of the buffer stays as it was. */
static bool execute_read(struct svirtb *device, const struct transfer *transfer)
{
	const struct ramdisk *disk = device->block->disk;
	uint64_t size = ramdisk_readable(disk, transfer->offset, transfer->size);

	if (size < transfer->size)
		log_limited(&device->short_reads, LOG_DEBUG, "svirtb",
			"entry %u: read of %lu bytes at sector %llu passes the end of the disk "
			"(%lu bytes); %lu transferred",
			device->queue_tail, transfer->size, transfer->offset / RAMDISK_SECTOR_SIZE,
			disk->size, size);
	if (size > 0)
		copy_to_guest(device, transfer, size);
	device->bytes_read += size;
	return true;
}

static bool execute_write(struct svirtb *device, const struct transfer *transfer)
{
	const struct ramdisk *disk = device->block->disk;
	uint64_t size = transfer->size;
	uint64_t offset = transfer->offset;
	enum status status = ramdisk_check_write(disk, offset, size);

	if (status == STATUS_READ_ONLY)
		return refuse(device, SVIRTB_MISTAKE_READ_ONLY,
			"write of %lu bytes at sector %llu to a read-only disk", size,
			offset / RAMDISK_SECTOR_SIZE);
	if (status != STATUS_OK)
		return refuse(device, SVIRTB_MISTAKE_DISK_END,
			"write of %lu bytes at sector %llu passes the end of the disk "
			"(%llu sectors)",
			size, offset / RAMDISK_SECTOR_SIZE, disk->capacity / RAMDISK_SECTOR_SIZE);
	copy_from_guest(device, transfer);
	device->bytes_written += size;
	return true;
}

/* Checks everything about an entry before its first byte moves. False: refused, nothing was done.
 */
static bool execute(struct svirtb *device, const struct svirtb_entry *entry)
{
	struct transfer transfer = { .gpa = entry->addr, .size = entry->size };
	uint64_t found;

	if (entry->cmd != SVIRTB_READ && entry->cmd != SVIRTB_WRITE)
		return refuse(device, SVIRTB_MISTAKE_COMMAND,
			"cmd 0x%x is neither 0 (read) nor 1 (write)", entry->cmd);
	if (entry->size == 0)
		return true;
	if (!block_find_sector(entry->sector, entry->size, &transfer.offset))
		return refuse(device, SVIRTB_MISTAKE_SECTOR,
			"sector 0x%lx with size 0x%lx wraps around", entry->sector, entry->size);
	/* The whole buffer, even where a short read will use less of it. */
	transfer.host = guest_memory_find(device->memory, entry->addr, entry->size, &found);
	if (found < entry->size) {
		if (!guest_memory_contains(device->memory, entry->addr, entry->size))
			return refuse(device, SVIRTB_MISTAKE_BUFFER,
				"buffer 0x%lx+%lu is outside guest memory", entry->addr,
				entry->size);
		transfer.host = NULL;
	}
	return entry->cmd == SVIRTB_READ ? execute_read(device, &transfer)
					 : execute_write(device, &transfer);
}

/*
 * The one look at an entry in guest memory. ring is where the whole ring lies in one piece of guest
 * memory, else null.
 */
static enum status take_entry(
	const struct svirtb *device, const uint8_t *ring, struct svirtb_entry *entry)
{
	uint64_t at = (uint64_t)device->queue_tail * device->entry_size;
	enum status status = STATUS_OK;

	/* Freestanding, gcc expands a copy of fixed size only under this name. */
	if (ring != NULL)
		__builtin_memcpy(entry, ring + at, sizeof(*entry));
	else
		status =
			guest_memory_read(device->memory, device->ring + at, entry, sizeof(*entry));
	/* Keeps the compiler from reading the guest's copy again in place of ours. */
	__asm__ volatile("" : : : "memory");
	return status;
}

/* False: refused, the device is in state RESET. */
static bool do_next_entry(struct svirtb *device, const uint8_t *ring)
{
	struct svirtb_entry entry;

	if (take_entry(device, ring, &entry) != STATUS_OK)
		return refuse(device, SVIRTB_MISTAKE_RING, "ring is outside guest memory");
	return execute(device, &entry);
}
/* LAB 3 } */

void svirtb_ring_run(struct svirtb *device)
{
	/* LAB 3 { steps 4 to 6: the doorbell
	 * lab_not_implemented(3, "step 4, svirtb_ring_run in devices/svirtb_ring.c");
	 * (void)device;
	 */
	uint64_t bytes = (uint64_t)device->entries * device->entry_size;
	uint64_t available;
	const uint8_t *ring = guest_memory_find(device->memory, device->ring, bytes, &available);

	if (available < bytes)
		ring = NULL;
	while (device->queue_tail != device->queue_head) {
		if (device->stop != NULL && device->stop(device->stop_context)) {
			log_limited(&device->stops, LOG_INFO, "svirtb",
				"batch ended between entries at %u; queue_head is %u",
				device->queue_tail, device->queue_head);
			return;
		}
		if (!do_next_entry(device, ring))
			return;
		device->requests++;
		device->queue_tail =
			device->queue_tail + 1 == device->entries ? 0 : device->queue_tail + 1;
	}
	/* LAB 3 } */
}
