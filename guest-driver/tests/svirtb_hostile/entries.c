/* SPDX-License-Identifier: MIT */
/*
 * Entries that are refused: those before are complete, the bad one and those after it did nothing,
 * the tail stops at it. And entries at the edge of what is allowed. docs/svirtb.md, 'Requests'.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#include "lib/string.h"

#define SECTOR SVIRTB_SECTOR_SIZE

/* Where the good entries around a bad one write. */
#define SECTOR_BEFORE 10u
#define SECTOR_AFTER  12u

struct case_entry {
	const char *name;
	uint64_t addr, size, sector;
	uint32_t command;
};

static uint64_t buffer(void)
{
	return (uintptr_t)hostile_source;
}

static void fill_source(void)
{
	static uint8_t seed;

	seed++;
	for (uint32_t i = 0; i < 4 * SECTOR; i++)
		hostile_source[i] = (uint8_t)(i * 13 + i / 256 + seed);
	memset(hostile_target, 0xee, 4 * SECTOR);
}

/*
 * The bad entry with before good ones in front of it: a write and reads. Behind it a write and a
 * read that must not happen. The ring is at slot first when it comes.
 */
static void put_around(const struct case_entry *bad, uint32_t first, uint32_t before)
{
	for (uint32_t i = 0; i < RING_ENTRIES - 1; i++) {
		uint32_t slot = (first + i) % RING_ENTRIES;

		if (i == before)
			hostile_put(hostile_ring, slot, bad->addr, bad->size, bad->sector,
				bad->command);
		else if (i == 0)
			hostile_put(
				hostile_ring, slot, buffer(), SECTOR, SECTOR_BEFORE, SVIRTB_WRITE);
		else if (i < before)
			hostile_put(hostile_ring, slot, (uintptr_t)hostile_target, SECTOR,
				SECTOR_BEFORE, SVIRTB_READ);
		else if (i == before + 1)
			hostile_put(hostile_ring, slot, buffer() + SECTOR, SECTOR, SECTOR_AFTER,
				SVIRTB_WRITE);
		else
			hostile_put(hostile_ring, slot, (uintptr_t)hostile_target + SECTOR, SECTOR,
				SECTOR_BEFORE, SVIRTB_READ);
	}
}

/* Moves tail to this slot with entries that do nothing. */
static void start_at(uint32_t first)
{
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	for (uint32_t i = 0; i < first; i++)
		hostile_put(hostile_ring, i, 0, 0, 0, SVIRTB_READ);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, first);
}

static void check_refused_at(const struct case_entry *bad, uint32_t first, uint32_t before)
{
	const uint32_t head = (first + RING_ENTRIES - 1) % RING_ENTRIES;
	struct registers expected;

	check_begin("entry %u, %u before it: %s", first + before, before, bad->name);
	fill_source();
	start_at(first);
	put_around(bad, first, before);
	expected = registers_read();
	check_equal("status before the doorbell", expected.status, SVIRTB_READY);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, head);
	expected.status = SVIRTB_RESET;
	expected.head = head;
	expected.tail = (first + before) % RING_ENTRIES;
	registers_check(expected);

	if (before > 0)
		hostile_note_write(hostile_source, SECTOR, SECTOR_BEFORE);
	if (before > 1)
		check_true("a read before it was done",
			memcmp(hostile_target, hostile_source, SECTOR) == 0);
	for (uint32_t i = SECTOR; i < 2 * SECTOR; i++)
		check_equal("a byte that a read behind it would change", hostile_target[i], 0xee);
	/* Ringing again does not help. */
	svirtb_register_write(SVIRTB_QUEUE_HEAD, (head + 1) % RING_ENTRIES);
	registers_check(expected);
	hostile_recover();
}

static void check_refused(const struct case_entry *bad)
{
	check_refused_at(bad, 0, 0);
	check_refused_at(bad, 6, 3);
}

