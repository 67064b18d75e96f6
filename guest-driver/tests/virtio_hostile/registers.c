/* SPDX-License-Identifier: MIT */
/*
 * Registers and configuration, used in ways that a driver should not. virtio 1.2, 2.1
 * to 2.5, 4.2.2.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define SECTOR 6u
#define VENDOR 0x554d4551u /* which xv6's driver insists on */

static void test_identity(void)
{
	check_begin("what the device says it is");
	check_equal("MagicValue", hostile_read(VIRTIO_MMIO_MAGIC_VALUE), VIRTIO_MMIO_MAGIC);
	check_equal("Version", hostile_read(VIRTIO_MMIO_VERSION), VIRTIO_MMIO_VERSION_MODERN);
	check_equal("DeviceID", hostile_read(VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BLOCK);
	check_equal("VendorID", hostile_read(VIRTIO_MMIO_VENDOR_ID), VENDOR);
	check_true("VERSION_1 is offered", (hostile.device.offered & VIRTIO_F_VERSION_1) != 0);
	hostile_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	check_equal("features beyond bit 63", hostile_read(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	hostile_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, ~0u);
	check_equal("features far beyond", hostile_read(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	hostile_write(VIRTIO_MMIO_MAGIC_VALUE, 0);
	hostile_write(VIRTIO_MMIO_VERSION, 1);
	check_equal(
		"MagicValue, written", hostile_read(VIRTIO_MMIO_MAGIC_VALUE), VIRTIO_MMIO_MAGIC);
	hostile_recover();
}

/* Accepts a bit that was not offered: FEATURES_OK does not stay. 2.2.2. */
static void check_feature_refused(unsigned int bit)
{
	if (bit < 64 && (hostile.device.offered >> bit & 1) != 0)
		return;
	check_begin("feature %u, which was not offered", bit);
	virtio_mmio_begin(&hostile.device);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, bit / 32);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES, 1u << bit % 32 | (bit / 32 == 1 ? 1 : 0));
	hostile_write(VIRTIO_MMIO_STATUS,
		VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
	check_equal("FEATURES_OK", hostile_read(VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK, 0);
	hostile_recover();
}

static void test_features(void)
{
	check_feature_refused(0);
	check_feature_refused(31);
	check_feature_refused(33);
	check_feature_refused(63);
	check_feature_refused(64);
	check_begin("features written after FEATURES_OK");
	hostile_start(false, ALL_FEATURES);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	hostile_write(VIRTIO_MMIO_DRIVER_FEATURES, ~0u);
	hostile_check_works(SECTOR);
	hostile_recover();
	check_begin("a driver that does not acknowledge VERSION_1");
	hostile_start(false, ALL_FEATURES & ~VIRTIO_F_VERSION_1);
	hostile_check_works(SECTOR);
	hostile_recover();
}

static void check_no_queue(uint32_t number)
{
	struct virtio_queue_place place = hostile_place();

	check_begin("queue %u, which there is not", number);
	hostile_start(false, ALL_FEATURES);
	hostile_write(VIRTIO_MMIO_QUEUE_SEL, number);
	check_equal("QueueNumMax", hostile_read(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	hostile_write(VIRTIO_MMIO_QUEUE_NUM, 8);
	hostile_write(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)place.descriptors);
	hostile_write(VIRTIO_MMIO_QUEUE_READY, 1);
	check_equal("QueueReady", hostile_read(VIRTIO_MMIO_QUEUE_READY), 0);
	hostile_write(VIRTIO_MMIO_QUEUE_NOTIFY, number);
	hostile_check_works(SECTOR);
	hostile_recover();
}

/* Only a notify of the right queue, at the right time, starts anything. */
static void test_notify(void)
{
	static const uint32_t numbers[] = { 1, 0x10000, ~0u };
	struct virtio_queue_place place = hostile_place();
	struct chain chain;

	check_begin("notifications of queues that there are not");
	hostile_start(false, ALL_FEATURES);
	chain = hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		hostile_write(VIRTIO_MMIO_QUEUE_NOTIFY, numbers[i]);
	check_equal("status of the request", hostile_requests[0].status, STATUS_UNSET);
	hostile_notify(1);
	hostile_note_write(&hostile_requests[0]);
	hostile_check_used(0, &chain, 1);
	hostile_recover();

	check_begin("a notification before DRIVER_OK");
	hostile_negotiate(false, ALL_FEATURES);
	check_equal("queue", virtio_mmio_start_queue(&hostile.device, 0, &place), VIRTIO_OK);
	hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	hostile_notify(0);
	check_equal("chains that came back", hostile.used, 0);
	check_equal("status of the request", hostile_requests[0].status, STATUS_UNSET);
	hostile_recover();

	check_begin("a notification when the queue is not ready");
	hostile_negotiate(false, ALL_FEATURES);
	virtio_mmio_finish(&hostile.device);
	hostile_notify(0);
	check_true("the device is not broken", !virtio_mmio_needs_reset(&hostile.device));
	hostile_recover();
}

/* 4.2.2.2: the device ignores writes to the place of a queue that is in use. */
static void test_ready(void)
{
	static const enum virtio_mmio_register registers[] = { VIRTIO_MMIO_QUEUE_NUM,
		VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
		VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
		VIRTIO_MMIO_QUEUE_DEVICE_LOW, VIRTIO_MMIO_QUEUE_DEVICE_HIGH };

	check_begin("size and addresses written while the queue is ready");
	hostile_start(false, ALL_FEATURES);
	for (unsigned int i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		hostile_write(registers[i], 0x12345678);
	hostile_write(VIRTIO_MMIO_QUEUE_READY, 1);
	check_equal("QueueReady", hostile_read(VIRTIO_MMIO_QUEUE_READY), 1);
	hostile_check_works(SECTOR);
	hostile_recover();
}

/* Not an aligned 32-bit access: nothing of it counts. 4.2.2.2. */
static void test_accesses(void)
{
	volatile uint8_t *status8 = (volatile uint8_t *)(hostile.device.base + VIRTIO_MMIO_STATUS);
	volatile uint16_t *notify16 =
		(volatile uint16_t *)(hostile.device.base + VIRTIO_MMIO_QUEUE_NOTIFY);
	volatile uint64_t *queue64 =
		(volatile uint64_t *)(hostile.device.base + VIRTIO_MMIO_QUEUE_DESC_LOW);
	struct chain chain;

	check_begin("accesses of other widths");
	hostile_start(false, ALL_FEATURES);
	*status8 = 0;
	check_true("8 bits of 0 are no reset", hostile_read(VIRTIO_MMIO_STATUS) != 0);
	chain = hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	*notify16 = 0;
	check_equal("status of the request", hostile_requests[0].status, STATUS_UNSET);
	*queue64 = 0;
	check_equal("32 bits at an odd address",
		*(const volatile uint32_t *)(hostile.device.base + 1), ~0u);
	check_equal("behind all registers",
		*(const volatile uint32_t *)(hostile.device.base + 0xffc), 0);
	*(volatile uint32_t *)(hostile.device.base + 0xffc) = 0;
	hostile_notify(1);
	hostile_note_write(&hostile_requests[0]);
	hostile_check_used(0, &chain, 1);
	hostile_recover();
}

/* The configuration reads alike with 8, 16 and 32 bits. 4.2.2.2. */
static void test_configuration(void)
{
	const uintptr_t config = hostile.device.base + VIRTIO_MMIO_CONFIG;
	const uint64_t capacity = virtio_mmio_config64(&hostile.device, 0);
	uint64_t bytes = 0, words = 0;

	check_begin("configuration");
	for (unsigned int i = 0; i < 8; i++)
		bytes |= (uint64_t) * (const volatile uint8_t *)(config + i) << 8 * i;
	for (unsigned int i = 0; i < 4; i++)
		words |= (uint64_t) * (const volatile uint16_t *)(config + 2 * i) << 16 * i;
	check_equal("capacity by bytes", bytes, capacity);
	check_equal("capacity by words", words, capacity);
	check_equal("capacity", capacity, hostile.capacity);
	*(volatile uint32_t *)config = 0xffffffff;
	*(volatile uint8_t *)(config + 3) = 0xff;
	check_equal("capacity, written", virtio_mmio_config64(&hostile.device, 0), capacity);
	check_equal("ConfigGeneration", hostile_read(VIRTIO_MMIO_CONFIG_GENERATION), 0);
	hostile_recover();
}

/* Behind its end, and across: reads are all ones, writes change nothing. */
static void test_configuration_end(void)
{
	const uintptr_t config = hostile.device.base + VIRTIO_MMIO_CONFIG;
	const uint32_t end = sizeof(struct virtio_blk_config);
	const uint64_t capacity = hostile.capacity;

	check_begin("configuration, across its end");
	check_equal("32 bits", *(const volatile uint32_t *)(config + end - 2), ~0u);
	check_equal("16 bits", *(const volatile uint16_t *)(config + end - 1), 0xffff);
	check_equal("the last byte", *(const volatile uint8_t *)(config + end - 1), 0);
	hostile_recover();
	check_begin("configuration, behind its end");
	for (uint32_t at = end; at < 0x100; at += 4) {
		check_equal("32 bits", *(const volatile uint32_t *)(config + at), ~0u);
		*(volatile uint32_t *)(config + at) = 0xffffffff;
	}
	check_equal("8 bits", *(const volatile uint8_t *)(config + 0xff), 0xff);
	check_equal("capacity after all that", virtio_mmio_config64(&hostile.device, 0), capacity);
	hostile_recover();
}

/* With writeback off each write is durable before it comes back; that takes longer, no more. */
static void test_writeback(void)
{
	volatile uint8_t *writeback =
		(volatile uint8_t *)(hostile.device.base + VIRTIO_MMIO_CONFIG +
				     offsetof(struct virtio_blk_config, writeback));

	if (!hostile_offers(VIRTIO_BLK_F_CONFIG_WCE, "CONFIG_WCE"))
		return;
	check_begin("writeback");
	hostile_start(false, ALL_FEATURES);
	check_equal("at first", *writeback, 1);
	hostile_check_works(SECTOR);
	*writeback = 0;
	check_equal("written", *writeback, 0);
	hostile_check_works(SECTOR);
	*writeback = 1;
	check_equal("written back", *writeback, 1);
	hostile_check_works(SECTOR);
	hostile_recover();
}

/* 2.1.1: the driver does not clear bits; a device's own bit is not the driver's. */
static void test_status(void)
{
	check_begin("status bits");
	hostile_start(false, ALL_FEATURES);
	hostile_write(
		VIRTIO_MMIO_STATUS, hostile_read(VIRTIO_MMIO_STATUS) | VIRTIO_STATUS_NEEDS_RESET);
	check_true("NEEDS_RESET written by the driver", !virtio_mmio_needs_reset(&hostile.device));
	hostile_write(VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffc);
	hostile_check_works(SECTOR);
	check_equal("interrupt status",
		hostile_read(VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_INTERRUPT_USED_BUFFER,
		VIRTIO_INTERRUPT_USED_BUFFER);
	hostile_write(VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffc);
	check_equal("interrupt status after an acknowledge of bits that there are not",
		hostile_read(VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_INTERRUPT_USED_BUFFER,
		VIRTIO_INTERRUPT_USED_BUFFER);
	hostile_recover();
}

void hostile_test_registers(void)
{
	test_identity();
	test_features();
	check_no_queue(1);
	check_no_queue(0x10000);
	check_no_queue(~0u);
	test_notify();
	test_ready();
	test_accesses();
	test_configuration();
	test_configuration_end();
	test_writeback();
	test_status();
}
