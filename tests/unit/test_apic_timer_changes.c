/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic_timer.c: what a change of mode, count, divisor or mask does to a timer
 * that runs, or that was due before it.
 */
#include "tests/unit/apic_timer_board.h"

/* Nobody has called apic_expire yet when the guest looks or changes something: nothing is lost. */
static void test_due_before_a_change(void **state)
{
	static const struct {
		const char *name;
		uint64_t lvt;
		unsigned int index; /* of the register that is written, 0: RDMSR, 1: WRMSR */
		uint32_t value;
		bool fires;
	} rows[] = {
		{ "deadline, read", DEADLINE, 0, 0, true },
		{ "deadline, written", DEADLINE, 1, 9000, true },
		{ "deadline, disarmed", DEADLINE, 1, 0, true },
		{ "deadline, masked now", DEADLINE, APIC_LVT, DEADLINE | MASKED, true },
		{ "deadline, mode changed", DEADLINE, APIC_LVT, ONE_SHOT, true },
		{ "deadline, APIC switched off", DEADLINE, APIC_SVR, 0xff, true },
		{ "one-shot, new count", ONE_SHOT, APIC_INITIAL_COUNT, 5000, true },
		{ "one-shot, stopped", ONE_SHOT, APIC_INITIAL_COUNT, 0, true },
		{ "one-shot, divisor", ONE_SHOT, APIC_DIVIDE, DIVIDE_BY_16, true },
		{ "one-shot, becomes periodic", ONE_SHOT, APIC_LVT, PERIODIC, true },
		{ "periodic, stopped", PERIODIC, APIC_INITIAL_COUNT, 0, true },
		{ "periodic, masked now", PERIODIC, APIC_LVT, PERIODIC | MASKED, true },
		{ "one-shot was masked", ONE_SHOT | MASKED, APIC_LVT, ONE_SHOT, false },
		{ "periodic was masked", PERIODIC | MASKED, APIC_LVT, PERIODIC, false },
		{ "deadline was masked", DEADLINE | MASKED, APIC_LVT, DEADLINE, false },
		{ "deadline was masked, read", DEADLINE | MASKED, 0, 0, false },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool counts = (rows[i].lvt & BIT(18)) == 0;

		print_message("%s\n", rows[i].name);
		board_start(&board);
		set_timer(&board, rows[i].lvt, DIVIDE_BY_1, 1000);
		set_deadline(&board, 1000);
		board.time = 1010;
		if (rows[i].index == 0)
			assert_int_equal(get_deadline(&board), 0);
		else if (rows[i].index == 1)
			set_deadline(&board, rows[i].value);
		else
			reg_write(&board, rows[i].index, rows[i].value);
		assert_int_equal(board_take(&board), rows[i].fires ? (int)VECTOR : -1);
		/* Past is past: neither what fired nor what was masked comes again. */
		if (counts && (rows[i].lvt & BIT(17)) == 0 && rows[i].index == APIC_LVT)
			assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 0);
		apic_expire(&board.apic, 1011);
		reg_write(&board, APIC_EOI, 0);
		assert_int_equal(board_take(&board), -1);
		if (!counts && rows[i].index != 1)
			assert_int_equal(get_deadline(&board), 0);
	}
}

