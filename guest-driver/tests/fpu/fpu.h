/* SPDX-License-Identifier: MIT */
/*
 * The groups of checks of the fpu guest, and the vector registers as a whole.
 */
#ifndef GUEST_DRIVER_TESTS_FPU_FPU_H
#define GUEST_DRIVER_TESTS_FPU_FPU_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/testing/exceptions.h"

/* Switches on all that the processor shows. */
void vectors_switch_on(void);

/* Fills x87, SSE, AVX and AVX-512 registers with a pattern that seed decides. */
void vectors_load(uint64_t seed);

/* Whether they hold that pattern; says which byte does not. */
void vectors_check(uint64_t seed);

/* Asks for a write-back in mid-run: the firmware has the machine meanwhile. */
void give_back(void);
bool has_given_back(void);

void fpu_test_exits(void);
void fpu_test_registers(void);
void fpu_test_givebacks(void);

#endif
