/* SPDX-License-Identifier: MIT */
/*
 * EFER and the other MSRs: those that a guest has, and #GP for all others.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/execute.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/cpu/cpu.h"

#define HAS_NX      BIT(20) /* CPUID leaf 0x80000001 EDX */
#define HAS_RDTSCP  BIT(27)
#define ALIAS       0x8000000000ull
#define EFER_START  (EFER_LME | EFER_LMA)
#define NOT_CANONIC 0x0000800000000000ull

static uint64_t read_efer(void)
{
	uint64_t value;

	check_equal("exception of RDMSR", try_read_msr(MSR_IA32_EFER, &value), EXCEPTION_NONE);
	return value;
}

static void try_efer(const char *name, uint64_t value, unsigned int vector, uint64_t wanted)
{
	check_begin("EFER: %s", name);
	check_equal("exception of WRMSR", try_write_msr(MSR_IA32_EFER, value), vector);
	check_equal("EFER", read_efer(), wanted);
}

/* A page that may not be executed is that only while EFER.NXE is set; clear, the bit is reserved.
 */
static void test_no_execute(void)
{
	static uint8_t code[4096] __attribute__((aligned(4096)));
	struct execution run = execution_at(ALIAS);

	check_begin("EFER.NXE in the page tables");
	code[0] = 0xcc; /* int3 */
	pages_map(ALIAS, (uintptr_t)code, PAGE_PRESENT | PAGE_NO_EXECUTE);
	cpu_write_msr(MSR_IA32_EFER, EFER_START | EFER_NXE);
	execution_run(&run);
	check_equal("vector with NXE", run.exception.vector, VECTOR_PF);
	check_equal("error code with NXE", run.exception.error_code, 0x11);
	cpu_write_msr(MSR_IA32_EFER, EFER_START);
	execution_run(&run);
	check_equal("vector without NXE", run.exception.vector, VECTOR_PF);
	check_equal("error code without NXE", run.exception.error_code, 9);
	pages_map(ALIAS, (uintptr_t)code, PAGE_PRESENT);
	execution_run(&run);
	check_equal("vector without the bit", run.exception.vector, 3);
}

