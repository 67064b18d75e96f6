/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/virtio_blk*.c: what a driver does wrong. A request error costs its request
 * IOERR or UNSUPP and nothing else; a ring error costs the device until a reset. Each is told on
 * the log, and the disk stays as it was.
 */
#include "tests/unit/virtio_driver.h"

/* Where the fields of a row that say 'H', 'B', 'S' lie. */
#define H BOARD_HEADER
#define B BOARD_BUFFER
#define S BOARD_STATUS
#define R BOARD_RANGES

static const struct {
	const char *name;
	uint64_t features; /* besides VERSION_1 */
	enum ramdisk_mode mode;
	struct virtio_blk_header header;
	struct board_buffer buffers[4];
	struct virtio_blk_range ranges[2];
	uint8_t status;
	const char *message;
} bad_requests[] = {
	{ "IN: not whole sectors", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 0 },
		{ { H, 16, 0 }, { B, 511, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(IN): 511 bytes of data are no multiple of 512; IOERR" },
	{ "IN: a byte too many", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 0 },
		{ { H, 16, 0 }, { B, 513, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"513 bytes of data are no multiple of 512" },
	{ "OUT: not whole sectors", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 0 },
		{ { H, 16, 0 }, { B, 100, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(OUT): 100 bytes of data are no multiple of 512; IOERR" },
	{ "OUT: a header too long", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 0 },
		{ { H, 17, 0 }, { B, 512, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"513 bytes of data are no multiple of 512" },
	{ "IN: one sector beyond the end", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 64 },
		{ { H, 16, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"1 sectors at sector 0x40 pass the end of the disk (64 sectors)" },
	{ "IN: across the end", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 63 },
		{ { H, 16, 0 }, { B, 1024, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"2 sectors at sector 0x3f pass the end of the disk" },
	{ "IN: nothing beyond the end", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 65 },
		{ { H, 16, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"0 sectors at sector 0x41 pass the end of the disk" },
	{ "OUT: across the end", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 63 },
		{ { H, 16, 0 }, { B, 1024, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"2 sectors at sector 0x3f pass the end of the disk" },
	{ "OUT: nothing beyond the end", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 65 },
		{ { H, 16, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"0 sectors at sector 0x41 pass the end of the disk" },
	{ "IN: the largest sector", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, ~0ull },
		{ { H, 16, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"1 sectors at sector 0xffffffffffffffff wrap around" },
	{ "IN: a sector that wraps to 0", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 1ull << 55 },
		{ { H, 16, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"wrap around, beyond the end" },
	{ "OUT: a sector that wraps to 0", 0, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_OUT, 0, 1ull << 55 }, { { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } },
		{ { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR, "wrap around, beyond the end" },
	{ "OUT: sector and length wrap", 0, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_OUT, 0, (1ull << 55) - 1 },
		{ { H, 16, 0 }, { B, 1024, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"wrap around, beyond the end" },
	{ "OUT: the last sector that there can be", 0, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_OUT, 0, (1ull << 55) - 1 },
		{ { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"pass the end of the disk" },
	{ "IN with its data readable", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(IN): 512 bytes are readable that were to be writable; IOERR" },
	{ "IN with data of both kinds", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 0 }, { B + 512, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } },
		VIRTIO_BLK_S_IOERR, "512 bytes are readable that were to be writable" },
	{ "IN with a header too long", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_IN, 0, 0 },
		{ { H, 17, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"1 bytes are readable that were to be writable" },
	{ "OUT with its data writable", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(OUT): 512 bytes are writable that were to be readable; IOERR" },
	{ "OUT with a status too long", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_OUT, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 0 }, { S - 1, 2, 1 } }, { { 0, 0, 0 } },
		VIRTIO_BLK_S_IOERR, "1 bytes are writable that were to be readable" },
	{ "OUT to a read-only disk", VIRTIO_BLK_F_RO, RAMDISK_READ_ONLY, { VIRTIO_BLK_T_OUT, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(OUT): the disk is read-only; IOERR" },
	{ "OUT to a read-only disk, RO not accepted", 0, RAMDISK_READ_ONLY,
		{ VIRTIO_BLK_T_OUT, 0, 0 }, { { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } },
		{ { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR, "(OUT): the disk is read-only; IOERR" },
	{ "WRITE_ZEROES to a read-only disk", VIRTIO_BLK_F_WRITE_ZEROES, RAMDISK_READ_ONLY,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_IOERR, "(WRITE_ZEROES): the disk is read-only" },
	{ "DISCARD on a read-only disk", VIRTIO_BLK_F_DISCARD, RAMDISK_READ_ONLY,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_IOERR, "(DISCARD): the disk is read-only" },
	{ "FLUSH not negotiated", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_FLUSH, 0, 0 },
		{ { H, 16, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"(FLUSH): its feature was not negotiated; UNSUPP" },
	{ "DISCARD not negotiated", VIRTIO_BLK_F_WRITE_ZEROES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"(DISCARD): its feature was not negotiated; UNSUPP" },
	{ "WRITE_ZEROES not negotiated", VIRTIO_BLK_F_DISCARD, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"(WRITE_ZEROES): its feature was not negotiated; UNSUPP" },
	{ "GET_LIFETIME", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_GET_LIFETIME, 0, 0 },
		{ { H, 16, 0 }, { B, 6, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"(GET_LIFETIME): type 10 is not supported; UNSUPP" },
	{ "SECURE_ERASE", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_SECURE_ERASE, 0, 0 },
		{ { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } }, { { 0, 1, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"type 14 is not supported" },
	{ "a SCSI command", 0, RAMDISK_READ_WRITE, { 2, 0, 0 }, { { H, 16, 0 }, { S, 1, 1 } },
		{ { 0, 0, 0 } }, VIRTIO_BLK_S_UNSUPP, "(unknown type): type 2 is not supported" },
	{ "a barrier", 0, RAMDISK_READ_WRITE, { 0x80000001, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_UNSUPP,
		"type 2147483649 is not supported" },
	{ "GET_ID: too little room", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_GET_ID, 0, 0 },
		{ { H, 16, 0 }, { B, 19, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"(GET_ID): 19 bytes of data, not 20; IOERR" },
	{ "GET_ID: too much room", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_GET_ID, 0, 0 },
		{ { H, 16, 0 }, { B, 512, 1 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"512 bytes of data, not 20" },
	{ "GET_ID: no room", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_GET_ID, 0, 0 },
		{ { H, 16, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"0 bytes of data, not 20" },
	{ "GET_ID with readable data", 0, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_GET_ID, 0, 0 },
		{ { H, 16, 0 }, { B, 20, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } }, VIRTIO_BLK_S_IOERR,
		"20 bytes are readable that were to be writable" },
	{ "DISCARD with UNMAP", BOARD_FEATURES, RAMDISK_READ_WRITE, { VIRTIO_BLK_T_DISCARD, 0, 0 },
		{ { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } }, { { 0, 1, 1 } }, VIRTIO_BLK_S_UNSUPP,
		"(DISCARD): segment 0 has flags 0x1; only 0x0 are known; UNSUPP" },
	{ "DISCARD with an unknown flag", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0x80000000 } }, VIRTIO_BLK_S_UNSUPP, "flags 0x80000000; only 0x0" },
	{ "WRITE_ZEROES with an unknown flag", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 1, 2 } }, VIRTIO_BLK_S_UNSUPP,
		"segment 0 has flags 0x2; only 0x1 are known" },
	{ "WRITE_ZEROES with a bad flag in its second segment", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 32, 0 }, { S, 1, 1 } },
		{ { 0, 1, 1 }, { 1, 1, 3 } }, VIRTIO_BLK_S_UNSUPP, "segment 1 has flags 0x3" },
	{ "DISCARD beyond the end with a bad flag", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 32, 0 }, { S, 1, 1 } },
		{ { 99, 1, 0 }, { 1, 1, 1 } }, VIRTIO_BLK_S_UNSUPP, "segment 1 has flags 0x1" },
	{ "DISCARD beyond the end", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 32, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 }, { 64, 1, 0 } }, VIRTIO_BLK_S_IOERR,
		"1 sectors at sector 0x40 pass the end of the disk" },
	{ "WRITE_ZEROES across the end", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 63, 2, 0 } }, VIRTIO_BLK_S_IOERR, "2 sectors at sector 0x3f pass the end" },
	{ "WRITE_ZEROES that wraps", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 1ull << 55, 1, 0 } }, VIRTIO_BLK_S_IOERR, "wrap around, beyond the end" },
	{ "WRITE_ZEROES that wraps with its length", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { (1ull << 55) - 1, 2, 0 } }, VIRTIO_BLK_S_IOERR, "wrap around, beyond the end" },
	{ "DISCARD of too many sectors", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, 32769, 0 } }, VIRTIO_BLK_S_IOERR,
		"segment 0 has 32769 sectors, the most is 32768" },
	{ "DISCARD of the most sectors that a field holds", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 16, 0 }, { S, 1, 1 } },
		{ { 0, ~0u, 0 } }, VIRTIO_BLK_S_IOERR, "segment 0 has 4294967295 sectors" },
	{ "DISCARD without a segment", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { S, 1, 1 } }, { { 0, 0, 0 } },
		VIRTIO_BLK_S_IOERR, "0 bytes of data are not 1 to 32 segments of 16" },
	{ "DISCARD with half a segment", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 24, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_IOERR, "24 bytes of data are not 1 to 32 segments" },
	{ "DISCARD with too many segments", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_DISCARD, 0, 0 }, { { H, 16, 0 }, { R, 528, 0 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_IOERR, "528 bytes of data are not 1 to 32 segments" },
	{ "WRITE_ZEROES with writable data", BOARD_FEATURES, RAMDISK_READ_WRITE,
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0 }, { { H, 16, 0 }, { R, 16, 1 }, { S, 1, 1 } },
		{ { 0, 1, 0 } }, VIRTIO_BLK_S_IOERR,
		"16 bytes are writable that were to be readable" },
};

static unsigned int count_buffers(const struct board_buffer *buffers)
{
	unsigned int count = 0;

	while (count < 4 && buffers[count].size != 0)
		count++;
	return count;
}

/* Its status byte is all that a refused request writes, and the next one works. */
static void test_request_errors(void **state)
{
	struct board board;
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(bad_requests); i++) {
		const size_t row = i / 2;
		const char *name = bad_requests[row].name;

		board_make(&board, bad_requests[row].mode, BOARD_DISK_SIZE, false);
		board_start(&board,
			VIRTIO_F_VERSION_1 | bad_requests[row].features | board_rings[i % 2],
			BOARD_ENTRIES);
		board_poke(&board, H, &bad_requests[row].header, 16);
		board_poke(&board, R, bad_requests[row].ranges, 32);
		*board_guest(&board, S) = BOARD_NO_STATUS;
		board_put(&board, bad_requests[row].buffers,
			count_buffers(bad_requests[row].buffers));
		board_remember(&board);
		board_notify(&board);
		board_expect_log(name, bad_requests[row].message);
		if (!board_take_used(&board, &length) || length != 1)
			fail_msg("%s: not used with length 1", name);
		if (board_status(&board) != bad_requests[row].status)
			fail_msg("%s: status %u", name, board_status(&board));
		if (board_guest_changes(&board) != 1 || !board_disk_unchanged(&board) ||
			!block_is_stable(&board.block))
			fail_msg("%s: something has changed", name);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x0f);
		assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 1);
		assert_int_equal(board.device.failures, 1);
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, B, 512), 513);
		assert_int_equal(board_status(&board), VIRTIO_BLK_S_OK);
		board_free(&board);
	}
}

