/* SPDX-License-Identifier: MIT */
/*
 * A hundred give-backs in one run, a sector written before each: sector n then begins with the text
 * "give-back n". The disk must have a hundred sectors.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/fpu/fpu.h"
#include "lib/format.h"
#include "lib/string.h"

#define GIVE_BACKS   100
#define RING_ENTRIES 4
#define SYNC_PORT    0xcafe

enum { SYNC_DONE = 0x00, SYNC_NEVER = 0xff };

static struct svirtb_entry ring[RING_ENTRIES];
static struct svirtb disk;

static void make_sector(unsigned int number, char sector[SVIRTB_SECTOR_SIZE])
{
	memset(sector, (int)number, SVIRTB_SECTOR_SIZE);
	format_text(sector, SVIRTB_SECTOR_SIZE, "give-back %u\n", number);
}

static void write_and_give_back(unsigned int number)
{
	char sector[SVIRTB_SECTOR_SIZE];

	make_sector(number, sector);
	check_equal("the write", svirtb_write(&disk, number, sector, sizeof(sector)), SVIRTB_OK);
	give_back();
	check_equal("the result", port_read8(SYNC_PORT), SYNC_DONE);
}

static void read_again(unsigned int number)
{
	char wanted[SVIRTB_SECTOR_SIZE], found[SVIRTB_SECTOR_SIZE];

	make_sector(number, wanted);
	check_equal("the read", svirtb_read(&disk, number, found, sizeof(found)), SVIRTB_OK);
	check_true("the sector is what was written", memcmp(wanted, found, sizeof(found)) == 0);
}

void fpu_test_givebacks(void)
{
	const uint8_t before = has_given_back() ? SYNC_DONE : SYNC_NEVER;

	check_begin("the port before the first");
	check_equal("its value", port_read8(SYNC_PORT), before);
	port_write8(SYNC_PORT, 2);
	check_equal(
		"its value, when what was written means nothing", port_read8(SYNC_PORT), before);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	check_equal("the device's start", svirtb_init(&disk, ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE),
		SVIRTB_OK);
	for (unsigned int i = 0; i < GIVE_BACKS; i++) {
		check_begin("give-back %u", i);
		write_and_give_back(i);
	}
	check_begin("the disk in the end");
	for (unsigned int i = 0; i < GIVE_BACKS; i++)
		read_again(i);
	/* The batches between were seen whole: nothing was lost or done twice. */
	check_equal(
		"the tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), 2 * GIVE_BACKS % RING_ENTRIES);
}
