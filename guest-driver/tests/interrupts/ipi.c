/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that the processor sends itself: requested, delivered, in service, ended; and by
 * priority. SDM vol. 3A 'Interrupt Acceptance for Fixed Interrupts', 'Interrupt, Task, and
 * Processor Priority', 'Signaling Interrupt Servicing Completion'.
 */
#include "guest-driver/tests/interrupts/interrupts.h"
#include "vmm/cpu.h"

static void test_each_vector(void)
{
	uint32_t wrong = 0;

	check_begin("an IPI to itself with each vector from 32 to 254");
	for (unsigned int vector = INTERRUPT_FIRST; vector < APIC_SPURIOUS_VECTOR; vector++) {
		recorder_clear();
		apic_send_self((uint8_t)vector);
		wrong += !apic_bit(APIC_IRR, (uint8_t)vector);
		wrong += recorder.total != 0;
		recorder_wait(1);
		interrupts_window();
		wrong += recorder.total != 1 || recorder.of[vector] != 1;
		wrong += apic_bit(APIC_IRR, (uint8_t)vector) || apic_bit(APIC_ISR, (uint8_t)vector);
	}
	check_equal("vectors that did not come exactly once", wrong, 0);
	check_apic_is_idle();
}

/* IRR has one bit for a vector: what is sent while it is set is the same request. */
static void test_sent_thrice(void)
{
	check_begin("the same vector three times while interrupts are off");
	recorder_clear();
	for (unsigned int i = 0; i < 3; i++)
		apic_send_self(0x45);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x45 }, 1);
	check_apic_is_idle();
}

/* Sends its own vector once more; that one comes after the EOI, not before. */
static void send_again(const struct interrupt_frame *frame, void *context)
{
	uint32_t *in_service = context;

	recorder_note(frame, NULL);
	if (recorder.total == 1)
		apic_send_self((uint8_t)frame->vector);
	interrupts_window();
	*in_service += recorder.total == 1 && apic_bit(APIC_ISR, (uint8_t)frame->vector) &&
		       apic_bit(APIC_IRR, (uint8_t)frame->vector);
	apic_end_of_interrupt();
}

static void test_sent_in_service(void)
{
	uint32_t in_service = 0;

	check_begin("a vector sent again while it is in service");
	recorder_clear();
	interrupts_set_handler(0x45, send_again, &in_service);
	apic_send_self(0x45);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x45, 0x45 }, 2);
	check_equal("times that both bits were set and nothing came", in_service, 1);
	check_apic_is_idle();
	recorder_install();
}

static void test_illegal_vector(void)
{
	if (!strict)
		return;
	check_begin("an IPI with a vector below 16");
	recorder_clear();
	apic_write(APIC_ESR, 0);
	apic_send_self(3);
	apic_write(APIC_ESR, 0);
	check_true("ESR says 'illegal vector'",
		(apic_read(APIC_ESR) & (APIC_ESR_SEND_ILLEGAL | APIC_ESR_ACCEPT_ILLEGAL)) != 0);
	apic_write(APIC_ESR, 0);
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	check_apic_is_idle();
}

static void test_end_without_service(void)
{
	check_begin("EOI when nothing is in service");
	recorder_clear();
	apic_send_self(0x45);
	apic_end_of_interrupt();
	check_true("the request is still there", apic_bit(APIC_IRR, 0x45));
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x45 }, 1);
	check_apic_is_idle();
}

/* SDM, 'Local APIC State After It Has Been Software Disabled'. */
static void test_software_disabled(void)
{
	if (!strict)
		return;
	check_begin("switched off by SVR");
	recorder_clear();
	apic_write(APIC_LVT_TIMER, 0x66);
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	check_equal("timer's LVT", apic_read(APIC_LVT_TIMER), APIC_LVT_MASKED | 0x66);
	apic_write(APIC_LVT_TIMER, 0x67);
	check_equal("timer's LVT, written", apic_read(APIC_LVT_TIMER), APIC_LVT_MASKED | 0x67);
	apic_send_self(0x45);
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	apic_write(APIC_SVR, APIC_SVR_ENABLED | APIC_SPURIOUS_VECTOR);
	check_equal("timer's LVT, on again", apic_read(APIC_LVT_TIMER), APIC_LVT_MASKED | 0x67);
	recorder_listen(A_MOMENT);
	check_equal("interrupts, on again", recorder.total, 0);
	check_apic_is_idle();
}