/* Sound chains without the 16 bytes of a header or without a byte for the status. */
static const struct {
	const char *name;
	struct board_buffer buffers[3];
	const char *message;
} no_requests[] = {
	{ "header of 15 bytes", { { H, 15, 0 }, { S, 1, 1 } }, "15 readable and 1 writable bytes" },
	{ "header of 15 bytes in two", { { H, 8, 0 }, { H + 8, 7, 0 }, { S, 1, 1 } },
		"15 readable and 1 writable bytes" },
	{ "header of 1 byte", { { H, 1, 0 }, { B, 512, 1 }, { S, 1, 1 } },
		"1 readable and 513 writable bytes" },
	{ "no header", { { B, 512, 1 }, { S, 1, 1 } }, "0 readable and 513 writable bytes" },
	{ "header writable", { { H, 16, 1 }, { S, 1, 1 } }, "0 readable and 17 writable bytes" },
	{ "no status", { { H, 16, 0 }, { B, 512, 0 } }, "528 readable and 0 writable bytes" },
	{ "status readable", { { H, 16, 0 }, { S, 1, 0 } }, "17 readable and 0 writable bytes" },
	{ "header alone", { { H, 16, 0 } }, "16 readable and 0 writable bytes" },
};

/* Chains that the rings themselves refuse; what is wrong is the rings' to tell. */
static const struct {
	const char *name;
	struct board_buffer buffers[3];
} broken_chains[] = {
	{ "header in the hole", { { BOARD_HOLE, 16, 0 }, { S, 1, 1 } } },
	{ "header across memory's end", { { BOARD_END - 8, 16, 0 }, { S, 1, 1 } } },
	{ "data into the hole", { { H, 16, 0 }, { BOARD_HOLE - 256, 512, 1 }, { S, 1, 1 } } },
	{ "data that wraps", { { H, 16, 0 }, { ~0ull - 100, 512, 1 }, { S, 1, 1 } } },
	{ "status outside", { { H, 16, 0 }, { B, 512, 1 }, { BOARD_END, 1, 1 } } },
	{ "readable after writable", { { H, 16, 0 }, { S, 1, 1 }, { B, 512, 0 } } },
};

