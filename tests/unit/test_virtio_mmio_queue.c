/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: the registers of the queue. What it may be, when it may be
 * made, changed and reset.
 */
#include "tests/unit/virtio_driver.h"

/* A driver that makes its queue before it has said what it can do, and one that never says it. */
static void test_queue_before_features(void **state)
{
	struct board board;

	(void)state;
	for (int features_ok = 0; features_ok <= 1; features_ok++) {
		board_make_plain(&board);
		board.packed = true;
		board_write(&board, VIRTIO_MMIO_STATUS, 3);
		board_make_queue(&board, BOARD_ENTRIES);
		board_write_features(&board, VIRTIO_F_RING_PACKED | VIRTIO_F_VERSION_1);
		board_write(&board, VIRTIO_MMIO_STATUS, features_ok ? 0x0f : 0x07);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
		board_expect_works(&board);
		board_free(&board);
	}
}

/* What needs no reset as a split ring may need one as a packed one, and the driver is told. */
static void test_queue_before_features_is_checked_again(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write(&board, VIRTIO_MMIO_QUEUE_NUM, 8);
	board_write_addresses(&board, BOARD_DESCRIPTORS, BOARD_DRIVER + 2, BOARD_DEVICE);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
	board_write_features(&board, VIRTIO_F_RING_PACKED | VIRTIO_F_VERSION_1);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	board_free(&board);
}

static void test_queue_sel(void **state)
{
	static const uint32_t queues[] = { 1, 2, 7, 0xffff, 0x10000, 0x80000000, 0xffffffff };
	static const uint16_t writes[] = { 0x038, 0x044, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4,
		0x0c0 };
	struct board board;

	(void)state;
	board_make_started(&board, BOARD_FEATURES | VIRTIO_F_RING_RESET, BOARD_ENTRIES);
	for (size_t i = 0; i < ARRAY_COUNT(queues); i++) {
		board_write(&board, VIRTIO_MMIO_QUEUE_SEL, queues[i]);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_RESET), 0);
		assert_int_equal(board_log_lines(), 0);
		for (size_t j = 0; j < ARRAY_COUNT(writes); j++) {
			board.device.mmio.mistakes[VIRTIO_MISTAKE_QUEUE].count = 0;
			board_write(&board, writes[j], 1);
			board_expect_log("another queue", "and there are 1 queues; ignored");
		}
	}
	board_write(&board, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_NUM_MAX), 1024);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
	board_expect_works(&board);
	board_free(&board);
}

/* 2.7, 2.8: what a ring cannot be. The device needs a reset, and QueueReady stays 0. */
static const struct {
	const char *name;
	bool packed;
	uint32_t size;
	uint64_t descriptors, driver, device;
	const char *message;
} bad_queues[] = {
	{ "size 0", false, 0, 0x1000, 0x5000, 0x6000, "queue size 0" },
	{ "size 0, packed", true, 0, 0x1000, 0x5000, 0x6000, "queue size 0" },
	{ "size 3", false, 3, 0x1000, 0x5000, 0x6000, "queue size 3" },
	{ "size 1023", false, 1023, 0x1000, 0x5000, 0x6000, "queue size 1023" },
	{ "size 2048", false, 2048, 0x1000, 0x5000, 0x6000, "queue size 2048" },
	{ "size 1025, packed", true, 1025, 0x1000, 0x5000, 0x6000, "queue size 1025" },
	{ "size 65544", false, 65544, 0x1000, 0x5000, 0x6000, "queue size 65544" },
	{ "largest size", false, ~0u, 0x1000, 0x5000, 0x6000, "queue size 4294967295" },
	{ "descriptors misaligned", false, 8, 0x1008, 0x5000, 0x6000, "0x1008 is not aligned" },
	{ "driver area misaligned", false, 8, 0x1000, 0x5001, 0x6000, "0x5001 is not aligned" },
	{ "device area misaligned", false, 8, 0x1000, 0x5000, 0x6002, "0x6002 is not aligned" },
	{ "packed driver area misaligned", true, 8, 0x1000, 0x5002, 0x6000, "is not aligned" },
	{ "descriptors in the hole", false, 8, 0x20000, 0x5000, 0x6000, "outside guest memory" },
	{ "descriptors into the hole", false, 8, 0x17ff0, 0x5000, 0x6000, "outside guest memory" },
	{ "driver area into the hole", false, 8, 0x1000, 0x17ffe, 0x6000, "outside guest memory" },
	{ "device area into the hole", false, 8, 0x1000, 0x5000, 0x17ffc, "outside guest memory" },
	{ "descriptors wrap", false, 8, 0xfffffffffffffff0, 0x5000, 0x6000, "outside guest" },
	{ "driver area wraps", false, 8, 0x1000, 0xfffffffffffffffe, 0x6000, "outside guest" },
	{ "device area wraps", false, 8, 0x1000, 0x5000, 0xfffffffffffffffc, "outside guest" },
	{ "packed device area outside", true, 8, 0x1000, 0x5000, 0x44000, "outside guest memory" },
	{ "beyond 4 GiB", false, 8, 0x100001000, 0x5000, 0x6000, "outside guest memory" },
};

