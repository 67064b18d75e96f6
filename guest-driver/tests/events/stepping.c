/* SPDX-License-Identifier: MIT */
/*
 * One #DB behind each instruction when RFLAGS.TF is set, no more and no less; and the instruction
 * behind a MOV SS or STI, where the processor holds events back.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/events/events.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define DR6_CAUSES (DR6_BS | 0xf)
#define XSAVE      BIT(26) /* CPUID leaf 1 ECX */

uint8_t events_memory[64] __attribute__((aligned(16)));

/* Values of control registers are filled in when they are known. */
static struct exiting list[] = {
	{ "mov edx, [device]", 2, { 0x8b, 0x13 }, 0, 0, 0 },
	{ "mov [device], edx", 2, { 0x89, 0x13 }, 0, 0, 0 },
	{ "add eax, [device]", 2, { 0x03, 0x03 }, 1, 0, 0 },
	{ "xchg [device], edx", 2, { 0x87, 0x13 }, 0, 0, 0 },
	{ "movzx eax, byte [device + 1]", 4, { 0x0f, 0xb6, 0x43, 0x01 }, 0, 0, 0 },
	{ "mov eax, [nowhere]", 9, { 0xa1, 0, 0, 0, 0xd0, 0, 0, 0, 0 }, 0, 0, 0 },
	{ "cpuid", 2, { 0x0f, 0xa2 }, 0, 0, 0 },
	{ "in al, 0x80", 2, { 0xe4, 0x80 }, 0, 0, 0 },
	{ "out 0x80, eax", 2, { 0xe7, 0x80 }, 0, 0, 0 },
	{ "in ax, dx (COM1)", 2, { 0x66, 0xed }, 0, 0, 0x3fd },
	{ "out dx, al (write-back)", 1, { 0xee }, 1, 0, 0xcafe },
	{ "outsb", 1, { 0x6e }, 0, 0, 0x80 },
	{ "insd", 1, { 0x6d }, 0, 0, 0x80 },
	{ "rep outsb, once", 2, { 0xf3, 0x6e }, 0, 1, 0x80 },
	{ "rep outsb, never", 2, { 0xf3, 0x6e }, 0, 0, 0x80 },
	{ "rdmsr (EFER)", 2, { 0x0f, 0x32 }, 0, MSR_IA32_EFER, 0 },
	{ "wrmsr (EFER)", 2, { 0x0f, 0x30 }, 0, MSR_IA32_EFER, 0 },
	{ "mov cr0, rax (CD)", 3, { 0x0f, 0x22, 0xc0 }, CR0_CD, 0, 0 },
	{ "mov cr0, rax", 3, { 0x0f, 0x22, 0xc0 }, 0, 0, 0 },
	{ "mov cr4, rax (MCE)", 3, { 0x0f, 0x22, 0xe0 }, CR4_MCE, 0, 0 },
	{ "mov cr4, rax", 3, { 0x0f, 0x22, 0xe0 }, 0, 0, 0 },
	{ "mov cr8, rax", 4, { 0x44, 0x0f, 0x22, 0xc0 }, 5, 0, 0 },
	{ "mov rax, cr8", 4, { 0x44, 0x0f, 0x20, 0xc0 }, 0, 0, 0 },
	{ "wbinvd", 2, { 0x0f, 0x09 }, 0, 0, 0 },
	{ "invd", 2, { 0x0f, 0x08 }, 0, 0, 0 },
	{ "xsetbv", 3, { 0x0f, 0x01, 0xd1 }, 1, 0, 0 },
	{ .name = NULL },
};

const struct exiting *events_exiting(void)
{
	if (cpu_id(1, 0).ecx & XSAVE)
		cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
	for (struct exiting *e = list; e->name != NULL; e++) {
		if (strncmp(e->name, "mov cr0", 7) == 0)
			e->rax = (cpu_read_cr0() & ~CR0_CD) | (e->rax & CR0_CD);
		if (strncmp(e->name, "mov cr4", 7) == 0)
			e->rax = (cpu_read_cr4() & ~CR4_MCE) | (e->rax & CR4_MCE);
		if (strncmp(e->name, "wrmsr", 5) == 0)
			e->rax = cpu_read_msr(MSR_IA32_EFER);
		if (strcmp(e->name, "xsetbv") == 0 && !(cpu_id(1, 0).ecx & XSAVE))
			e->name = NULL;
	}
	return list;
}

struct execution events_run_of(const uint8_t *code, size_t size, const struct exiting *registers)
{
	struct execution run = execution_of(code, size);

	run.registers[RBX] = DEVICE_CELL;
	run.registers[RSI] = run.registers[RDI] = (uintptr_t)events_memory;
	run.registers[RBP] = SELECTOR_DATA;
	if (registers != NULL) {
		run.registers[RAX] = registers->rax;
		run.registers[RCX] = registers->rcx;
		run.registers[RDX] = registers->rdx;
	}
	return run;
}

static void check_step_with(const struct execution *run, uint64_t rip, uint64_t resume_flag)
{
	check_equal("vector", run->exception.vector, VECTOR_DB);
	check_equal("where it is", run->exception.rip, rip);
	check_equal("DR6", run->exception.dr6 & DR6_CAUSES, DR6_BS);
	check_equal(
		"TF, RF", run->exception.rflags & (RFLAGS_TF | RFLAGS_RF), RFLAGS_TF | resume_flag);
}

static void check_step(const struct execution *run, uint64_t rip)
{
	check_step_with(run, rip, 0);
}

