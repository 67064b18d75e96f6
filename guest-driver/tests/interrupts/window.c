/* SPDX-License-Identifier: MIT */
/*
 * When a waiting interrupt gets in: at the first boundary between instructions at which it may, and
 * once; and how it ends a HLT. SDM vol. 3A 'Masking Maskable Hardware Interrupts', vol. 2 'STI'.
 */
#include "guest-driver/tests/interrupts/interrupts.h"
#include "vmm/cpu.h"

#define VECTOR 0x77u
#define ROUNDS 2000u

/* Runs text with interrupts off and one waiting, and returns where it came in; end: label 2. */
#define CAME_IN_AT(text, expected)                                        \
	do {                                                              \
		uint64_t at;                                              \
                                                                          \
		recorder_clear();                                         \
		apic_send_self(VECTOR);                                   \
		__asm__ volatile("leaq 1f(%%rip), %0\n\t" text            \
				 : "=&r"(at)                              \
				 :                                        \
				 : "memory", "cc", "rax");                \
		interrupts_off();                                         \
		recorder_check(expected, (const uint8_t[]){ VECTOR }, 1); \
		check_equal("return address", recorder.last_rip, at);     \
	} while (0)

static void test_boundaries(void)
{
	check_begin("STI, and one instruction behind it");
	CAME_IN_AT("sti\n\tnop\n1:\tcli", "interrupts");
	check_begin("STI, and one instruction behind it that exits");
	CAME_IN_AT("xorl %%eax, %%eax\n\tpushq %%rbx\n\tpushq %%rcx\n\tpushq %%rdx\n\t"
		   "sti\n\tcpuid\n1:\tcli\n\tpopq %%rdx\n\tpopq %%rcx\n\tpopq %%rbx",
		"interrupts");
	check_begin("POPF has no shadow");
	CAME_IN_AT("pushfq\n\torq $0x200, (%%rsp)\n\tpopfq\n1:\tnop\n\tcli", "interrupts");
	check_begin("STI and HLT with an interrupt that waits already");
	CAME_IN_AT("sti\n\thlt\n1:\tcli", "interrupts");
	check_begin("STI and CLI let nothing in");
	recorder_clear();
	apic_send_self(VECTOR);
	__asm__ volatile("sti\n\tcli" : : : "memory");
	check_equal("interrupts", recorder.total, 0);
	recorder_wait(1);
	recorder_check("afterwards", (const uint8_t[]){ VECTOR }, 1);
	check_apic_is_idle();
}

/* CLI, a request, exits of other kinds, STI: each request comes once, at its window. */
static void test_windows(void)
{
	uint32_t early = 0;

	check_begin("%u requests with interrupts off, each let in by a window", ROUNDS);
	recorder_clear();
	for (uint32_t round = 0; round < ROUNDS; round++) {
		apic_send_self((uint8_t)(0x40 + round % 64));
		cpu_id(0, 0);
		early += recorder.total != round;
		interrupts_window();
		if (recorder.total != round + 1)
			break;
	}
	check_equal("interrupts", recorder.total, ROUNDS);
	check_equal("that came before their window", early, 0);
	interrupts_window();
	check_equal("interrupts, a window later", recorder.total, ROUNDS);
	check_apic_is_idle();
}

/* Halts until the timer ends it; the APIC is the same in all modes of its timer. */
static void test_halt(void)
{
	enum { HALTS = 20 };

	check_begin("%u times HLT until the timer's interrupt", HALTS);
	recorder_clear();
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VECTOR);
	for (uint32_t halt = 0; halt < HALTS; halt++) {
		apic_write(APIC_TIMER_INITIAL, 200000);
		while (recorder.total == halt)
			interrupts_halt();
	}
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, HALTS);
	check_apic_is_idle();
}

void test_window(void)
{
	test_boundaries();
	test_windows();
	test_halt();
}
