/* SPDX-License-Identifier: MIT */
/*
 * Test guest: memory of any size, also such as goes on above 4 GiB. The memory map must be what the
 * word 'memory=MIB' says, every range must be there at both ends and nothing behind it, and svirtb
 * must reach all of it: rings and buffers above 4 GiB and over every multiple of 2 MiB, where one
 * piece of the host's memory may end and another begin. Writes sectors 1 to 3 of the disk.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/memory_map.h"
#include "guest-driver/testing/words.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/cpu.h"

#define LOW_RAM_END    0xa0000ull
#define HIGH_RAM_START 0x100000ull
/* docs/linux.md: from where on the tables lie; they are far shorter than 64 KiB. */
#define ACPI_TABLES_START   0xe0000ull
#define ACPI_TABLES_END     0xf0000ull
#define ACPI_RSDP_SIGNATURE 0x2052545020445352ull /* 'RSD PTR ' */
#define HOLE_START          (3 * GIB)
#define HOLE_END            (4 * GIB)
#define LARGE_PAGE          (2 * MIB)
#define IMAGE_END           (4 * MIB) /* above this there is nothing of this guest's */

#define PAGE_PRESENT_WRITABLE 3u
#define PAGE_IS_LARGE         0x80u
#define TABLE_ADDRESS         0x000ffffffffff000ull

#define RING_ENTRIES 8u
#define SECTOR       SVIRTB_SECTOR_SIZE
#define BEFORE       200u /* bytes of a buffer in front of the boundary that it lies over */

static struct range {
	uint64_t start, end;
} ranges[3]; /* RAM, as it has to be */
static unsigned int range_count;

static struct svirtb_entry normal_ring[RING_ENTRIES];
static uint8_t first_sectors[4 * SECTOR], buffer[SECTOR];

/* Where a pointer cannot be followed because the compiler knows too much about it. */
static volatile uint64_t *word_at(uint64_t address)
{
	__asm__("" : "+r"(address));
	return (volatile uint64_t *)(uintptr_t)address;
}

static void *bytes_at(uint64_t address)
{
	__asm__("" : "+r"(address));
	return (void *)(uintptr_t)address;
}

/* 4 GiB to 5 GiB to themselves, beside what the runtime has mapped. */
static void map_fifth_gib(void)
{
	static uint64_t directory[512] __attribute__((aligned(4096)));
	const volatile uint64_t *top = word_at(cpu_read_cr3() & TABLE_ADDRESS);
	volatile uint64_t *pointers = word_at(top[0] & TABLE_ADDRESS);

	for (uint64_t i = 0; i < 512; i++)
		directory[i] = (HOLE_END + i * LARGE_PAGE) | PAGE_PRESENT_WRITABLE | PAGE_IS_LARGE;
	pointers[4] = (uintptr_t)directory | PAGE_PRESENT_WRITABLE;
}

static void expect_ranges(uint64_t memory)
{
	ranges[range_count++] = (struct range){ 0, LOW_RAM_END };
	ranges[range_count++] = (struct range){ HIGH_RAM_START, min_u64(memory, HOLE_START) };
	if (memory > HOLE_START)
		ranges[range_count++] =
			(struct range){ HOLE_END, HOLE_END + (memory - HOLE_START) };
}

static uint64_t memory_end(void)
{
	return ranges[range_count - 1].end;
}

/* RAM below 640 KiB, reserved up to 1 MiB, RAM up to 3 GiB, RAM from 4 GiB on. */
static void test_map(void)
{
	unsigned int count;
	const struct memory_map_entry *map = memory_map(&count);
	unsigned int ram = 0;

	check_begin("memory map");
	check_equal("entries", count, range_count + 1);
	for (unsigned int i = 0; i < count; i++) {
		const uint64_t end = map[i].addr + map[i].size;

		print("map: 0x%llx-0x%llx type %u\n", (unsigned long long)map[i].addr,
			(unsigned long long)end, map[i].type);
		if (map[i].type == MEMORY_RESERVED) {
			check_equal("reserved from", map[i].addr, LOW_RAM_END);
			check_equal("reserved to", end, HIGH_RAM_START);
			check_equal("its place in the map", i, 1);
			continue;
		}
		check_equal("type", map[i].type, MEMORY_RAM);
		if (!check_true("no more RAM than asked for", ram < range_count))
			return;
		check_equal("RAM from", map[i].addr, ranges[ram].start);
		check_equal("RAM to", end, ranges[ram].end);
		ram++;
	}
	check_equal("ranges of RAM", ram, range_count);
}

