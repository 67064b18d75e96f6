/* SPDX-License-Identifier: MIT */
/*
 * Exceptions, those that the hypervisor passes on or raises and those that it never sees: vector,
 * error code, RIP and RF as the processor has them. And what ring 3 may not do.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/events/events.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define VECTOR_DE 0
#define VECTOR_BP 3
#define VECTOR_NM 7
#define VECTOR_SS 12

#define USER_PAGE   0x8000200000ull
#define USER_DEVICE 0x8000201000ull
#define DEVICE_PAGE 0xcafe0000ull
#define RFLAGS_IOPL 0x3000u

struct expectation {
	const char *name;
	uint8_t size;
	uint8_t code[8];
	uint8_t vector;
	uint8_t behind; /* bytes that are executed: a trap points behind them */
	uint16_t error_code;
	uint64_t rax, rcx, rdx;
};

static void check_expectation(const struct execution *run, const struct expectation *e)
{
	const bool fault = e->behind == 0;

	check_equal("vector", run->exception.vector, e->vector);
	check_equal("error code", run->exception.error_code, e->error_code);
	check_equal("where it points", run->exception.rip, run->rip + e->behind);
	check_equal("RF", run->exception.rflags & RFLAGS_RF, fault ? RFLAGS_RF : 0);
}

