/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic_timer.c: what counts, when it fires, how often, and what a change of
 * mode, count, divisor or mask does to a timer that runs.
 */
#include "tests/unit/apic_board.h"

#define VECTOR   0x51u
#define ONE_SHOT VECTOR
#define PERIODIC (BIT(17) | VECTOR)
#define DEADLINE (BIT(18) | VECTOR)
#define RESERVED (BIT(17) | BIT(18) | VECTOR)
#define MASKED   APIC_LVT_MASKED

#define DIVIDE_BY_1   0xbu
#define DIVIDE_BY_2   0x0u
#define DIVIDE_BY_16  0x3u
#define DIVIDE_BY_128 0xau

static void set_timer(struct board *board, uint64_t lvt, uint32_t divide, uint32_t count)
{
	reg_write(board, APIC_LVT, (uint32_t)lvt);
	reg_write(board, APIC_DIVIDE, divide);
	reg_write(board, APIC_INITIAL_COUNT, count);
}

static void set_deadline(struct board *board, uint64_t deadline)
{
	assert_true(apic_write_msr(&board->apic, MSR_APIC_TSC_DEADLINE, deadline));
}

static uint64_t get_deadline(struct board *board)
{
	uint64_t value = 0xdead;

	assert_true(apic_read_msr(&board->apic, MSR_APIC_TSC_DEADLINE, &value));
	return value;
}

/* What the run loop does when it sees that the time has come: whether that was one interrupt. */
static bool expire_at(struct board *board, uint64_t time)
{
	int vector;

	board->time = time;
	apic_expire(&board->apic, time);
	vector = board_take(board);
	if (vector < 0)
		return false;
	assert_int_equal(vector, VECTOR);
	reg_write(board, APIC_EOI, 0);
	assert_int_equal(board_take(board), -1);
	return true;
}

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
		cmocka_unit_test(test_tsc_deadline),
		cmocka_unit_test(test_tsc_offset),
		cmocka_unit_test(test_tsc_offset_stays),
		cmocka_unit_test(test_due_before_a_change),
		cmocka_unit_test(test_mode_changes),
		cmocka_unit_test(test_changes_while_counting),
		cmocka_unit_test(test_attention),
		cmocka_unit_test(test_illegal_vector),
	};

	return cmocka_run_group_tests_name("apic_timer", tests, NULL, NULL);
}
