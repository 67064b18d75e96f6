/* SPDX-License-Identifier: MIT */
/*
 * The driver from 32-bit protected mode without paging. Words: 'sector=N' (where to write, 0 by
 * default) and 'size=N' (the disk's size in bytes, checked when given). Writes the 16 sectors from
 * N on and no other: a line of text in the first, zeros behind it, and a pattern in the rest.
 */
#include "guest-driver/runtime/check.h"
#include "guest-driver/svirtb.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_ENTRIES 16u
#define SECTORS      16u
#define ODD_SIZE     1000u /* not a number of whole sectors */

static struct svirtb_entry ring[RING_ENTRIES];
static struct svirtb disk;
static uint8_t written[SECTORS][SVIRTB_SECTOR_SIZE], found[SECTORS][SVIRTB_SECTOR_SIZE];

/* The decimal number behind 'name=' in the command line. */
static bool number_of(const char *cmdline, const char *name, uint64_t *value)
{
	const size_t length = strlen(name);

	for (const char *word = cmdline; *word != '\0'; word++) {
		if ((word != cmdline && word[-1] != ' ') || strncmp(word, name, length) != 0)
			continue;
		*value = 0;
		for (word += length; *word >= '0' && *word <= '9'; word++)
			*value = *value * 10 + (uint64_t)(*word - '0');
		return true;
	}
	return false;
}

static void check_driver(uint8_t number, const char *what, enum svirtb_error error)
{
	if (error != SVIRTB_OK)
		print("%s: %s\n", what, svirtb_error_text(error));
	check_equal(number, what, error, SVIRTB_OK);
}

/* A1 and A3, which carry their address themselves. */
static void check_moffs(void)
{
	uint32_t status, size;

	__asm__ volatile("movl $2, 0xcafe0000\n\t"
			 ".byte 0xa1; .long 0xcafe0000\n\t"
			 : "=a"(status)
			 :
			 : "memory");
	check_equal(1, "A1 from status", status, SVIRTB_MAGIC);
	__asm__ volatile("xorl %%eax, %%eax\n\t"
			 ".byte 0xa3; .long 0xcafe0000\n\t"
			 "movl $0x4321, %%eax\n\t"
			 ".byte 0xa3; .long 0xcafe0004\n\t"
			 "xorl %%eax, %%eax\n\t"
			 ".byte 0xa1; .long 0xcafe0004\n\t"
			 : "=a"(size)
			 :
			 : "memory");
	check_equal(2, "A3 to queue_size, A1 from it", size, 0x4321);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
}

static void fill(uint64_t sector)
{
	memset(written, 0, sizeof(written[0]));
	format_text((char *)written[0], sizeof(written[0]),
		"disk32 wrote this to sector %llu from 32-bit code without paging\n",
		(unsigned long long)sector);
	for (uint32_t i = 1; i < SECTORS; i++) {
		for (uint32_t at = 0; at < SVIRTB_SECTOR_SIZE; at++)
			written[i][at] = (uint8_t)(i * 37 + at * 11 + at / 256);
	}
}

/* As many as the ring takes with one doorbell, then the rest, from its middle on over its end. */
static void transfer_all(uint8_t number, enum svirtb_command command, uint64_t sector,
	uint8_t (*buffer)[SVIRTB_SECTOR_SIZE])
{
	for (uint32_t i = 0; i < SECTORS; i++) {
		enum svirtb_error error =
			svirtb_queue(&disk, command, sector + i, buffer[i], SVIRTB_SECTOR_SIZE);

		if (error == SVIRTB_QUEUE_FULL) {
			check_equal(number, "requests that a ring takes", i, RING_ENTRIES - 1);
			check_driver(number, "a full ring", svirtb_submit(&disk));
			check_equal(number, "requests completed", disk.done, RING_ENTRIES - 1);
			error = svirtb_queue(
				&disk, command, sector + i, buffer[i], SVIRTB_SECTOR_SIZE);
		}
		check_driver(number, "queue", error);
	}
	check_driver(number, "the rest of a batch", svirtb_submit(&disk));
}

/* 64-bit numbers where a register has 32: what the lines of all these guests are made by. */
static void check_format(void)
{
	char text[64];

	format_text(text, sizeof(text), "%llx %lld %s", 0x123456789abcdefull, -5000000000ll, "end");
	check_equal(15, "text of 64-bit numbers differs",
		(uint64_t)strcmp(text, "123456789abcdef -5000000000 end"), 0);
}

int main(const char *cmdline)
{
	uint64_t sector = 0, size = 0, capacity;

	check_format();
	number_of(cmdline, "sector=", &sector);
	check_moffs();
	check_driver(3, "init", svirtb_init(&disk, ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE));
	check_driver(4, "capacity", svirtb_capacity(&disk, &capacity));
	print("the disk has %llu bytes\n", (unsigned long long)capacity);
	if (number_of(cmdline, "size=", &size))
		check_equal(5, "capacity", capacity, size);

	fill(sector);
	transfer_all(6, SVIRTB_WRITE, sector, written);
	transfer_all(7, SVIRTB_READ, sector, found);
	check_equal(8, "what was read back differs",
		(uint64_t)memcmp(written, found, sizeof(found)), 0);

	/* One request over sectors and into the middle of one; what lies behind it stays. */
	memset(found, 0xee, sizeof(found));
	check_driver(9, "read", svirtb_read(&disk, sector, found, ODD_SIZE));
	check_equal(
		10, "an odd size's bytes differ", (uint64_t)memcmp(written, found, ODD_SIZE), 0);
	check_equal(11, "the byte behind them",
		found[ODD_SIZE / SVIRTB_SECTOR_SIZE][ODD_SIZE % SVIRTB_SECTOR_SIZE], 0xee);
	check_driver(12, "write", svirtb_write(&disk, sector, written, sizeof(written)));
	check_driver(13, "read", svirtb_read(&disk, sector, found, sizeof(found)));
	check_equal(14, "what was read back differs",
		(uint64_t)memcmp(written, found, sizeof(found)), 0);
	print("disk32: passed\n");
	return 0;
}
