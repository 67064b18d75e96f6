/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic_timer.c: how a count runs, when it fires, and how often. What changes
 * a timer that runs is in test_apic_timer_changes.c.
 */
#include "tests/unit/apic_timer_board.h"

/* How long a count lasts, in ticks; at a TSC of any size. */
static void test_durations(void **state)
{
	static const struct {
		const char *name;
		uint32_t divide, count;
		uint64_t ticks;
	} rows[] = {
		{ "1 / 1", 0xb, 1, 1 },
		{ "1000 / 1", 0xb, 1000, 1000 },
		{ "1000 / 2", 0x0, 1000, 2000 },
		{ "1000 / 4", 0x1, 1000, 4000 },
		{ "1000 / 8", 0x2, 1000, 8000 },
		{ "1000 / 16", 0x3, 1000, 16000 },
		{ "1000 / 32", 0x8, 1000, 32000 },
		{ "1000 / 64", 0x9, 1000, 64000 },
		{ "1000 / 128", 0xa, 1000, 128000 },
		{ "reserved bits of the divisor", 0xfffffff4, 1000, 2000 },
		{ "the longest undivided", 0xb, 0xffffffff, 0xffffffff },
		{ "the longest", 0xa, 0xffffffff, 0xffffffffull * 128 },
	};
	static const uint64_t starts[] = { 0, 1, 0x7fffffff, 0xfffffffe, 1ull << 40, 1ull << 63,
		~0ull - (1ull << 40) };
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		for (size_t j = 0; j < ARRAY_COUNT(starts); j++) {
			uint64_t end = starts[j] + rows[i].ticks;

			board_start(&board);
			board.time = starts[j];
			set_timer(&board, ONE_SHOT, rows[i].divide, rows[i].count);
			assert_true(apic_timer_is_armed(&board.apic));
			assert_int_equal(apic_deadline(&board.apic), end);
			assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), rows[i].count);
			assert_false(expire_at(&board, end - 1));
			assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 1);
			assert_int_equal(apic_deadline(&board.apic), end);
			assert_true(expire_at(&board, end));
			assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 0);
			assert_int_equal(reg_read(&board, APIC_INITIAL_COUNT), rows[i].count);
			assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
			assert_false(apic_timer_is_armed(&board.apic));
			assert_false(expire_at(&board, end + rows[i].ticks));
		}
	}
}

/* Beyond the end of the TSC's 64 bits nothing fires, above all not at once. */
static void test_end_of_time(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	board.time = ~0ull - 10;
	set_timer(&board, PERIODIC, DIVIDE_BY_1, 100);
	assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
	assert_false(expire_at(&board, ~0ull));
	board.time = ~0ull - 10;
	set_timer(&board, PERIODIC, DIVIDE_BY_1, 6);
	assert_true(expire_at(&board, ~0ull - 4));
	assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
	reg_write(&board, APIC_LVT, DEADLINE);
	set_deadline(&board, ~0ull - 1);
	assert_false(expire_at(&board, ~0ull - 2));
	assert_true(expire_at(&board, ~0ull));
}

static void test_current_count(void **state)
{
	static const struct {
		const char *name;
		uint64_t lvt;
		uint64_t time; /* since a count of 10 / 16 began */
		uint32_t count;
	} rows[] = {
		{ "begin", ONE_SHOT, 0, 10 },
		{ "within the first", ONE_SHOT, 15, 10 },
		{ "the first is over", ONE_SHOT, 16, 9 },
		{ "before the last", ONE_SHOT, 143, 2 },
		{ "the last", ONE_SHOT, 144, 1 },
		{ "its end", ONE_SHOT, 159, 1 },
		{ "over", ONE_SHOT, 160, 0 },
		{ "long over", ONE_SHOT, 1ull << 50, 0 },
		{ "periodic, begin", PERIODIC, 0, 10 },
		{ "periodic, end", PERIODIC, 159, 1 },
		{ "periodic, once round, nobody noticed", PERIODIC, 160, 10 },
		{ "periodic, a little later", PERIODIC, 176, 9 },
		{ "periodic, many times round", PERIODIC, 160ull * 1000000 + 17, 9 },
		{ "masked all the same", ONE_SHOT | MASKED, 144, 1 },
		{ "masked, periodic", PERIODIC | MASKED, 16016, 9 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		board.time = 1ull << 35;
		set_timer(&board, rows[i].lvt, DIVIDE_BY_16, 10);
		board.time += rows[i].time;
		assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), rows[i].count);
	}
}