static const struct expectation at_ring0[] = {
	{ "int3", 1, { 0xcc }, VECTOR_BP, 1, 0, 0, 0, 0 },
	{ "int 3", 2, { 0xcd, 0x03 }, VECTOR_BP, 2, 0, 0, 0, 0 },
	{ "int1", 1, { 0xf1 }, VECTOR_DB, 1, 0, 0, 0, 0 },
	{ "int 0x40, beyond the IDT", 2, { 0xcd, 0x40 }, VECTOR_GP, 0, 0x202, 0, 0, 0 },
	{ "div by zero", 2, { 0xf7, 0xf1 }, VECTOR_DE, 0, 0, 1, 0, 0 },
	{ "ud2", 2, { 0x0f, 0x0b }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "mov ds, beyond the GDT", 2, { 0x8e, 0xd8 }, VECTOR_GP, 0, 0x48, 0x48, 0, 0 },
	{ "mov ss, a code segment", 2, { 0x8e, 0xd0 }, VECTOR_GP, 0, 8, SELECTOR_CODE, 0, 0 },
	{ "ltr of a busy TSS", 3, { 0x0f, 0x00, 0xd8 }, VECTOR_GP, 0, 0x28, SELECTOR_TSS, 0, 0 },
	{ "mov eax, [not canonical]", 2, { 0x8b, 0x01 }, VECTOR_GP, 0, 0, 0, 1ull << 63, 0 },
	{ "rdmsr of one that is not there", 2, { 0x0f, 0x32 }, VECTOR_GP, 0, 0, 0, 0x3a, 0 },
	{ "vmcall", 3, { 0x0f, 0x01, 0xc1 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "mov cr4, VMXE", 3, { 0x0f, 0x22, 0xe0 }, VECTOR_GP, 0, 0, CR4_PAE | CR4_VMXE, 0, 0 },
};

static void try_ring0(const struct expectation *e)
{
	struct execution run = execution_of(e->code, e->size);

	check_begin("%s", e->name);
	run.registers[RAX] = e->rax;
	run.registers[RCX] = e->rcx;
	run.registers[RDX] = e->rdx;
	execution_run(&run);
	check_expectation(&run, e);
}

/* A gate that is not present turns a #GP into a double fault, whoever raised it. */
static void test_double_fault(const char *name, const uint8_t *code, size_t size)
{
	volatile uint64_t *gate =
		(volatile uint64_t *)(uintptr_t)exceptions_idt().base + 2 * VECTOR_GP;
	const uint64_t kept = *gate;
	struct execution run = execution_of(code, size);

	check_begin("#GP by %s with no gate present", name);
	run.registers[RAX] = 0x48;
	run.registers[RCX] = MSR_IA32_FEATURE_CONTROL;
	*gate = kept & ~(1ull << 47);
	execution_run(&run);
	*gate = kept;
	check_equal("vector", run.exception.vector, VECTOR_DF);
	check_equal("error code", run.exception.error_code, 0);
}

void events_test_exceptions(void)
{
	static const uint8_t mov_ds[] = { 0x8e, 0xd8 }, rdmsr[] = { 0x0f, 0x32 };
	const struct expectation no_fpu = { "fld1 with CR0.TS", 2, { 0xd9, 0xe8 }, VECTOR_NM, 0, 0,
		0, 0, 0 };
	const struct expectation steps = { "int1, stepping", 1, { 0xf1 }, VECTOR_DB, 1, 0, 0, 0,
		0 };
	struct execution run;

	for (unsigned int i = 0; i < sizeof(at_ring0) / sizeof(at_ring0[0]); i++)
		try_ring0(&at_ring0[i]);
	cpu_write_cr0(cpu_read_cr0() | CR0_TS);
	try_ring0(&no_fpu);
	__asm__ volatile("clts");
	test_double_fault("mov ds", mov_ds, sizeof(mov_ds));
	test_double_fault("rdmsr", rdmsr, sizeof(rdmsr));
	check_begin("int1, stepping");
	run = execution_of(steps.code, steps.size);
	run.rflags |= RFLAGS_TF;
	execution_run(&run);
	check_expectation(&run, &steps);
}

static const struct expectation at_ring3[] = {
	{ "cpuid", 3, { 0x0f, 0xa2, 0xcc }, VECTOR_BP, 3, 0, 0, 0, 0 },
	{ "mov edx, [device]", 3, { 0x8b, 0x13, 0xcc }, VECTOR_BP, 3, 0, 0, 0, 0 },
	{ "movbe edx, [device]", 4, { 0x0f, 0x38, 0xf0, 0x13 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "vmcall", 3, { 0x0f, 0x01, 0xc1 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "vmxoff", 3, { 0x0f, 0x01, 0xc4 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "monitor", 3, { 0x0f, 0x01, 0xc8 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "mwait", 3, { 0x0f, 0x01, 0xc9 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "getsec", 2, { 0x0f, 0x37 }, VECTOR_UD, 0, 0, 0, 0, 0 },
	{ "hlt", 1, { 0xf4 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "rdmsr", 2, { 0x0f, 0x32 }, VECTOR_GP, 0, 0, 0, 0x10, 0 },
	{ "wrmsr", 2, { 0x0f, 0x30 }, VECTOR_GP, 0, 0, 0, MSR_IA32_EFER, 0 },
	{ "rdpmc", 2, { 0x0f, 0x33 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "xsetbv", 3, { 0x0f, 0x01, 0xd1 }, VECTOR_GP, 0, 0, 1, 0, 0 },
	{ "wbinvd", 2, { 0x0f, 0x09 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "invd", 2, { 0x0f, 0x08 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "mov rax, cr8", 4, { 0x44, 0x0f, 0x20, 0xc0 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "mov cr0, rax", 3, { 0x0f, 0x22, 0xc0 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "out 0xf4, al", 2, { 0xe6, 0xf4 }, VECTOR_GP, 0, 0, 42, 0, 0 },
	{ "in al, 0x80", 2, { 0xe4, 0x80 }, VECTOR_GP, 0, 0, 0, 0, 0 },
	{ "outsb", 1, { 0x6e }, VECTOR_GP, 0, 0, 0, 0, 0xf4 },
};

static struct execution user_run(const uint8_t *code, size_t size)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct execution run = execution_at(USER_PAGE);

	pages_map(USER_PAGE, (uintptr_t)page, PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);
	pages_map(USER_DEVICE, DEVICE_PAGE, PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);
	memcpy(page, code, size);
	run.cs = SELECTOR_USER_CODE;
	run.ss = SELECTOR_USER_DATA;
	run.registers[RBX] = USER_DEVICE + 8;
	run.registers[RSI] = run.registers[RDI] = USER_PAGE + 2048;
	return run;
}

void events_test_ring3(void)
{
	static const uint8_t in[] = { 0xe4, 0x80, 0xcc };         /* in al, 0x80; int3 */
	static const uint8_t misaligned[] = { 0x8b, 0x46, 0x01 }; /* mov eax, [rsi + 1] */
	const struct expectation port = { "", 0, { 0 }, VECTOR_BP, 3, 0, 0, 0, 0 };
	const struct expectation alignment = { "", 0, { 0 }, VECTOR_AC, 0, 0, 0, 0, 0 };
	struct execution run;

	cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
	for (unsigned int i = 0; i < sizeof(at_ring3) / sizeof(at_ring3[0]); i++) {
		const struct expectation *e = &at_ring3[i];

		check_begin("%s at ring 3", e->name);
		run = user_run(e->code, e->size);
		run.registers[RAX] = e->rax;
		run.registers[RCX] = e->rcx;
		run.registers[RDX] = e->rdx;
		execution_run(&run);
		check_expectation(&run, e);
	}
	check_begin("in al, 0x80 at ring 3 with IOPL 3");
	run = user_run(in, sizeof(in));
	run.rflags |= RFLAGS_IOPL;
	execution_run(&run);
	check_expectation(&run, &port);
	check_equal("what is read", run.registers[RAX], 0xff);
	check_begin("#AC at ring 3");
	cpu_write_cr0(cpu_read_cr0() | CR0_AM);
	run = user_run(misaligned, sizeof(misaligned));
	run.rflags |= RFLAGS_AC;
	execution_run(&run);
	check_expectation(&run, &alignment);
	cpu_write_cr0(cpu_read_cr0() & ~CR0_AM);
}
