/* SPDX-License-Identifier: MIT */
/*
 * Test guest: writes stamps to the disk, by virtio-blk and by svirtb, so that the host can tell
 * what each sector of the image's file is. Words, in the order in which they are done; FIRST,COUNT
 * are sectors, GENERATION is a number from 1 on:
 *   no-virtio, no-svirtb               there is no such device
 *   write-back, write-through, no-cache     what virtio-blk is from now on, see stamps.h
 *   write=FIRST,COUNT,GENERATION       by virtio-blk, a request for each and one notification
 *   svirtb-write=FIRST,COUNT,GENERATION  by svirtb
 *   read=FIRST,COUNT,GENERATION        each device that is there reads this
 *   flush
 *   read-only=FIRST,COUNT              each way to change sectors there is refused
 *   loop=GENERATIONS,SEED              see virtio_stamps/loop.c; 0: without end
 */
#include "guest-driver/tests/virtio_stamps/stamps.h"

#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/words.h"
#include "lib/string.h"

#define RING_ENTRIES (STAMPS_MAX + 1)

struct stamps stamps;
static uint8_t svirtb_ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE] __attribute__((aligned(16)));

static void set_writeback(uint8_t value)
{
	volatile uint8_t *writeback =
		(volatile uint8_t *)(stamps.virtio.transport.base + VIRTIO_MMIO_CONFIG +
				     offsetof(struct virtio_blk_config, writeback));

	*writeback = value;
	check_equal("writeback", *writeback, value);
}

bool stamps_start(enum stamps_cache cache, uint64_t way)
{
	const struct virtio_blk_options options = {
		.packed = (way & 1) != 0,
		.indirect = (way & 2) != 0,
		.event_index = (way & 4) != 0,
		.without =
			cache == STAMPS_NO_CACHE ? VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE : 0,
	};

	if (!check_equal("start", virtio_blk_restart(&stamps.virtio, &options), VIRTIO_OK))
		return false;
	check_equal("FLUSH", virtio_blk_has(&stamps.virtio, VIRTIO_BLK_F_FLUSH),
		cache != STAMPS_NO_CACHE);
	if (cache == STAMPS_WRITE_THROUGH)
		set_writeback(0);
	return true;
}

static void make_stamps(const uint64_t place[3])
{
	for (uint64_t i = 0; i < place[1]; i++)
		stamp_make(&stamps.written[i], place[0] + i, place[2]);
}

static void do_write(const uint64_t place[3])
{
	make_stamps(place);
	for (uint64_t i = 0; i < place[1]; i++)
		check_equal("queue",
			virtio_blk_queue(&stamps.virtio, VIRTIO_BLK_T_OUT, place[0] + i,
				&stamps.written[i], STAMP_SECTOR_SIZE),
			VIRTIO_OK);
	check_equal("submit", virtio_blk_submit(&stamps.virtio), VIRTIO_OK);
}

static void do_svirtb_write(const uint64_t place[3])
{
	make_stamps(place);
	check_equal("write",
		svirtb_write(
			&stamps.svirtb, place[0], stamps.written, place[1] * STAMP_SECTOR_SIZE),
		SVIRTB_OK);
}

static void do_read(const uint64_t place[3])
{
	const uint32_t size = (uint32_t)place[1] * STAMP_SECTOR_SIZE;

	make_stamps(place);
	check_true("a device is there", stamps.has_virtio || stamps.has_svirtb);
	if (stamps.has_virtio) {
		memset(stamps.found, 0xa5, sizeof(stamps.found));
		check_equal("by virtio-blk",
			virtio_blk_read(&stamps.virtio, place[0], stamps.found, size), VIRTIO_OK);
		check_true(
			"what virtio-blk reads", memcmp(stamps.found, stamps.written, size) == 0);
	}
	if (stamps.has_svirtb) {
		memset(stamps.found, 0x5a, sizeof(stamps.found));
		check_equal("by svirtb", svirtb_read(&stamps.svirtb, place[0], stamps.found, size),
			SVIRTB_OK);
		check_true("what svirtb reads", memcmp(stamps.found, stamps.written, size) == 0);
	}
}

