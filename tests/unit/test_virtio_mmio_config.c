/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: the configuration of the block device, and its one field
 * that a driver may write.
 */
#include "tests/unit/virtio_driver.h"

static void test_config_contents(void **state)
{
	static const struct {
		const char *name;
		uint64_t offset;
		unsigned int width;
		uint32_t value;
	} rows[] = {
		{ "capacity, low", 0, 4, BOARD_SECTORS },
		{ "capacity, high", 4, 4, 0 },
		{ "capacity, byte 0", 0, 1, BOARD_SECTORS },
		{ "capacity, bytes 0 and 1", 0, 2, BOARD_SECTORS },
		{ "size_max, not offered", 8, 4, 0 },
		{ "seg_max", 12, 4, 126 },
		{ "cylinders, not offered", 16, 2, 0 },
		{ "blk_size", 20, 4, 512 },
		{ "blk_size, byte 1", 21, 1, 2 },
		{ "blk_size, bytes 1 and 2", 21, 2, 2 },
		{ "topology, not offered", 24, 1, 0 },
		{ "writeback", 32, 1, 1 },
		{ "unused0", 33, 1, 0 },
		{ "num_queues, not offered", 34, 2, 0 },
		{ "max_discard_sectors", 36, 4, 32768 },
		{ "max_discard_seg", 40, 4, 32 },
		{ "discard_sector_alignment", 44, 4, 1 },
		{ "max_write_zeroes_sectors", 48, 4, 32768 },
		{ "max_write_zeroes_seg", 52, 4, 32 },
		{ "write_zeroes_may_unmap", 56, 1, 0 },
		{ "unused1, 0", 57, 1, 0 },
		{ "unused1, 1 and 2", 58, 2, 0 },
		{ "secure erase, not offered", 68, 4, 0 },
		{ "the last byte", 71, 1, 0 },
	};
	struct board board;

	(void)state;
	board_make_plain(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (board_access_read(&board, VIRTIO_MMIO_CONFIG + rows[i].offset, rows[i].width) !=
			rows[i].value)
			fail_msg("%s", rows[i].name);
	}
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_config_past_the_end(void **state)
{
	static const struct {
		uint64_t offset;
		unsigned int width;
	} rows[] = { { 72, 1 }, { 72, 4 }, { 71, 2 }, { 70, 4 }, { 69, 4 }, { 100, 4 }, { 255, 1 },
		{ 254, 2 }, { 252, 4 }, { 255, 2 }, { 255, 4 } };
	struct board board;

	(void)state;
	board_make_ready(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t offset = VIRTIO_MMIO_CONFIG + rows[i].offset;

		board.device.mmio.mistakes[VIRTIO_MISTAKE_CONFIG].count = 0;
		assert_true(board_access_read(&board, offset, rows[i].width) ==
			    width_mask(rows[i].width));
		board_expect_log("read", "of the configuration, which has 72; reads all ones");
		board_access_write(&board, offset, rows[i].width, 0);
		board_expect_log("write", "of the configuration, which has 72; ignored");
	}
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
	board_free(&board);
}

static void test_config_writes(void **state)
{
	static const struct {
		const char *name;
		uint64_t features;
		uint64_t offset;
		unsigned int width;
		uint32_t value;
		uint8_t writeback; /* before it is the other one */
		bool told;
	} rows[] = {
		{ "writeback off", BOARD_FEATURES, 32, 1, 0, 0, false },
		{ "writeback 2", BOARD_FEATURES, 32, 1, 2, 1, true },
		{ "writeback as 16 bits", BOARD_FEATURES, 32, 2, 0, 1, true },
		{ "writeback as 32 bits", BOARD_FEATURES, 32, 4, 0, 1, true },
		{ "writeback not negotiated", VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH, 32, 1, 0, 1,
			true },
		{ "writeback on without FLUSH", VIRTIO_BLK_F_CONFIG_WCE, 32, 1, 1, 1, false },
		{ "capacity", BOARD_FEATURES, 0, 4, 7, 1, true },
		{ "unused0", BOARD_FEATURES, 33, 1, 7, 1, true },
		{ "the last byte", BOARD_FEATURES, 71, 1, 7, 1, true },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t offset = VIRTIO_MMIO_CONFIG + rows[i].offset;

		board_make_started(&board, rows[i].features, BOARD_ENTRIES);
		board_access_write(&board, offset, rows[i].width, rows[i].value);
		if (board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1) != rows[i].writeback)
			fail_msg("%s", rows[i].name);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_CONFIG), BOARD_SECTORS);
		if (rows[i].told)
			board_expect_log(rows[i].name, "only 0 and 1 to the byte writeback");
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* 5.2.5.2: a driver that could not flush gets no cache that it would have to. */
static void test_writeback_after_negotiation(void **state)
{
	static const struct {
		uint64_t features;
		uint8_t writeback;
	} rows[] = {
		{ VIRTIO_F_VERSION_1, 0 },
		{ VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_CONFIG_WCE, 0 },
		{ VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH, 1 },
		{ VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE, 1 },
	};
	struct board board;

	(void)state;
	board_make_plain(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_negotiate(&board, rows[i].features);
		assert_int_equal(
			board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1), rows[i].writeback);
		board_write(&board, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1), 1);
	}
	board_free(&board);
}

static void test_config_before_features_ok(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_access_write(&board, VIRTIO_MMIO_CONFIG + 32, 1, 0);
	board_expect_log("before FEATURES_OK", "ignored");
	assert_int_equal(board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1), 1);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_contents),
		cmocka_unit_test(test_config_past_the_end),
		cmocka_unit_test(test_config_writes),
		cmocka_unit_test(test_writeback_after_negotiation),
		cmocka_unit_test(test_config_before_features_ok),
	};

	return cmocka_run_group_tests_name("virtio_mmio_config", tests, board_group_setup, NULL);
}
