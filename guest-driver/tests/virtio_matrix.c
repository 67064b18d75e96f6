/* SPDX-License-Identifier: MIT */
/*
 * Test guest: every way of using a virtio block device. Both rings, direct and indirect
 * descriptors, with and without EVENT_IDX, polled and by interrupt: each writes a pattern over 4
 * MiB of the disk (or over mib=), reads it back and compares the SHA-256. Words narrow that down:
 * split, packed, direct, indirect, no-event-idx, event-idx, polling, interrupt. size= is that of
 * the ring, strict=1 says that the device is one that interrupts once a batch. What the device does
 * not offer is skipped, with the reason.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/sha256.h"
#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/disk_interrupts.h"
#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/interrupts.h"
#include "guest-driver/testing/sha256_ni.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/virtio_blk.h"
#include "lib/string.h"

#define MIB           (1024u * 1024)
#define REQUEST       16384u
#define BATCH         (MIB / REQUEST)
#define SECTORS(size) ((size) / VIRTIO_BLK_SECTOR_SIZE)

static struct virtio_blk disk;
static struct disk_interrupts interrupts;
static uint64_t words_of_buffer[MIB / 8] __attribute__((aligned(4096)));
static uint8_t *const buffer = (uint8_t *)words_of_buffer;
static uint64_t bytes;
static uint16_t ring_size;
static bool strict;

/*
 * The two patterns, by turns: each combination overwrites all that the one before has written. One
 * is the other's complement.
 */
static char digests[2][SHA256_TEXT_SIZE];

/* A table, for the words and for the lines that are printed. */
static const char *const words[4][2] = {
	{ "split", "packed" },
	{ "direct", "indirect" },
	{ "no-event-idx", "event-idx" },
	{ "polling", "interrupt" },
};
enum { RING, TABLE, EVENT, COMPLETION };

/* How the buffers of a batch are cut, so that a request has 3 to 18 descriptors. */
static const uint32_t piece_sizes[] = { 0, 4096, 1000, 8191 };

static void fill(unsigned int pattern, uint64_t offset)
{
	const uint64_t flip = pattern != 0 ? ~0ull : 0;

	for (uint32_t i = 0; i < MIB; i += 8)
		words_of_buffer[i / 8] = (offset + i + 1) * 0x9e3779b97f4a7c15ull ^ flip;
}

static void expect_digests(void)
{
	for (unsigned int pattern = 0; pattern < 2; pattern++) {
		struct sha256 hash;

		sha256_init(&hash);
		for (uint64_t offset = 0; offset < bytes; offset += MIB) {
			fill(pattern, offset);
			sha256_update(&hash, buffer, MIB);
		}
		sha256_finish(&hash, digests[pattern]);
	}
}

static uint32_t submits, requests;

static enum virtio_error submit(void)
{
	submits++;
	return virtio_blk_submit(&disk);
}

/* Moves the buffer to or from the disk; as many notifications as the ring's size asks for. */
static enum virtio_error move_buffer(enum virtio_blk_type type, uint64_t offset)
{
	enum virtio_error error = VIRTIO_OK;

	disk.options.piece = piece_sizes[offset / MIB % 4];
	for (uint32_t i = 0; i < BATCH && error == VIRTIO_OK; i++) {
		const uint64_t sector = SECTORS(offset + i * REQUEST);

		error = virtio_blk_queue(&disk, type, sector, buffer + i * REQUEST, REQUEST);
		if (error != VIRTIO_QUEUE_FULL)
			continue;
		error = submit();
		if (error == VIRTIO_OK)
			error = virtio_blk_queue(
				&disk, type, sector, buffer + i * REQUEST, REQUEST);
	}
	requests += BATCH;
	return error == VIRTIO_OK ? submit() : error;
}

static enum virtio_error write_pattern(unsigned int pattern)
{
	enum virtio_error error = VIRTIO_OK;

	for (uint64_t offset = 0; offset < bytes && error == VIRTIO_OK; offset += MIB) {
		fill(pattern, offset);
		error = move_buffer(VIRTIO_BLK_T_OUT, offset);
	}
	return error;
}

