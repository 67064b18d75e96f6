/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/power.c and devices/sync_port.c: which write to which port means what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/power.h"
#include "devices/sync_port.h"
#include "lib/bits.h"

struct board {
	struct bus ports;
	struct power power;
	struct block block;
	struct sync_port sync;
};

static void make_board(struct board *board)
{
	*board = (struct board){ 0 };
	/* What is left from a run before must not count. */
	memset(&board->power, 0xa5, sizeof(board->power));
	memset(&board->sync, 0xa5, sizeof(board->sync));
	assert_int_equal(power_register(&board->power, &board->ports), STATUS_OK);
	block_init(&board->block, NULL);
	assert_int_equal(sync_port_register(&board->sync, &board->ports, &board->block), STATUS_OK);
}

/* As the exit handler does it: what no region covers reads all ones and is not written. */
static uint64_t in(struct board *board, uint64_t port, unsigned int width)
{
	struct bus_region *region = bus_find(&board->ports, port);

	if (region == NULL || !bus_region_covers(region, port, width))
		return width_mask(width);
	return bus_region_read(region, port, width);
}

static void out(struct board *board, uint64_t port, unsigned int width, uint64_t value)
{
	struct bus_region *region = bus_find(&board->ports, port);

	if (region != NULL && bus_region_covers(region, port, width))
		bus_region_write(region, port, width, value);
}

static void test_writes(void **state)
{
	static const struct {
		const char *name;
		uint64_t port;
		unsigned int width;
		uint64_t value;
		enum power_event event;
		uint8_t status;
	} rows[] = {
		{ "exit 0", 0xf4, 1, 0, POWER_EXIT, 0 },
		{ "exit 7", 0xf4, 1, 7, POWER_EXIT, 7 },
		{ "exit 99", 0xf4, 1, 99, POWER_EXIT, 99 },
		{ "exit 100 is 99", 0xf4, 1, 100, POWER_EXIT, 99 },
		{ "exit 255 is 99", 0xf4, 1, 255, POWER_EXIT, 99 },
		{ "exit by 16 bits", 0xf4, 2, 42, POWER_EXIT, 42 },
		{ "exit by 32 bits", 0xf4, 4, 42, POWER_EXIT, 42 },
		{ "exit 0x100 is no success", 0xf4, 2, 0x100, POWER_EXIT, 99 },
		{ "exit 0x80000000 is no success", 0xf4, 4, 0x80000000, POWER_EXIT, 99 },
		{ "exit at the last port", 0xf7, 1, 3, POWER_EXIT, 3 },
		{ "behind the exit ports", 0xf8, 1, 3, POWER_NONE, 0 },
		{ "keyboard reset", 0x64, 1, 0xfe, POWER_RESET, 0 },
		{ "keyboard, all lines pulsed", 0x64, 1, 0xf0, POWER_RESET, 0 },
		{ "keyboard, no line pulsed", 0x64, 1, 0xff, POWER_NONE, 0 },
		{ "keyboard, write output port", 0x64, 1, 0xd1, POWER_NONE, 0 },
		{ "keyboard, self-test", 0x64, 1, 0xaa, POWER_NONE, 0 },
		{ "fast reset", 0x92, 1, 0x01, POWER_RESET, 0 },
		{ "fast reset with A20", 0x92, 1, 0x03, POWER_RESET, 0 },
		{ "A20 only", 0x92, 1, 0x02, POWER_NONE, 0 },
		{ "reset kind only", 0xcf9, 1, 0x02, POWER_NONE, 0 },
		{ "hard reset", 0xcf9, 1, 0x06, POWER_RESET, 0 },
		{ "soft reset", 0xcf9, 1, 0x04, POWER_RESET, 0 },
		{ "full reset", 0xcf9, 1, 0x0e, POWER_RESET, 0 },
		{ "PCI configuration address", 0xcf8, 4, 0x80000600, POWER_NONE, 0 },
		{ "QEMU off", 0x604, 2, 0x2000, POWER_OFF, 0 },
		{ "QEMU off by 32 bits", 0x604, 4, 0x2000, POWER_OFF, 0 },
		{ "QEMU off, high byte only", 0x605, 1, 0x20, POWER_OFF, 0 },
		{ "QEMU without SLP_EN", 0x604, 2, 0xdfff, POWER_NONE, 0 },
		{ "QEMU low byte only", 0x604, 1, 0x20, POWER_NONE, 0 },
		{ "Bochs off", 0xb004, 2, 0x2000, POWER_OFF, 0 },
		{ "Bochs without SLP_EN", 0xb004, 2, 0x1c00, POWER_NONE, 0 },
		{ "VirtualBox off", 0x4004, 2, 0x3400, POWER_OFF, 0 },
		{ "VirtualBox without SLP_EN", 0x4004, 2, 0x1400, POWER_NONE, 0 },
		{ "ACPI S5", 0x600, 1, 0x34, POWER_OFF, 0 },
		{ "ACPI S5 by 16 bits", 0x600, 2, 0x34, POWER_OFF, 0 },
		{ "ACPI sleep type without SLP_EN", 0x600, 1, 0x14, POWER_NONE, 0 },
		{ "ACPI sleep status", 0x601, 1, 0xff, POWER_NONE, 0 },
		{ "sync port", 0xcafe, 1, 1, POWER_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct board board;

		make_board(&board);
		assert_int_equal(board.power.event, POWER_NONE);
		out(&board, rows[i].port, rows[i].width, rows[i].value);
		if (board.power.event != rows[i].event || board.power.status != rows[i].status)
			fail_msg("%s: event %d, status %u", rows[i].name, (int)board.power.event,
				board.power.status);
		if (rows[i].event != POWER_NONE)
			assert_true(board.power.port <= rows[i].port &&
				    rows[i].port - board.power.port < 4 &&
				    board.power.value == rows[i].value);
	}
}

static void test_first_counts(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	out(&board, 0xf4, 1, 5);
	out(&board, 0xf4, 1, 0);
	out(&board, 0x64, 1, 0xfe);
	assert_int_equal(board.power.event, POWER_EXIT);
	assert_int_equal(board.power.status, 5);
	assert_int_equal(board.power.port, 0xf4);
}

static void test_reads(void **state)
{
	static const struct {
		const char *name;
		uint64_t port;
		unsigned int width;
		uint64_t wanted;
	} rows[] = {
		{ "exit port", 0xf4, 1, 0xff },
		{ "exit port by 32 bits", 0xf4, 4, 0xffffffff },
		{ "no keyboard controller", 0x64, 1, 0xff },
		{ "A20 is on", 0x92, 1, 0x02 },
		{ "reset control", 0xcf9, 1, 0x00 },
		{ "PM1a control", 0x604, 2, 0x0001 },
		{ "PM1a control, high byte", 0x605, 1, 0x00 },
		{ "Bochs's PM1a control", 0xb004, 2, 0x0001 },
		{ "VirtualBox's PM1a control", 0x4004, 4, 0x00000001 },
	};
	struct board board;

	(void)state;
	make_board(&board);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t got = in(&board, rows[i].port, rows[i].width);

		if (got != rows[i].wanted)
			fail_msg("%s: 0x%lx", rows[i].name, got);
	}
	assert_int_equal(board.power.event, POWER_NONE);
}

