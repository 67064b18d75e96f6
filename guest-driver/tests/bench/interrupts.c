/* SPDX-License-Identifier: MIT */
/*
 * What interrupts cost: from what causes one to its handler's first instruction, and the EOI.
 */
#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/interrupts.h"
#include "guest-driver/testing/processor.h"
#include "guest-driver/tests/bench/bench.h"
#include "vmm/cpu.h"

#define VECTOR            0x60u
#define XAPIC             0xfee00000ull
#define GATE_INTERRUPT    0x8e00ull
#define MSR_TSC_DEADLINE  0x6e0u
#define AHEAD             20000u /* TSC ticks until the deadline */
#define STATUS_NO_ARRIVAL 20

/* guest-driver/tests/bench/arrival.asm */
extern const uint8_t bench_arrival[];
extern volatile uint64_t bench_arrived;

/* The gate leads straight to the handler: no stub costs anything on the way. */
static void set_gate(void)
{
	const uint64_t handler = (uintptr_t)bench_arrival;
	struct table_register idtr;
	uint64_t *gate;

	__asm__ volatile("sidt %0" : "=m"(idtr));
	gate = (uint64_t *)(uintptr_t)(idtr.base + VECTOR * 16ull);
	gate[0] = (handler & 0xffff) | (uint64_t)SELECTOR_CODE << 16 | GATE_INTERRUPT << 32 |
		  (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

/* The TSC before a self-IPI; the interrupt comes with the next instruction. */
static uint64_t send_self(void)
{
	uint64_t before;

	__asm__ volatile("sti; nop; rdtsc; mov %%eax, %%r8d; mov %%edx, %%r9d; "
			 "mov %[command], (%[icr]); nop; nop; cli; "
			 "shl $32, %%r9; lea (%%r8, %%r9), %[before]"
			 : [before] "=r"(before)
			 : [icr] "r"(XAPIC + APIC_ICR_LOW), [command] "r"(APIC_ICR_SELF | VECTOR)
			 : "rax", "rdx", "r8", "r9", "memory");
	return before;
}

static bool measure_self(void)
{
	uint32_t least = UINT32_MAX, least_end = UINT32_MAX;

	for (uint32_t try = 0; try < BENCH_EXIT_TRIES; try++) {
		uint64_t before;
		uint32_t end;

		bench_arrived = 0;
		before = send_self();
		if (bench_arrived < before)
			return false;
		if (bench_arrived - before < least)
			least = (uint32_t)(bench_arrived - before);
		end = bench_least(1, bench_cost_of_write, 0, 0, XAPIC + APIC_EOI);
		least_end = end < least_end ? end : least_end;
	}
	bench_report("self-IPI to handler", 0, 0, least);
	bench_report("end of interrupt", 0, 0, least_end);
	return true;
}

/* How long after its deadline the timer's interrupt arrives, in a guest that never exits. */
static bool measure_deadline(void)
{
	uint32_t least = UINT32_MAX;

	if (!apic_has_tsc_deadline())
		return true;
	apic_write(APIC_LVT_TIMER, APIC_LVT_TSC_DEADLINE | VECTOR);
	for (uint32_t try = 0; try < BENCH_EXIT_TRIES; try++) {
		uint64_t deadline;

		bench_arrived = 0;
		deadline = cpu_read_tsc() + AHEAD;
		cpu_write_msr(MSR_TSC_DEADLINE, deadline);
		/* The handler changes eax and edx. */
		__asm__ volatile("sti; 1: cmpq $0, %0; je 1b; cli"
				 :
				 : "m"(bench_arrived)
				 : "rax", "rdx", "memory");
		if (bench_arrived < deadline)
			return false;
		if (bench_arrived - deadline < least)
			least = (uint32_t)(bench_arrived - deadline);
		apic_end_of_interrupt();
	}
	bench_report("TSC deadline to handler", 0, 0, least);
	return true;
}

int bench_interrupts(void)
{
	apic_init(false);
	set_gate();
	return measure_self() && measure_deadline() ? 0 : STATUS_NO_ARRIVAL;
}
