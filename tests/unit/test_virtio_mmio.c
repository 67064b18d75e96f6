/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: each register, each step of the status register, feature
 * negotiation, queue set-up, interrupts and reset, with the block device behind them.
 */
#include "tests/unit/virtio_board.h"

static void make(struct board *board)
{
	board_make(board, RAMDISK_READ_WRITE, BOARD_DISK_SIZE, false);
}

static const uint64_t offered =
	VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX |
	VIRTIO_F_RING_RESET | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
	VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;

static uint64_t read_features(struct board *board)
{
	uint64_t features;

	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)board_read(board, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	board_write(board, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | board_read(board, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void test_power_on(void **state)
{
	static const struct {
		const char *name;
		uint64_t offset;
		uint32_t value;
	} rows[] = {
		{ "MagicValue", 0x000, 0x74726976 },
		{ "Version", 0x004, 2 },
		{ "DeviceID", 0x008, 2 },
		{ "VendorID", 0x00c, 0x554d4551 },
		{ "DeviceFeatures", 0x010, (uint32_t)offered },
		{ "QueueNumMax", 0x034, 1024 },
		{ "QueueReady", 0x044, 0 },
		{ "InterruptStatus", 0x060, 0 },
		{ "Status", 0x070, 0 },
		{ "SHMLenLow", 0x0b0, 0xffffffff },
		{ "SHMLenHigh", 0x0b4, 0xffffffff },
		{ "SHMBaseLow", 0x0b8, 0xffffffff },
		{ "SHMBaseHigh", 0x0bc, 0xffffffff },
		{ "QueueReset", 0x0c0, 0 },
		{ "ConfigGeneration", 0x0fc, 0 },
	};
	struct board board;

	(void)state;
	make(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (board_read(&board, rows[i].offset) != rows[i].value)
			fail_msg("%s", rows[i].name);
	}
	assert_int_equal(board_log_lines(), 0);
	assert_false(board.line);
	board_free(&board);
}

static void test_no_shared_memory_regions(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	for (uint32_t region = 0; region < 3; region++) {
		board_write(&board, VIRTIO_MMIO_SHM_SEL, region);
		for (uint64_t at = VIRTIO_MMIO_SHM_LEN_LOW; at <= VIRTIO_MMIO_SHM_BASE_HIGH;
			at += 4)
			assert_true(board_read(&board, at) == 0xffffffff);
	}
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_features_offered(void **state)
{
	static const struct {
		enum ramdisk_mode mode;
		uint64_t features;
	} rows[] = {
		{ RAMDISK_READ_WRITE, offered },
		{ RAMDISK_SNAPSHOT, offered },
		{ RAMDISK_READ_ONLY, offered | VIRTIO_BLK_F_RO },
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

/* Offsets at which there is nothing to read; with those that are only written. */
static void test_reads_without_register(void **state)
{
	static const uint16_t offsets[] = { 0x014, 0x018, 0x01c, 0x020, 0x024, 0x028, 0x02c, 0x030,
		0x038, 0x03c, 0x040, 0x048, 0x04c, 0x050, 0x054, 0x064, 0x068, 0x06c, 0x074, 0x07c,
		0x080, 0x084, 0x088, 0x090, 0x094, 0x0a0, 0x0a4, 0x0a8, 0x0ac, 0x0c4, 0x0f8, 0x200,
		0x204, 0x400, 0xffc };
	struct board board;

	(void)state;
	make(&board);
	for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
		board.device.mmio.mistakes[VIRTIO_MISTAKE_REGISTER].count = 0;
		assert_int_equal(board_read(&board, offsets[i]), 0);
		board_expect_log("read", "where there is no register to be read; reads 0");
	}
	board_free(&board);
}

static void test_writes_without_register(void **state)
{
	static const uint16_t offsets[] = { 0x000, 0x004, 0x008, 0x00c, 0x010, 0x018, 0x028, 0x034,
		0x03c, 0x040, 0x060, 0x0b0, 0x0bc, 0x0c4, 0x0fc, 0x200, 0xffc };
	struct board board;

	(void)state;
	make(&board);
	for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
		board.device.mmio.mistakes[VIRTIO_MISTAKE_REGISTER].count = 0;
		board_write(&board, offsets[i], 0xffffffff);
		board_expect_log("write", "where there is no register to be written; ignored");
	}
	assert_int_equal(board_read(&board, VIRTIO_MMIO_MAGIC_VALUE), VIRTIO_MMIO_MAGIC);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_NUM_MAX), 1024);
	board_free(&board);
}

/* Registers are 32 bits wide and aligned; nothing else counts. 4.2.2.2 */
static void test_odd_accesses(void **state)
{
	static const struct {
		uint64_t offset;
		unsigned int width;
	} rows[] = { { 0x070, 1 }, { 0x070, 2 }, { 0x070, 8 }, { 0x071, 4 }, { 0x072, 4 },
		{ 0x06e, 4 }, { 0x0fe, 4 }, { 0x0ff, 2 }, { 0x0ff, 1 }, { 0x0fc, 8 }, { 0x100, 8 },
		{ 0x102, 8 }, { 0x1f8, 8 }, { 0x201, 1 }, { 0x202, 2 }, { 0xff8, 8 } };
	struct board board;

	(void)state;
	make(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 1);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board.device.mmio.mistakes[VIRTIO_MISTAKE_ACCESS].count = 0;
		assert_true(board_access_read(&board, rows[i].offset, rows[i].width) ==
			    width_mask(rows[i].width));
		board_expect_log("read", "is no aligned 32-bit access; reads all ones");
		board_access_write(&board, rows[i].offset, rows[i].width, 0);
		board_expect_log("write", "is no aligned 32-bit access; ignored");
	}
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 1);
	board_free(&board);
}

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
	make(&board);
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
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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

		make(&board);
		board_start(&board, rows[i].features, BOARD_ENTRIES);
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
	make(&board);
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
	make(&board);
	board_access_write(&board, VIRTIO_MMIO_CONFIG + 32, 1, 0);
	board_expect_log("before FEATURES_OK", "ignored");
	assert_int_equal(board_access_read(&board, VIRTIO_MMIO_CONFIG + 32, 1), 1);
	board_free(&board);
}