/*
 * A ring error between good requests: those before it are used exactly once, it and those behind
 * it never, and only a reset heals.
 */
static void expect_ring_error(
	const char *name, const struct board_buffer *buffers, uint64_t ring, const char *message)
{
	static const struct virtio_blk_header header = { .type = VIRTIO_BLK_T_OUT };
	struct board board;
	unsigned int count = 0;
	uint32_t length;

	while (count < 3 && buffers[count].size != 0)
		count++;
	board_make_started(&board, BOARD_FEATURES | ring, 32);
	for (uint64_t i = 0; i < 3; i++)
		board_put_request_at(&board, BOARD_TABLE + 16 * i, BOARD_TABLE + 512 + i,
			VIRTIO_BLK_T_OUT, i, B + 512, 512);
	board_put(&board, buffers, count);
	for (uint64_t i = 3; i < 5; i++)
		board_put_request_at(&board, BOARD_TABLE + 16 * i, BOARD_TABLE + 512 + i,
			VIRTIO_BLK_T_OUT, i, B + 512, 512);
	board_poke(&board, H, &header, 16);
	board_remember(&board);
	board_notify(&board);
	board_expect_log(name, message);
	for (unsigned int i = 0; i < 3; i++) {
		if (!board_take_used(&board, &length) || length != 1)
			fail_msg("%s: request %u", name, i);
	}
	if (board_drain(&board) != 0)
		fail_msg("%s: a request behind the error was used", name);
	if (board_guest_changes(&board) != 3 || !board_disk_unchanged_but(&board, 0, 3 * 512))
		fail_msg("%s: something has changed", name);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_STATUS), 0x4f);
	assert_int_equal(board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	assert_true(board.line);
	assert_false(virtio_blk_has_more(&board.device));
	for (int i = 0; i < 3; i++) {
		board_notify(&board);
		virtio_blk_continue(&board.device);
	}
	assert_int_equal(board_drain(&board), 0);
	assert_true(board_disk_unchanged_but(&board, 0, 3 * 512));
	board_forget_log();
	board_start(&board, BOARD_FEATURES | ring, 32);
	assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, B, 512), 513);
	board_free(&board);
}