/* All at once, each with a value of its own: two that are one memory show. */
static void test_ends_of_ranges(void)
{
	uint64_t kept[2 * 3];
	unsigned int count = 0;

	check_begin("first and last bytes of each range");
	for (unsigned int i = 0; i < range_count; i++) {
		volatile uint64_t *first = word_at(ranges[i].start);
		volatile uint64_t *last = word_at(ranges[i].end - 8);

		kept[count++] = *first;
		kept[count++] = *last;
		*first = 0x1111111111111111ull * (2 * i + 1);
		*last = 0x1111111111111111ull * (2 * i + 2);
	}
	count = 0;
	for (unsigned int i = 0; i < range_count; i++) {
		volatile uint64_t *first = word_at(ranges[i].start);
		volatile uint64_t *last = word_at(ranges[i].end - 8);

		check_equal("first", *first, 0x1111111111111111ull * (2 * i + 1));
		check_equal("last", *last, 0x1111111111111111ull * (2 * i + 2));
		*first = kept[count++];
		*last = kept[count++];
	}
}

static void test_behind_ranges(void)
{
	check_begin("where no memory is");
	for (unsigned int i = 1; i < range_count; i++) {
		volatile uint64_t *behind = word_at(ranges[i].end);

		check_equal("read", *behind, ~0ull);
		*behind = 0x1234;
		check_equal("read after a write", *behind, ~0ull);
	}
	check_equal("the last word below 4 GiB", *word_at(HOLE_END - 8), ~0ull);
}

/* 0xa0000 to 0xfffff: memory like any other, zero at the start, but no RAM by the map. */
static void test_reserved_memory(void)
{
	check_begin("0xa0000-0xfffff is zero, but for the ACPI tables");
	check_equal("RSD PTR ", *word_at(ACPI_TABLES_START), ACPI_RSDP_SIGNATURE);
	for (uint64_t at = LOW_RAM_END; at < HIGH_RAM_START; at += 8) {
		if (at < ACPI_TABLES_START || at >= ACPI_TABLES_END)
			check_equal("word", *word_at(at), 0);
	}
	check_begin("0xa0000-0xfffff is memory");
	for (uint64_t at = LOW_RAM_END; at < HIGH_RAM_START; at += PAGE_SIZE)
		*word_at(at + at / PAGE_SIZE % 512 * 8) = ~at;
	for (uint64_t at = LOW_RAM_END; at < HIGH_RAM_START; at += PAGE_SIZE)
		check_equal("word", *word_at(at + at / PAGE_SIZE % 512 * 8), ~at);
}

/* A ring at any address; READY is the caller's business. */
static uint32_t start(uint64_t ring)
{
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	svirtb_register_write(SVIRTB_QUEUE_SIZE, RING_ENTRIES);
	svirtb_register_write(SVIRTB_QUEUE_ADDR_HI, (uint32_t)(ring >> 32));
	svirtb_register_write(SVIRTB_QUEUE_ADDR_LO, (uint32_t)ring);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_READY);
	return svirtb_register_read(SVIRTB_STATUS);
}

static void put(uint64_t ring, uint32_t index, uint64_t addr, uint64_t sector, uint32_t command)
{
	const struct svirtb_entry entry = {
		.addr = addr, .size = SECTOR, .sector = sector, .cmd = command
	};

	memcpy(bytes_at(ring + index * sizeof(entry)), &entry, sizeof(entry));
}