/* Every accepted set of features, one bit more and one bit less each. */
static void test_features_ok(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	for (unsigned int bit = 0; bit < 64; bit++) {
		const bool good = (offered & BIT(bit)) != 0;

		board.device.mmio.mistakes[VIRTIO_MISTAKE_FEATURES].count = 0;
		board_negotiate(&board, BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), good ? 0x0b : 0x03);
		if (!good)
			board_expect_log("a bit", "FEATURES_OK refused");
		board_negotiate(&board, offered | BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), good ? 0x0b : 0x03);
		board_forget_log();
		board_negotiate(&board, offered & ~BIT(bit));
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
		assert_int_equal(board_log_lines(), 0);
	}
	board_free(&board);
}

static void test_features_beyond_bit_63(void **state)
{
	struct board board;

	(void)state;
	make(&board);
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
	make(&board);
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
	make(&board);
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
	make(&board);
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
		make(&board);
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
	make(&board);
	board_write(&board, VIRTIO_MMIO_STATUS, 3);
	board_write_features(&board, VIRTIO_BLK_F_MQ);
	board_write(&board, VIRTIO_MMIO_STATUS, 7);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 3);
	board_expect_log("DRIVER_OK", "DRIVER_OK refused: of the driver's features 0x1000, 0x1000 "
				      "were not offered");
	board_free(&board);
}

/* A driver that makes its queue before it has said what it can do, and one that never says it. */
static void test_queue_before_features(void **state)
{
	struct board board;

	(void)state;
	for (int features_ok = 0; features_ok <= 1; features_ok++) {
		make(&board);
		board.packed = true;
		board_write(&board, VIRTIO_MMIO_STATUS, 3);
		board_make_queue(&board, BOARD_ENTRIES);
		board_write_features(&board, VIRTIO_F_RING_PACKED | VIRTIO_F_VERSION_1);
		board_write(&board, VIRTIO_MMIO_STATUS, features_ok ? 0x0f : 0x07);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
		board_free(&board);
	}
}

/* What needs no reset as a split ring may need one as a packed one, and the driver is told. */
static void test_queue_before_features_is_checked_again(void **state)
{
	struct board board;

	(void)state;
	make(&board);
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
	make(&board);
	board_start(&board, BOARD_FEATURES | VIRTIO_F_RING_RESET, BOARD_ENTRIES);
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
	assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
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
		make(&board);
		board_negotiate(&board,
			VIRTIO_F_VERSION_1 | (bad_queues[i].packed ? VIRTIO_F_RING_PACKED : 0));
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
		make(&board);
		board_negotiate(&board,
			VIRTIO_F_VERSION_1 | (bad_queues[i].packed ? VIRTIO_F_RING_PACKED : 0));
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
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
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
		make(&board);
		board_start(&board,
			VIRTIO_F_VERSION_1 | (rows[i].packed ? VIRTIO_F_RING_PACKED : 0),
			rows[i].size);
		if (rows[i].size >= 3)
			assert_int_equal(
				board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512),
				513);
		board_free(&board);
	}
}

