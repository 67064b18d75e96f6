/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the benchmark guest share: what one instruction costs, and the table.
 */
#ifndef GUEST_DRIVER_TESTS_BENCH_H
#define GUEST_DRIVER_TESTS_BENCH_H

#include <stdint.h>

#define BENCH_MAX_BATCH 256u

/* Under nested KVM, other things happen, too: the least of many tries is free of them. */
#define BENCH_EXIT_TRIES  300u
#define BENCH_BATCH_TRIES 5u

#define BENCH_SCRATCH_SECTOR 16u /* of the disk; the table lies before it */

/* A row of the table: requests in the batch and bytes of each, or 0 and 0 for what is no request.
 */
void bench_report(const char *name, uint32_t batch, uint32_t size, uint32_t count);

/*
 * What one instruction costs that finds eax, edx and rdi as given: the least of many tries, without
 * what the two RDTSC and what lies between them cost by themselves.
 */
typedef uint32_t bench_cost_fn(uint32_t eax, uint32_t edx, uintptr_t rdi);
uint32_t bench_least(
	uint32_t tries, bench_cost_fn *cost_of, uint32_t eax, uint32_t edx, uintptr_t rdi);
bench_cost_fn bench_cost_of_write; /* mov [rdi], eax */

/* The parts; 0, or the status with which the guest ends. */
int bench_virtio(const char *cmdline);
int bench_interrupts(void);

#endif