static void test_commands(void)
{
	static const uint32_t commands[] = { 2, 3, 0x100, 0x10000, 0x80000001, 0xffffffff };

	for (uint32_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct case_entry bad = { "cmd", buffer(), SECTOR, 1, commands[i] };

		check_refused(&bad);
		bad.size = 0;
		bad.name = "cmd, size 0";
		check_refused(&bad);
	}
}

/* Of reads and of writes alike; a read past the disk's end needs its whole buffer, too. */
static void test_buffers(void)
{
	const uint64_t end = hostile.memory_end;
	const uint64_t disk_end = DISK_SECTORS;
	const struct case_entry cases[] = {
		{ "one byte over the end of memory", end - SECTOR + 1, SECTOR, 0, 0 },
		{ "one byte, behind memory", end, 1, 0, 0 },
		{ "in the hole", HOLE, SECTOR, 0, 0 },
		{ "all of memory and a byte", 0, end + 1, 0, 0 },
		{ "the device page", DEVICE_PAGE, SECTOR, 0, 0 },
		{ "a register", DEVICE_PAGE, 4, 0, 0 },
		{ "into the device page", DEVICE_PAGE - SECTOR + 4, SECTOR, 0, 0 },
		{ "above 4 GiB", 1ull << 32, SECTOR, 0, 0 },
		{ "upper half set", buffer() | 1ull << 63, SECTOR, 0, 0 },
		{ "the last byte of the address space", ~0ull, 1, 0, 0 },
		{ "up to the end of the address space", 0 - (uint64_t)SECTOR, SECTOR, 0, 0 },
		{ "around the end of the address space", 0 - (uint64_t)SECTOR / 2, SECTOR, 0, 0 },
		{ "the largest size", buffer(), ~0ull, 0, 0 },
		{ "a size that wraps back to the buffer", buffer(), 0 - buffer() + 1, 0, 0 },
		{ "a size with the upper half set", buffer(), 1ull << 63 | SECTOR, 0, 0 },
		{ "past the disk, one byte over memory", end - SECTOR + 1, SECTOR, disk_end, 0 },
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct case_entry bad = cases[i];

		check_refused(&bad);
		bad.command = SVIRTB_WRITE;
		check_refused(&bad);
	}
}

static void test_sectors(void)
{
	const uint64_t last = DISK_SECTORS - 1;
	const uint64_t largest = ~0ull / SECTOR; /* the last whose bytes have numbers */
	const struct case_entry cases[] = {
		{ "read, sector times 512 wraps", buffer(), SECTOR, 1ull << 55, 0 },
		{ "read, wraps back to sector 1", buffer(), SECTOR, 1ull << 55 | 1, 0 },
		{ "read, a negative sector", buffer(), SECTOR, ~0ull, 0 },
		{ "read, wraps at its end", buffer(), SECTOR + 1, largest, 0 },
		{ "write, sector times 512 wraps", buffer(), SECTOR, 1ull << 55 | 1, 1 },
		{ "write, wraps at its end", buffer(), SECTOR + 1, largest, 1 },
		{ "write, the largest sector", buffer(), SECTOR, largest, 1 },
		{ "write, a byte offset for a sector", buffer(), SECTOR, last * SECTOR, 1 },
		{ "write, one byte past the end", buffer(), SECTOR + 1, last, 1 },
		{ "write, past the end", buffer(), 1, last + 1, 1 },
		{ "write, all of the disk from sector 1 on", buffer(), (last + 1) * SECTOR, 1, 1 },
		{ "write, all of the disk and a byte", 0, (last + 1) * SECTOR + 1, 0, 1 },
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(&cases[i]);
}

/* Just allowed: complete, and the target has the first bytes of the disk's end, or nothing. */
static void check_complete(const char *name, const struct case_entry *entry)
{
	check_begin("allowed: %s", name);
	fill_source();
	hostile_start((uintptr_t)hostile_ring, RING_ENTRIES);
	hostile_put(hostile_ring, 0, entry->addr, entry->size, entry->sector, entry->command);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, 1);
	check_equal("status", svirtb_register_read(SVIRTB_STATUS), SVIRTB_READY);
	check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), 1);
}

