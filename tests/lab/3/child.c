/* SPDX-License-Identifier: MIT */
/*
 * svirtb as a program: the device under test with a guest memory in pieces and a disk, each between
 * pages that nobody may touch. The requests are those of tests/lab/3/board.py.
 */
#include "tests/lab/child.h"
#include "tests/lab/child_memory.h"

#include "devices/block.h"
#include "devices/svirtb.h"

static struct ramdisk disk;
static struct block block;
static struct svirtb device;

/* 'I': entry size, disk mode, then the disk's bytes. Power-on. */
static void power_on(struct child *child)
{
	uint32_t entry_size = (uint32_t)child_take(child, 4);
	enum ramdisk_mode mode = (enum ramdisk_mode)child_take(child, 4);
	size_t size = child->in_size - child->taken;
	size_t room = align_up(size, RAMDISK_SECTOR_SIZE);
	uint8_t *pages = child_pages(align_up(room, PAGE_SIZE));
	uint64_t *dirty = calloc(ramdisk_dirty_words(size), sizeof(*dirty));

	/* The disk ends where the page ends. */
	pages += align_up(room, PAGE_SIZE) - room;
	memcpy(pages, child->in + child->taken, size);
	if (dirty == NULL || ramdisk_init(&disk, pages, size, dirty, mode) != STATUS_OK)
		_exit(6);
	block_init(&block, &disk);
	svirtb_init(&device, &child_memory, &block, entry_size);
}

/* 'D': which grains are marked, a byte each. */
static void put_dirty(struct child *child)
{
	for (uint64_t i = 0; i * RAMDISK_GRAIN < disk.capacity; i++)
		child_put(child, disk.dirty[i / 64] >> i % 64 & 1, 1);
}

static void answer(struct child *child)
{
	uint64_t offset;
	unsigned int width;

	switch (child->operation) {
	case 'M': child_add_memory(child); break;
	case 'I': power_on(child); break;
	case 'P': child_poke(child); break;
	case 'G': child_peek(child); break;
	case 'K': child_put_bytes(child, disk.data, disk.size); break;
	case 'D': put_dirty(child); break;
	case 'R':
		offset = child_take(child, 8);
		width = (unsigned int)child_take(child, 4);
		child_put(child, svirtb_ops.read(&device, offset, width), 8);
		break;
	case 'W':
		offset = child_take(child, 8);
		width = (unsigned int)child_take(child, 4);
		svirtb_ops.write(&device, offset, width, child_take(child, 8));
		break;
	default: _exit(5);
	}
}

int main(void)
{
	return child_serve(answer);
}
