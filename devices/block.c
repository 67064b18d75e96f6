/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a write-back. Called by devices that complete requests only once they are durable,
 * and by the run loop when it has given the machine back for one.
 */
#include "devices/block.h"

#include "lib/panic.h"

void block_init(struct block *block, struct ramdisk *disk)
{
	*block = (struct block){ .disk = disk };
}

unsigned int block_add_client(struct block *block, block_synced_fn *synced, void *client)
{
	if (block->count == BLOCK_MAX_CLIENTS)
		panic("block", "more than %u clients", BLOCK_MAX_CLIENTS);
	block->clients[block->count] = (struct block_client){ .synced = synced, .client = client };
	return block->count++;
}

bool block_is_stable(const struct block *block)
{
	uint64_t offset = 0;
	uint64_t size;

	return block->disk->mode != RAMDISK_READ_WRITE ||
	       !ramdisk_next_dirty(block->disk, &offset, &size);
}

void block_request_sync(struct block *block, unsigned int client)
{
	block->clients[client].waiting = true;
	block->sync_wanted = true;
	if (block->attention != NULL)
		block->attention(block->context);
}

void block_cancel_sync(struct block *block, unsigned int client)
{
	block->clients[client].waiting = false;
	block->sync_wanted = false;
	for (unsigned int i = 0; i < block->count; i++)
		block->sync_wanted = block->sync_wanted || block->clients[i].waiting;
}

void block_complete_sync(struct block *block, bool done)
{
	bool waited[BLOCK_MAX_CLIENTS] = { false };

	/* Who asks again while the others are told waits for the next one. */
	for (unsigned int i = 0; i < block->count; i++) {
		waited[i] = block->clients[i].waiting;
		block->clients[i].waiting = false;
	}
	block->sync_wanted = false;
	for (unsigned int i = 0; i < block->count; i++) {
		if (waited[i])
			block->clients[i].synced(block->clients[i].client, done);
	}
}
