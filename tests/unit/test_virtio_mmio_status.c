/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: the features, each step of the status register, and reset.
 */
#include "tests/unit/virtio_driver.h"

static uint64_t read_features(struct board *board)
{
	uint64_t features;

	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)board_read(board, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | board_read(board, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void test_features_offered(void **state)
{
	static const struct {
		enum ramdisk_mode mode;
		uint64_t features;
	} rows[] = {
		{ RAMDISK_READ_WRITE, BOARD_OFFERED },
		{ RAMDISK_SNAPSHOT, BOARD_OFFERED },
		{ RAMDISK_READ_ONLY, BOARD_OFFERED | VIRTIO_BLK_F_RO },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make(&board, rows[i].mode, BOARD_DISK_SIZE, false);
		assert_true(read_features(&board) == rows[i].features);
		for (uint32_t word = 2; word < 5; word++) {
			board_write(&board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
			assert_int_equal(board_read(&board, VIRTIO_MMIO_DEVICE_FEATURES), 0);
		}
		board_write(&board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, ~0u);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_DEVICE_FEATURES), 0);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* Every accepted set of features, one bit more and one bit less each. */
static void test_features_ok(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	for (unsigned int bit = 0; bit < 64; bit++) {
		const bool good = (BOARD_OFFERED & BIT(bit)) != 0;

		board.device.mmio.mistakes[VIRTIO_MISTAKE_FEATURES].count = 0;
		board_negotiate(&board, BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), good ? 0x0b : 0x03);
		if (!good)
			board_expect_log("a bit", "FEATURES_OK refused");
		board_negotiate(&board, BOARD_OFFERED | BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), good ? 0x0b : 0x03);
		board_forget_log();
		board_negotiate(&board, BOARD_OFFERED & ~BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
		assert_int_equal(board_log_lines(), 0);
	}
	board_free(&board);
}

static void test_features_beyond_bit_63(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_write(&board, VIRTIO_MMIO_STATUS, 0);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 3);
	board_expect_log("bit 64",
		"FEATURES_OK refused: of the driver's features 0x0, 0x0 and some "
		"beyond bit 63 were not offered");
	board_write(&board, VIRTIO_MMIO_STATUS, 0);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_free(&board);
}

/* A refused driver may try with fewer before it gives up. */
static void test_features_again_after_refusal(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_negotiate(&board, VIRTIO_BLK_F_MQ);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 3);
	board_write_features(&board, VIRTIO_F_VERSION_1);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_free(&board);
}

static void test_features_after_features_ok(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_negotiate(&board, VIRTIO_F_VERSION_1);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_BLK_F_FLUSH);
	board_expect_log("too late", "written after FEATURES_OK; ignored");
	board_make_queue(&board, BOARD_ENTRIES);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
	board_do_request(&board, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_UNSUPP);
	board_free(&board);
}

