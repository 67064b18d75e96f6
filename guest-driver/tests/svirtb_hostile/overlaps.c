/* SPDX-License-Identifier: MIT */
/*
 * Buffers that lie over the ring: an entry is copied once, when its turn comes. And the read-only
 * disk.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#include "lib/string.h"

#define SECTOR      SVIRTB_SECTOR_SIZE
#define RING_SECTOR 14u /* holds entries */

static void check_done(uint32_t head, uint32_t status, uint32_t tail)
{
	svirtb_register_write(SVIRTB_QUEUE_HEAD, head);
	check_equal("status", svirtb_register_read(SVIRTB_STATUS), status);
	check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), tail);
}

static void put(void *ring, uint32_t index, const void *buffer, uint64_t sector, uint32_t command)
{
	hostile_put(ring, index, (uintptr_t)buffer, SECTOR, sector, command);
}

/* Puts what source holds onto the disk at RING_SECTOR, by hand. */
static void store_entries(void)
{
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	put(hostile_ring, 0, hostile_source, RING_SECTOR, SVIRTB_WRITE);
	check_done(1, SVIRTB_READY, 1);
	hostile_note_write(hostile_source, SECTOR, RING_SECTOR);
}

/*
 * Entry 0 reads entries from the disk over the ring, itself included; what was in entries 1 and 2
 * before must not happen, what comes from the disk must.
 */
static void test_read_replaces_entries(void)
{
	check_begin("a read over the ring replaces the entries behind it");
	memset(hostile_source, 0, SECTOR);
	hostile_put(hostile_source, 0, 0, 0, 0, 99); /* its own turn is over by then */
	put(hostile_source, 1, hostile_target, 2, SVIRTB_READ);
	put(hostile_source, 2, hostile_target + SECTOR, 3, SVIRTB_READ);
	store_entries();
	memset(hostile_target, 0xee, 3 * SECTOR);

	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	hostile_put(hostile_ring, 0, (uintptr_t)hostile_ring, 3 * hostile.entry_size, RING_SECTOR,
		SVIRTB_READ);
	put(hostile_ring, 1, hostile_source, 8, SVIRTB_WRITE);
	put(hostile_ring, 2, hostile_source, 9, SVIRTB_WRITE);
	check_done(3, SVIRTB_READY, 3);
	check_true("sectors 2 and 3 were read",
		memcmp(hostile_target, hostile_image + 2 * SECTOR, 2 * SECTOR) == 0);
	check_equal("a byte behind them", hostile_target[2 * SECTOR], 0xee);
	hostile_recover();
}

/* The entry that comes from the disk is bad: it is refused at its turn. */
static void test_read_brings_bad_entry(void)
{
	check_begin("a read over the ring brings a bad entry");
	memset(hostile_source, 0, SECTOR);
	hostile_put(hostile_source, 0, hostile.memory_end, SECTOR, 0, SVIRTB_READ);
	store_entries();
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	hostile_put(hostile_ring, 0, (uintptr_t)hostile_ring + 2 * hostile.entry_size,
		hostile.entry_size, RING_SECTOR, SVIRTB_READ);
	put(hostile_ring, 1, hostile_target, 2, SVIRTB_READ);
	put(hostile_ring, 2, hostile_target, 3, SVIRTB_READ);
	check_done(3, SVIRTB_RESET, 2);
	hostile_recover();
}

/* Four bytes of the next entry change: its command, from read to write. */
static void test_read_over_part_of_entry(void)
{
	check_begin("a read over a part of the ring");
	memset(hostile_source, 0, SECTOR);
	hostile_source[0] = SVIRTB_WRITE;
	store_entries();
	memset(hostile_target, 0x77, SECTOR);
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	hostile_put(hostile_ring, 0, (uintptr_t)hostile_ring + hostile.entry_size + 24, 4,
		RING_SECTOR, SVIRTB_READ);
	put(hostile_ring, 1, hostile_target, 9, SVIRTB_READ);
	check_done(2, SVIRTB_READY, 2);
	hostile_note_write(hostile_target, SECTOR, 9);
	hostile_recover();
}

static void test_write_of_ring(void)
{
	check_begin("a write whose buffer is the ring");
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	memset(hostile_ring, 0x3c, sizeof(hostile_ring));
	hostile_put(
		hostile_ring, 0, (uintptr_t)hostile_ring, sizeof(hostile_ring), 9, SVIRTB_WRITE);
	check_done(1, SVIRTB_READY, 1);
	hostile_note_write(hostile_ring, sizeof(hostile_ring), 9);
	hostile_recover();
}

/* What a driver forgets first: entries of the other size. */
static void test_other_entry_size(void)
{
	const uint32_t right = hostile.entry_size;

	check_begin("entries of the other size: the second one drifts");
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	memset(hostile_ring, 0xff, sizeof(hostile_ring));
	hostile.entry_size =
		right == SVIRTB_ENTRY_SIZE ? SVIRTB_ENTRY_SIZE_UNPACKED : SVIRTB_ENTRY_SIZE;
	for (uint32_t i = 0; i < RING_ENTRIES - 1; i++)
		put(hostile_ring, i, hostile_target, 2, SVIRTB_READ);
	hostile.entry_size = right;
	check_done(RING_ENTRIES - 1, SVIRTB_RESET, 1);
	hostile_recover();
}

void hostile_test_overlaps(void)
{
	test_read_replaces_entries();
	test_read_brings_bad_entry();
	test_read_over_part_of_entry();
	test_write_of_ring();
	test_other_entry_size();
}

static void check_write_refused(const char *name, uint64_t size, uint64_t sector)
{
	check_begin("read-only: %s", name);
	memset(hostile_source, 0x99, 2 * SECTOR);
	memset(hostile_target, 0xee, SECTOR);
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	put(hostile_ring, 0, hostile_target, 2, SVIRTB_READ);
	hostile_put(hostile_ring, 1, (uintptr_t)hostile_source, size, sector, SVIRTB_WRITE);
	put(hostile_ring, 2, hostile_target, 3, SVIRTB_READ);
	check_done(3, SVIRTB_RESET, 1);
	check_true("the read before it was done",
		memcmp(hostile_target, hostile_image + 2 * SECTOR, SECTOR) == 0);
	hostile_recover();
}

void hostile_test_read_only(void)
{
	if (!hostile.read_only)
		return;
	check_write_refused("a sector", SECTOR, 0);
	check_write_refused("a byte", 1, 5);
	check_write_refused("past the end", SECTOR, DISK_SECTORS);
	check_begin("read-only: a write of size 0");
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	hostile_put(hostile_ring, 0, (uintptr_t)hostile_source, 0, 0, SVIRTB_WRITE);
	check_done(1, SVIRTB_READY, 1);
	hostile_recover();
}