static void write_bad_queue(struct board *board, size_t i)
{
	board_write(board, VIRTIO_MMIO_QUEUE_NUM, bad_queues[i].size);
	board_write_addresses(
		board, bad_queues[i].descriptors, bad_queues[i].driver, bad_queues[i].device);
	board_write(board, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void test_bad_queue_before_driver_ok(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_queues); i++) {
		board_make_plain(&board);
		board_negotiate(&board, VIRTIO_F_VERSION_1 | board_rings[bad_queues[i].packed]);
		write_bad_queue(&board, i);
		board_expect_log(bad_queues[i].name, bad_queues[i].message);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4b);
		/* A driver that is not ready is told when it is. 2.1.2 */
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		assert_false(board.line);
		board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
		assert_true(board.line);
		board_free(&board);
	}
}

static void test_bad_queue_after_driver_ok(void **state)
{
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_queues); i++) {
		board_make_plain(&board);
		board_negotiate(&board, VIRTIO_F_VERSION_1 | board_rings[bad_queues[i].packed]);
		board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
		write_bad_queue(&board, i);
		board_expect_log(bad_queues[i].name, bad_queues[i].message);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
		assert_true(board.line);
		/* Only a reset heals. */
		board_make_queue(&board, BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_notify(&board);
		board_expect_log("notify", "QueueNotify while Status is 0x4f");
		assert_int_equal(board_drain(&board), 0);
		board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
		assert_false(board.line);
		board_expect_works(&board);
		board_free(&board);
	}
}

static void test_queue_sizes(void **state)
{
	static const struct {
		bool packed;
		uint32_t size;
	} rows[] = { { false, 1 }, { false, 2 }, { false, 512 }, { false, 1024 }, { true, 1 },
		{ true, 3 }, { true, 1023 }, { true, 1024 } };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_started(
			&board, VIRTIO_F_VERSION_1 | board_rings[rows[i].packed], rows[i].size);
		if (rows[i].size >= 3)
			board_expect_works(&board);
		board_free(&board);
	}
}

static void test_ready_queue_is_fixed(void **state)
{
	static const uint16_t registers[] = { 0x038, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4 };
	struct board board;

	(void)state;
	board_make_ready(&board);
	for (size_t i = 0; i < ARRAY_COUNT(registers); i++) {
		board_write(&board, registers[i], 0x13);
		board_expect_log("ready", "while QueueReady is 1; ignored");
	}
	/* Stopped and made ready again, it is still what it was. */
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
	board_clear_queue(&board);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
	board_expect_works(&board);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_queue_ready_values(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_negotiate(&board, VIRTIO_F_VERSION_1);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 2);
	board_expect_log("2", "QueueReady 0x2 is neither 0 nor 1; ignored");
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
	board_make_queue(&board, BOARD_ENTRIES);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
	board_expect_log("again", "QueueReady 1 written while it is 1; ignored");
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

/* 2.6.1: the queue is as new, the device goes on. */
static void test_queue_reset(void **state)
{
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		board_make_started(&board, BOARD_FEATURES | VIRTIO_F_RING_RESET | board_rings[ring],
			BOARD_ENTRIES);
		board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_write(&board, VIRTIO_MMIO_QUEUE_RESET, 1);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_RESET), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		board_notify(&board);
		board_expect_log("notify", "QueueReady 0; ignored");
		assert_int_equal(board_status(&board), BOARD_NO_STATUS);
		board_make_queue(&board, BOARD_ENTRIES / 2);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_RESET), 0);
		board_expect_works(&board);
		/* Its size and addresses are gone, too. */
		board_write(&board, VIRTIO_MMIO_QUEUE_RESET, 1);
		board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
		board_expect_log("ready", "queue size 0");
		board_free(&board);
	}
}

static void test_queue_reset_refused(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t value;
	} rows[] = { { BOARD_FEATURES, 1 }, { BOARD_FEATURES | VIRTIO_F_RING_RESET, 0 },
		{ BOARD_FEATURES | VIRTIO_F_RING_RESET, 2 } };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_started(&board, rows[i].features, BOARD_ENTRIES);
		board_write(&board, VIRTIO_MMIO_QUEUE_RESET, rows[i].value);
		board_expect_log("QueueReset", "only 1, and only with VIRTIO_F_RING_RESET");
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
		board_expect_works(&board);
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_before_features),
		cmocka_unit_test(test_queue_before_features_is_checked_again),
		cmocka_unit_test(test_queue_sel),
		cmocka_unit_test(test_bad_queue_before_driver_ok),
		cmocka_unit_test(test_bad_queue_after_driver_ok),
		cmocka_unit_test(test_queue_sizes),
		cmocka_unit_test(test_ready_queue_is_fixed),
		cmocka_unit_test(test_queue_ready_values),
		cmocka_unit_test(test_queue_reset),
		cmocka_unit_test(test_queue_reset_refused),
	};

	return cmocka_run_group_tests_name("virtio_mmio_queue", tests, board_group_setup, NULL);
}
