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
 * Asks that everything written so far be made durable. In RAMDISK_SNAPSHOT (and READ_ONLY) there is
 * nothing to do, and the run loop's write-back succeeds at once.
 */
void block_request_sync(struct block *block, unsigned int client);

/* The run loop has done the write-back. */
void block_complete_sync(struct block *block, bool done);

#endif
