/* SPDX-License-Identifier: MIT */
/*
 * Queues that cannot be, and such as just can. virtio 1.2, 2.7, 2.8, 4.2.2.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/format.h"

#define SECTOR 6u

static void check_refused(const char *name, bool packed, struct virtio_queue_place place)
{
	const struct virtio_mmio *device = &hostile.device;

	check_begin("%s ring of %u entries: %s", packed ? "packed" : "split", place.size, name);
	hostile_negotiate(packed, ALL_FEATURES);
	/* The size may be above what the register allows: past the driver's own check. */
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_SEL, 0);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_NUM, place.size);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)place.descriptors);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(place.descriptors >> 32));
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)place.driver);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, (uint32_t)(place.driver >> 32));
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)place.device);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, (uint32_t)(place.device >> 32));
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_READY, 1);
	check_equal("ready", virtio_mmio_read(device, VIRTIO_MMIO_QUEUE_READY), 0);
	check_true("DEVICE_NEEDS_RESET", virtio_mmio_needs_reset(device));
	virtio_mmio_finish(device);
	hostile_check_broken();
	hostile_recover();
}

/* One write through a queue of this size, whose chain takes one entry. */
static void check_accepted(const char *name, bool packed, uint16_t size)
{
	struct virtio_queue_place place = hostile_place();
	struct request *request = &hostile_requests[0];
	struct chain chain;

	place.size = size;
	check_begin("%s ring of %u entries: %s", packed ? "packed" : "split", size, name);
	hostile_negotiate(packed, ALL_FEATURES);
	check_equal("queue", virtio_mmio_start_queue(&hostile.device, 0, &place), VIRTIO_OK);
	virtio_mmio_finish(&hostile.device);
	/* A table may not be longer than the ring: header and data are one piece in a small one. */
	if (size < 3) {
		hostile_recover();
		return;
	}
	chain = hostile_add_write(request, SECTOR, AS_TABLE);
	hostile_notify(1);
	hostile_note_write(request);
	hostile_check_used(0, &chain, 1);
	check_equal("status", request->status,
		hostile.read_only ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	hostile_recover();
}

/* The same place with one of its areas elsewhere. */
static void check_places(bool packed, const char *name, uint64_t address)
{
	struct virtio_queue_place place = hostile_place();
	char text[100];

	format_text(text, sizeof(text), "descriptors %s", name);
	place.descriptors = address;
	check_refused(text, packed, place);
	format_text(text, sizeof(text), "driver area %s", name);
	place = hostile_place();
	place.driver = address;
	check_refused(text, packed, place);
	format_text(text, sizeof(text), "device area %s", name);
	place = hostile_place();
	place.device = address;
	check_refused(text, packed, place);
}

static void check_sizes(bool packed)
{
	static const uint16_t never[] = { 0, 1025, 2048, 32768, 65535 };
	static const uint16_t not_split[] = { 3, 24, 1000, 1023 };
	struct virtio_queue_place place = hostile_place();

	for (unsigned int i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		place.size = never[i];
		check_refused("size", packed, place);
	}
	for (unsigned int i = 0; i < sizeof(not_split) / sizeof(not_split[0]); i++) {
		place.size = not_split[i];
		if (packed)
			check_accepted("no power of two", packed, not_split[i]);
		else
			check_refused("no power of two", packed, place);
	}
	check_accepted("smallest", packed, 1);
	check_accepted("small", packed, 4);
	check_accepted("largest", packed, VIRTQUEUE_MAX_SIZE);
}

static void check_alignment(bool packed)
{
	struct virtio_queue_place place = hostile_place();

	place.descriptors += 8;
	check_refused("descriptors at 8", packed, place);
	place = hostile_place();
	place.driver += packed ? 2 : 1;
	check_refused("driver area misaligned", packed, place);
	place = hostile_place();
	place.device += 2;
	check_refused("device area misaligned", packed, place);
}

static void test_kind(bool packed)
{
	check_sizes(packed);
	check_alignment(packed);
	check_places(packed, "behind memory", hostile.memory_end);
	check_places(packed, "at the end of the address space", ~15ull);
	check_places(packed, "where no memory is", 0xc0000000);
	check_places(packed, "on the device", DEVICE_PAGE);
	check_places(packed, "above 4 GiB", 1ull << 40);
}

static void test_over_the_end(void)
{
	struct virtio_queue_place place = hostile_place();

	place.descriptors = hostile.memory_end - 16 * (ENTRIES - 1);
	check_refused("one descriptor over the end of memory", false, place);
	place = hostile_place();
	place.device = hostile.memory_end - virtq_split_used_bytes(ENTRIES) + 2;
	place.device &= ~(uint64_t)3;
	place.device += place.device + virtq_split_used_bytes(ENTRIES) > hostile.memory_end ? 0 : 4;
	check_refused("the event behind the used ring over the end of memory", false, place);
}

void hostile_test_queue(void)
{
	test_kind(false);
	if (hostile_offers(VIRTIO_F_RING_PACKED, "packed ring"))
		test_kind(true);
	test_over_the_end();
}
