/* SPDX-License-Identifier: MIT */
/*
 * The APIC's timer: one-shot, periodic, and at a value of the TSC. SDM vol. 3A 'APIC Timer'.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/testing/processor.h"
#include "guest-driver/tests/interrupts/interrupts.h"
#include "vmm/cpu.h"

#define VECTOR           0x6au
#define COUNT            1000000u
#define LONG_COUNT       1000000000u
#define TRIES            10u /* where an emulator on a busy machine may be late, but not each time */
#define MSR_TSC_DEADLINE 0x6e0u
#define DEADLINE_TICKS   3000000ull

static void timer_start(uint32_t mode, uint32_t divide, uint32_t count)
{
	recorder_clear();
	apic_write(APIC_TIMER_DIVIDE, divide);
	apic_write(APIC_LVT_TIMER, mode | VECTOR);
	apic_write(APIC_TIMER_INITIAL, count);
}

static void timer_stop(void)
{
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

/* Ticks of the TSC until a one-shot count ends. */
static uint64_t measure_count(uint32_t divide, uint32_t count)
{
	const uint64_t start = tsc_read();

	timer_start(0, divide, count);
	check_true("it fires", recorder_wait(1));
	return tsc_read() - start;
}

static void test_one_shot(void)
{
	uint32_t before, after;
	uint64_t ticks;

	check_begin("timer: one-shot");
	timer_start(0, APIC_DIVIDE_BY_128, LONG_COUNT);
	before = apic_read(APIC_TIMER_CURRENT);
	recorder_listen(A_MOMENT);
	after = apic_read(APIC_TIMER_CURRENT);
	check_true("it counts down", before <= LONG_COUNT && after < before && after != 0);
	check_equal("interrupts before the end", recorder.total, 0);
	ticks = measure_count(APIC_DIVIDE_BY_1, COUNT);
	recorder_listen(3 * ticks);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_equal("count at the end", apic_read(APIC_TIMER_CURRENT), 0);
	check_equal("initial count, which stays", apic_read(APIC_TIMER_INITIAL), COUNT);
	timer_stop();
	check_apic_is_idle();
}

/* Ticks of the TSC in 256 counts of the timer, undivided. */
static uint64_t measure_rate(void)
{
	uint32_t first_count, last_count;
	uint64_t first;

	timer_start(APIC_LVT_MASKED, APIC_DIVIDE_BY_1, LONG_COUNT);
	first_count = apic_read(APIC_TIMER_CURRENT);
	first = tsc_read();
	recorder_listen(3 * A_MOMENT);
	last_count = apic_read(APIC_TIMER_CURRENT);
	if (!check_true("it counts down", last_count < first_count))
		return 1;
	return (tsc_read() - first) * 256 / (first_count - last_count);
}

/*
 * How long a count takes with each divisor: never too short, and in one of some tries not too long.
 * QEMU's TSC and timer are two clocks, which a busy machine pulls apart: not measured there.
 */
static void test_divide(void)
{
	static const uint8_t codes[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };
	const uint64_t slack = 20 * exit_ticks();
	uint64_t rate;

	check_begin("timer: the divisors");
	rate = measure_rate();
	for (unsigned int i = 0; i < 8; i++) {
		const uint64_t expected = ((uint64_t)COUNT / 16 << i) * rate / 256;
		uint64_t ticks = measure_count(codes[i], COUNT / 16);

		check_equal("divide configuration", apic_read(APIC_TIMER_DIVIDE), codes[i]);
		if (!strict)
			continue;
		for (unsigned int try = 0; try < TRIES && ticks > expected * 5 / 4 + slack; try++)
			ticks = measure_count(codes[i], COUNT / 16);
		check_true("not too short", ticks > expected * 3 / 4);
		check_true("not too long", ticks <= expected * 5 / 4 + slack);
	}
	timer_stop();
}

static void test_stopped(void)
{
	/* QEMU's goes on while a busy machine holds the processor up between the two writes. */
	const uint32_t count = strict ? COUNT : 30 * COUNT;
	uint64_t ticks;

	check_begin("timer: stopped by a count of 0");
	ticks = measure_count(APIC_DIVIDE_BY_1, count);
	for (unsigned int try = 0; try < TRIES; try++) {
		recorder_listen(A_MOMENT);
		timer_start(0, APIC_DIVIDE_BY_1, count);
		apic_write(APIC_TIMER_INITIAL, 0);
		if (!apic_bit(APIC_IRR, VECTOR))
			break;
	}
	check_equal("count", apic_read(APIC_TIMER_CURRENT), 0);
	recorder_listen(3 * ticks);
	check_equal("interrupts", recorder.total, 0);
	check_apic_is_idle();
}

static void test_masked(void)
{
	bool counts = false;
	uint64_t ticks;

	check_begin("timer: masked");
	ticks = measure_count(APIC_DIVIDE_BY_1, COUNT);
	for (unsigned int try = 0; try < TRIES && !counts; try++) {
		timer_start(APIC_LVT_MASKED, APIC_DIVIDE_BY_1, COUNT);
		counts = apic_read(APIC_TIMER_CURRENT) != 0;
	}
	check_true("it counts", counts);
	recorder_listen(3 * ticks);
	check_equal("interrupts", recorder.total, 0);
	check_equal("count", apic_read(APIC_TIMER_CURRENT), 0);
	/* QEMU may notice the end only now. */
	if (strict) {
		apic_write(APIC_LVT_TIMER, VECTOR);
		recorder_listen(ticks);
		check_equal("interrupts when it is unmasked too late", recorder.total, 0);
	}
	timer_stop();
	check_apic_is_idle();
}

static void test_periodic(void)
{
	enum { PERIODS = 20 };
	uint32_t stopped_at;

	check_begin("timer: periodic");
	timer_start(APIC_LVT_PERIODIC, APIC_DIVIDE_BY_1, COUNT);
	check_true("twenty periods", recorder_wait(PERIODS));
	check_equal("of them with its vector", recorder.of[VECTOR], recorder.total);
	check_true("count is within a period", apic_read(APIC_TIMER_CURRENT) <= COUNT);
	timer_stop();
	interrupts_window();
	stopped_at = recorder.total;
	recorder_listen(A_MOMENT * 5);
	check_equal("interrupts after the stop", recorder.total - stopped_at, 0);
	check_apic_is_idle();
}

/* Two periods pass with interrupts off: one request waits, the time goes on. */
static void test_periodic_held(void)
{
	uint64_t ticks, start;

	check_begin("timer: periods that pass with interrupts off");
	ticks = measure_count(APIC_DIVIDE_BY_1, COUNT);
	timer_start(APIC_LVT_PERIODIC, APIC_DIVIDE_BY_1, COUNT);
	start = tsc_read();
	while (tsc_read() - start < 4 * ticks ||
		(!apic_bit(APIC_IRR, VECTOR) && tsc_read() - start < LOST_AFTER))
		;
	check_equal("interrupts", recorder.total, 0);
	check_true("one is requested", apic_bit(APIC_IRR, VECTOR));
	timer_stop();
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_apic_is_idle();
}

void test_timer(void)
{
	test_one_shot();
	test_divide();
	test_stopped();
	test_masked();
	test_periodic();
	test_periodic_held();
}

static void test_deadline_ahead(void)
{
	uint64_t deadline, fired;

	check_begin("timer: at a TSC deadline");
	recorder_clear();
	deadline = tsc_read() + DEADLINE_TICKS;
	cpu_write_msr(MSR_TSC_DEADLINE, deadline);
	check_equal("armed", cpu_read_msr(MSR_TSC_DEADLINE), deadline);
	check_equal("current count", apic_read(APIC_TIMER_CURRENT), 0);
	check_true("it fires", recorder_wait(1));
	fired = tsc_read();
	check_true("not before the deadline", fired >= deadline);
	check_equal("disarmed", cpu_read_msr(MSR_TSC_DEADLINE), 0);
	recorder_listen(2 * DEADLINE_TICKS);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_apic_is_idle();
}

static void test_deadline_past(void)
{
	check_begin("timer: a TSC deadline that has passed");
	recorder_clear();
	cpu_write_msr(MSR_TSC_DEADLINE, 1);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_equal("disarmed", cpu_read_msr(MSR_TSC_DEADLINE), 0);
}

static void test_deadline_taken_back(void)
{
	check_begin("timer: a TSC deadline taken back, moved, and masked");
	recorder_clear();
	cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + DEADLINE_TICKS);
	cpu_write_msr(MSR_TSC_DEADLINE, 0);
	recorder_listen(2 * DEADLINE_TICKS);
	check_equal("interrupts after it was taken back", recorder.total, 0);
	cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + DEADLINE_TICKS);
	cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + 4 * DEADLINE_TICKS);
	recorder_listen(2 * DEADLINE_TICKS);
	check_equal("interrupts before the later of two", recorder.total, 0);
	check_true("it fires", recorder_wait(1));
	apic_write(APIC_LVT_TIMER, APIC_LVT_TSC_DEADLINE | APIC_LVT_MASKED | VECTOR);
	cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + DEADLINE_TICKS);
	recorder_listen(2 * DEADLINE_TICKS);
	check_equal("interrupts, none more while it is masked", recorder.total, 1);
	check_apic_is_idle();
}