/* count bytes of the target come from the disk, the others are as they were. */
static void check_read(const char *name, uint64_t size, uint64_t sector, uint64_t count)
{
	const struct case_entry entry = { name, (uintptr_t)hostile_target, size, sector, 0 };

	check_complete(name, &entry);
	if (count != 0)
		check_true("the bytes read",
			memcmp(hostile_target, hostile_image + sector * SECTOR, count) == 0);
	for (uint64_t i = count; i < 4 * SECTOR; i++)
		check_equal("a byte behind them", hostile_target[i], 0xee);
	hostile_recover();
}

static void check_write(const char *name, uint64_t size, uint64_t sector)
{
	const struct case_entry entry = { name, buffer(), size, sector, SVIRTB_WRITE };

	check_complete(name, &entry);
	if (size != 0)
		hostile_note_write(hostile_source, size, sector);
	hostile_recover();
}

static void test_allowed(void)
{
	const uint64_t last = DISK_SECTORS - 1;
	const struct case_entry nothing[] = {
		{ "read, size 0 of garbage", ~0ull, 0, ~0ull, SVIRTB_READ },
		{ "write, size 0 of garbage", ~0ull, 0, ~0ull, SVIRTB_WRITE },
		{ "write, size 0 into the device page", DEVICE_PAGE, 0, 0, SVIRTB_WRITE },
	};

	for (uint32_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		check_complete(nothing[i].name, &nothing[i]);
		hostile_recover();
	}
	check_read("read, one byte", 1, 3, 1);
	check_read("read, over the middle of a sector", SECTOR + 100, 3, SECTOR + 100);
	check_read("read, up to the end", SECTOR, last, SECTOR);
	check_read("read, past the end", 3 * SECTOR, last, SECTOR);
	check_read("read, behind the end", SECTOR, last + 1, 0);
	check_read("read, far behind the end", SECTOR, 1ull << 40, 0);
	check_read("read, the very last sector that has a number", SECTOR, ~0ull / SECTOR, 0);
	check_write("write, one byte", 1, 5);
	check_write("write, a part of a sector", 20, 5);
	check_write("write, over the middle of a sector", SECTOR + 3, 6);
	check_write("write, the last sector", SECTOR, last);
	check_write("write, a part of the last sector", 7, last);
}

/*
 * The last bytes of memory, the first, and what a PC has no RAM at. Behind the last lies this
 * guest's own code, from 1 MiB on, which gets its bytes back.
 */
static void test_edges_of_memory(void)
{
	const uint64_t places[] = { hostile.memory_end - SECTOR, 1, 0xa0000 - 100, 0xfff00 };
	static uint8_t kept[SECTOR];

	for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct case_entry entry = { "", places[i], SECTOR, 4, SVIRTB_READ };
		volatile uint8_t *found = (volatile uint8_t *)(uintptr_t)places[i];

		for (uint32_t at = 0; at < SECTOR; at++)
			kept[at] = found[at];
		check_complete("read to an edge of memory", &entry);
		for (uint32_t at = 0; at < SECTOR; at++)
			check_equal("byte", found[at], hostile_image[4 * SECTOR + at]);
		entry.sector = 9;
		entry.command = SVIRTB_WRITE;
		check_complete("write from an edge of memory", &entry);
		hostile_note_write(hostile_image + 4 * SECTOR, SECTOR, 9);
		for (uint32_t at = 0; at < SECTOR; at++)
			found[at] = kept[at];
		hostile_recover();
	}
}

void hostile_test_entries(void)
{
	test_commands();
	test_buffers();
	test_sectors();
	test_allowed();
	test_edges_of_memory();
}
