/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/svirtb.c: the registers, the status register's state machine, the checks at
 * READY and at the doorbell. docs/svirtb.md names them line by line. Requests and the ring are in
 * test_svirtb_request.c and test_svirtb_ring.c.
 */
#include "tests/unit/svirtb_board.h"

/* Brings the device into a state, the ring's registers set to something where that is possible. */
static void enter_state(struct board *board, uint32_t status)
{
	board_write(board, SVIRTB_STATUS, SVIRTB_RESET);
	if (status == SVIRTB_MAGIC)
		return;
	board_write(board, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	board_write(board, SVIRTB_QUEUE_SIZE, 8);
	board_write(board, SVIRTB_QUEUE_ADDR_HI, 0);
	board_write(board, SVIRTB_QUEUE_ADDR_LO, BOARD_RING);
	if (status == SVIRTB_DRIVER_OK)
		return;
	board_write(board, SVIRTB_STATUS, SVIRTB_READY);
	if (status == SVIRTB_READY)
		return;
	board_put_entry(board, 0, (struct svirtb_entry){ .cmd = SVIRTB_READ });
	board_put_entry(board, 1, (struct svirtb_entry){ .cmd = SVIRTB_READ });
	board_put_entry(board, 2, (struct svirtb_entry){ .cmd = 77 });
	board_write(board, SVIRTB_QUEUE_HEAD, 4);
	assert_int_equal(board_read(board, SVIRTB_STATUS), SVIRTB_RESET);
	board_forget_log();
}

static const struct {
	const char *name;
	uint32_t status;
	uint32_t registers[6]; /* as enter_state leaves them */
} states[] = {
	{ "MAGIC", SVIRTB_MAGIC, { SVIRTB_MAGIC, 0, 0, 0, 0, 0 } },
	{ "DRIVER_OK", SVIRTB_DRIVER_OK, { SVIRTB_DRIVER_OK, 8, 0, BOARD_RING, 0, 0 } },
	{ "READY", SVIRTB_READY, { SVIRTB_READY, 8, 0, BOARD_RING, 0, 0 } },
	{ "RESET", SVIRTB_RESET, { SVIRTB_RESET, 8, 0, BOARD_RING, 4, 2 } },
};

static void expect_registers(struct board *board, const char *name, const uint32_t wanted[6])
{
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t got = (uint32_t)board_access_read(board, i * 4, 4);

		if (got != wanted[i])
			fail_msg("%s: register 0x%02x is 0x%x, not 0x%x", name, i * 4, got,
				wanted[i]);
	}
}

