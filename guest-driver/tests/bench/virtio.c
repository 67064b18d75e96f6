/* SPDX-License-Identifier: MIT */
/*
 * What requests to virtio-blk cost, by both rings: the notification alone, and with batches of
 * requests. Rings and driver are those of guest-driver/; what is measured is the one mov that
 * notifies, when all requests are visible in the ring.
 */
#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/disk_interrupts.h"
#include "guest-driver/tests/bench/bench.h"
#include "guest-driver/virtio_blk.h"

#define RING_ENTRIES      1024u
#define INTERRUPT_BATCH   64u
#define INTERRUPT_BATCHES 10u
#define STATUS_FAILED     10

static struct virtio_blk disk;
static struct disk_interrupts interrupts;
static uint8_t buffer[4096];

/* Nothing is measured where a request fails. */
static bool take_all(uint32_t batch)
{
	for (uint32_t i = 0; i < batch; i++) {
		struct virtio_blk_request *request;
		uint32_t written;
		void *token;

		if (virtqueue_take(&disk.queue, &token, &written) != VIRTIO_OK || token == NULL)
			return false;
		request = token;
		if (request->status != VIRTIO_BLK_S_OK)
			return false;
	}
	disk.queued = 0;
	return true;
}

static uint32_t cost_of_notify(uint32_t tries)
{
	return bench_least(
		tries, bench_cost_of_write, 0, 0, disk.transport.base + VIRTIO_MMIO_QUEUE_NOTIFY);
}

/* 0: something went wrong. */
static uint32_t measure_batch(enum virtio_blk_type type, uint32_t batch, uint32_t size)
{
	uint32_t count = UINT32_MAX;

	for (uint32_t try = 0; try < BENCH_BATCH_TRIES; try++) {
		uint32_t one;

		for (uint32_t i = 0; i < batch; i++) {
			if (virtio_blk_queue(&disk, type, BENCH_SCRATCH_SECTOR, buffer, size) !=
				VIRTIO_OK)
				return 0;
		}
		virtqueue_publish(&disk.queue);
		one = cost_of_notify(1);
		if (!take_all(batch))
			return 0;
		count = one < count ? one : count;
	}
	return count;
}

static bool measure_requests(const char *name, enum virtio_blk_type type)
{
	static const uint32_t sizes[] = { 512, 4096 };

	for (uint32_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (uint32_t batch = 1; batch <= BENCH_MAX_BATCH; batch *= 2) {
			const uint32_t count = measure_batch(type, batch, sizes[s]);

			if (count == 0)
				return false;
			bench_report(name, batch, sizes[s], count);
		}
	}
	return true;
}

/* A page was written; the time of the boot volume's driver is in it. */
static bool measure_flush(void)
{
	uint32_t count;

	if (virtio_blk_write(&disk, BENCH_SCRATCH_SECTOR, buffer, sizeof(buffer)) != VIRTIO_OK ||
		virtio_blk_queue(&disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0) != VIRTIO_OK)
		return false;
	virtqueue_publish(&disk.queue);
	count = cost_of_notify(1);
	bench_report("flush of 4 KiB", 0, 0, count);
	return take_all(1);
}

/* How many interrupts a batch brings, with EVENT_IDX; rounded up. */
static bool count_interrupts(void)
{
	const struct virtio_blk_options options = { .event_index = true,
		.size = RING_ENTRIES,
		.wait = disk_interrupts_wait,
		.context = &interrupts };

	apic_init(false);
	if (virtio_blk_restart(&disk, &options) != VIRTIO_OK ||
		!disk_interrupts_route(&interrupts, &disk))
		return false;
	for (uint32_t i = 0; i < INTERRUPT_BATCHES * INTERRUPT_BATCH; i++) {
		if (virtio_blk_queue(&disk, VIRTIO_BLK_T_IN, 0, buffer, sizeof(buffer)) !=
			VIRTIO_OK)
			return false;
		if (i % INTERRUPT_BATCH == INTERRUPT_BATCH - 1 &&
			virtio_blk_submit(&disk) != VIRTIO_OK)
			return false;
	}
	disk_interrupts_mask(&interrupts);
	bench_report("interrupts in a batch", 0, 0,
		(interrupts.count + INTERRUPT_BATCHES - 1) / INTERRUPT_BATCHES);
	return true;
}

int bench_virtio(const char *cmdline)
{
	const struct virtio_blk_options split = { .size = RING_ENTRIES };
	const struct virtio_blk_options packed = { .size = RING_ENTRIES, .packed = true };

	if (virtio_blk_open(&disk, cmdline, &split) != VIRTIO_OK)
		return STATUS_FAILED;
	bench_report("split notify", 0, 0, cost_of_notify(BENCH_EXIT_TRIES));
	if (!measure_requests("split read", VIRTIO_BLK_T_IN) ||
		!measure_requests("split write", VIRTIO_BLK_T_OUT) || !measure_flush())
		return STATUS_FAILED + 1;
	if (virtio_blk_restart(&disk, &packed) != VIRTIO_OK)
		return STATUS_FAILED + 2;
	bench_report("packed notify", 0, 0, cost_of_notify(BENCH_EXIT_TRIES));
	if (!measure_requests("packed read", VIRTIO_BLK_T_IN) ||
		!measure_requests("packed write", VIRTIO_BLK_T_OUT))
		return STATUS_FAILED + 3;
	return count_interrupts() ? 0 : STATUS_FAILED + 4;
}
