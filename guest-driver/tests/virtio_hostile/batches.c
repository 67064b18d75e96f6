/* SPDX-License-Identifier: MIT */
/*
 * Batches of more than the 16 MiB that one notification may copy: all is done, once and in order,
 * however many turns it takes; and what ends a batch in its middle ends it there. They need a disk
 * of 1 MiB, the other groups are faster with a small one.
 */
#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/interrupts.h"
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define SECTORS    2048u /* of the disk */
#define REQUESTS   20u
#define MIB        (1024u * 1024)
#define TURN       (16 * MIB) /* what a notification copies at most */
#define MAX_RANGES 32u        /* of a WRITE_ZEROES */

/* Ticks: longer than the way to the notification, shorter than its copying. */
#define TIMER_COUNT  50000u
#define TIMER_VECTOR 0x71u

static struct {
	uint8_t table[3][16] __attribute__((aligned(16)));
	struct virtio_blk_header header;
	uint8_t status;
} requests[REQUESTS];

static uint8_t data[MIB] __attribute__((aligned(4096)));
static struct chain chains[REQUESTS];

static const char *ring_name(bool packed)
{
	return packed ? "packed" : "split";
}

/* Requests that all have the same data, from or to the disk's sector 0 on. */
static void add_batch(enum virtio_blk_type type, uint32_t size)
{
	for (unsigned int i = 0; i < REQUESTS; i++) {
		const struct piece pieces[3] = {
			{ (uintptr_t)&requests[i].header, sizeof(requests[i].header), false },
			{ (uintptr_t)data, size, type == VIRTIO_BLK_T_IN },
			{ (uintptr_t)&requests[i].status, 1, true },
		};

		requests[i].header = (struct virtio_blk_header){ .type = type };
		requests[i].status = STATUS_UNSET;
		chains[i] = hostile_add(pieces, 3, requests[i].table);
	}
}

/* The first ones came back well, in their order; the device did not touch the others. */
static void check_done(unsigned int done, uint32_t written)
{
	unsigned int wrong = 0;

	check_equal("chains that came back", hostile.used, done);
	for (unsigned int i = 0; i < REQUESTS; i++) {
		if (i < done)
			hostile_check_used(i, &chains[i], written);
		wrong += requests[i].status != (i < done ? VIRTIO_BLK_S_OK : STATUS_UNSET);
	}
	check_equal("statuses that are wrong", wrong, 0);
}

/* The turn ends between two requests. */
static void test_read(bool packed)
{
	check_begin("%s ring: IN of %u MiB", ring_name(packed), REQUESTS);
	hostile_start(packed, ALL_FEATURES);
	add_batch(VIRTIO_BLK_T_IN, MIB);
	memset(data, 0x5a, sizeof(data));
	hostile_notify(REQUESTS);
	check_done(REQUESTS, MIB + 1);
	check_true("what is read", hostile_same(data, hostile_image, MIB));
	hostile_recover();
}

/* The turn ends within a request. */
static void test_write(bool packed)
{
	const uint32_t size = MIB - VIRTIO_BLK_SECTOR_SIZE;

	check_begin("%s ring: OUT of %u times %u bytes", ring_name(packed), REQUESTS, size);
	hostile_start(packed, ALL_FEATURES);
	add_batch(VIRTIO_BLK_T_OUT, size);
	memset(data, packed ? 0x91 : 0x19, sizeof(data));
	memcpy(hostile_image, data, size);
	hostile_notify(REQUESTS);
	check_done(REQUESTS, 1);
	hostile_recover();
}

/* One request that takes two turns alone. */
static void test_zeroes(bool packed)
{
	static struct virtio_blk_range ranges[MAX_RANGES];
	struct request *request = &hostile_requests[0];
	const struct piece pieces[3] = {
		{ (uintptr_t)&request->header, sizeof(request->header), false },
		{ (uintptr_t)ranges, sizeof(ranges), false },
		{ (uintptr_t)&request->status, 1, true },
	};
	struct chain chain;

	if (!hostile_offers(VIRTIO_BLK_F_WRITE_ZEROES, "WRITE_ZEROES"))
		return;
	check_begin("%s ring: WRITE_ZEROES of the disk, %u times", ring_name(packed), MAX_RANGES);
	hostile_start(packed, ALL_FEATURES);
	for (unsigned int i = 0; i < MAX_RANGES; i++)
		ranges[i] = (struct virtio_blk_range){ .num_sectors = SECTORS };
	request->header.type = VIRTIO_BLK_T_WRITE_ZEROES;
	chain = hostile_add(pieces, 3, NULL);
	memset(hostile_image, 0, SECTORS * VIRTIO_BLK_SECTOR_SIZE);
	hostile_notify(1);
	check_equal("chains that came back", hostile.used, 1);
	hostile_check_used(0, &chain, 1);
	check_equal("status", request->status, VIRTIO_BLK_S_OK);
	hostile_recover();
}