/* xv6 never selects the high word of the features. */
static void test_driver_without_version_1(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 0);
	board_write(&board, VIRTIO_MMIO_STATUS, 1);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write(&board, VIRTIO_MMIO_DRIVER_FEATURES,
		board_read(&board, VIRTIO_MMIO_DEVICE_FEATURES) &
			~(uint32_t)(VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_F_EVENT_IDX |
				    VIRTIO_F_INDIRECT_DESC));
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_make_queue(&board, 8);
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0f);
	assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 3, BOARD_BUFFER, 1024), 1025);
	assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
	assert_memory_equal(board_guest(&board, BOARD_BUFFER), board.disk.data + 3 * 512, 1024);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_status_bits(void **state)
{
	static const struct {
		const char *name;
		uint8_t before;
		uint32_t value;
		uint8_t after;
		const char *message;
	} rows[] = {
		{ "step by step", 0x01, 0x03, 0x03, NULL },
		{ "all at once", 0x00, 0x0f, 0x0f, NULL },
		{ "the same again", 0x0b, 0x0b, 0x0b, NULL },
		{ "one bit alone", 0x03, 0x08, 0x0b,
			"only a reset clears the bits 0x3; they stay" },
		{ "FAILED", 0x03, 0x83, 0x83, NULL },
		{ "DEVICE_NEEDS_RESET", 0x03, 0x43, 0x03,
			"bits 0x40 are not the driver's; ignored" },
		{ "unknown bits", 0x03, 0x33, 0x03, "bits 0x30 are not the driver's; ignored" },
		{ "beyond the byte", 0x03, 0xdead0003, 0x03,
			"bits 0xdead0000 are not the driver's" },
		{ "only beyond the byte", 0x00, 0x100, 0x00, "bits 0x100 are not the driver's" },
		{ "DRIVER_OK first", 0x03, 0x07, 0x07, "DRIVER_OK without FEATURES_OK" },
		{ "FEATURES_OK after DRIVER_OK", 0x07, 0x0f, 0x0f, NULL },
		{ "reset", 0x0f, 0x00, 0x00, NULL },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_plain(&board);
		if (rows[i].before != 0)
			board_write(&board, VIRTIO_MMIO_STATUS, rows[i].before);
		board_forget_log();
		board_write(&board, VIRTIO_MMIO_STATUS, rows[i].value);
		if (board_read(&board, VIRTIO_MMIO_STATUS) != rows[i].after)
			fail_msg("%s", rows[i].name);
		if (rows[i].message != NULL)
			board_expect_log(rows[i].name, rows[i].message);
		assert_int_equal(board_log_lines(), 0);
		board_free(&board);
	}
}

/* DRIVER_OK with features that were not offered would promise what is not there. */
static void test_driver_ok_with_bad_features(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write_features(&board, VIRTIO_BLK_F_MQ);
	board_write(&board, VIRTIO_MMIO_STATUS, 7);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 3);
	board_expect_log("DRIVER_OK", "DRIVER_OK refused: of the driver's features 0x1000, 0x1000 "
				      "were not offered");
	board_free(&board);
}

/* Everything that a driver can have set is gone; the indices begin at 0 again. */
static void test_reset(void **state)
{
	struct board board;

	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		const uint64_t features = BOARD_FEATURES | board_rings[ring];

		board_make_started(&board, features, BOARD_ENTRIES);
		for (int i = 0; i < 3; i++)
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512);
		board_access_write(&board, VIRTIO_MMIO_CONFIG + 32, 1, 0);
		board_write(&board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
		board_write(&board, VIRTIO_MMIO_QUEUE_SEL, 9);
		assert_true(board.line);
		board_write(&board, VIRTIO_MMIO_STATUS, 0);
		assert_false(board.line);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_NUM_MAX), 1024);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_RESET), 0);
		assert_int_equal(board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1), 1);
		assert_true(
			board_read(&board, VIRTIO_MMIO_DEVICE_FEATURES) == (uint32_t)BOARD_OFFERED);
		/* The old addresses and features do not come back. */
		board_negotiate(&board, 0);
		board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
		board_expect_log("ready", "queue size 0");
		board_start(&board, features, BOARD_ENTRIES);
		board_expect_works(&board);
		board_free(&board);
	}
}

static void test_driver_features_are_reset(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
	board_negotiate(&board, VIRTIO_BLK_F_MQ);
	board_write(&board, VIRTIO_MMIO_STATUS, 0);
	board_forget_log();
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features_offered),
		cmocka_unit_test(test_features_ok),
		cmocka_unit_test(test_features_beyond_bit_63),
		cmocka_unit_test(test_features_again_after_refusal),
		cmocka_unit_test(test_features_after_features_ok),
		cmocka_unit_test(test_driver_without_version_1),
		cmocka_unit_test(test_status_bits),
		cmocka_unit_test(test_driver_ok_with_bad_features),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_driver_features_are_reset),
	};

	return cmocka_run_group_tests_name("virtio_mmio_status", tests, board_group_setup, NULL);
}
