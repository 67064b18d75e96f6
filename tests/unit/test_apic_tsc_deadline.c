/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic_timer.c: TSC-deadline mode, and the guest's TSC beside the
 * processor's.
 */
#include "tests/unit/apic_timer_board.h"

static void test_tsc_deadline(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	board.time = 1000;
	/* In another mode it is not there. */
	set_deadline(&board, 2000);
	assert_int_equal(get_deadline(&board), 0);
	assert_false(apic_timer_is_armed(&board.apic));
	reg_write(&board, APIC_LVT, DEADLINE);
	assert_int_equal(get_deadline(&board), 0);
	set_deadline(&board, 2000);
	assert_int_equal(get_deadline(&board), 2000);
	assert_int_equal(apic_deadline(&board.apic), 2000);
	/* Counts are not there in this one. */
	reg_write(&board, APIC_INITIAL_COUNT, 77);
	assert_int_equal(reg_read(&board, APIC_INITIAL_COUNT), 0);
	assert_int_equal(reg_read(&board, APIC_CURRENT_COUNT), 0);
	reg_write(&board, APIC_DIVIDE, DIVIDE_BY_1);
	assert_int_equal(apic_deadline(&board.apic), 2000);
	assert_false(expire_at(&board, 1999));
	assert_true(expire_at(&board, 2000));
	assert_int_equal(get_deadline(&board), 0);
	assert_false(expire_at(&board, 4000));
	/* One that has passed fires at once; 0 disarms; another takes its place. */
	set_deadline(&board, 3999);
	assert_int_equal(apic_deadline(&board.apic), 4000);
	assert_true(expire_at(&board, 4000));
	set_deadline(&board, 5000);
	set_deadline(&board, 0);
	assert_false(apic_timer_is_armed(&board.apic));
	assert_false(expire_at(&board, 6000));
	set_deadline(&board, 7000);
	set_deadline(&board, 9000);
	assert_false(expire_at(&board, 8000));
	assert_true(expire_at(&board, 9000));
	set_deadline(&board, ~0ull);
	assert_int_equal(get_deadline(&board), ~0ull);
	assert_false(apic_timer_is_armed(&board.apic));
}

/* IA32_TSC_DEADLINE is in the guest's time, apic_deadline in the processor's. */
static void test_tsc_offset(void **state)
{
	static const struct {
		const char *name;
		uint64_t offset; /* set while the TSC is 1000, the guest's deadline 2000 */
		uint64_t wanted; /* apic_deadline then */
	} rows[] = {
		{ "none", 0, 2000 },
		{ "ahead", 300, 1700 },
		{ "exactly there", 1000, 1000 },
		{ "past it", 5000, 1000 },
		{ "behind", -400ull, 2400 },
		{ "far behind", -999ull, 2999 },
		{ "before 0", -1001ull, 1000 },
		{ "ahead by half of all", BIT(63), 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		static struct board board;

		board_start(&board);
		board.time = 1000;
		reg_write(&board, APIC_LVT, DEADLINE);
		set_deadline(&board, 2000);
		apic_set_tsc_offset(&board.apic, rows[i].offset);
		if (apic_deadline(&board.apic) != rows[i].wanted)
			fail_msg("%s: %llu", rows[i].name,
				(unsigned long long)apic_deadline(&board.apic));
		assert_int_equal(get_deadline(&board), rows[i].wanted == board.time ? 0 : 2000);
		assert_int_equal(expire_at(&board, 1000), rows[i].wanted == board.time);
		/* And one that is set afterwards; for one TSC, it lies behind. */
		set_deadline(&board, 2500 + rows[i].offset - 1000);
		assert_int_equal(
			apic_deadline(&board.apic), rows[i].offset == -1001ull ? 1000 : 1500);
		assert_true(expire_at(&board, 1500));
	}
}

/* The offset is the processor's: switching the APIC off and on leaves it. */
static void test_tsc_offset_stays(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	apic_set_tsc_offset(&board.apic, 700);
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_DISABLED));
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_XAPIC));
	assert_int_equal(board.apic.timer.tsc_offset, 700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tsc_deadline),
		cmocka_unit_test(test_tsc_offset),
		cmocka_unit_test(test_tsc_offset_stays),
	};

	return cmocka_run_group_tests_name("apic_tsc_deadline", tests, NULL, NULL);
}
