/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer on the board of apic_board.h: modes and divisors as a guest writes them,
 * and the time that comes. Shared by the test_apic_t*.c.
 */
#ifndef TESTS_UNIT_APIC_TIMER_BOARD_H
#define TESTS_UNIT_APIC_TIMER_BOARD_H

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

static inline void set_timer(struct board *board, uint64_t lvt, uint32_t divide, uint32_t count)
{
	reg_write(board, APIC_LVT, (uint32_t)lvt);
	reg_write(board, APIC_DIVIDE, divide);
	reg_write(board, APIC_INITIAL_COUNT, count);
}

static inline void set_deadline(struct board *board, uint64_t deadline)
{
	assert_true(apic_write_msr(&board->apic, MSR_APIC_TSC_DEADLINE, deadline));
}

static inline uint64_t get_deadline(struct board *board)
{
	uint64_t value = 0xdead;

	assert_true(apic_read_msr(&board->apic, MSR_APIC_TSC_DEADLINE, &value));
	return value;
}

/* What the run loop does when it sees that the time has come: whether that was one interrupt. */
static inline bool expire_at(struct board *board, uint64_t time)
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

#endif