/* 5.2.6.2: a device that offers RO fails what writes, and the rest works. */
static void do_read_only(const uint64_t place[2])
{
	struct virtio_blk *disk = &stamps.virtio;
	const uint32_t count = (uint32_t)place[1], size = count * STAMP_SECTOR_SIZE;

	check_true("RO is offered", virtio_blk_has(disk, VIRTIO_BLK_F_RO));
	make_stamps((const uint64_t[]){ place[0], count, 1 });
	check_equal("OUT", virtio_blk_write(disk, place[0], stamps.written, size), VIRTIO_IO_ERROR);
	check_equal("WRITE_ZEROES", virtio_blk_write_zeroes(disk, place[0], count, false),
		VIRTIO_IO_ERROR);
	check_equal("WRITE_ZEROES, UNMAP", virtio_blk_write_zeroes(disk, place[0], count, true),
		VIRTIO_IO_ERROR);
	check_equal("DISCARD", virtio_blk_discard(disk, place[0], count), VIRTIO_IO_ERROR);
	check_equal("IN", virtio_blk_read(disk, place[0], stamps.found, size), VIRTIO_OK);
	check_true("nothing was written", memcmp(stamps.found, stamps.written, size) != 0);
}

/* Up to count numbers behind name; false, and the check fails, where they do not fit in here. */
static bool is_place(const char *word, const char *name, uint64_t *numbers, unsigned int count)
{
	if (words_numbers(word, name, numbers, count) != count)
		return false;
	return check_true("as many as this guest can do at once", numbers[1] <= STAMPS_MAX);
}

static void do_word(const char *word)
{
	uint64_t numbers[3];

	check_begin("%s", word);
	if (strcmp(word, "no-virtio") == 0)
		check_true("it is not there", !stamps.has_virtio);
	else if (strcmp(word, "no-svirtb") == 0)
		check_true("it is not there", !stamps.has_svirtb);
	else if (strcmp(word, "write-back") == 0)
		stamps_start(STAMPS_WRITE_BACK, 7);
	else if (strcmp(word, "write-through") == 0)
		stamps_start(STAMPS_WRITE_THROUGH, 7);
	else if (strcmp(word, "no-cache") == 0)
		stamps_start(STAMPS_NO_CACHE, 7);
	else if (strcmp(word, "flush") == 0)
		check_equal("FLUSH", virtio_blk_flush(&stamps.virtio), VIRTIO_OK);
	else if (is_place(word, "write=", numbers, 3))
		do_write(numbers);
	else if (is_place(word, "svirtb-write=", numbers, 3))
		do_svirtb_write(numbers);
	else if (is_place(word, "read=", numbers, 3))
		do_read(numbers);
	else if (is_place(word, "read-only=", numbers, 2))
		do_read_only(numbers);
	else if (words_numbers(word, "loop=", numbers, 2) == 2)
		stamps_loop(numbers[0], numbers[1]);
	else
		check_true("it is a word of this guest's", false);
	print("did %s\n", word);
}

static const char *words;

static void do_words(void)
{
	char word[WORDS_MAX_LENGTH];

	while (words_next(&words, word))
		do_word(word);
}

static const struct check_group groups[] = { { "words", do_words } };

int main(const char *cmdline)
{
	const struct virtio_blk_options options = { 0 };
	enum virtio_error error;

	words = cmdline;
	check_begin("init");
	error = virtio_blk_open(&stamps.virtio, cmdline, &options);
	stamps.has_virtio = error == VIRTIO_OK;
	stamps.has_svirtb = svirtb_init(&stamps.svirtb, svirtb_ring, RING_ENTRIES,
				    SVIRTB_ENTRY_SIZE) == SVIRTB_OK;
	check_true("virtio-blk is there or not", stamps.has_virtio || error == VIRTIO_NO_DEVICE);
	return check_run("", groups, 1);
}