static void test_deadline_halt(void)
{
	enum { HALTS = 20 };

	check_begin("timer: HLT until a TSC deadline");
	recorder_clear();
	apic_write(APIC_LVT_TIMER, APIC_LVT_TSC_DEADLINE | VECTOR);
	for (uint32_t halt = 0; halt < HALTS; halt++) {
		cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + DEADLINE_TICKS / 10);
		while (recorder.total == halt)
			interrupts_halt();
	}
	check_equal("interrupts", recorder.total, HALTS);
	check_apic_is_idle();
}

/* In other modes the MSR reads 0 and ignores what is written. */
static void test_deadline_other_mode(void)
{
	check_begin("timer: the TSC deadline in another mode");
	apic_write(APIC_LVT_TIMER, VECTOR);
	recorder_clear();
	cpu_write_msr(MSR_TSC_DEADLINE, tsc_read() + 1);
	check_equal("reads", cpu_read_msr(MSR_TSC_DEADLINE), 0);
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	timer_stop();
	check_apic_is_idle();
}

void test_deadline(void)
{
	if (!apic_has_tsc_deadline()) {
		check_skip("CPUID offers no TSC deadline");
		return;
	}
	apic_write(APIC_LVT_TIMER, APIC_LVT_TSC_DEADLINE | VECTOR);
	test_deadline_ahead();
	test_deadline_past();
	test_deadline_taken_back();
	test_deadline_halt();
	test_deadline_other_mode();
}