static void test_power_on(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	expect_registers(&board, "power-on", states[0].registers);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

static void test_register_offsets(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_write(&board, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	board_access_write(&board, 0x04, 4, 0x11111111);
	board_access_write(&board, 0x08, 4, 0x22222222);
	board_access_write(&board, 0x0c, 4, 0x33333333);
	expect_registers(&board, "offsets",
		(const uint32_t[6]){ SVIRTB_DRIVER_OK, 0x11111111, 0x22222222, 0x33333333, 0, 0 });
	board_free(&board);
}

static void test_status_transitions(void **state)
{
	static const struct {
		uint32_t from, written, to;
	} rows[] = {
		{ SVIRTB_MAGIC, SVIRTB_MAGIC, SVIRTB_MAGIC },
		{ SVIRTB_MAGIC, SVIRTB_DRIVER_OK, SVIRTB_DRIVER_OK },
		{ SVIRTB_MAGIC, SVIRTB_READY, SVIRTB_MAGIC },
		{ SVIRTB_MAGIC, SVIRTB_RESET, SVIRTB_MAGIC },
		{ SVIRTB_MAGIC, 3, SVIRTB_MAGIC },
		{ SVIRTB_DRIVER_OK, SVIRTB_MAGIC, SVIRTB_DRIVER_OK },
		{ SVIRTB_DRIVER_OK, SVIRTB_DRIVER_OK, SVIRTB_DRIVER_OK },
		{ SVIRTB_DRIVER_OK, SVIRTB_READY, SVIRTB_READY },
		{ SVIRTB_DRIVER_OK, SVIRTB_RESET, SVIRTB_MAGIC },
		{ SVIRTB_DRIVER_OK, 0xffffffff, SVIRTB_DRIVER_OK },
		{ SVIRTB_READY, SVIRTB_MAGIC, SVIRTB_READY },
		{ SVIRTB_READY, SVIRTB_DRIVER_OK, SVIRTB_READY },
		{ SVIRTB_READY, SVIRTB_READY, SVIRTB_READY },
		{ SVIRTB_READY, SVIRTB_RESET, SVIRTB_MAGIC },
		{ SVIRTB_READY, 0x80000001, SVIRTB_READY },
		{ SVIRTB_RESET, SVIRTB_MAGIC, SVIRTB_RESET },
		{ SVIRTB_RESET, SVIRTB_DRIVER_OK, SVIRTB_RESET },
		{ SVIRTB_RESET, SVIRTB_READY, SVIRTB_RESET },
		{ SVIRTB_RESET, SVIRTB_RESET, SVIRTB_MAGIC },
		{ SVIRTB_RESET, 4, SVIRTB_RESET },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool refused;

		board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		enter_state(&board, rows[i].from);
		board_write(&board, SVIRTB_STATUS, rows[i].written);
		if (board_read(&board, SVIRTB_STATUS) != rows[i].to)
			fail_msg("0x%x, 0x%x written: 0x%x", rows[i].from, rows[i].written,
				board_read(&board, SVIRTB_STATUS));
		refused = rows[i].from == rows[i].to && rows[i].written != SVIRTB_RESET;
		if (board_log_lines() != (refused ? 1 : 0))
			fail_msg("0x%x, 0x%x written: log '%s'", rows[i].from, rows[i].written,
				board_log);
		board_free(&board);
	}
}

static void test_refused_status_message(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_write(&board, SVIRTB_STATUS, SVIRTB_READY);
	assert_string_equal(board_log, "[svirtb] warning: status 0x1 (READY) written in state "
				       "MAGIC; refused, state unchanged\n");
	board_free(&board);
}

/* A refused status write changes no other register either; RESET clears all from anywhere. */
static void test_reset_clears_all(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
		enter_state(&board, states[i].status);
		board_write(&board, SVIRTB_STATUS, 0x1234);
		expect_registers(&board, states[i].name, states[i].registers);
		board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
		expect_registers(&board, states[i].name, states[0].registers);
	}
	board_write(&board, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	board_write(&board, SVIRTB_QUEUE_SIZE, 0xffffffff);
	board_write(&board, SVIRTB_QUEUE_ADDR_HI, 0xffffffff);
	board_write(&board, SVIRTB_QUEUE_ADDR_LO, 0xffffffff);
	board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
	expect_registers(&board, "DRIVER_OK, all ones", states[0].registers);
	/* From READY with requests done, so that head and tail have moved. */
	enter_state(&board, SVIRTB_READY);
	board_put_entry(&board, 0, (struct svirtb_entry){ 0 });
	board_write(&board, SVIRTB_QUEUE_HEAD, 1);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), 1);
	board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
	expect_registers(&board, "READY, moved", states[0].registers);
	board_free(&board);
}