/*
 * All of REP's turns are steps of their own; what they leave in rcx counts them. RF is pushed set
 * as long as more are to come. SDM vol. 3B, 'Instruction-Breakpoint Exception Condition'.
 */
static void test_repeated(void)
{
	static const uint8_t code[] = { 0xf3, 0x6e }; /* rep outsb */
	const struct exiting registers = { .rcx = 3, .rdx = 0x80 };
	struct execution run = events_run_of(code, sizeof(code), &registers);
	const uint64_t start = run.rip;

	check_begin("rep outsb, three times, step by step");
	for (unsigned int left = 3; left-- > 0;) {
		run.rflags |= RFLAGS_TF;
		execution_run(&run);
		check_step_with(
			&run, left == 0 ? start + sizeof(code) : start, left == 0 ? 0 : RFLAGS_RF);
		check_equal("rcx", run.registers[RCX], left);
	}
}

void events_test_stepping(void)
{
	for (const struct exiting *e = events_exiting(); e->name != NULL; e++) {
		struct execution run = events_run_of(e->code, e->size, e);
		const uint64_t end = run.rip + e->size;

		check_begin("%s", e->name);
		execution_run(&run);
		check_equal("exception without TF", run.exception.vector, EXCEPTION_NONE);
		run = events_run_of(e->code, e->size, e);
		run.rflags |= RFLAGS_TF;
		execution_run(&run);
		check_step(&run, end);
	}
	test_repeated();
}

/* mov ss, ebp holds back the step behind itself, and nothing else. */
static void try_behind_mov_ss(const struct exiting *e)
{
	uint8_t code[16] = { 0x8e, 0xd5 };
	struct execution run;

	memcpy(code + 2, e->code, e->size);
	check_begin("%s behind mov ss", e->name);
	run = events_run_of(code, e->size + 2u, e);
	execution_run(&run);
	check_equal("exception without TF", run.exception.vector, EXCEPTION_NONE);
	run = events_run_of(code, e->size + 2u, e);
	run.rflags |= RFLAGS_TF;
	execution_run(&run);
	check_step(&run, run.rip + 2 + e->size);
}

static void try_behind_sti(const struct exiting *e)
{
	uint8_t code[16] = { 0xfb }; /* sti ... cli */
	struct execution run;

	memcpy(code + 1, e->code, e->size);
	code[e->size + 1] = 0xfa;
	check_begin("%s behind sti", e->name);
	run = events_run_of(code, e->size + 2u, e);
	execution_run(&run);
	check_equal("exception", run.exception.vector, EXCEPTION_NONE);
	check_equal("IF", run.rflags & RFLAGS_IF, 0);
}

/*
 * Unlike MOV SS, STI holds back interrupts only: each instruction has its step, STI's own included,
 * and the device's instruction is one in the middle. SDM vol. 3A, 'Masking Maskable Hardware
 * Interrupts'.
 */
static void try_stepping_over_sti(const struct exiting *e)
{
	const uint8_t sizes[] = { 1, e->size, 1 };
	uint8_t code[16] = { 0xfb }; /* sti ... cli */
	struct execution run;

	memcpy(code + 1, e->code, e->size);
	code[e->size + 1] = 0xfa;
	check_begin("sti, %s, cli, step by step", e->name);
	run = events_run_of(code, e->size + 2u, e);
	for (unsigned int step = 0; step < sizeof(sizes); step++) {
		run.rflags |= RFLAGS_TF;
		execution_run(&run);
		check_step(&run, run.rip + sizes[step]);
		check_equal("IF", run.exception.rflags & RFLAGS_IF, step < 2 ? RFLAGS_IF : 0);
		run.rip += sizes[step];
	}
}

static struct execution run_behind_mov_ss(const uint8_t *instruction, size_t size, bool step)
{
	uint8_t code[8] = { 0x8e, 0xd5 };
	struct execution run;

	memcpy(code + 2, instruction, size);
	run = events_run_of(code, size + 2, NULL);
	if (step)
		run.rflags |= RFLAGS_TF;
	execution_run(&run);
	return run;
}

/* An instruction that the hypervisor makes undefined, against one that is, in the same shadow. */
static void try_undefined(const char *name, const uint8_t *undefined, size_t size, bool step)
{
	static const uint8_t ud2[] = { 0x0f, 0x0b };
	struct execution real, emulated;

	check_begin("%s behind mov ss%s", name, step ? ", stepping" : "");
	real = run_behind_mov_ss(ud2, sizeof(ud2), step);
	emulated = run_behind_mov_ss(undefined, size, step);
	check_equal("vector", emulated.exception.vector, VECTOR_UD);
	check_equal("vector of ud2", real.exception.vector, VECTOR_UD);
	check_equal("where it points", emulated.exception.rip, real.exception.rip);
	check_equal("rflags that it pushes", emulated.exception.rflags, real.exception.rflags);
	check_equal("DR6", emulated.exception.dr6, real.exception.dr6);
}

void events_test_shadow(void)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };
	static const uint8_t movbe[] = { 0x0f, 0x38, 0xf0, 0x03 };

	for (const struct exiting *e = events_exiting(); e->name != NULL; e++) {
		try_behind_mov_ss(e);
		try_behind_sti(e);
		try_stepping_over_sti(e);
	}
	for (unsigned int step = 0; step < 2; step++) {
		try_undefined("vmcall", vmcall, sizeof(vmcall), step != 0);
		try_undefined("movbe eax, [device]", movbe, sizeof(movbe), step != 0);
	}
}
