/* SPDX-License-Identifier: MIT */
/*
 * READY with rings that cannot be, and with such as just can. docs/svirtb.md, 'The ring'.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#include "lib/string.h"

#define SIZE_OF(entries) ((uint64_t)(entries)*hostile.entry_size)

static void check_refused(const char *name, uint64_t ring, uint32_t entries)
{
	struct registers expected = {
		.status = SVIRTB_RESET,
		.size = entries,
		.hi = (uint32_t)(ring >> 32),
		.lo = (uint32_t)ring,
	};

	check_begin("ring of %u entries at 0x%llx: %s", entries, (unsigned long long)ring, name);
	hostile_start(ring, entries);
	registers_check(expected);
	/* Neither a doorbell nor a second READY does anything now. */
	svirtb_register_write(SVIRTB_QUEUE_HEAD, 1);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_READY);
	svirtb_register_write(SVIRTB_QUEUE_SIZE, 1);
	registers_check(expected);
	hostile_recover();
}

/* The last entry of such a ring is used, and then, round its end, the first. */
static void check_accepted(const char *name, uint64_t ring, uint32_t entries)
{
	uint8_t *at = (uint8_t *)(uintptr_t)ring;

	check_begin("ring of %u entries at 0x%llx: %s", entries, (unsigned long long)ring, name);
	check_equal("status after READY", hostile_start(ring, entries), SVIRTB_READY);
	if (entries == 1) {
		/* Head and tail can only be equal: nothing is ever outstanding. */
		svirtb_register_write(SVIRTB_QUEUE_HEAD, 0);
		check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), 0);
		check_equal("status", svirtb_register_read(SVIRTB_STATUS), SVIRTB_READY);
		hostile_recover();
		return;
	}
	for (uint32_t i = 0; i < entries; i++)
		hostile_put(at, i, 0, 0, 0, SVIRTB_READ);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, entries - 1);
	check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), entries - 1);

	memset(hostile_target, 0, 1024);
	hostile_put(at, entries - 1, (uintptr_t)hostile_target, 512, 1, SVIRTB_READ);
	hostile_put(at, 0, (uintptr_t)hostile_target + 512, 512, 2, SVIRTB_READ);
	/* Two entries never hold two requests. */
	if (entries == 2)
		svirtb_register_write(SVIRTB_QUEUE_HEAD, 0);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, 1);
	check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), 1);
	check_equal("status", svirtb_register_read(SVIRTB_STATUS), SVIRTB_READY);
	check_true("sectors 1 and 2 were read",
		memcmp(hostile_target, hostile_image + 512, 1024) == 0);
	hostile_recover();
}

static void test_sizes(void)
{
	const uint64_t ring = hostile.memory_end - SIZE_OF(MAX_ENTRIES + 1);

	check_refused("no entries", ring, 0);
	check_refused("one too many", ring, MAX_ENTRIES + 1);
	check_refused("far too many", ring, 0xffffffff);
	check_refused("2^31", ring, 0x80000000);
	check_accepted("one entry", ring, 1);
	check_accepted("two entries", ring, 2);
	check_accepted("as many as there may be", ring, MAX_ENTRIES);
}

static void test_places(void)
{
	const uint64_t end = hostile.memory_end;
	const uint64_t device_overlap = DEVICE_PAGE - SIZE_OF(RING_ENTRIES) + 1;

	check_refused("behind memory", end, RING_ENTRIES);
	check_refused(
		"one byte over the end of memory", end - SIZE_OF(RING_ENTRIES) + 1, RING_ENTRIES);
	check_refused("one entry, one byte over", end - SIZE_OF(1) + 1, 1);
	check_refused("in the hole below 4 GiB", HOLE, RING_ENTRIES);
	check_refused("on the device page", DEVICE_PAGE, RING_ENTRIES);
	check_refused("into the device page", device_overlap, RING_ENTRIES);
	check_refused("above 4 GiB, where no memory is", 1ull << 32, RING_ENTRIES);
	check_refused("halves of the address swapped", 0x100000ull << 32, RING_ENTRIES);
	check_refused("at the largest address", ~0ull, 1);
	check_refused("around the end of the address space", ~0ull - SIZE_OF(RING_ENTRIES) / 2,
		RING_ENTRIES);
	check_refused(
		"up to the end of the address space", 0 - SIZE_OF(RING_ENTRIES), RING_ENTRIES);
	check_refused("the largest, wrapping far into memory", 0 - SIZE_OF(4), MAX_ENTRIES);
	check_accepted("up to the end of memory", end - SIZE_OF(RING_ENTRIES), RING_ENTRIES);
	check_accepted("over a page boundary", end - 4096 - SIZE_OF(1) - 3, RING_ENTRIES);
	check_accepted("where the ROMs of a PC are", 0xc0000, RING_ENTRIES);
	check_accepted("in the first page, odd", 1, RING_ENTRIES);
}

/* READY when nothing was configured: size 0. */
static void test_unconfigured(void)
{
	check_begin("READY without size and address");
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_READY);
	registers_check((struct registers){ .status = SVIRTB_RESET });
	hostile_recover();
}

void hostile_test_rings(void)
{
	test_unconfigured();
	test_sizes();
	test_places();
}
