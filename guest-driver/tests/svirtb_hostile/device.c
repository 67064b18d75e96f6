/* SPDX-License-Identifier: MIT */
/*
 * The device as the hostile guest handles it, and the way back to normal work.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/memory_map.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/svirtb_hostile/hostile.h"
#include "lib/string.h"

#define STATUS_NOT_OPENED 96

struct hostile hostile;
uint8_t hostile_image[DISK_MAX];
uint8_t hostile_ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED];
uint8_t hostile_source[DISK_MAX];
uint8_t hostile_target[DISK_MAX];

static uint8_t normal_ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED];
static uint8_t whole_disk[DISK_MAX] __attribute__((aligned(4096)));
static uint64_t random_state;

uint64_t hostile_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static enum svirtb_error open_disk(void)
{
	struct svirtb disk;
	enum svirtb_error error;

	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	error = svirtb_init(&disk, normal_ring, RING_ENTRIES, hostile.entry_size);
	if (error == SVIRTB_OK)
		error = svirtb_capacity(&disk, &hostile.disk_size);
	if (error == SVIRTB_OK && hostile.disk_size <= DISK_MAX)
		error = svirtb_read(&disk, 0, hostile_image, hostile.disk_size);
	return error;
}

void hostile_open(const char *cmdline)
{
	enum svirtb_error error;

	hostile.entry_size = (uint32_t)words_number(cmdline, "entry-size=", SVIRTB_ENTRY_SIZE);
	hostile.seed = words_number(cmdline, "seed=", 1);
	hostile.rounds = words_number(cmdline, "rounds=", 4000);
	hostile.read_only = runtime_has_word(cmdline, "read-only");
	hostile.memory_end = memory_map_end();
	random_state = hostile.seed;
	error = open_disk();
	if (error == SVIRTB_OK && hostile.memory_end != 0 && hostile.disk_size >= 8192 &&
		hostile.disk_size <= DISK_MAX && hostile.disk_size % SVIRTB_SECTOR_SIZE == 0)
		return;
	print("needed: a memory map, and a disk of 16 to 128 whole sectors; memory ends at 0x%llx, "
	      "the disk has %llu bytes, %s\n",
		(unsigned long long)hostile.memory_end, (unsigned long long)hostile.disk_size,
		svirtb_error_text(error));
	runtime_exit(STATUS_NOT_OPENED);
}

struct registers registers_read(void)
{
	return (struct registers){
		.status = svirtb_register_read(SVIRTB_STATUS),
		.size = svirtb_register_read(SVIRTB_QUEUE_SIZE),
		.hi = svirtb_register_read(SVIRTB_QUEUE_ADDR_HI),
		.lo = svirtb_register_read(SVIRTB_QUEUE_ADDR_LO),
		.head = svirtb_register_read(SVIRTB_QUEUE_HEAD),
		.tail = svirtb_register_read(SVIRTB_QUEUE_TAIL),
	};
}

void registers_check(struct registers expected)
{
	const struct registers found = registers_read();

	check_equal("status", found.status, expected.status);
	check_equal("queue_size", found.size, expected.size);
	check_equal("queue_addr_hi", found.hi, expected.hi);
	check_equal("queue_addr_lo", found.lo, expected.lo);
	check_equal("queue_head", found.head, expected.head);
	check_equal("queue_tail", found.tail, expected.tail);
}

void hostile_configure(uint64_t ring, uint32_t entries)
{
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	svirtb_register_write(SVIRTB_QUEUE_SIZE, entries);
	svirtb_register_write(SVIRTB_QUEUE_ADDR_HI, (uint32_t)(ring >> 32));
	svirtb_register_write(SVIRTB_QUEUE_ADDR_LO, (uint32_t)ring);
}

uint32_t hostile_start(uint64_t ring, uint32_t entries)
{
	hostile_configure(ring, entries);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_READY);
	return svirtb_register_read(SVIRTB_STATUS);
}

void hostile_put(
	void *ring, uint32_t index, uint64_t addr, uint64_t size, uint64_t sector, uint32_t command)
{
	const struct svirtb_entry entry = {
		.addr = addr, .size = size, .sector = sector, .cmd = command
	};

	memcpy((uint8_t *)ring + (uint64_t)index * hostile.entry_size, &entry, sizeof(entry));
}

void hostile_note_write(const void *from, uint64_t size, uint64_t sector)
{
	memcpy(hostile_image + sector * SVIRTB_SECTOR_SIZE, from, size);
}

/* One more sector, with contents that nothing else has. */
static enum svirtb_error write_something(struct svirtb *disk)
{
	static uint64_t number;
	uint64_t words[SVIRTB_SECTOR_SIZE / 8];
	uint64_t sector = number % NORMAL_SECTORS;
	enum svirtb_error error;

	for (uint32_t i = 0; i < SVIRTB_SECTOR_SIZE / 8; i++)
		words[i] = number * 0x0123456789abcdefull + i;
	number++;
	error = svirtb_write(disk, sector, words, sizeof(words));
	if (error == SVIRTB_OK)
		hostile_note_write(words, sizeof(words), sector);
	return error;
}

void hostile_recover(void)
{
	struct svirtb disk;

	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	registers_check((struct registers){ .status = SVIRTB_MAGIC });
	check_equal("initialisation after RESET",
		svirtb_init(&disk, normal_ring, RING_ENTRIES, hostile.entry_size), SVIRTB_OK);
	if (!hostile.read_only)
		check_equal("write after RESET", write_something(&disk), SVIRTB_OK);
	check_equal("read after RESET", svirtb_read(&disk, 0, whole_disk, hostile.disk_size),
		SVIRTB_OK);
	check_true("the disk is what the image says",
		memcmp(whole_disk, hostile_image, hostile.disk_size) == 0);
}
