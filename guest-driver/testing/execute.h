/* SPDX-License-Identifier: MIT */
/*
 * Runs a piece of code with registers and flags as given, any of them, RSP too, and says how they
 * are afterwards: for test guests that compare what an instruction does here and there.
 */
#ifndef GUEST_DRIVER_TESTING_EXECUTE_H
#define GUEST_DRIVER_TESTING_EXECUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-driver/testing/exceptions.h"

/* The fields of execute.asm come first. */
struct execution {
	/* Before the run and after it. Registers stand in encoding order: rax, rcx, rdx, rbx, ...
	 */
	uint64_t registers[16];
	uint64_t rflags;
	/* Where it begins and in which segments; not changed. */
	uint64_t rip;
	uint64_t cs, ss;
	/* What ended it; with EXCEPTION_NONE the code jumped to execution_done. */
	struct exception exception;
};
_Static_assert(offsetof(struct execution, rip) == 17 * 8, "execute.asm");
_Static_assert(offsetof(struct execution, ss) == 19 * 8, "execute.asm");

/* A run that begins at rip, in ring 0, with the flags of a quiet processor and registers of 0. */
struct execution execution_at(uint64_t rip);

/* The same for these bytes, at most 64, with a jump to execution_done behind them. */
struct execution execution_of(const uint8_t *code, size_t size);

/* Runs until the code comes to execution_done or raises an exception. */
void execution_run(struct execution *execution);

/* Where code ends that raises none; only to be jumped to. */
void execution_done(void);

/* Writes the instruction that jumps to execution_done; returns its size. */
#define EXECUTION_JUMP_SIZE 14
void execution_write_jump(uint8_t *code);

/* Called for each exception: whether it ends a run, which frame then leads out of. */
bool execution_end(struct exception_frame *frame);

/* guest-driver/testing/execute.asm */
void execution_enter(struct execution *execution);
extern struct execution *volatile execution_current;

#endif
