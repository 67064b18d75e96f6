/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_mmio*.c: what each register holds at power-on, and accesses to what
 * is no register. Negotiation, the queue, notifies and the configuration are in
 * test_virtio_mmio_*.c.
 */
#include "tests/unit/virtio_driver.h"

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
		{ "DeviceFeatures", 0x010, (uint32_t)BOARD_OFFERED },
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
	board_make_plain(&board);
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
	board_make_plain(&board);
	for (uint32_t region = 0; region < 3; region++) {
		board_write(&board, VIRTIO_MMIO_SHM_SEL, region);
		for (uint64_t at = VIRTIO_MMIO_SHM_LEN_LOW; at <= VIRTIO_MMIO_SHM_BASE_HIGH;
			at += 4)
			assert_true(board_read(&board, at) == 0xffffffff);
	}
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
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
	board_make_plain(&board);
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
	board_make_plain(&board);
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
	board_make_plain(&board);
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

/* A guest can fill no log. */
static void test_log_is_limited(void **state)
{
	struct board board;

	(void)state;
	board_make_plain(&board);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_on),
		cmocka_unit_test(test_no_shared_memory_regions),
		cmocka_unit_test(test_reads_without_register),
		cmocka_unit_test(test_writes_without_register),
		cmocka_unit_test(test_odd_accesses),
		cmocka_unit_test(test_log_is_limited),
	};

	return cmocka_run_group_tests_name("virtio_mmio", tests, board_group_setup, NULL);
}
