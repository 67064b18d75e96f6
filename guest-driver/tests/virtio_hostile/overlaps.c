/* SPDX-License-Identifier: MIT */
/*
 * Buffers that lie over the ring, over a table or over each other, and areas of the ring that lie
 * over one another. What comes of it is the driver's own harm, and not said here; but the device
 * comes back with a reset, and no sector changes that no write was for.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define SECTOR 6u

/* An IN of two sectors to this address, and a second one behind it. */
static void read_over(const char *name, bool packed, bool table, uint64_t address)
{
	struct request *request = &hostile_requests[0], *second = &hostile_requests[1];
	const struct piece pieces[3] = {
		{ (uintptr_t)&request->header, sizeof(request->header), false },
		{ address, 1024, true },
		{ (uintptr_t)&request->status, 1, true },
	};

	check_begin(
		"%s ring%s: IN over %s", packed ? "packed" : "split", table ? ", table" : "", name);
	hostile_start(packed, ALL_FEATURES);
	request->header = (struct virtio_blk_header){ .type = VIRTIO_BLK_T_IN, .sector = 0 };
	hostile_add(pieces, 3, table ? request->table : NULL);
	second->header = request->header;
	hostile_add(pieces, 3, table ? second->table : NULL);
	hostile_notify(2);
	hostile_recover();
}

/* One area begins where another does. */
static void areas_over(const char *name, bool packed, struct virtio_queue_place place)
{
	struct request *request = &hostile_requests[0];
	const struct piece pieces[3] = {
		{ (uintptr_t)&request->header, sizeof(request->header), false },
		{ (uintptr_t)request->data, 512, true },
		{ (uintptr_t)&request->status, 1, true },
	};

	check_begin("%s ring: %s", packed ? "packed" : "split", name);
	hostile_negotiate(packed, ALL_FEATURES);
	(void)virtio_mmio_start_queue(&hostile.device, 0, &place);
	virtio_mmio_finish(&hostile.device);
	hostile_add(pieces, 3, NULL);
	hostile_notify(1);
	hostile_recover();
}

static void test_kind(bool packed)
{
	const struct virtio_queue_place place = hostile_place();
	struct virtio_queue_place other = place;

	for (unsigned int table = 0; table < 2; table++) {
		read_over("the descriptors", packed, table != 0, place.descriptors);
		read_over("the driver area", packed, table != 0, place.driver);
		read_over("the device area", packed, table != 0, place.device);
		read_over("its table", packed, table != 0, (uintptr_t)hostile_requests[0].table);
		read_over(
			"the next table", packed, table != 0, (uintptr_t)hostile_requests[1].table);
		read_over("its header", packed, table != 0, (uintptr_t)&hostile_requests[0].header);
		read_over("its status", packed, table != 0,
			(uintptr_t)&hostile_requests[0].status - 512);
	}
	other.driver = place.descriptors;
	areas_over("driver area over the descriptors", packed, other);
	other = place;
	other.device = place.descriptors;
	areas_over("device area over the descriptors", packed, other);
	other = place;
	other.device = place.driver;
	areas_over("device area over the driver area", packed, other);
}

void hostile_test_overlaps(void)
{
	test_kind(false);
	if (hostile_offers(VIRTIO_F_RING_PACKED, "packed ring"))
		test_kind(true);
}
