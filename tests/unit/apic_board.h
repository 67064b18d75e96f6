/* SPDX-License-Identifier: MIT */
/*
 * A local APIC with a clock that the test sets and a record of what went out: shared by the
 * test_apic*.c.
 */
#ifndef TESTS_UNIT_APIC_BOARD_H
#define TESTS_UNIT_APIC_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/apic.h"
#include "devices/apic_parts.h"
#include "lib/bits.h"

#define BASE_DISABLED (APIC_BASE | APIC_BASE_BSP)
#define BASE_XAPIC    (BASE_DISABLED | APIC_BASE_ENABLED)
#define BASE_X2APIC   (BASE_XAPIC | APIC_BASE_X2)

struct board {
	struct apic apic;
	uint32_t tpr;
	uint64_t time;
	unsigned int attentions;
	unsigned int ends; /* level interrupts that ended */
	uint8_t ended;     /* the last of them */
	unsigned int
		raise_it; /* that many ends send their vector again, as an asserted line does */
};

static inline uint64_t board_now(void *context)
{
	return ((struct board *)context)->time;
}

static inline void board_attention(void *context)
{
	((struct board *)context)->attentions++;
}

static inline void board_end(void *context, uint8_t vector)
{
	struct board *board = context;

	board->ends++;
	board->ended = vector;
	if (board->raise_it == 0)
		return;
	board->raise_it--;
	apic_deliver(&board->apic, APIC_FIXED, vector, true);
}

/* As after power-up, with ID id. */
static inline void board_reset(struct board *board, uint32_t id)
{
	memset(board, 0xa5, sizeof(*board)); /* what was there before must not count */
	board->time = 0;
	board->attentions = board->ends = board->raise_it = 0;
	apic_init(&board->apic, id, &board->tpr,
		(struct apic_host){ board_now, board_attention, board_end, board });
}

static inline uint32_t reg_read(struct board *board, unsigned int index)
{
	return (uint32_t)apic_ops.read(&board->apic, 16 * index, 4);
}

static inline void reg_write(struct board *board, unsigned int index, uint32_t value)
{
	apic_ops.write(&board->apic, 16 * index, 4, value);
}

/* Software-enabled, xAPIC mode, spurious vector 0xff. */
static inline void board_start(struct board *board)
{
	board_reset(board, 0);
	reg_write(board, APIC_SVR, 0x1ff);
}

static inline void board_start_x2(struct board *board, uint32_t id)
{
	board_reset(board, id);
	assert_true(apic_write_msr(&board->apic, MSR_APIC_BASE, BASE_X2APIC));
	assert_true(apic_write_msr(&board->apic, 0x80f, 0x1ff));
}

/* Delivers what is pending to the processor and returns it. */
static inline int board_take(struct board *board)
{
	int vector = apic_pending(&board->apic);

	if (vector >= 0)
		apic_accept(&board->apic, (uint8_t)vector);
	return vector;
}

/* The errors since the last time. */
static inline uint32_t board_errors(struct board *board)
{
	reg_write(board, APIC_ESR, 0);
	return reg_read(board, APIC_ESR);
}

#endif
