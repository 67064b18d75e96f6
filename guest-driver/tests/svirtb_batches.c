/* SPDX-License-Identifier: MIT */
/*
 * Test guest: batches of every length through rings of several sizes, over the ring's end again and
 * again. In a batch the even entries write something new to a sector and the odd ones read that
 * sector again, so that the data shows the order, too. Words: the groups, and 'entry-size=32' where
 * the device has that. All sectors but the last are written; at the end the whole disk is compared.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/memory_map.h"
#include "guest-driver/testing/words.h"
#include "lib/string.h"

#define DISK_MAX    (64u * 1024)
#define MAX_ENTRIES 32768u
#define DATA        16u /* bytes of a request: what costs here is the entries */

static uint32_t entry_size = SVIRTB_ENTRY_SIZE;
static struct svirtb disk;
static uint8_t image[DISK_MAX], found[DISK_MAX];
static uint64_t sectors, sequence;

/* Two words for each entry of the ring, which no other request has. */
static struct request_data {
	uint64_t words[DATA / 8];
} source[MAX_ENTRIES], target[MAX_ENTRIES];

static uint64_t sector_of(uint64_t number)
{
	return number * 7 % (sectors - 1);
}

/* Request number i of a batch: an even one writes, an odd one reads what the one before wrote. */
static enum svirtb_error queue_request(uint32_t i, uint32_t batch)
{
	if (i % 2 == 0 && i + 1 < batch) {
		source[i].words[0] = sequence;
		source[i].words[1] = ~sequence * 0x9e3779b97f4a7c15ull;
		memcpy(image + sector_of(sequence) * SVIRTB_SECTOR_SIZE, &source[i], DATA);
		return svirtb_queue(&disk, SVIRTB_WRITE, sector_of(sequence++), &source[i], DATA);
	}
	target[i].words[0] = target[i].words[1] = 0;
	return svirtb_queue(&disk, SVIRTB_READ, sector_of(sequence - 1), &target[i], DATA);
}

/* How many of the batch's reads did not bring what they should. The last may stand alone. */
static uint32_t wrong_reads(uint32_t batch)
{
	uint32_t wrong = 0;

	for (uint32_t i = 1; i < batch; i += 2)
		wrong += memcmp(&target[i], &source[i - 1], DATA) != 0;
	return wrong;
}

static bool run_batch(uint32_t batch)
{
	const uint32_t head = (disk.head + batch) % disk.size;
	uint32_t refused = 0;

	for (uint32_t i = 0; i < batch; i++)
		refused += queue_request(i, batch) != SVIRTB_OK;
	return check_equal("requests that the ring did not take", refused, 0) &
	       check_equal("result", svirtb_submit(&disk), SVIRTB_OK) &
	       check_equal("requests completed", disk.done, batch) &
	       check_equal("queue_head", svirtb_register_read(SVIRTB_QUEUE_HEAD), head) &
	       check_equal("queue_tail", svirtb_register_read(SVIRTB_QUEUE_TAIL), head) &
	       check_equal("reads that brought something else", wrong_reads(batch), 0);
}

static void start(void *ring, uint32_t entries)
{
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	check_equal("init", svirtb_init(&disk, ring, entries, entry_size), SVIRTB_OK);
}

static void check_disk(void)
{
	check_equal("read", svirtb_read(&disk, 0, found, sectors * SVIRTB_SECTOR_SIZE), SVIRTB_OK);
	check_true("the disk has what was written",
		memcmp(found, image, sectors * SVIRTB_SECTOR_SIZE) == 0);
}

/* Every batch of 1 to entries - 1; a full ring takes no more. */
static void test_all_batches(uint32_t entries)
{
	static uint8_t ring[512 * SVIRTB_ENTRY_SIZE_UNPACKED];

	check_begin("ring of %u entries, batches of 1 to %u", entries, entries - 1);
	start(ring, entries);
	for (uint32_t batch = 1; batch < entries; batch++) {
		if (!run_batch(batch))
			return;
	}
	check_disk();
	for (uint32_t i = 0; i < entries - 1; i++)
		(void)svirtb_queue(&disk, SVIRTB_READ, 0, found, 1);
	check_equal("one request more", svirtb_queue(&disk, SVIRTB_READ, 0, found, 1),
		SVIRTB_QUEUE_FULL);
	check_equal("a full ring", svirtb_submit(&disk), SVIRTB_OK);
	check_equal("its requests", disk.done, entries - 1);
}

static void test_ring_2(void)
{
	test_all_batches(2);
}

static void test_ring_3(void)
{
	test_all_batches(3);
}

static void test_ring_64(void)
{
	test_all_batches(64);
}

static void test_ring_257(void)
{
	test_all_batches(257);
}

/* The largest ring, at the end of memory: its last entry ends where memory ends. */
static void test_ring_32768(void)
{
	uint8_t *ring =
		(uint8_t *)(uintptr_t)(memory_map_end() - (uint64_t)MAX_ENTRIES * entry_size);

	check_begin("ring of 32768 entries, all but one at one doorbell");
	start(ring, MAX_ENTRIES);
	run_batch(MAX_ENTRIES - 1);
	check_begin("ring of 32768 entries, the one at the very end alone");
	check_equal("tail", disk.tail, MAX_ENTRIES - 1);
	run_batch(1);
	check_equal("tail", disk.tail, 0);
	check_begin("ring of 32768 entries, over its end");
	run_batch(MAX_ENTRIES - 3);
	run_batch(8);
	check_equal("tail", disk.tail, 5);
	check_disk();
}

static const struct check_group groups[] = {
	{ "ring-2", test_ring_2 },
	{ "ring-3", test_ring_3 },
	{ "ring-64", test_ring_64 },
	{ "ring-257", test_ring_257 },
	{ "ring-32768", test_ring_32768 },
};

int main(const char *cmdline)
{
	static uint8_t ring[4 * SVIRTB_ENTRY_SIZE_UNPACKED];
	uint64_t size = 0;

	entry_size = (uint32_t)words_number(cmdline, "entry-size=", SVIRTB_ENTRY_SIZE);
	check_begin("the disk");
	start(ring, 4);
	check_equal("capacity", svirtb_capacity(&disk, &size), SVIRTB_OK);
	if (!check_true("2 to 128 whole sectors",
		    size >= 1024 && size <= DISK_MAX && size % SVIRTB_SECTOR_SIZE == 0))
		return 1;
	sectors = size / SVIRTB_SECTOR_SIZE;
	check_equal("read", svirtb_read(&disk, 0, image, size), SVIRTB_OK);
	return check_run("", groups, sizeof(groups) / sizeof(groups[0]));
}