static void test_ready_queue_is_fixed(void **state)
{
	static const uint16_t registers[] = { 0x038, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4 };
	struct board board;

	(void)state;
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
	for (size_t i = 0; i < ARRAY_COUNT(registers); i++) {
		board_write(&board, registers[i], 0x13);
		board_expect_log("ready", "while QueueReady is 1; ignored");
	}
	/* Stopped and made ready again, it is still what it was. */
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 0);
	board_clear_queue(&board);
	board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
	assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_queue_ready_values(void **state)
{
	struct board board;

	(void)state;
	make(&board);
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
	for (int packed = 0; packed <= 1; packed++) {
		make(&board);
		board_start(&board,
			BOARD_FEATURES | VIRTIO_F_RING_RESET | (packed ? VIRTIO_F_RING_PACKED : 0),
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
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
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
		make(&board);
		board_start(&board, rows[i].features, BOARD_ENTRIES);
		board_write(&board, VIRTIO_MMIO_QUEUE_RESET, rows[i].value);
		board_expect_log("QueueReset", "only 1, and only with VIRTIO_F_RING_RESET");
		assert_int_equal(board_read(&board, VIRTIO_MMIO_QUEUE_READY), 1);
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
		board_free(&board);
	}
}

static void test_notify_of_other_queues(void **state)
{
	static const uint32_t queues[] = { 1, 2, 0xffff, 0x10000, 0xffffffff };
	struct board board;

	(void)state;
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	for (int packed = 0; packed <= 1; packed++) {
		make(&board);
		board_start(&board, BOARD_FEATURES | (packed ? VIRTIO_F_RING_PACKED : 0),
			BOARD_ENTRIES);
		for (int i = 0; i < 40; i++) {
			board_remember(&board);
			board_notify(&board);
			board_notify(&board);
			assert_int_equal(board_guest_changes(&board), 0);
			assert_int_equal(board_drain(&board), 0);
			assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
			assert_int_equal(
				board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512),
				513);
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
	for (int packed = 0; packed <= 1; packed++) {
		make(&board);
		board_negotiate(&board, VIRTIO_F_VERSION_1 | (packed ? VIRTIO_F_RING_PACKED : 0));
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
	make(&board);
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
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	make(&board);
	board_start(&board, BOARD_FEATURES, BOARD_ENTRIES);
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
	make(&board);
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
	for (int packed = 0; packed <= 1; packed++) {
		const uint64_t features =
			BOARD_FEATURES | VIRTIO_F_RING_RESET | (packed ? VIRTIO_F_RING_PACKED : 0);

		make(&board);
		board_start(&board, features, BOARD_ENTRIES);
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
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
		board_free(&board);
	}
}

/* Everything that a driver can have set is gone; the indices begin at 0 again. */
static void test_reset(void **state)
{
	struct board board;

	(void)state;
	for (int packed = 0; packed <= 1; packed++) {
		const uint64_t features = BOARD_FEATURES | (packed ? VIRTIO_F_RING_PACKED : 0);

		make(&board);
		board_start(&board, features, BOARD_ENTRIES);
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
		assert_true(board_read(&board, VIRTIO_MMIO_DEVICE_FEATURES) == (uint32_t)offered);
		/* The old addresses and features do not come back. */
		board_negotiate(&board, 0);
		board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
		board_expect_log("ready", "queue size 0");
		board_start(&board, features, BOARD_ENTRIES);
		assert_int_equal(
			board_do_request(&board, VIRTIO_BLK_T_IN, 0, BOARD_BUFFER, 512), 513);
		board_free(&board);
	}
}

static void test_driver_features_are_reset(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	board_negotiate(&board, VIRTIO_BLK_F_MQ);
	board_write(&board, VIRTIO_MMIO_STATUS, 0);
	board_forget_log();
	board_write(&board, VIRTIO_MMIO_STATUS, 0x0b);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0b);
	board_free(&board);
}

/* A guest can fill no log. */
static void test_log_is_limited(void **state)
{
	struct board board;

	(void)state;
	make(&board);
	for (int i = 0; i < 1000; i++) {
		board_access_read(&board, 0x001, 1);
		board_read(&board, 0x200);
		board_read(&board, VIRTIO_MMIO_CONFIG + 200);
		board_notify(&board);
		board_write(&board, VIRTIO_MMIO_INTERRUPT_ACK, 0x10);
		board_write(&board, VIRTIO_MMIO_STATUS, 0x10);
		board_write(&board, VIRTIO_MMIO_QUEUE_READY, 3);
		board_write(&board, VIRTIO_MMIO_QUEUE_READY, 1);
		board_negotiate(&board, VIRTIO_BLK_F_MQ);
	}
	assert_in_range(board_log_lines(), 9 * 8, 9 * 16);
	board_free(&board);
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
	make(&board);
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
		cmocka_unit_test(test_power_on),
		cmocka_unit_test(test_no_shared_memory_regions),
		cmocka_unit_test(test_features_offered),
		cmocka_unit_test(test_reads_without_register),
		cmocka_unit_test(test_writes_without_register),
		cmocka_unit_test(test_odd_accesses),
		cmocka_unit_test(test_config_contents),
		cmocka_unit_test(test_config_past_the_end),
		cmocka_unit_test(test_config_writes),
		cmocka_unit_test(test_writeback_after_negotiation),
		cmocka_unit_test(test_config_before_features_ok),
		cmocka_unit_test(test_features_ok),
		cmocka_unit_test(test_features_beyond_bit_63),
		cmocka_unit_test(test_features_again_after_refusal),
		cmocka_unit_test(test_features_after_features_ok),
		cmocka_unit_test(test_driver_without_version_1),
		cmocka_unit_test(test_status_bits),
		cmocka_unit_test(test_driver_ok_with_bad_features),
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
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_driver_features_are_reset),
		cmocka_unit_test(test_log_is_limited),
		cmocka_unit_test(test_log_of_ring_errors_is_limited_for_each),
	};

	return cmocka_run_group_tests_name("virtio_mmio", tests, board_group_setup, NULL);
}
