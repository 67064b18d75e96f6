/* SPDX-License-Identifier: MIT */
/*
 * The block layer that svirtb and virtio-blk share: a ramdisk, and the way to make what was written
 * durable. A client that needs durability asks for a sync; the run loop gives the machine back for
 * a write-back before the guest's next instruction, and every client that asked is told how it
 * went.
 */
#ifndef DEVICES_BLOCK_H
#define DEVICES_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/ramdisk.h"
#include "lib/string.h"

#define BLOCK_MAX_CLIENTS 4

/* Called once after a sync was asked for: done, or failed. */
typedef void block_synced_fn(void *client, bool done);

struct block_client {
	block_synced_fn *synced;
	void *client;
	bool waiting;
};

struct block {
	struct ramdisk *disk;
	bool sync_wanted; /* looked at by the run loop after each exit that drew attention */
	/* Tells the run loop that there is something to look at; may be null. */
	void (*attention)(void *context);
	void *context;
	unsigned int count;
	struct block_client clients[BLOCK_MAX_CLIENTS];
};

void block_init(struct block *block, struct ramdisk *disk);

/* Registers a client; its number for block_request_sync. At most BLOCK_MAX_CLIENTS, else panic. */
unsigned int block_add_client(struct block *block, block_synced_fn *synced, void *client);

/*
 * Whether a sync would have nothing to do: no sector waits for a write-back, or the disk is a
 * RAMDISK_SNAPSHOT or READ_ONLY, from which nothing is ever written back. Walks the dirty map.
 */
bool block_is_stable(const struct block *block);

/*
 * Asks that everything written so far be made durable. In RAMDISK_SNAPSHOT (and READ_ONLY) there is
 * nothing to do, and the run loop's write-back succeeds at once.
 */
void block_request_sync(struct block *block, unsigned int client);

/* The client waits no longer, and will not be told. */
void block_cancel_sync(struct block *block, unsigned int client);

/* The run loop has done the write-back. A client may ask again from within its call. */
void block_complete_sync(struct block *block, bool done);

/*
 * Where sector begins, in bytes from the disk's start. False: that, or the last of the size bytes
 * from there, is no 64-bit number.
 */
static inline bool block_find_sector(uint64_t sector, uint64_t size, uint64_t *offset)
{
	return !__builtin_mul_overflow(sector, RAMDISK_SECTOR_SIZE, offset) &&
	       *offset + (size - (size != 0)) >= *offset;
}

/* Copies between host memory and the disk, of bytes that were checked before. */
static inline void block_read(const struct block *block, uint64_t offset, void *to, uint64_t size)
{
	memcpy(to, ramdisk_read_at(block->disk, offset), size);
}

static inline void block_write(
	struct block *block, uint64_t offset, const void *from, uint64_t size)
{
	memcpy(ramdisk_write_at(block->disk, offset, size), from, size);
}

/* Makes them 0. */
static inline void block_zero(struct block *block, uint64_t offset, uint64_t size)
{
	memset(ramdisk_write_at(block->disk, offset, size), 0, size);
}

#endif