static void test_mode_changes(void **state)
{
	static const struct {
		const char *name;
		uint64_t from, to;
		uint64_t next; /* 1000 were set at 0, the change is at 400 */
		uint64_t after;
	} rows[] = {
		{ "one-shot to periodic runs on", ONE_SHOT, PERIODIC, 1000, 2000 },
		{ "periodic to one-shot runs on", PERIODIC, ONE_SHOT, 1000, ~0ull },
		{ "periodic to deadline", PERIODIC, DEADLINE, ~0ull, ~0ull },
		{ "one-shot to deadline", ONE_SHOT, DEADLINE, ~0ull, ~0ull },
		{ "deadline to one-shot", DEADLINE, ONE_SHOT, ~0ull, ~0ull },
		{ "deadline to periodic", DEADLINE, PERIODIC, ~0ull, ~0ull },
		{ "periodic to reserved", PERIODIC, RESERVED, ~0ull, ~0ull },
		{ "deadline to reserved", DEADLINE, RESERVED, ~0ull, ~0ull },
		{ "reserved to one-shot", RESERVED, ONE_SHOT, ~0ull, ~0ull },
		{ "same mode, periodic", PERIODIC, PERIODIC, 1000, 2000 },
		{ "same mode, deadline", DEADLINE, DEADLINE, 1000, ~0ull },
		{ "masked, then not", PERIODIC | MASKED, PERIODIC, 1000, 2000 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		set_timer(&board, rows[i].from, DIVIDE_BY_1, 1000);
		set_deadline(&board, 1000);
		board.time = 400;
		reg_write(&board, APIC_LVT, (uint32_t)rows[i].to);
		assert_int_equal(apic_deadline(&board.apic), rows[i].next);
		if (rows[i].next == APIC_NO_DEADLINE) {
			assert_int_equal(get_deadline(&board), 0);
			assert_int_equal(reg_read(&board, APIC_INITIAL_COUNT), 0);
			assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 0);
		}
		assert_int_equal(expire_at(&board, 1000), rows[i].next != APIC_NO_DEADLINE);
		assert_int_equal(apic_deadline(&board.apic), rows[i].after);
	}
}

static void test_changes_while_counting(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	set_timer(&board, ONE_SHOT, DIVIDE_BY_1, 1000);
	board.time = 400;
	reg_write(&board, APIC_DIVIDE, DIVIDE_BY_128); /* 600 are left */
	assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 600);
	assert_int_equal(apic_deadline(&board.apic), 400 + 600 * 128);
	board.time = 400 + 100 * 128;
	reg_write(&board, APIC_DIVIDE, DIVIDE_BY_2);
	assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 500);
	assert_int_equal(apic_deadline(&board.apic), board.time + 1000);
	reg_write(&board, APIC_INITIAL_COUNT, 3); /* starts anew */
	assert_int_equal(apic_deadline(&board.apic), board.time + 6);
	reg_write(&board, APIC_INITIAL_COUNT, 0); /* stops */
	assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
	assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 0);
	assert_false(expire_at(&board, board.time + 1000));
	/* A masked timer wakes nobody; the beat it unmasks at is the one that was going. */
	board.time = 0;
	set_timer(&board, PERIODIC | MASKED, DIVIDE_BY_1, 1000);
	assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
	assert_false(apic_timer_is_armed(&board.apic));
	board.time = 2500;
	reg_write(&board, APIC_LVT, PERIODIC);
	assert_int_equal(apic_deadline(&board.apic), 3000);
	/* Software-disabled, it is masked. */
	reg_write(&board, APIC_SVR, 0xff);
	assert_false(apic_timer_is_armed(&board.apic));
	assert_false(expire_at(&board, 3000));
}

static void test_attention(void **state)
{
	static struct board board;
	unsigned int before;

	(void)state;
	board_start(&board);
	before = board.attentions;
	reg_write(&board, APIC_LVT, PERIODIC);
	assert_true(board.attentions > before);
	before = board.attentions;
	reg_write(&board, APIC_INITIAL_COUNT, 10);
	assert_true(board.attentions > before);
	before = board.attentions;
	reg_write(&board, APIC_DIVIDE, DIVIDE_BY_16);
	assert_true(board.attentions > before);
	reg_write(&board, APIC_LVT, DEADLINE);
	before = board.attentions;
	set_deadline(&board, 1);
	assert_true(board.attentions > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_before_a_change),
		cmocka_unit_test(test_mode_changes),
		cmocka_unit_test(test_changes_while_counting),
		cmocka_unit_test(test_attention),
	};

	return cmocka_run_group_tests_name("apic_timer changes", tests, NULL, NULL);
}
