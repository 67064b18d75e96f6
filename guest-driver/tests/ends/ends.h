/* SPDX-License-Identifier: MIT */
/*
 * The ends that take more than a port: see the words in guest-driver/tests/ends.c.
 */
#ifndef GUEST_DRIVER_TESTS_ENDS_ENDS_H
#define GUEST_DRIVER_TESTS_ENDS_ENDS_H

#include "guest-driver/testing/exceptions.h"

/* ends/loops.c: nothing but the time-out ends these, or nothing at all was left to wait for. */
void end_by_hlt_with_interrupts(void);
void end_by_loop(void);
void end_by_cpuid_loop(void);
void end_by_doorbell_loop(void);
void end_by_batch_loop(void);
void end_by_sync_loop(void);
void end_by_string_loop(void);
void end_by_fault_loop(void);
void end_by_debug_loop(void);

/* ends/device.c: uses of unmapped memory that are no data access. */
void end_by_triple_fault(void);
void end_by_fetch(void);
void end_by_fetch_from_nowhere(void);
void end_by_fetch_across(void);
void end_by_walk_from_cr3(void);
void end_by_walk_from_pde(void);
void end_by_walk_from_nowhere(void);
void end_by_idt(void);
void end_by_stack(void);
void end_by_tss(void);
void end_by_gdt(void);

#endif