/* Found in the second turn; everything before it is done and used, nothing of it or behind it. */
static void test_ring_error(bool packed)
{
	const unsigned int bad = REQUESTS - 2;

	check_begin("%s ring: a bad chain behind %u MiB", ring_name(packed), bad);
	hostile_start(packed, ALL_FEATURES);
	add_batch(VIRTIO_BLK_T_IN, MIB);
	descriptor_set_len(chains[bad].ring, 47);
	hostile_notify(REQUESTS);
	check_done(bad, MIB + 1);
	hostile_check_broken();
	hostile_recover();
}

/*
 * The end comes with the instruction behind the notification. What came back until then is done;
 * once it has come no more does, however long the driver looks.
 */
static void test_end(
	const char *name, bool packed, enum virtio_mmio_register offset, uint32_t value)
{
	uint16_t used;

	check_begin("%s ring: %s in a batch of %u MiB", ring_name(packed), name, REQUESTS);
	hostile_start(packed, ALL_FEATURES | VIRTIO_F_RING_RESET);
	add_batch(VIRTIO_BLK_T_IN, MIB);
	hostile_write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	hostile_write(offset, value);
	hostile_take_used();
	used = hostile.used;
	check_true("a turn's worth came back", used >= TURN / MIB);
	hostile_notify(REQUESTS);
	check_done(used, MIB + 1);
	hostile_recover();
}

static volatile uint32_t timer_count;
static volatile uint64_t timer_came_in_at;

static void handle_timer(const struct interrupt_frame *frame, void *unused)
{
	(void)unused;
	timer_count++;
	timer_came_in_at = frame->rip;
	apic_end_of_interrupt();
}

/* Due while the first turn copies, it comes right behind the notification: before all polling. */
static void test_timer(bool packed)
{
	uint64_t behind;

	check_begin("%s ring: the timer in a batch of %u MiB", ring_name(packed), REQUESTS);
	exceptions_init();
	interrupts_init();
	apic_init(false);
	interrupts_set_handler(TIMER_VECTOR, handle_timer, NULL);
	hostile_start(packed, ALL_FEATURES);
	add_batch(VIRTIO_BLK_T_IN, MIB);
	timer_count = 0;
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, TIMER_VECTOR);
	interrupts_on();
	apic_write(APIC_TIMER_INITIAL, TIMER_COUNT);
	__asm__ volatile("leaq 1f(%%rip), %0\n\tmovl %2, (%1)\n1:"
			 : "=&r"(behind)
			 : "r"(hostile.device.base + VIRTIO_MMIO_QUEUE_NOTIFY), "r"(0)
			 : "memory");
	interrupts_off();
	check_equal("interrupts", timer_count, 1);
	check_equal("where it came in", timer_came_in_at, behind);
	hostile_notify(REQUESTS);
	check_done(REQUESTS, MIB + 1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	hostile_recover();
}

static void test_kind(bool packed)
{
	test_timer(packed);
	test_read(packed);
	test_write(packed);
	test_zeroes(packed);
	test_ring_error(packed);
	test_end("a reset", packed, VIRTIO_MMIO_STATUS, 0);
	test_end("QueueReady 0", packed, VIRTIO_MMIO_QUEUE_READY, 0);
	if (hostile_offers(VIRTIO_F_RING_RESET, "RING_RESET"))
		test_end("QueueReset", packed, VIRTIO_MMIO_QUEUE_RESET, 1);
}

void hostile_test_batches(void)
{
	if (hostile.capacity != SECTORS || hostile.read_only) {
		check_skip("the disk does not have 1 MiB that may be written");
		return;
	}
	test_kind(false);
	if (hostile_offers(VIRTIO_F_RING_PACKED, "packed ring"))
		test_kind(true);
}