static enum virtio_error read_digest(char digest[SHA256_TEXT_SIZE])
{
	enum virtio_error error = VIRTIO_OK;
	struct sha256 hash;

	sha256_init(&hash);
	for (uint64_t offset = 0; offset < bytes && error == VIRTIO_OK; offset += MIB) {
		memset(buffer, 0x5a, MIB);
		error = move_buffer(VIRTIO_BLK_T_IN, offset);
		sha256_update(&hash, buffer, MIB);
	}
	sha256_finish(&hash, digest);
	return error;
}

/*
 * The other commands, on sectors behind the pattern's; a disk without such has only the first. They
 * come before all patterns, so that the FLUSH has little to make durable.
 */
static void test_commands(const unsigned int choice[4])
{
	char id[VIRTIO_BLK_ID_SIZE + 1];
	const uint64_t sector = SECTORS(bytes);
	uint32_t ones = 0;

	(void)choice;
	check_equal("GET_ID", virtio_blk_get_id(&disk, id), VIRTIO_OK);
	if (virtio_blk_has(&disk, VIRTIO_BLK_F_FLUSH))
		check_equal("FLUSH", virtio_blk_flush(&disk), VIRTIO_OK);
	if (disk.capacity < sector + 16 || !virtio_blk_has(&disk, VIRTIO_BLK_F_WRITE_ZEROES) ||
		!virtio_blk_has(&disk, VIRTIO_BLK_F_DISCARD))
		return;
	memset(buffer, 0xff, 8192);
	check_equal("write", virtio_blk_write(&disk, sector, buffer, 8192), VIRTIO_OK);
	check_equal(
		"WRITE_ZEROES", virtio_blk_write_zeroes(&disk, sector + 1, 7, false), VIRTIO_OK);
	check_equal("WRITE_ZEROES, UNMAP", virtio_blk_write_zeroes(&disk, sector + 8, 7, true),
		VIRTIO_OK);
	check_equal("read", virtio_blk_read(&disk, sector, buffer, 8192), VIRTIO_OK);
	for (uint32_t i = 0; i < 8192; i++)
		ones += buffer[i] == 0xff ? 1 : buffer[i] == 0 ? 0 : 8192;
	check_equal("bytes that stayed, of the first and the last sector", ones, 1024);
	check_equal("DISCARD", virtio_blk_discard(&disk, sector, 16), VIRTIO_OK);
}

static const char *missing_feature(const unsigned int choice[4])
{
	if (choice[RING] != 0 && !virtio_blk_has(&disk, VIRTIO_F_RING_PACKED))
		return "RING_PACKED";
	if (choice[TABLE] != 0 && !virtio_blk_has(&disk, VIRTIO_F_INDIRECT_DESC))
		return "INDIRECT_DESC";
	if (choice[EVENT] != 0 && !virtio_blk_has(&disk, VIRTIO_F_EVENT_IDX))
		return "EVENT_IDX";
	return NULL;
}

/*
 * With EVENT_IDX the driver asks for one interrupt a batch, and a device that does the whole batch
 * before it looks whether to interrupt sends just that: the word strict=1. QEMU's looks after each
 * request, at whatever moment of the driver's: up to one for each, and one that the combination
 * before left behind.
 */
static void check_interrupts(const unsigned int choice[4])
{
	if (choice[COMPLETION] == 0)
		return;
	check_true("interrupts came", interrupts.count != 0);
	check_true("no more interrupts than requests", interrupts.count <= requests + 1);
	if (choice[EVENT] != 0 && strict)
		check_equal("one interrupt a batch", interrupts.count, submits);
}