static void test_ring_errors(void **state)
{
	(void)state;
	for (size_t ring = 0; ring < ARRAY_COUNT(board_rings); ring++) {
		for (size_t i = 0; i < ARRAY_COUNT(no_requests); i++)
			expect_ring_error(no_requests[i].name, no_requests[i].buffers,
				board_rings[ring], no_requests[i].message);
		for (size_t i = 0; i < ARRAY_COUNT(broken_chains); i++)
			expect_ring_error(broken_chains[i].name, broken_chains[i].buffers,
				board_rings[ring], "status set to DEVICE_NEEDS_RESET");
	}
}

/* What else breaks a ring, through a whole device; test_virtq_split_shapes.c has every variant. */
static void test_ring_structure_errors(void **state)
{
	static const struct {
		const char *name;
		struct virtq_split_descriptor descriptors[2];
		struct virtq_split_descriptor table[2];
		uint16_t head;
		uint16_t avail;
	} rows[] = {
		{ "head outside the table", { { 0 } }, { { 0 } }, 16, 1 },
		{ "index jumps", { { 0 } }, { { 0 } }, 0, 17 },
		{ "next outside the table", { { H, 16, VIRTQ_DESC_F_NEXT, 16 } }, { { 0 } }, 0, 1 },
		{ "loop of one", { { H, 16, VIRTQ_DESC_F_NEXT, 0 } }, { { 0 } }, 0, 1 },
		{ "loop of two",
			{ { H, 16, VIRTQ_DESC_F_NEXT, 1 }, { B, 16, VIRTQ_DESC_F_NEXT, 0 } },
			{ { 0 } }, 0, 1 },
		{ "loop in an indirect table", { { BOARD_TABLE, 32, VIRTQ_DESC_F_INDIRECT, 0 } },
			{ { H, 16, VIRTQ_DESC_F_NEXT, 1 }, { B, 16, VIRTQ_DESC_F_NEXT, 0 } }, 0,
			1 },
		{ "indirect in indirect", { { BOARD_TABLE, 32, VIRTQ_DESC_F_INDIRECT, 0 } },
			{ { BOARD_TABLE, 32, VIRTQ_DESC_F_INDIRECT, 0 } }, 0, 1 },
		{ "indirect table of length 0", { { BOARD_TABLE, 0, VIRTQ_DESC_F_INDIRECT, 0 } },
			{ { 0 } }, 0, 1 },
		{ "indirect table of 24 bytes", { { BOARD_TABLE, 24, VIRTQ_DESC_F_INDIRECT, 0 } },
			{ { 0 } }, 0, 1 },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make_started(&board, BOARD_FEATURES | VIRTIO_F_INDIRECT_DESC, 16);
		board_poke(&board, BOARD_DESCRIPTORS, rows[i].descriptors, 32);
		board_poke(&board, BOARD_TABLE, rows[i].table, 32);
		board_poke16(&board, BOARD_DRIVER + 4, rows[i].head);
		board_poke16(&board, BOARD_DRIVER + 2, rows[i].avail);
		board_remember(&board);
		board_notify(&board);
		board_expect_log(rows[i].name, "status set to DEVICE_NEEDS_RESET");
		if (board_read(&board, VIRTIO_MMIO_STATUS) != 0x4f ||
			board_read(&board, VIRTIO_MMIO_INTERRUPT_STATUS) != 2)
			fail_msg("%s", rows[i].name);
		assert_int_equal(board_guest_changes(&board), 0);
		assert_true(board_disk_unchanged(&board));
		assert_int_equal(board_peek(&board, BOARD_DEVICE + 2, 2), 0);
		board_start(&board, BOARD_FEATURES, 16);
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, B, 512), 513);
		board_free(&board);
	}
}

