/* SPDX-License-Identifier: MIT */
/*
 * Tock's driver, replayed on devices/virtio_*.c: its accesses, in its order, without a word on the
 * log, also where it gives up. Numbers behind a file's name are lines of shared/seeds/.
 */
#include "tests/unit/virtio_driver.h"

static void tock_modify(struct board *board, uint32_t bit)
{
	board_write(board, VIRTIO_MMIO_STATUS, board_read(board, VIRTIO_MMIO_STATUS) | bit);
}

/*
 * tock-virtio-mmio-transport.txt 603-810, with one more queue than there is if asked for. The
 * driver chooses among bits 0 to 11. False: an error, which it has told the device of.
 */
static bool tock_initialize(struct board *board, uint64_t wanted, unsigned int queues)
{
	uint64_t features;

	assert_int_equal(board_read(board, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(board_read(board, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(board_read(board, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BLOCK);
	board_write(board, VIRTIO_MMIO_STATUS, 0);
	tock_modify(board, VIRTIO_STATUS_ACKNOWLEDGE);
	tock_modify(board, VIRTIO_STATUS_DRIVER);
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	features = board_read(board, VIRTIO_MMIO_DEVICE_FEATURES);
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features |= (uint64_t)board_read(board, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	assert_true((features & VIRTIO_F_VERSION_1) != 0);
	features = VIRTIO_F_VERSION_1 | (features & wanted & 0xfff);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES, features & 0xffff);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	board_write(board, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32 & 0xffff);
	tock_modify(board, VIRTIO_STATUS_FEATURES_OK);
	assert_true((board_read(board, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK) != 0);
	for (unsigned int index = 0; index < queues; index++) {
		board_write(board, VIRTIO_MMIO_QUEUE_SEL, index);
		assert_int_equal(board_read(board, VIRTIO_MMIO_QUEUE_READY), 0);
		if (board_read(board, VIRTIO_MMIO_QUEUE_NUM_MAX) == 0) {
			tock_modify(board, VIRTIO_STATUS_FAILED);
			return false;
		}
		board->packed = false;
		board->entries = BOARD_ENTRIES;
		board_clear_queue(board);
		board_write(board, VIRTIO_MMIO_QUEUE_NUM, board->entries);
		board_write_addresses(board, BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_DEVICE);
		board_write(board, VIRTIO_MMIO_QUEUE_READY, 1);
	}
	tock_modify(board, VIRTIO_STATUS_DRIVER_OK);
	return true;
}

/* 556-576; used buffers that were there. */
static unsigned int tock_handle_interrupt(struct board *board)
{
	const uint32_t isr = board_read(board, VIRTIO_MMIO_INTERRUPT_STATUS);

	board_write(board, VIRTIO_MMIO_INTERRUPT_ACK, isr);
	return (isr & VIRTIO_INTERRUPT_USED_BUFFER) != 0 ? board_drain(board) : 0;
}

/* A driver that accepts no feature of the device's cannot flush: its writes wait. */
static void test_tock(void **state)
{
	static const uint64_t wanted[] = { 0, 0xfff };
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		board_make_plain(&board);
		assert_true(tock_initialize(&board, wanted[i], 1));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		memset(board_guest(&board, BOARD_BUFFER), 0x5a, 512);
		board_put_request(&board, VIRTIO_BLK_T_OUT, 7, BOARD_BUFFER, 512);
		board_notify(&board);
		assert_int_equal(board.block.sync_wanted, wanted[i] == 0);
		if (board.block.sync_wanted) {
			assert_false(board.line);
			assert_int_equal(tock_handle_interrupt(&board), 0);
			block_complete_sync(&board.block, true);
		}
		assert_true(board.line);
		assert_int_equal(tock_handle_interrupt(&board), 1);
		assert_false(board.line);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		assert_int_equal(board.disk.data[7 * 512 + 511], 0x5a);
		board_put_request(&board, VIRTIO_BLK_T_IN, 7, BOARD_BUFFER + 512, 512);
		board_notify(&board);
		assert_int_equal(tock_handle_interrupt(&board), 1);
		assert_int_equal(*board_guest(&board, BOARD_BUFFER + 1023), 0x5a);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* 743-760: it finds no second queue, gives up, and may begin again. */
static void test_tock_with_too_many_queues(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	assert_false(tock_initialize(&board, 0, 2));
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b | VIRTIO_STATUS_FAILED);
	assert_int_equal(board_log_lines(), 0);
	assert_true(tock_initialize(&board, 0, 1));
	board_put_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
	board_notify(&board);
	assert_int_equal(tock_handle_interrupt(&board), 1);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tock),
		cmocka_unit_test(test_tock_with_too_many_queues),
	};

	return cmocka_run_group_tests_name("virtio_seed_tock", tests, board_group_setup, NULL);
}