void cpu_test_efer(void)
{
	const bool has_nx = (cpu_id(0x80000001, 0).edx & HAS_NX) != 0;

	check_begin("EFER at the start");
	check_equal("EFER", read_efer(), EFER_START);
	try_efer("SCE", EFER_START | EFER_SCE, EXCEPTION_NONE, EFER_START | EFER_SCE);
	try_efer("as before", EFER_START, EXCEPTION_NONE, EFER_START);
	try_efer("LMA is read-only", EFER_LME, EXCEPTION_NONE, EFER_START);
	try_efer("no LME with paging on", EFER_LMA, VECTOR_GP, EFER_START);
	try_efer("nothing", 0, VECTOR_GP, EFER_START);
	if (has_nx) {
		try_efer("NXE", EFER_START | EFER_NXE, EXCEPTION_NONE, EFER_START | EFER_NXE);
		try_efer("no NXE", EFER_START, EXCEPTION_NONE, EFER_START);
		test_no_execute();
	}
	check_begin("EFER: each reserved bit");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (BIT(bit) & (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
			continue;
		check_equal("exception", try_write_msr(MSR_IA32_EFER, EFER_START | BIT(bit)),
			VECTOR_GP);
		check_equal("EFER", read_efer(), EFER_START);
	}
}

/* Kept as written. SDM vol. 4, 'Architectural MSRs'. */
static const struct {
	uint32_t msr;
	uint64_t value;
	uint64_t invalid; /* #GP; 0 for none */
} kept[] = {
	{ MSR_IA32_SYSENTER_CS, 0x1234, 0 },
	{ MSR_IA32_SYSENTER_ESP, 0xffff800011223344, NOT_CANONIC },
	{ MSR_IA32_SYSENTER_EIP, 0x00007fff11223344, NOT_CANONIC },
	{ MSR_IA32_PAT, 0x0605040107060504, 0x0007040600070402 }, /* 2 is no memory type */
	{ MSR_IA32_STAR, 0x0123456789abcdef, 0 },
	{ MSR_IA32_LSTAR, 0xffff8000deadbeef, NOT_CANONIC },
	{ MSR_IA32_CSTAR, 0xffff8000cafebabe, NOT_CANONIC },
	{ MSR_IA32_FMASK, 0x47700, 0 },
	{ MSR_IA32_FS_BASE, 0x00007f0012345678, NOT_CANONIC },
	{ MSR_IA32_GS_BASE, 0xffff800012345678, NOT_CANONIC },
	{ MSR_IA32_KERNEL_GS_BASE, 0xffff888812345678, NOT_CANONIC },
};

/* Not there: MSRs of features that CPUID hides, and numbers that no processor has. */
static const uint32_t absent[] = { 0x03a, 0x048, 0x049, 0x079, 0x0c1, 0x0ce, 0x0fe, 0x10a, 0x122,
	0x140, 0x179, 0x186, 0x1d9, 0x200, 0x20f, 0x2ff, 0x345, 0x38f, 0x3f1, 0x400, 0x480, 0x481,
	0x48b, 0x48c, 0x491, 0x4c1, 0x560, 0x570, 0x600, 0x6a0, 0x6a2, 0x802, 0x808, 0x830, 0x83f,
	0xc8f, 0xda0, 0x1fff, 0x2000, 0x40000000, 0x40000001, 0x4b564d00, 0xbfffffff, 0xc0000000,
	0xc0000085, 0xc00000ff, 0xc0000104, 0xc0001fff, 0xc0002000, 0xc0010015, 0xc0010117,
	0xffffffff };

static void test_absent(void)
{
	uint64_t value;

	for (unsigned int i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		check_begin("MSR 0x%x", absent[i]);
		check_equal("RDMSR", try_read_msr(absent[i], &value), VECTOR_GP);
		check_equal("WRMSR", try_write_msr(absent[i], 0), VECTOR_GP);
	}
}

/* Whether the TSC, by RDTSC and by RDMSR, has gone on from value by less than a second or so. */
static void check_tsc_is_near(uint64_t value)
{
	const uint64_t limit = 5000000000;
	uint64_t read = 0;

	check_true("RDTSC", cpu_read_tsc() - value < limit);
	check_equal("RDMSR", try_read_msr(MSR_IA32_TIME_STAMP_COUNTER, &read), EXCEPTION_NONE);
	check_true("its value", read - value < limit);
}

/* Each write of the TSC or of IA32_TSC_ADJUST moves both. */
static void test_tsc(void)
{
	const uint64_t start = cpu_read_tsc(), step = 0x123456789abcdef0;
	uint64_t adjust = 1;

	check_begin("IA32_TSC_ADJUST at the start");
	check_equal("RDMSR", try_read_msr(MSR_IA32_TSC_ADJUST, &adjust), EXCEPTION_NONE);
	check_equal("its value", adjust, 0);
	check_begin("IA32_TSC_ADJUST, written");
	check_equal("WRMSR", try_write_msr(MSR_IA32_TSC_ADJUST, step), EXCEPTION_NONE);
	check_tsc_is_near(start + step);
	check_equal("RDMSR", try_read_msr(MSR_IA32_TSC_ADJUST, &adjust), EXCEPTION_NONE);
	check_equal("its value", adjust, step);
	check_begin("the time stamp counter, written");
	check_equal("WRMSR", try_write_msr(MSR_IA32_TIME_STAMP_COUNTER, 1), EXCEPTION_NONE);
	check_tsc_is_near(1);
	check_equal("RDMSR", try_read_msr(MSR_IA32_TSC_ADJUST, &adjust), EXCEPTION_NONE);
	check_true("IA32_TSC_ADJUST", 0 - adjust - start < 5000000000);
	check_begin("IA32_TSC_ADJUST back to 0");
	check_equal("WRMSR", try_write_msr(MSR_IA32_TSC_ADJUST, 0), EXCEPTION_NONE);
	check_tsc_is_near(start);
}

/* SDM vol. 4, IA32_MISC_ENABLE: fast strings on; neither branch trace store nor PEBS. */
static void test_misc_enable(void)
{
	const uint64_t wanted = BIT(0) | BIT(11) | BIT(12);
	uint64_t value = 0;

	check_begin("IA32_MISC_ENABLE");
	check_equal("RDMSR", try_read_msr(MSR_IA32_MISC_ENABLE, &value), EXCEPTION_NONE);
	check_equal("its value", value, wanted);
	check_equal(
		"WRMSR of the same", try_write_msr(MSR_IA32_MISC_ENABLE, wanted), EXCEPTION_NONE);
	check_equal("WRMSR of another", try_write_msr(MSR_IA32_MISC_ENABLE, wanted | BIT(22)),
		VECTOR_GP);
}

/* RDMSR writes rax and rdx whole, and takes ecx alone. */
static void test_registers(void)
{
	static const uint8_t rdmsr[] = { 0x0f, 0x32 };
	struct execution run = execution_of(rdmsr, sizeof(rdmsr));

	check_begin("RDMSR clears upper halves");
	run.registers[0] = run.registers[2] = ~0ull;
	run.registers[1] = 0xffffffff00000000 | MSR_IA32_EFER;
	execution_run(&run);
	check_equal("vector", run.exception.vector, EXCEPTION_NONE);
	check_equal("rax", run.registers[0], EFER_START);
	check_equal("rdx", run.registers[2], 0);
}

void cpu_test_msrs(void)
{
	uint64_t value, before;

	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		check_begin("MSR 0x%x", kept[i].msr);
		check_equal("RDMSR", try_read_msr(kept[i].msr, &before), EXCEPTION_NONE);
		check_equal("WRMSR", try_write_msr(kept[i].msr, kept[i].value), EXCEPTION_NONE);
		if (kept[i].invalid != 0)
			check_equal("WRMSR of what it cannot be",
				try_write_msr(kept[i].msr, kept[i].invalid), VECTOR_GP);
		check_equal("RDMSR", try_read_msr(kept[i].msr, &value), EXCEPTION_NONE);
		check_equal("the value", value, kept[i].value);
		cpu_write_msr(kept[i].msr, before);
	}
	check_begin("TSC_AUX");
	if (cpu_id(0x80000001, 0).edx & HAS_RDTSCP) {
		uint32_t aux;

		check_equal("WRMSR", try_write_msr(MSR_IA32_TSC_AUX, 0xcafe), EXCEPTION_NONE);
		__asm__ volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
		check_equal("RDTSCP", aux, 0xcafe);
	} else {
		check_equal("RDMSR", try_read_msr(MSR_IA32_TSC_AUX, &value), VECTOR_GP);
	}
	test_registers();
	test_absent();
	test_tsc();
	test_misc_enable();
}