/* The usual read-modify-writes that set another bit end nothing. */
static void test_read_modify_write(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	out(&board, 0x92, 1, in(&board, 0x92, 1) | 0x02);
	out(&board, 0xcf9, 1, in(&board, 0xcf9, 1) | 0x02);
	out(&board, 0x604, 2, in(&board, 0x604, 2) | 0x0001);
	assert_int_equal(board.power.event, POWER_NONE);
}

static void test_register_fails(void **state)
{
	static const struct bus_ops none = { 0 };
	struct bus ports = { 0 };
	struct power power;

	(void)state;
	assert_int_equal(bus_register(&ports, "other", 0x4006, 1, &none, NULL), STATUS_OK);
	assert_int_equal(power_register(&power, &ports), STATUS_CONFLICT);
}

static void test_event_text(void **state)
{
	(void)state;
	assert_string_equal(power_event_text(POWER_EXIT), "exit port");
	assert_string_equal(power_event_text(POWER_RESET), "reset port");
	assert_string_equal(power_event_text(POWER_OFF), "power-off port");
	assert_string_equal(power_event_text(POWER_NONE), "none");
}

static void test_sync_port(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	assert_false(board.block.sync_wanted);
	assert_true(in(&board, SYNC_PORT, 1) == 0xff);
	assert_true(in(&board, SYNC_PORT, 2) == 0xffff);
	out(&board, SYNC_PORT, 1, 0);
	out(&board, SYNC_PORT, 1, 2);
	out(&board, SYNC_PORT, 2, 1);
	out(&board, SYNC_PORT, 4, 1);
	out(&board, SYNC_PORT + 1, 1, 1);
	assert_false(board.block.sync_wanted);
	out(&board, SYNC_PORT, 1, SYNC_REQUEST);
	assert_true(board.block.sync_wanted);
	assert_true(in(&board, SYNC_PORT, 1) == 0xff);
	block_complete_sync(&board.block, true);
	assert_false(board.block.sync_wanted);
	assert_true(in(&board, SYNC_PORT, 1) == 0);
	out(&board, SYNC_PORT, 1, SYNC_REQUEST);
	block_complete_sync(&board.block, false);
	assert_false(board.block.sync_wanted);
	assert_true(in(&board, SYNC_PORT, 1) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_first_counts),
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_read_modify_write),
		cmocka_unit_test(test_register_fails),
		cmocka_unit_test(test_event_text),
		cmocka_unit_test(test_sync_port),
	};

	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