/* Each of the five other registers, written in each state. */
static void test_register_writes_by_state(void **state)
{
	static const struct {
		enum svirtb_register reg;
		const char *name;
	} registers[] = {
		{ SVIRTB_QUEUE_SIZE, "queue_size" },
		{ SVIRTB_QUEUE_ADDR_HI, "queue_addr_hi" },
		{ SVIRTB_QUEUE_ADDR_LO, "queue_addr_lo" },
		{ SVIRTB_QUEUE_HEAD, "queue_head" },
		{ SVIRTB_QUEUE_TAIL, "queue_tail" },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(states) * ARRAY_COUNT(registers); i++) {
		size_t from = i / ARRAY_COUNT(registers);
		size_t reg = i % ARRAY_COUNT(registers);
		bool taken = states[from].status == SVIRTB_DRIVER_OK && reg < 3;
		uint32_t wanted[6];

		/* An accepted head has tests of its own. */
		if (states[from].status == SVIRTB_READY && registers[reg].reg == SVIRTB_QUEUE_HEAD)
			continue;
		board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		memcpy(wanted, states[from].registers, sizeof(wanted));
		wanted[registers[reg].reg / 4] =
			taken ? 0xfedcba98 : wanted[registers[reg].reg / 4];
		enter_state(&board, states[from].status);
		board_write(&board, registers[reg].reg, 0xfedcba98);
		expect_registers(&board, states[from].name, wanted);
		if (board_log_lines() != (taken ? 0 : 1) ||
			(!taken && strstr(board_log, registers[reg].name) == NULL))
			fail_msg("%s, %s written: log '%s'", states[from].name, registers[reg].name,
				board_log);
		board_free(&board);
	}
}

static void test_ring_check(void **state)
{
	static const struct {
		const char *name;
		uint64_t ring;
		uint32_t entries;
		uint32_t entry_size;
		const char *message; /* null: READY */
	} rows[] = {
		{ "no entries", 0x1000, 0, 28, "READY: queue_size is 0, not 1..32768" },
		{ "one entry", 0x1000, 1, 28, NULL },
		{ "one too many", 0x1000, 32769, 28, "READY: queue_size is 32769, not 1..32768" },
		{ "largest number", 0x1000, 0xffffffff, 28,
			"READY: queue_size is 4294967295, not 1..32768" },
		{ "size that wraps 32 bits", 0x1000, 0x92492493, 28, "not 1..32768" },
		{ "as many as there may be, too long for this memory", 0, 32768, 28,
			"READY: ring 0x0+917504 (32768 entries of 28 bytes) is outside guest "
			"memory" },
		{ "unaligned", 0x1235, 100, 28, NULL },
		{ "across the seam", BOARD_SEAM - 30, 8, 28, NULL },
		{ "up to the hole", BOARD_HOLE - 280, 10, 28, NULL },
		{ "a byte into the hole", BOARD_HOLE - 279, 10, 28, "outside guest memory" },
		{ "unpacked, up to the hole", BOARD_HOLE - 320, 10, 32, NULL },
		{ "unpacked, only padding in the hole", BOARD_HOLE - 319, 10, 32,
			"ring 0x17ec1+320 (10 entries of 32 bytes) is outside guest memory" },
		{ "in the hole", BOARD_HOLE, 1, 28, "outside guest memory" },
		{ "over the hole", BOARD_HOLE - 100, 8000, 28, "outside guest memory" },
		{ "a byte before the piece behind", BOARD_BEHIND - 1, 1, 28,
			"outside guest memory" },
		{ "behind the hole", BOARD_BEHIND, 10, 28, NULL },
		{ "up to the end", BOARD_END - 28, 1, 28, NULL },
		{ "above 4 GiB", 0x100001000, 1, 28, "ring 0x100001000+28" },
		{ "wraps to zero", 0xfffffffffffffff0, 2, 28,
			"ring 0xfffffffffffffff0+56 (2 entries of 28 bytes) is outside guest "
			"memory" },
		{ "the device's own page", SVIRTB_BASE, 1, 28, "ring 0xcafe0000+28" },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint32_t wanted[6] = { SVIRTB_READY, rows[i].entries,
			(uint32_t)(rows[i].ring >> 32), (uint32_t)rows[i].ring, 0, 0 };

		board_make(&board, RAMDISK_READ_WRITE, rows[i].entry_size, BOARD_DISK_SIZE);
		board_write(&board, SVIRTB_STATUS, SVIRTB_DRIVER_OK);
		board_write(&board, SVIRTB_QUEUE_SIZE, wanted[1]);
		board_write(&board, SVIRTB_QUEUE_ADDR_HI, wanted[2]);
		board_write(&board, SVIRTB_QUEUE_ADDR_LO, wanted[3]);
		board_write(&board, SVIRTB_STATUS, SVIRTB_READY);
		wanted[0] = rows[i].message == NULL ? SVIRTB_READY : SVIRTB_RESET;
		expect_registers(&board, rows[i].name, wanted);
		if (rows[i].message == NULL)
			assert_int_equal(board_log_lines(), 0);
		else if (strstr(board_log, rows[i].message) == NULL ||
			 strstr(board_log, "; status set to RESET\n") == NULL)
			fail_msg("%s: log '%s'", rows[i].name, board_log);
		board_free(&board);
	}
}