static void check_done(uint32_t head, uint32_t status, uint32_t tail)
{
	svirtb_register_write(SVIRTB_QUEUE_HEAD, head);
	check_equal("status", svirtb_register_read(SVIRTB_STATUS), status);
	check_equal("tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), tail);
}

/* Sector 0 goes to addr, and from there to sector 1, and back into a buffer of the guest's. */
static void check_buffer(uint64_t ring, uint64_t addr)
{
	memset(buffer, 0, sizeof(buffer));
	put(ring, 0, addr, 0, SVIRTB_READ);
	put(ring, 1, addr, 1, SVIRTB_WRITE);
	put(ring, 2, (uintptr_t)buffer, 1, SVIRTB_READ);
	check_equal("status after READY", start(ring), SVIRTB_READY);
	check_done(3, SVIRTB_READY, 3);
	check_true("the buffer has sector 0", memcmp(bytes_at(addr), first_sectors, SECTOR) == 0);
	check_true("sector 1 has the buffer", memcmp(buffer, first_sectors, SECTOR) == 0);
}

static void test_buffers(void)
{
	const uint64_t ring = (uintptr_t)normal_ring;
	const uint64_t ring_size = sizeof(normal_ring);

	for (unsigned int i = 0; i < range_count; i++) {
		check_begin("buffers and rings in range %u", i);
		check_buffer(ring, ranges[i].end - SECTOR);
		check_buffer(ranges[i].end - ring_size, ranges[i].end - ring_size - SECTOR);
		if (ranges[i].start != HIGH_RAM_START)
			check_buffer(ranges[i].start + 1 + SECTOR, ranges[i].start + 1);
	}
}

#define REFUSED_PLACES 7u

/* Where size bytes are not all memory. */
static uint64_t refused_place(unsigned int number, uint64_t size)
{
	const uint64_t low_end = ranges[1].end;
	const uint64_t places[REFUSED_PLACES] = { low_end - size + 1, low_end, HOLE_END - size,
		HOLE_END - 1, memory_end() - size + 1, memory_end(), 1ull << 52 };

	return places[number];
}

static void test_refused_places(void)
{
	const uint64_t ring = (uintptr_t)normal_ring;

	for (unsigned int i = 0; i < REFUSED_PLACES; i++) {
		const uint64_t bad_buffer = refused_place(i, SECTOR);
		const uint64_t bad_ring = refused_place(i, sizeof(normal_ring));

		check_begin("buffer 0x%llx, ring 0x%llx", (unsigned long long)bad_buffer,
			(unsigned long long)bad_ring);
		put(ring, 0, bad_buffer, 0, SVIRTB_READ);
		check_equal("status after READY", start(ring), SVIRTB_READY);
		check_done(1, SVIRTB_RESET, 0);
		check_equal("a ring there", start(bad_ring), SVIRTB_RESET);
	}
	check_buffer(ring, (uintptr_t)buffer);
}

/* The buffer over the boundary, its neighbours untouched; then a ring, an entry over it. */
static void check_boundary(uint64_t boundary)
{
	const uint64_t ring = boundary - 2 * sizeof(struct svirtb_entry) - 10;
	uint8_t *around = bytes_at(boundary - BEFORE - 1);

	around[0] = around[SECTOR + 1] = 0xee;
	check_buffer((uintptr_t)normal_ring, boundary - BEFORE);
	check_equal("the byte in front", around[0], 0xee);
	check_equal("the byte behind", around[SECTOR + 1], 0xee);
	check_buffer(ring, boundary + PAGE_SIZE);
}

static void test_boundaries(void)
{
	for (unsigned int i = 1; i < range_count; i++) {
		uint64_t first = max_u64(align_up(ranges[i].start + 1, LARGE_PAGE), IMAGE_END);

		check_begin("each multiple of 2 MiB in range %u", i);
		for (uint64_t at = first; at + LARGE_PAGE <= ranges[i].end; at += LARGE_PAGE)
			check_boundary(at);
	}
}

static const struct check_group groups[] = {
	{ "map", test_map },
	{ "reserved", test_reserved_memory },
	{ "ends", test_ends_of_ranges },
	{ "behind", test_behind_ranges },
	{ "buffers", test_buffers },
	{ "refused-places", test_refused_places },
	{ "boundaries", test_boundaries },
};

int main(const char *cmdline)
{
	struct svirtb disk;

	expect_ranges(words_number(cmdline, "memory=", 64) * MIB);
	map_fifth_gib();
	if (svirtb_init(&disk, normal_ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE) != SVIRTB_OK ||
		svirtb_read(&disk, 0, first_sectors, sizeof(first_sectors)) != SVIRTB_OK)
		return 1;
	return check_run("", groups, sizeof(groups) / sizeof(groups[0]));
}
