/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints of the debug registers around instructions that exit: on them, behind them with
 * RFLAGS.RF, on data elsewhere, and in the shadow of MOV SS.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/events/events.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define DR6_CAUSES (DR6_BS | DR6_BD | 0xf)
#define DR6_BD     BIT(13)
#define DR7_L0     BIT(0)
#define DR7_L1     BIT(2)

/* DR7's condition and length of breakpoint 0. SDM vol. 3B, 'Debug Control Register (DR7)'. */
#define DR7_WRITE_1      (1ull << 16)
#define DR7_READ_WRITE_2 (3ull << 16 | 1ull << 18)

static void switch_off(void)
{
	cpu_write_dr7(DR7_FIXED);
	cpu_write_dr6(DR6_INIT);
}

/*
 * The breakpoint is a fault: nothing was executed yet. It is the one fault that pushes RF as it
 * was; setting it for the way back is the handler's (SDM vol. 3B 'Instruction-Breakpoint Exception
 * Condition').
 */
static void test_on_it(const struct exiting *e)
{
	struct execution run = events_run_of(e->code, e->size, e);

	check_begin("breakpoint on %s", e->name);
	cpu_write_dr0(run.rip);
	cpu_write_dr7(DR7_FIXED | DR7_L0);
	execution_run(&run);
	switch_off();
	check_equal("vector", run.exception.vector, VECTOR_DB);
	check_equal("where it is", run.exception.rip, run.rip);
	check_equal("DR6", run.exception.dr6 & DR6_CAUSES, 1);
	check_equal("RF", run.exception.rflags & RFLAGS_RF, 0);
	check_equal("rax", run.registers[RAX], e->rax);
}

/* RF covers one instruction: its own breakpoint does not come, the next one's does. */
static void test_resume_flag(const struct exiting *e)
{
	uint8_t code[16];
	struct execution run;

	memcpy(code, e->code, e->size);
	code[e->size] = 0x90; /* nop */
	check_begin("%s with RF, then a breakpoint", e->name);
	run = events_run_of(code, e->size + 1u, e);
	cpu_write_dr0(run.rip);
	cpu_write_dr1(run.rip + e->size);
	cpu_write_dr7(DR7_FIXED | DR7_L0 | DR7_L1);
	run.rflags |= RFLAGS_RF;
	execution_run(&run);
	switch_off();
	check_equal("vector", run.exception.vector, VECTOR_DB);
	check_equal("where it is", run.exception.rip, run.rip + e->size);
	check_equal("DR6", run.exception.dr6 & DR6_CAUSES, 2);
}

/* A watched byte, written right behind the instruction. */
static void test_data(const struct exiting *e)
{
	static uint8_t watched;
	uint8_t code[24];
	const uint32_t address = (uint32_t)(uintptr_t)&watched;
	uint8_t *at = code + e->size;
	struct execution run;

	memcpy(code, e->code, e->size);
	memcpy(at, (const uint8_t[]){ 0xc6, 0x04, 0x25 }, 3); /* mov byte [disp32], 1; nop */
	memcpy(at + 3, &address, 4);
	memcpy(at + 7, (const uint8_t[]){ 1, 0x90 }, 2);
	check_begin("%s, then a write to watched data", e->name);
	run = events_run_of(code, e->size + 9u, e);
	cpu_write_dr0(address);
	cpu_write_dr7(DR7_FIXED | DR7_L0 | DR7_WRITE_1);
	execution_run(&run);
	switch_off();
	check_equal("vector", run.exception.vector, VECTOR_DB);
	check_equal("where it is", run.exception.rip, run.rip + e->size + 8);
	check_equal("DR6", run.exception.dr6 & DR6_CAUSES, 1);
}

/* mov ss, [watched]: its data breakpoint waits for the end of the instruction behind it. */
static void test_data_of_mov_ss(const struct exiting *e, bool step)
{
	static uint16_t selector = SELECTOR_DATA;
	uint8_t code[24] = { 0x8e, 0x14, 0x25 };
	const uint32_t address = (uint32_t)(uintptr_t)&selector;
	struct execution run;

	memcpy(code + 3, &address, 4);
	memcpy(code + 7, e->code, e->size);
	check_begin("mov ss from watched data, then %s%s", e->name, step ? ", stepping" : "");
	run = events_run_of(code, e->size + 7u, e);
	if (step)
		run.rflags |= RFLAGS_TF;
	cpu_write_dr0(address);
	cpu_write_dr7(DR7_FIXED | DR7_L0 | DR7_READ_WRITE_2);
	execution_run(&run);
	switch_off();
	check_equal("vector", run.exception.vector, VECTOR_DB);
	check_equal("where it is", run.exception.rip, run.rip + 7 + e->size);
	check_equal("DR6", run.exception.dr6 & DR6_CAUSES, 1 | (step ? DR6_BS : 0));
}

/* Debug registers keep what was written, across exits. */
static void test_registers(void)
{
	check_begin("debug registers across exits");
	cpu_write_dr0(0x1111111111111111);
	cpu_write_dr1(0x2222222222222222);
	cpu_write_dr2(0x3333333333333333);
	cpu_write_dr3(0x4444444444444444);
	cpu_write_dr6(DR6_INIT | 0x5);
	cpu_write_dr7(DR7_FIXED | 0x33330000);
	for (const struct exiting *e = events_exiting(); e->name != NULL; e++) {
		struct execution run = events_run_of(e->code, e->size, e);

		execution_run(&run);
	}
	check_equal("DR0", cpu_read_dr0(), 0x1111111111111111);
	check_equal("DR1", cpu_read_dr1(), 0x2222222222222222);
	check_equal("DR2", cpu_read_dr2(), 0x3333333333333333);
	check_equal("DR3", cpu_read_dr3(), 0x4444444444444444);
	check_equal("DR6", cpu_read_dr6(), DR6_INIT | 0x5);
	check_equal("DR7", cpu_read_dr7(), DR7_FIXED | 0x33330000);
	switch_off();
}

/* General detect: the processor clears GD before the handler, else that could not read DR6. */
static void test_general_detect(void)
{
	static const uint8_t code[] = { 0x0f, 0x21, 0xc0 }; /* mov rax, dr0 */
	struct execution run = execution_of(code, sizeof(code));

	check_begin("DR7.GD");
	cpu_write_dr7(DR7_FIXED | DR7_GD);
	/* The run itself touches no debug register. */
	execution_run(&run);
	check_equal("vector", run.exception.vector, VECTOR_DB);
	check_equal("where it is", run.exception.rip, run.rip);
	check_equal("DR6", run.exception.dr6 & DR6_CAUSES, DR6_BD);
	check_equal("DR7", cpu_read_dr7(), DR7_FIXED);
	switch_off();
}

void events_test_breakpoints(void)
{
	for (const struct exiting *e = events_exiting(); e->name != NULL; e++) {
		test_on_it(e);
		test_resume_flag(e);
		test_data(e);
		test_data_of_mov_ss(e, false);
		test_data_of_mov_ss(e, true);
	}
	test_registers();
	test_general_detect();
}