/* The largest ring that may be, in a guest memory that holds it. */
static void test_largest_ring(void **state)
{
	const uint64_t size = align_up(SVIRTB_MAX_ENTRIES * 28ull, PAGE_SIZE);
	struct board board;
	uint8_t *host = calloc(1, size);

	(void)state;
	assert_non_null(host);
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	assert_int_equal(guest_memory_add(&board.memory, 0x100000, size, host), STATUS_OK);
	board_start(&board, 0x100000, SVIRTB_MAX_ENTRIES);
	board_write(&board, SVIRTB_QUEUE_HEAD, SVIRTB_MAX_ENTRIES - 1);
	assert_int_equal(board_read(&board, SVIRTB_QUEUE_TAIL), SVIRTB_MAX_ENTRIES - 1);
	board_write(&board, SVIRTB_QUEUE_HEAD, SVIRTB_MAX_ENTRIES);
	assert_int_equal(board_read(&board, SVIRTB_STATUS), SVIRTB_RESET);
	board_free(&board);
	free(host);
}

static void test_head_beyond_ring(void **state)
{
	static const struct {
		uint32_t entries, head;
		bool taken;
	} rows[] = {
		{ 8, 7, true },
		{ 8, 8, false },
		{ 8, 9, false },
		{ 8, 0x80000000, false },
		{ 8, 0xffffffff, false },
		{ 1, 0, true },
		{ 1, 1, false },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint32_t head = rows[i].taken ? rows[i].head : 0;

		board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
		board_start(&board, BOARD_RING, rows[i].entries);
		for (uint32_t k = 0; k < rows[i].entries; k++)
			board_put_entry(&board, k, (struct svirtb_entry){ 0 });
		board_write(&board, SVIRTB_QUEUE_HEAD, rows[i].head);
		expect_registers(&board, "head",
			(const uint32_t[6]){ rows[i].taken ? SVIRTB_READY : SVIRTB_RESET,
				rows[i].entries, 0, BOARD_RING, head, head });
		assert_true(board.device.requests == head);
		assert_int_equal(board_log_lines(), rows[i].taken ? 0 : 1);
		board_free(&board);
	}
}

/* What the driver writes into the ring's registers after READY moves nothing. */
static void test_ring_is_latched(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	board_start(&board, BOARD_RING, 4);
	board_put_entry(&board, 0, (struct svirtb_entry){ .addr = 0x4000, .size = 512 });
	board_write(&board, SVIRTB_QUEUE_SIZE, 2);
	board_write(&board, SVIRTB_QUEUE_ADDR_LO, BOARD_HOLE);
	board_write(&board, SVIRTB_QUEUE_ADDR_HI, 1);
	board_write(&board, SVIRTB_QUEUE_HEAD, 1);
	assert_memory_equal(board_guest(&board, 0x4000), board.disk.data, 512);
	expect_registers(
		&board, "latched", (const uint32_t[6]){ SVIRTB_READY, 4, 0, BOARD_RING, 1, 1 });
	board_free(&board);
}

static bool is_register_access(uint64_t offset, unsigned int width)
{
	return width == 4 && offset % 4 == 0;
}

