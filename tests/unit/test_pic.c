/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/pic.c: that guests find what they probe for, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/pic.h"
#include "lib/bits.h"

struct board {
	struct bus ports;
	struct pic pic;
};

static void make_board(struct board *board)
{
	*board = (struct board){ 0 };
	memset(&board->pic, 0xa5, sizeof(board->pic));
	assert_int_equal(pic_register(&board->pic, &board->ports), STATUS_OK);
}

static uint64_t in(struct board *board, uint64_t port, unsigned int width)
{
	struct bus_region *region = bus_find_access(&board->ports, port, width);

	return region != NULL ? bus_region_read(region, port, width) : width_mask(width);
}

static void out(struct board *board, uint64_t port, unsigned int width, uint64_t value)
{
	struct bus_region *region = bus_find_access(&board->ports, port, width);

	if (region != NULL)
		bus_region_write(region, port, width, value);
}

static void test_reset(void **state)
{
	static struct board board;

	(void)state;
	make_board(&board);
	assert_int_equal(in(&board, 0x20, 1), 0);
	assert_int_equal(in(&board, 0x21, 1), 0xff);
	assert_int_equal(in(&board, 0xa0, 2), 0xff00);
	assert_int_equal(in(&board, 0x4d0, 2), 0);
	assert_int_equal(in(&board, 0x22, 1), 0xff);
	assert_int_equal(in(&board, 0x21, 2), 0xffff); /* reaches out of it */
}

static void test_masks(void **state)
{
	static const uint8_t values[] = { 0x00, 0xff, 0xfb, 0x55 };
	static struct board board;

	(void)state;
	make_board(&board);
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		out(&board, 0x21, 1, values[i]);
		out(&board, 0xa1, 1, (uint8_t)~values[i]);
		assert_int_equal(in(&board, 0x21, 1), values[i]);
		assert_int_equal(in(&board, 0xa1, 1), (uint8_t)~values[i]);
		/* The commands (end of interrupt, read IRR and ISR, poll) leave it alone. */
		for (unsigned int command = 0; command < 256; command++) {
			if (command & 0x10)
				continue;
			out(&board, 0x20, 1, command);
			assert_int_equal(in(&board, 0x20, 1), 0);
		}
		assert_int_equal(in(&board, 0x21, 1), values[i]);
	}
	/* Both ports at once. */
	out(&board, 0x20, 2, 0x3c20);
	assert_int_equal(in(&board, 0x20, 2), 0x3c00);
}

/* ICW1 unmasks all; the words that follow are no masks, and as many as it announced. */
static void test_initialisation(void **state)
{
	static const struct {
		const char *name;
		uint8_t icw1;
		unsigned int words;
	} rows[] = {
		{ "cascade, ICW4", 0x11, 3 },
		{ "cascade, no ICW4", 0x10, 2 },
		{ "single, ICW4", 0x13, 2 },
		{ "single, no ICW4", 0x12, 1 },
		{ "level, interval 4", 0x1d, 3 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (uint64_t port = 0x20; port <= 0xa0; port += 0x80) {
			print_message("%s\n", rows[i].name);
			make_board(&board);
			out(&board, port, 1, 0x11);
			out(&board, port + 1, 1, 0x99);
			out(&board, port, 1, rows[i].icw1); /* starts over */
			for (unsigned int word = 0; word < rows[i].words; word++) {
				assert_int_equal(in(&board, port + 1, 1), 0);
				out(&board, port + 1, 1, 0x20 + word);
			}
			assert_int_equal(in(&board, port + 1, 1), 0);
			out(&board, port + 1, 1, 0xfb);
			assert_int_equal(in(&board, port + 1, 1), 0xfb);
			assert_int_equal(in(&board, (port ^ 0x80) + 1, 1), 0xff);
		}
	}
}

static void test_edge_level(void **state)
{
	static struct board board;

	(void)state;
	make_board(&board);
	out(&board, 0x4d0, 1, 0xff);
	assert_int_equal(in(&board, 0x4d0, 1), 0xf8);
	assert_int_equal(in(&board, 0x4d1, 1), 0x00);
	out(&board, 0x4d1, 1, 0xff);
	assert_int_equal(in(&board, 0x4d1, 1), 0xde);
	out(&board, 0x4d0, 2, 0x0c20);
	assert_int_equal(in(&board, 0x4d0, 2), 0x0c20);
}

static void test_conflict(void **state)
{
	static struct board board;

	(void)state;
	make_board(&board);
	assert_int_equal(pic_register(&board.pic, &board.ports), STATUS_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_initialisation),
		cmocka_unit_test(test_edge_level),
		cmocka_unit_test(test_conflict),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
