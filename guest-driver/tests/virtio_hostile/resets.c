/* SPDX-License-Identifier: MIT */
/*
 * The odd ways of a status, and the ends of a queue in the middle of its work: by a reset of the
 * device or of the queue. virtio 1.2, 2.1, 2.4, 2.6.1.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"

#define SECTOR 6u

/* Without FEATURES_OK the features are taken as they are; FAILED ends everything. 2.1. */
static void test_odd_status(void)
{
	struct virtio_queue_place place = hostile_place();

	check_begin("DRIVER_OK without FEATURES_OK");
	hostile_negotiate(false, ALL_FEATURES);
	virtio_mmio_begin(&hostile.device);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	check_equal("queue", virtio_mmio_start_queue(&hostile.device, 0, &place), VIRTIO_OK);
	hostile_write(VIRTIO_MMIO_STATUS,
		VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK);
	hostile_check_works(SECTOR);
	hostile_recover();
	check_begin("a notification after FAILED");
	hostile_start(false, ALL_FEATURES);
	hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	hostile_write(VIRTIO_MMIO_STATUS, hostile_read(VIRTIO_MMIO_STATUS) | VIRTIO_STATUS_FAILED);
	hostile_notify(0);
	check_equal("chains that came back", hostile.used, 0);
	hostile_check_unharmed(NULL, 0);
	hostile_recover();
}

/* Stops a queue with chains that nobody was told of; they are never done, whatever comes. */
static void stop_queue(const char *name, enum virtio_mmio_register offset, uint32_t value)
{
	struct virtio_queue_place place = hostile_place();

	check_begin("%s with chains in the ring", name);
	hostile_start(false, ALL_FEATURES | VIRTIO_F_RING_RESET);
	hostile_check_works(SECTOR);
	hostile_add_write(&hostile_requests[1], SECTOR + 1, NEVER_A_TABLE);
	hostile_write(offset, value);
	check_equal("QueueReset", hostile_read(VIRTIO_MMIO_QUEUE_RESET), 0);
	check_equal("QueueReady", hostile_read(VIRTIO_MMIO_QUEUE_READY), 0);
	hostile_notify(1);
	check_equal("chains that came back", hostile.used, 1);
	hostile_check_unharmed(NULL, 0);
	/* From the beginning again, on an empty ring. */
	hostile_clear_ring();
	check_equal("queue", virtio_mmio_start_queue(&hostile.device, 0, &place), VIRTIO_OK);
	hostile_check_works(SECTOR);
	hostile_recover();
}

/* 2.6.1: the queue is as after a reset of the device, and the others' affairs go on. */
static void test_queue_reset(void)
{
	struct virtio_queue_place place = hostile_place();
	struct chain chain;

	stop_queue("QueueReady 0", VIRTIO_MMIO_QUEUE_READY, 0);
	if (!hostile_offers(VIRTIO_F_RING_RESET, "RING_RESET"))
		return;
	stop_queue("QueueReset", VIRTIO_MMIO_QUEUE_RESET, 1);
	check_begin("QueueReset without its feature");
	hostile_start(false, ALL_FEATURES);
	hostile_write(VIRTIO_MMIO_QUEUE_RESET, 1);
	check_equal("QueueReady", hostile_read(VIRTIO_MMIO_QUEUE_READY), 1);
	hostile_check_works(SECTOR);
	hostile_recover();
	check_begin("QueueReset does not heal a broken ring");
	hostile_start(false, ALL_FEATURES | VIRTIO_F_RING_RESET);
	chain = hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	descriptor_set_addr(chain_descriptor(&chain, 2), hostile.memory_end);
	hostile_notify(0);
	hostile_check_broken();
	hostile_write(VIRTIO_MMIO_QUEUE_RESET, 1);
	hostile_clear_ring();
	(void)virtio_mmio_start_queue(&hostile.device, 0, &place);
	hostile_add_write(&hostile_requests[1], SECTOR, NEVER_A_TABLE);
	hostile_notify(0);
	check_equal("chains that came back", hostile.used, 0);
	check_true("DEVICE_NEEDS_RESET", virtio_mmio_needs_reset(&hostile.device));
	hostile_recover();
}

/* A reset while chains are out that were never notified, and again at once. */
static void test_reset(void)
{
	check_begin("reset in the middle of a batch");
	for (unsigned int kind = 0; kind < 2; kind++) {
		if (kind == 1 && (hostile.device.offered & VIRTIO_F_RING_PACKED) == 0)
			continue;
		hostile_start(kind == 1, ALL_FEATURES);
		hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
		hostile_notify(1);
		hostile_note_write(&hostile_requests[0]);
		hostile_add_write(&hostile_requests[1], SECTOR + 1, NEVER_A_TABLE);
		hostile_add_write(&hostile_requests[2], SECTOR + 2, NEVER_A_TABLE);
		hostile_write(VIRTIO_MMIO_STATUS, 0);
		hostile_write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		hostile_write(VIRTIO_MMIO_STATUS, 0);
		hostile_take_used();
		check_equal("chains that came back", hostile.used, 1);
		check_equal("status of a request", hostile_requests[1].status, STATUS_UNSET);
		check_equal("status of another", hostile_requests[2].status, STATUS_UNSET);
		hostile_recover();
	}
}

void hostile_test_resets(void)
{
	test_odd_status();
	test_queue_reset();
	test_reset();
}