/* Every width at every offset of the page, in each state: reads all ones, writes nothing. */
static void test_odd_accesses(void **state)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	for (size_t i = 0; i < ARRAY_COUNT(states) * ARRAY_COUNT(widths); i++) {
		size_t from = i / ARRAY_COUNT(widths);
		unsigned int width = widths[i % ARRAY_COUNT(widths)];

		enter_state(&board, states[from].status);
		for (uint64_t offset = 0; offset + width <= SVIRTB_SIZE; offset++) {
			if (is_register_access(offset, width))
				continue;
			if (board_access_read(&board, offset, width) != width_mask(width))
				fail_msg("read of %u bytes at 0x%lx", width, offset);
			board_access_write(&board, offset, width, SVIRTB_RESET);
			board_access_write(&board, offset, width, 1);
			board_access_write(&board, offset, width, 0);
		}
		expect_registers(&board, states[from].name, states[from].registers);
	}
	board_free(&board);
}

static void test_rest_of_page(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	enter_state(&board, SVIRTB_RESET);
	for (uint64_t offset = 0x18; offset < SVIRTB_SIZE; offset += 4) {
		board_access_write(&board, offset, 4, SVIRTB_RESET);
		board_access_write(&board, offset, 4, SVIRTB_DRIVER_OK);
		if (board_access_read(&board, offset, 4) != 0)
			fail_msg("0x%lx", offset);
	}
	expect_registers(&board, "rest", states[3].registers);
	board_free(&board);
}

static void test_odd_access_messages(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	(void)board_access_read(&board, 0x11, 4);
	board_access_write(&board, 0x10, 2, 0x1234);
	board_access_write(&board, 0x20, 4, 0x5678);
	assert_string_equal(board_log,
		"[svirtb] warning: read of 4 bytes at 0xcafe0000+0x11 is no aligned 32-bit access; "
		"reads all ones\n"
		"[svirtb] warning: write of 0x1234 in 2 bytes at 0xcafe0000+0x10 is no aligned "
		"32-bit access; ignored\n"
		"[svirtb] warning: write of 0x5678 at 0xcafe0000+0x20, where there is no register; "
		"ignored\n");
	board_free(&board);
}

/* A driver that errs for ever fills no log, and does not silence its other errors. */
static void test_log_is_limited(void **state)
{
	struct board board;

	(void)state;
	board_make(&board, RAMDISK_READ_WRITE, SVIRTB_ENTRY_PACKED, BOARD_DISK_SIZE);
	for (int i = 0; i < 1000; i++)
		board_write(&board, SVIRTB_QUEUE_TAIL, 5);
	assert_in_range(board_log_lines(), 8, 20);
	board_forget_log();
	board_write(&board, SVIRTB_QUEUE_HEAD, 5);
	assert_int_equal(board_log_lines(), 1);
	board_forget_log();
	/* A reset does not start the count anew. */
	board_write(&board, SVIRTB_STATUS, SVIRTB_RESET);
	board_write(&board, SVIRTB_QUEUE_TAIL, 5);
	assert_int_equal(board_log_lines(), 0);
	board_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_on),
		cmocka_unit_test(test_register_offsets),
		cmocka_unit_test(test_status_transitions),
		cmocka_unit_test(test_refused_status_message),
		cmocka_unit_test(test_reset_clears_all),
		cmocka_unit_test(test_register_writes_by_state),
		cmocka_unit_test(test_ring_check),
		cmocka_unit_test(test_largest_ring),
		cmocka_unit_test(test_head_beyond_ring),
		cmocka_unit_test(test_ring_is_latched),
		cmocka_unit_test(test_odd_accesses),
		cmocka_unit_test(test_rest_of_page),
		cmocka_unit_test(test_odd_access_messages),
		cmocka_unit_test(test_log_is_limited),
	};

	return cmocka_run_group_tests_name("svirtb", tests, board_group_setup, NULL);
}
