/* SPDX-License-Identifier: MIT */
/*
 * Test guest: writes what the command line says, so that the host can tell each byte that must have
 * changed. Words, in the order in which they are done:
 *   size=BYTES             the disk's size must be this now
 *   write=SECTOR,COUNT     COUNT sectors with one request, each full of lines 'sector N\n'
 *   bytes=SECTOR,BYTES     the first BYTES bytes of such sectors
 *   batch=SECTOR,COUNT     COUNT sectors with a request each and one doorbell
 *   refused=SECTOR,BYTES   this write must be refused; works on after a reset
 *   sync                   what was written is made durable now
 *   entry-size=32          where the device has that, first of all
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/words.h"
#include "lib/format.h"
#include "lib/string.h"

#define SECTOR_MAX   256u /* of one word */
#define RING_ENTRIES 300u
#define PORT_SYNC    0xcafe

static uint8_t ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED];
static struct svirtb disk;
static uint8_t pattern[SECTOR_MAX][SVIRTB_SECTOR_SIZE];
static uint8_t found[SECTOR_MAX][SVIRTB_SECTOR_SIZE];

static void make_pattern(uint64_t sector, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		char line[40];
		size_t length = format_text(
			line, sizeof(line), "sector %llu\n", (unsigned long long)(sector + i));

		for (uint32_t at = 0; at < SVIRTB_SECTOR_SIZE; at++)
			pattern[i][at] = (uint8_t)line[at % length];
	}
}

static uint64_t sectors_of(uint64_t size)
{
	const uint64_t sectors = (size + SVIRTB_SECTOR_SIZE - 1) / SVIRTB_SECTOR_SIZE;

	check_true("no more than this guest can write at once", sectors <= SECTOR_MAX);
	return sectors <= SECTOR_MAX ? sectors : SECTOR_MAX;
}

static void check_size(uint64_t size)
{
	uint64_t capacity = 0;

	check_begin("size=%llu", (unsigned long long)size);
	check_equal("result", svirtb_capacity(&disk, &capacity), SVIRTB_OK);
	check_equal("capacity", capacity, size);
}

static void write_bytes(uint64_t sector, uint64_t size)
{
	check_begin("write of %llu bytes at sector %llu", (unsigned long long)size,
		(unsigned long long)sector);
	make_pattern(sector, sectors_of(size));
	check_equal("write", svirtb_write(&disk, sector, pattern, size), SVIRTB_OK);
	check_equal("read", svirtb_read(&disk, sector, found, size), SVIRTB_OK);
	check_true("what was written", memcmp(found, pattern, size) == 0);
}

static void write_batch(uint64_t sector, uint64_t count)
{
	check_begin("batch of %llu sectors at sector %llu", (unsigned long long)count,
		(unsigned long long)sector);
	make_pattern(sector, sectors_of(count * SVIRTB_SECTOR_SIZE));
	for (uint64_t i = 0; i < count; i++)
		check_equal("queue",
			svirtb_queue(
				&disk, SVIRTB_WRITE, sector + i, pattern[i], SVIRTB_SECTOR_SIZE),
			SVIRTB_OK);
	check_equal("submit", svirtb_submit(&disk), SVIRTB_OK);
}

static void check_refused(uint64_t sector, uint64_t size)
{
	const uint64_t sectors = sectors_of(size);

	check_begin("write of %llu bytes at sector %llu, refused", (unsigned long long)size,
		(unsigned long long)sector);
	make_pattern(sector, sectors);
	memset(found, 0, sizeof(found));
	check_equal("read", svirtb_read(&disk, sector, found, size), SVIRTB_OK);
	check_equal("write", svirtb_write(&disk, sector, pattern, size), SVIRTB_REQUEST_FAILED);
	check_equal("reset", svirtb_recover(&disk), SVIRTB_OK);
	memset(pattern, 0, sizeof(pattern));
	check_equal("read", svirtb_read(&disk, sector, pattern, size), SVIRTB_OK);
	check_true("nothing was written", memcmp(found, pattern, sizeof(found)) == 0);
}

static void make_durable(void)
{
	check_begin("sync");
	check_equal("before the first request", port_read8(PORT_SYNC) == 1, 0);
	port_write8(PORT_SYNC, 1);
	check_equal("result", port_read8(PORT_SYNC), 0);
}

static void do_word(const char *word)
{
	uint64_t numbers[2];

	if (words_numbers(word, "size=", numbers, 2) == 1)
		check_size(numbers[0]);
	else if (words_numbers(word, "write=", numbers, 2) == 2)
		write_bytes(numbers[0], numbers[1] * SVIRTB_SECTOR_SIZE);
	else if (words_numbers(word, "bytes=", numbers, 2) == 2)
		write_bytes(numbers[0], numbers[1]);
	else if (words_numbers(word, "batch=", numbers, 2) == 2)
		write_batch(numbers[0], numbers[1]);
	else if (words_numbers(word, "refused=", numbers, 2) == 2)
		check_refused(numbers[0], numbers[1]);
	else if (strcmp(word, "sync") == 0)
		make_durable();
	else if (words_numbers(word, "entry-size=", numbers, 2) != 1)
		check_true(word, false);
}

static const char *words;

static void do_words(void)
{
	char word[WORDS_MAX_LENGTH];

	check_begin("words");
	check_true("something to do", *words != '\0');
	while (words_next(&words, word))
		do_word(word);
}

static const struct check_group groups[] = { { "words", do_words } };

int main(const char *cmdline)
{
	const uint32_t entry_size =
		(uint32_t)words_number(cmdline, "entry-size=", SVIRTB_ENTRY_SIZE);

	words = cmdline;
	check_begin("init");
	check_equal("result", svirtb_init(&disk, ring, RING_ENTRIES, entry_size), SVIRTB_OK);
	return check_run("", groups, 1);
}