static void test_data(const unsigned int choice[4])
{
	static unsigned int pattern;
	char digest[SHA256_TEXT_SIZE] = "";

	interrupts.count = interrupts.seen = 0;
	submits = requests = 0;
	check_equal("writes", write_pattern(pattern), VIRTIO_OK);
	check_equal("reads", read_digest(digest), VIRTIO_OK);
	check_true("the SHA-256 is that of what was written",
		strncmp(digest, digests[pattern], sizeof(digest)) == 0);
	check_interrupts(choice);
	print("%s %s %s %s: %llu bytes, SHA-256 %s; %u batches, %u interrupts\n",
		words[RING][choice[RING]], words[TABLE][choice[TABLE]], words[EVENT][choice[EVENT]],
		words[COMPLETION][choice[COMPLETION]], (unsigned long long)bytes, digest, submits,
		interrupts.count);
	pattern ^= 1;
}

typedef void test_function(const unsigned int choice[4]);

static void test_combination(const unsigned int choice[4], test_function *test)
{
	const struct virtio_blk_options options = {
		.packed = choice[RING] != 0,
		.indirect = choice[TABLE] != 0,
		.event_index = choice[EVENT] != 0,
		.size = ring_size,
		.wait = choice[COMPLETION] != 0 ? disk_interrupts_wait : NULL,
		.context = &interrupts,
	};
	const char *missing;

	check_begin("%s %s %s %s", words[RING][choice[RING]], words[TABLE][choice[TABLE]],
		words[EVENT][choice[EVENT]], words[COMPLETION][choice[COMPLETION]]);
	if (!check_equal("start", virtio_blk_restart(&disk, &options), VIRTIO_OK))
		return;
	missing = missing_feature(choice);
	if (missing != NULL && test == test_commands)
		return;
	if (missing != NULL) {
		print("SKIP %s %s %s %s: the device does not offer %s\n", words[RING][choice[RING]],
			words[TABLE][choice[TABLE]], words[EVENT][choice[EVENT]],
			words[COMPLETION][choice[COMPLETION]], missing);
		return;
	}
	if (choice[COMPLETION] != 0 && !disk_interrupts_route(&interrupts, &disk)) {
		print("SKIP interrupt: the device's line is not known\n");
		return;
	}
	test(choice);
	if (choice[COMPLETION] != 0) {
		interrupts_off();
		disk_interrupts_mask(&interrupts);
	}
}

/* Whether the words allow this choice: those of its row that are there do, or none is there. */
static bool is_wanted(const char *cmdline, unsigned int row, unsigned int choice)
{
	return runtime_has_word(cmdline, words[row][choice]) ||
	       !runtime_has_word(cmdline, words[row][choice ^ 1]);
}

static unsigned int test_all(const char *cmdline, test_function *test)
{
	unsigned int tested = 0;

	for (unsigned int number = 0; number < 16; number++) {
		unsigned int choice[4];
		bool wanted = true;

		for (unsigned int row = 0; row < 4; row++) {
			choice[row] = number >> (3 - row) & 1;
			wanted = wanted && is_wanted(cmdline, row, choice[row]);
		}
		if (!wanted)
			continue;
		test_combination(choice, test);
		tested++;
	}
	return tested;
}

int main(const char *cmdline)
{
	const struct virtio_blk_options options = { 0 };
	enum virtio_error error;

	exceptions_init();
	interrupts_init();
	apic_init(false);
	bytes = words_number(cmdline, "mib=", 4) * MIB;
	ring_size = (uint16_t)words_number(cmdline, "size=", 0);
	strict = words_number(cmdline, "strict=", 0) != 0;
	error = virtio_blk_open(&disk, cmdline, &options);
	if (error != VIRTIO_OK || SECTORS(bytes) > disk.capacity) {
		print("needed: a virtio block device with %llu sectors (%s, %llu)\n",
			(unsigned long long)SECTORS(bytes), virtio_error_text(error),
			(unsigned long long)disk.capacity);
		return 1;
	}
	print("SHA-256 %s\n", sha256_ni_use() ? "by the processor's own instructions" : "in C");
	check_begin("combinations");
	check_true("the words leave some", test_all(cmdline, test_commands) != 0);
	expect_digests();
	test_all(cmdline, test_data);
	return check_run("", NULL, 0);
}
