/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: when a notify counts, when the driver is interrupted, and
 * what a ring error leaves of both.
 */
#include "tests/unit/virtio_driver.h"

static void test_notify_of_other_queues(void **state)
{
	static const uint32_t queues[] = { 1, 2, 0xffff, 0x10000, 0xffffffff };
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	for (size_t i = 0; i < ARRAY_COUNT(queues); i++) {
		board_write(&board, VIRTIO_MMIO_QUEUE_NOTIFY, queues[i]);
		board_expect_log("notify", "there are 1 queues; ignored");
	}
	board_access_write(&board, VIRTIO_MMIO_QUEUE_NOTIFY, 2, 0);
	board_expect_log("notify", "no aligned 32-bit access; ignored");
	assert_int_equal(board_status(&board), BOARD_NO_STATUS);
	board_write(&board, VIRTIO_MMIO_QUEUE_SEL, 5); /* says nothing about a notify */
	board_notify(&board);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	board_free(&board);
}

/* 2.7.10.2: a notify when there is nothing, or nothing new, does nothing. */
static void test_spurious_notifies(void **state)
{
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		board_make_started(&board, BOARD_FEATURES | board_rings[ring], BOARD_ENTRIES);
		for (int i = 0; i < 40; i++) {
			board_remember(&board);
			board_notify(&board);
			board_notify(&board);
			assert_int_equal(board_guest_changes(&board), 0);
			assert_int_equal(board_drain(&board), 0);
			assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
			board_expect_works(&board);
			board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 1);
		}
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* 2.1.2: nothing is consumed before DRIVER_OK; then it is, without another notify. */
static void test_nothing_before_driver_ok(void **state)
{
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		board_make_plain(&board);
		board_negotiate(&board, VIRTIO_F_VERSION_1 | board_rings[ring]);
		board_make_queue(&board, BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_notify(&board);
		board_expect_log("notify", "QueueNotify while Status is 0xb and QueueReady 1");
		assert_int_equal(board_status(&board), BOARD_NO_STATUS);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board_drain(&board), 1);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
		board_free(&board);
	}
}

static void test_nothing_before_queue_ready(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_negotiate(&board, VIRTIO_F_VERSION_1);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
	board_notify(&board);
	board_expect_log("notify", "QueueReady 0; ignored");
	board_make_queue(&board, BOARD_ENTRIES);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	assert_int_equal(board_status(&board), BOARD_NO_STATUS);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	board_free(&board);
}

static void test_nothing_after_failed(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x8f);
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	board_expect_log("notify", "QueueNotify while Status is 0x8f");
	assert_int_equal(board_status(&board), BOARD_NO_STATUS);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
	board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_free(&board);
}

static void test_interrupts(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	assert_false(board.line);
	board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	assert_true(board.line);
	/* The bit stays, however often it is read. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 2);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	assert_true(board.line);
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 0);
	assert_true(board.line);
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_false(board.line);
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_false(board.line);
	assert_int_equal(board_log_lines(), 0);
	board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	assert_true(board.line);
	assert_int_equal(board.raised, 2);
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffd);
	board_expect_log("ack", "InterruptACK 0xfffffffd: only the bits 0x3 exist");
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	board_free(&board);
}

/* A completion between a driver's acknowledge and its look at the ring, or behind it, shows. */
static void test_completion_races_acknowledge(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	board_put_request_at(
		&board, BOARD_HEADER + 64, BOARD_STATUS + 1, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	/* Both are shown before the acknowledge takes effect, as the ring says. */
	board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_int_equal(board_drain(&board), 2);
	/* One behind the acknowledge raises the line again. */
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	assert_true(board.line);
	assert_int_equal(board.raised, 2);
	board_free(&board);
}

static void test_interrupt_suppression(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	board_poke16(&board, BOARD_DRIVER, VIRTQ_AVAIL_F_NO_INTERRUPT);
	board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(board.raised, 0);
	board_free(&board);
}

static void test_no_line(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board.device.mmio.line = (struct irq_line){ 0 };
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
	board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	board_free(&board);
}

/* A ring error: a configuration interrupt, and nothing but a reset heals. */
static void test_needs_reset(void **state)
{
	static const struct board_buffer outside[] = { { BOARD_HOLE, 16, false },
		{ BOARD_STATUS, 1, true } };
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		const uint64_t features = BOARD_FEATURES | VIRTIO_F_RING_RESET | board_rings[ring];

		board_make_started(&board, features, BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_put(&board, outside, 2);
		board_put_request_at(&board, BOARD_HEADER + 64, BOARD_STATUS + 1, VIRTIO_BLK_T_IN,
			0, BOARD_BUFFER, 512);
		board_remember(&board);
		board_notify(&board);
		board_expect_log("ring error", "status set to DEVICE_NEEDS_RESET");
		assert_int_equal(board_drain(&board), 1);
		assert_int_equal(*board_guest(&board, BOARD_STATUS + 1), BOARD_NO_STATUS);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
		board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 3);
		assert_false(board.line);
		/* Notifies do nothing, nor does the status register, nor a reset of the queue. */
		board_notify(&board);
		board_expect_log("notify", "QueueNotify while Status is 0x4f");
		board_write(&board, VIRTIO_MMIO_STATUS, 0x4f);
		board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
		board_write(&board, VIRTIO_MMIO_QUEUE_RESET, 1);
		board_make_queue(&board, BOARD_ENTRIES);
		board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_notify(&board);
		assert_int_equal(board_drain(&board), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
		assert_false(virtio_blk_has_more(&board.device));
		assert_true(board_disk_unchanged(&board));
		board_forget_log();
		board_start(&board, features, BOARD_ENTRIES);
		board_expect_works(&board);
		board_free(&board);
	}
}

/* However often one mistake has broken the ring, the next one that another does is told. */
static void test_log_of_ring_errors_is_limited_for_each(void **state)
{
	static const struct board_buffer mistakes[][2] = {
		{ { BOARD_HOLE, 16, false }, { BOARD_STATUS, 1, true } },
		{ { BOARD_STATUS, 1, true }, { BOARD_HEADER, 16, false } },
		{ { BOARD_HEADER, 15, false }, { BOARD_STATUS, 1, true } },
	};
	static const char *const texts[] = { "is outside guest memory", "device-readable, but",
		"15 readable and 1 writable bytes" };
	struct board board;

	(void)state;
	board_make_plain(&board);
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int round = 0; round < 100; round++) {
			board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
			board_put(&board, mistakes[i], 2);
			board_notify(&board);
			if (round == 0)
				board_expect_log("first", texts[i]);
			if (round == 99)
				break;
			board_forget_log();
		}
		assert_int_equal(board_log_lines(), 0);
	}
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify_of_other_queues),
		cmocka_unit_test(test_spurious_notifies),
		cmocka_unit_test(test_nothing_before_driver_ok),
		cmocka_unit_test(test_nothing_before_queue_ready),
		cmocka_unit_test(test_nothing_after_failed),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_completion_races_acknowledge),
		cmocka_unit_test(test_interrupt_suppression),
		cmocka_unit_test(test_no_line),
		cmocka_unit_test(test_needs_reset),
		cmocka_unit_test(test_log_of_ring_errors_is_limited_for_each),
	};

	return cmocka_run_group_tests_name("virtio_mmio_notify", tests, board_group_setup, NULL);
}
