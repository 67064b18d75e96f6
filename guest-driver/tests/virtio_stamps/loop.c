/* SPDX-License-Identifier: MIT */
/*
 * Generation after generation of stamps, for a test that takes the machine's power away in between:
 * by svirtb and by virtio-blk, with a FLUSH for both, then by virtio-blk without its cache. What is
 * said on the console is for tests/boot/stamps.c:
 *   seed N             which sectors a generation writes, see stamp_is_due
 *   next G             no generation above G has been begun
 *   stable F C G       sectors F to F+C-1 have what they had at the end of generation G, or later
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/virtio_stamps/stamps.h"

struct area {
	uint64_t first, count;
};

/* 96 KiB; grains of the write-back are 8 sectors. */
static const struct area by_svirtb = { 0, 64 }, by_virtio = { 64, 64 };
static const struct area through = { 128, 32 }, uncached = { 160, 32 };

static uint64_t seed;

/* Makes what is due of a generation in an area, and queues it by either driver. */
static void queue_due(
	const struct area *area, uint64_t generation, void (*queue)(struct stamp *stamp))
{
	for (uint64_t i = 0; i < area->count; i++) {
		struct stamp *stamp = &stamps.written[i];

		if (!stamp_is_due(seed, area->first + i, generation))
			continue;
		stamp_make(stamp, area->first + i, generation);
		queue(stamp);
	}
}

static void queue_by_svirtb(struct stamp *stamp)
{
	check_equal("queue",
		svirtb_queue(&stamps.svirtb, SVIRTB_WRITE, stamp->sector, stamp, STAMP_SECTOR_SIZE),
		SVIRTB_OK);
}

static void queue_by_virtio(struct stamp *stamp)
{
	check_equal("queue",
		virtio_blk_queue(
			&stamps.virtio, VIRTIO_BLK_T_OUT, stamp->sector, stamp, STAMP_SECTOR_SIZE),
		VIRTIO_OK);
}

static void write_by_svirtb(const struct area *area, uint64_t generation)
{
	queue_due(area, generation, queue_by_svirtb);
	check_equal("svirtb", svirtb_submit(&stamps.svirtb), SVIRTB_OK);
}

static void write_by_virtio(const struct area *area, uint64_t generation)
{
	queue_due(area, generation, queue_by_virtio);
	check_equal("virtio-blk", virtio_blk_submit(&stamps.virtio), VIRTIO_OK);
}

static void say_stable(const struct area *area, uint64_t generation)
{
	print("stable %llu %llu %llu\n", (unsigned long long)area->first,
		(unsigned long long)area->count, (unsigned long long)generation);
}

/* Bytes on their way to the console may come late: the next generation is named a whole one ahead.
 */
static void write_generation(uint64_t generation)
{
	print("next %llu\n", (unsigned long long)generation + 1);
	stamps_start(STAMPS_WRITE_BACK, generation);
	write_by_svirtb(&by_svirtb, generation);
	write_by_virtio(&by_virtio, generation);
	check_equal("FLUSH", virtio_blk_flush(&stamps.virtio), VIRTIO_OK);
	say_stable(&by_svirtb, generation);
	say_stable(&by_virtio, generation);
	stamps_start(STAMPS_WRITE_THROUGH, generation);
	write_by_virtio(&through, generation);
	say_stable(&through, generation);
	stamps_start(STAMPS_NO_CACHE, generation);
	write_by_virtio(&uncached, generation);
	say_stable(&uncached, generation);
}

void stamps_loop(uint64_t count, uint64_t wanted_seed)
{
	seed = wanted_seed;
	print("seed %llu\n", (unsigned long long)seed);
	for (uint64_t generation = 1; count == 0 || generation <= count; generation++)
		write_generation(generation);
}