/* Buffers over the ring harm the guest alone. */
static void test_buffers_over_the_ring(void **state)
{
	static const uint64_t targets[] = { BOARD_DESCRIPTORS, BOARD_DRIVER, BOARD_DEVICE,
		BOARD_HEADER };
	struct board board;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(targets); i++) {
		board_make_started(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		log_set_level(LOG_ERROR);
		for (int j = 0; j < 3; j++)
			board_put_request(&board, VIRTIO_BLK_T_IN, 0, targets[i / 2], 512);
		board_notify(&board);
		board_start(&board, BOARD_FEATURES | board_rings[i % 2], BOARD_ENTRIES);
		assert_int_equal(board_do_request(&board, VIRTIO_BLK_T_IN, 0, B, 512), 513);
		board_free(&board);
	}
}

/* The header is looked at once: an IN whose data replaces its own header goes on as it was. */
static void test_header_is_copied_once(void **state)
{
	const struct board_buffer buffers[] = { { H, 16, false }, { H, 512, true },
		{ S + 512, 1, true } };
	const struct virtio_blk_header header = { .type = VIRTIO_BLK_T_IN, .sector = 7 };
	struct board board;
	uint32_t length;

	(void)state;
	board_make_ready(&board);
	board_poke(&board, H, &header, sizeof(header));
	board_put(&board, buffers, 3);
	board_notify(&board);
	assert_true(board_take_used(&board, &length));
	assert_int_equal(length, 513);
	assert_memory_equal(board_guest(&board, H), board.disk.data + 7 * 512, 512);
	assert_int_equal(*board_guest(&board, S + 512), VIRTIO_BLK_S_OK);
	board_free(&board);
}

static void test_log_is_limited(void **state)
{
	struct board board;

	(void)state;
	board_make_ready(&board);
	for (int i = 0; i < 1000; i++)
		board_do_request(&board, VIRTIO_BLK_T_IN, 64, B, 512);
	assert_in_range(board_log_lines(), LOG_LIMIT_FIRST, LOG_LIMIT_FIRST + 8);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_errors),
		cmocka_unit_test(test_ring_errors),
		cmocka_unit_test(test_ring_structure_errors),
		cmocka_unit_test(test_buffers_over_the_ring),
		cmocka_unit_test(test_header_is_copied_once),
		cmocka_unit_test(test_log_is_limited),
	};

	return cmocka_run_group_tests_name("virtio_blk_faults", tests, board_group_setup, NULL);
}