void test_ipi(void)
{
	test_each_vector();
	test_sent_thrice();
	test_sent_in_service();
	test_end_without_service();
	test_illegal_vector();
	test_software_disabled();
}

static void test_order(void)
{
	check_begin("five vectors at once, highest first");
	recorder_clear();
	apic_send_self(0x31);
	apic_send_self(0x62);
	apic_send_self(0xa0);
	apic_send_self(0x41);
	apic_send_self(0x61);
	check_equal("requested", apic_bits(APIC_IRR), 5);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0xa0, 0x62, 0x61, 0x41, 0x31 }, 5);
	check_apic_is_idle();
}

/* In service at 0x52: lets in a higher class at once, its own and lower ones only afterwards. */
static void send_others(const struct interrupt_frame *frame, void *context)
{
	uint32_t *priority = context;

	recorder_note(frame, NULL);
	apic_send_self(0x41);
	apic_send_self(0x5f);
	apic_send_self(0x60);
	*priority = apic_read(APIC_PPR);
	interrupts_window();
	interrupts_window();
	recorder_note(frame, NULL);
	apic_end_of_interrupt();
}

static void test_nesting(void)
{
	uint32_t priority = 0;

	check_begin("an interrupt within an interrupt: only of a higher class");
	recorder_clear();
	interrupts_set_handler(0x52, send_others, &priority);
	apic_send_self(0x52);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x52, 0x60, 0x52, 0x5f, 0x41 }, 5);
	check_equal("PPR in the handler", priority, 0x50);
	check_apic_is_idle();
	recorder_install();
}

static void test_task_priority(void)
{
	check_begin("TPR 0x50 holds back classes up to 5");
	recorder_clear();
	apic_write(APIC_TPR, 0x50);
	check_equal("TPR", apic_read(APIC_TPR), 0x50);
	check_equal("PPR", apic_read(APIC_PPR), 0x50);
	check_equal("CR8", cpu_read_cr8(), 5);
	apic_send_self(0x3f);
	apic_send_self(0x51);
	apic_send_self(0x5f);
	apic_send_self(0x60);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x60 }, 1);
	check_equal("requested", apic_bits(APIC_IRR), 3);
	apic_write(APIC_TPR, 0x4f);
	recorder_listen(A_MOMENT);
	recorder_check("with TPR 0x4f", (const uint8_t[]){ 0x60, 0x5f, 0x51 }, 3);
	apic_write(APIC_TPR, 0);
	recorder_listen(A_MOMENT);
	recorder_check("with TPR 0", (const uint8_t[]){ 0x60, 0x5f, 0x51, 0x3f }, 4);
	check_apic_is_idle();
}

static void test_cr8(void)
{
	check_begin("CR8 and TPR are one");
	recorder_clear();
	for (uint64_t priority = 0; priority < 16; priority++) {
		cpu_write_cr8(priority);
		check_equal("TPR", apic_read(APIC_TPR), priority << 4);
		check_equal("CR8", cpu_read_cr8(), priority);
	}
	apic_send_self(0xfe);
	apic_send_self(0x81);
	recorder_listen(A_MOMENT);
	check_equal("interrupts with CR8 15", recorder.total, 0);
	cpu_write_cr8(8);
	recorder_listen(A_MOMENT);
	recorder_check("with CR8 8", (const uint8_t[]){ 0xfe }, 1);
	/* With interrupts on, the write itself lets it in. */
	interrupts_on();
	cpu_write_cr8(7);
	__asm__ volatile("jmp 1f\n1:" : : : "memory");
	interrupts_off();
	recorder_check("with CR8 7", (const uint8_t[]){ 0xfe, 0x81 }, 2);
	cpu_write_cr8(0);
	check_apic_is_idle();
}

void test_priority(void)
{
	test_order();
	test_nesting();
	test_task_priority();
	test_cr8();
}
