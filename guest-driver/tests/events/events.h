/* SPDX-License-Identifier: MIT */
/*
 * What the groups of checks of the events guest share: the instructions that exit, each with the
 * registers that it wants.
 */
#ifndef GUEST_DRIVER_TESTS_EVENTS_EVENTS_H
#define GUEST_DRIVER_TESTS_EVENTS_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "guest-driver/testing/execute.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

#define DEVICE_CELL 0xcafe0008ull /* svirtb's queue_addr_hi, which may be read in any state */

/* An instruction that exits and goes on behind itself. */
struct exiting {
	const char *name;
	uint8_t size;
	uint8_t code[11];
	uint64_t rax, rcx, rdx; /* rbx: DEVICE_CELL; rsi, rdi: memory */
};

/* Those that work here; the list ends with a null name. */
const struct exiting *events_exiting(void);

/* A run of code with the registers of one of them, or with none. */
struct execution events_run_of(const uint8_t *code, size_t size, const struct exiting *registers);

/* Memory that rsi and rdi point at. */
extern uint8_t events_memory[64];

void events_test_stepping(void);
void events_test_shadow(void);
void events_test_breakpoints(void);
void events_test_exceptions(void);
void events_test_ring3(void);

#endif
