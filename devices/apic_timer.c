/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer: one-shot and periodic counts, and TSC deadlines, all kept as the TSC
 * value at which it fires next. Nothing counts: the current count is computed when it is read. SDM
 * vol. 3A 'APIC Timer'.
 */
#include "devices/apic_parts.h"

static uint32_t timer_mode(uint32_t lvt)
{
	return lvt >> APIC_LVT_MODE_SHIFT & 3;
}

/* Bits 0, 1 and 3 say 2, 4, ... 128, and 1 for all set. */
static unsigned int divide_shift(uint32_t divide)
{
	return ((divide & 3) + (divide >> 1 & 4) + 1) & 7;
}

static uint64_t now(const struct apic *apic)
{
	return apic->host.now(apic->host.context);
}

/* In TSC ticks: below 2^39. Not 0 while a count is running. */
static uint64_t period(const struct apic *apic)
{
	return (uint64_t)apic->timer.initial << divide_shift(apic->timer.divide);
}

/* What lies beyond the TSC's last value never comes. */
static uint64_t later(uint64_t time, uint64_t ticks)
{
	return time + ticks < time ? APIC_NO_DEADLINE : time + ticks;
}

/*
 * The first beat after now and after the one at the deadline, which has passed. Counted from the
 * deadline, so that being late never adds up.
 */
static uint64_t next_beat(const struct apic *apic, uint64_t time)
{
	uint64_t step = period(apic);
	uint64_t passed;

	if (step < apic->min_period)
		step *= (apic->min_period + step - 1) / step;
	passed = (time - apic->timer.deadline) / step;
	return later(apic->timer.deadline + passed * step, step);
}

void apic_expire(struct apic *apic, uint64_t time)
{
	struct apic_timer *timer = &apic->timer;

	if (timer->deadline == APIC_NO_DEADLINE || time < timer->deadline)
		return;
	if (timer_mode(apic->lvt[APIC_LVT_TIMER]) == APIC_TIMER_PERIODIC)
		timer->deadline = next_beat(apic, time);
	else
		timer->deadline = APIC_NO_DEADLINE;
	timer->tsc_deadline = 0;
	apic_raise_lvt(apic, APIC_LVT_TIMER);
	apic_draw_attention(apic);
}

/* A masked timer goes on counting, but nobody needs to wake up for it. */
uint64_t apic_deadline(const struct apic *apic)
{
	if (apic->lvt[APIC_LVT_TIMER] & APIC_LVT_MASKED)
		return APIC_NO_DEADLINE;
	return apic->timer.deadline;
}

bool apic_timer_is_armed(const struct apic *apic)
{
	return apic_deadline(apic) != APIC_NO_DEADLINE;
}

/* Every change starts here: what was due before it fires, or is lost, by the entry as it was. */
static uint64_t settle(struct apic *apic)
{
	uint64_t time = now(apic);

	apic_expire(apic, time);
	return time;
}

static void set_deadline(struct apic *apic, uint64_t deadline)
{
	apic->timer.deadline = deadline;
	apic_draw_attention(apic);
}

/*
 * To and from TSC-deadline mode (and the reserved one) the timer is disarmed; between one-shot and
 * periodic it runs on, and the mode counts when the count reaches 0, as processors do.
 */
void apic_timer_set_lvt(struct apic *apic, uint32_t value)
{
	uint32_t mode = timer_mode(value);
	uint32_t before = timer_mode(apic->lvt[APIC_LVT_TIMER]);
	bool counts = mode <= APIC_TIMER_PERIODIC && before <= APIC_TIMER_PERIODIC;

	settle(apic);
	apic->lvt[APIC_LVT_TIMER] = value;
	if (mode != before && !counts) {
		apic->timer.initial = 0;
		apic->timer.tsc_deadline = 0;
		apic->timer.deadline = APIC_NO_DEADLINE;
	}
	apic_draw_attention(apic);
}

void apic_timer_set_initial(struct apic *apic, uint32_t count)
{
	uint64_t time = settle(apic);

	if (timer_mode(apic->lvt[APIC_LVT_TIMER]) > APIC_TIMER_PERIODIC)
		return;
	apic->timer.initial = count;
	set_deadline(apic, count != 0 ? later(time, period(apic)) : APIC_NO_DEADLINE);
}

/* What is left of the count goes on at the new rate. */
void apic_timer_set_divide(struct apic *apic, uint32_t divide)
{
	uint64_t time = settle(apic);
	uint64_t left = apic_timer_count(apic);

	apic->timer.divide = divide & 0xb;
	if (left != 0)
		set_deadline(apic, later(time, left << divide_shift(divide)));
}

uint32_t apic_timer_count(const struct apic *apic)
{
	const struct apic_timer *timer = &apic->timer;
	uint32_t mode = timer_mode(apic->lvt[APIC_LVT_TIMER]);
	unsigned int shift = divide_shift(timer->divide);
	uint64_t time = now(apic);
	uint64_t left;

	if (mode > APIC_TIMER_PERIODIC || timer->deadline == APIC_NO_DEADLINE)
		return 0;
	if (time >= timer->deadline && mode == APIC_TIMER_ONE_SHOT)
		return 0;
	/* The deadline may be some periods away (min_period), or just behind. */
	if (time >= timer->deadline)
		left = period(apic) - (time - timer->deadline) % period(apic);
	else
		left = (timer->deadline - time - 1) % period(apic) + 1;
	return (uint32_t)((left + BIT(shift) - 1) >> shift);
}

/* What the guest's TSC has passed already is due now. */
static void arm_tsc_deadline(struct apic *apic, uint64_t time)
{
	const uint64_t deadline = apic->timer.tsc_deadline;
	const uint64_t guest_time = time + apic->timer.tsc_offset;

	if (deadline == 0)
		set_deadline(apic, APIC_NO_DEADLINE);
	else
		set_deadline(
			apic, deadline > guest_time ? later(time, deadline - guest_time) : time);
}

void apic_timer_set_tsc_deadline(struct apic *apic, uint64_t deadline)
{
	uint64_t time = settle(apic);

	if (timer_mode(apic->lvt[APIC_LVT_TIMER]) != APIC_TIMER_TSC_DEADLINE)
		return;
	apic->timer.tsc_deadline = deadline;
	arm_tsc_deadline(apic, time);
}

void apic_set_tsc_offset(struct apic *apic, uint64_t offset)
{
	uint64_t time = settle(apic);

	apic->timer.tsc_offset = offset;
	if (apic->timer.tsc_deadline != 0)
		arm_tsc_deadline(apic, time);
}

uint64_t apic_timer_tsc_deadline(struct apic *apic)
{
	settle(apic);
	return apic->timer.tsc_deadline;
}