/* Late or not, the beats stay where they began, and what was missed is one interrupt. */
static void test_periods(void **state)
{
	static const struct {
		const char *name;
		uint64_t min_period, now, next; /* a period of 1000 began at 0 */
	} rows[] = {
		{ "in time", 0, 1000, 2000 },
		{ "a little late", 0, 1001, 2000 },
		{ "nearly a period late", 0, 1999, 2000 },
		{ "a period late", 0, 2000, 3000 },
		{ "many periods late", 0, 123456789, 123457000 },
		{ "so late that a loop would never end", 0, 1ull << 62, (1ull << 62) + 96 },
		{ "minimum below the period", 999, 1000, 2000 },
		{ "minimum is the period", 1000, 1999, 2000 },
		{ "minimum above the period: a beat is skipped", 1001, 1000, 3000 },
		{ "minimum of ten", 10000, 1000, 11000 },
		{ "minimum of ten, late", 10000, 11000, 21000 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		board.apic.min_period = rows[i].min_period;
		set_timer(&board, PERIODIC, DIVIDE_BY_2, 500);
		assert_int_equal(apic_deadline(&board.apic), 1000);
		assert_true(expire_at(&board, rows[i].now));
		assert_int_equal(apic_deadline(&board.apic), rows[i].next);
		/* The count knows nothing of skipped beats. */
		assert_int_equal(
			reg_read(&board, APIC_CURRENT_COUNT), 500 - rows[i].now % 1000 / 2);
		assert_false(expire_at(&board, rows[i].next - 1));
		assert_true(expire_at(&board, rows[i].next));
	}
}

/* The shortest period there is: each call is one interrupt, and the next deadline is ahead. */
static void test_tiny_period(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	board.apic.min_period = 30000;
	set_timer(&board, PERIODIC, DIVIDE_BY_1, 1);
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t time = apic_deadline(&board.apic) + i * 977;

		assert_true(expire_at(&board, time));
		assert_true(apic_deadline(&board.apic) > time);
		assert_int_equal((apic_deadline(&board.apic) - 1) % 30000, 0);
		assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 1);
	}
}

/* Interrupts that are not taken do not add up. */
static void test_pending_once(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	set_timer(&board, PERIODIC, DIVIDE_BY_1, 100);
	for (uint64_t time = 100; time <= 1000; time += 100)
		apic_expire(&board.apic, time);
	assert_int_equal(board_take(&board), VECTOR);
	apic_expire(&board.apic, 1100); /* while it is in service: one more */
	apic_expire(&board.apic, 1200);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board_take(&board), VECTOR);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board_take(&board), -1);
}

/* A timer with a vector that no interrupt has: an error, not an interrupt. */
static void test_illegal_vector(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	reg_write(&board, APIC_LVT + APIC_LVT_ERROR, 0x42);
	set_timer(&board, BIT(17) | 0x0f, DIVIDE_BY_1, 10);
	assert_int_equal(board_errors(&board), 0);
	apic_expire(&board.apic, 10);
	assert_int_equal(board_take(&board), 0x42);
	assert_int_equal(board_errors(&board), 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_end_of_time),
		cmocka_unit_test(test_current_count),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_tiny_period),
		cmocka_unit_test(test_pending_once),
		cmocka_unit_test(test_illegal_vector),
	};

	return cmocka_run_group_tests_name("apic_timer", tests, NULL, NULL);
}
