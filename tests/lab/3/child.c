/* SPDX-License-Identifier: MIT */
/*
 * svirtb as a program: the device under test with a guest memory in pieces and a disk, each between
 * pages that nobody may touch. The requests are those of tests/lab/3/board.py.
 */
#include "tests/lab/child.h"

#include "devices/block.h"
#include "devices/svirtb.h"

static struct guest_memory memory;
static struct ramdisk disk;
static struct block block;
static struct svirtb device;

/* 'M': gpa, size. A piece of guest memory. */
static void add_memory(struct child *child)
{
	uint64_t gpa = child_take(child, 8), size = child_take(child, 8);

	if (guest_memory_add(&memory, gpa, size, child_pages(size)) != STATUS_OK)
		_exit(6);
}

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
	svirtb_init(&device, &memory, &block, entry_size);
}

static void poke(struct child *child)
{
	uint64_t gpa = child_take(child, 8);

	if (guest_memory_write(&memory, gpa, child->in + child->taken,
		    child->in_size - child->taken) != STATUS_OK)
		_exit(6);
}

static void peek(struct child *child)
{
	uint64_t gpa = child_take(child, 8), size = child_take(child, 8);

	if (size > CHILD_MAX || guest_memory_read(&memory, gpa, child->out, size) != STATUS_OK)
		_exit(6);
	child->out_size = size;
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
	case 'M': add_memory(child); break;
	case 'I': power_on(child); break;
	case 'P': poke(child); break;
	case 'G': peek(child); break;
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
	struct child child;

	child_start(&child);
	while (child_next(&child)) {
		answer(&child);
		child_reply(&child);
	}
	return 0;
}
