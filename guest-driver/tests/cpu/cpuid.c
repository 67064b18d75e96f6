/* SPDX-License-Identifier: MIT */
/*
 * CPUID: what must be hidden, what must be shown, what follows the control registers.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/execute.h"
#include "guest-driver/tests/cpu/cpu.h"

enum output { EAX, EBX, ECX, EDX };

/* Bits of one output register that have to be 0, or 1. */
struct feature_row {
	const char *name;
	uint32_t leaf, subleaf;
	enum output output;
	uint64_t bits;
	bool shown;
};

static const struct feature_row rows[] = {
	{ "hypervisor", 1, 0, ECX, BIT(31), true },
	{ "VMX", 1, 0, ECX, BIT(5), false },
	{ "SMX", 1, 0, ECX, BIT(6), false },
	{ "MONITOR", 1, 0, ECX, BIT(3), false },
	{ "DTES64, DS-CPL, PDCM", 1, 0, ECX, BIT(2) | BIT(4) | BIT(15), false },
	{ "EIST, TM2, CNXT-ID, SDBG", 1, 0, ECX, BIT(7) | BIT(8) | BIT(10) | BIT(11), false },
	{ "x2APIC, TSC-deadline", 1, 0, ECX, BIT(21) | BIT(24), true },
	{ "APIC", 1, 0, EDX, BIT(9), true },
	{ "MTRR, MCA", 1, 0, EDX, BIT(12) | BIT(14), false },
	{ "DS, ACPI, HTT, TM, PBE", 1, 0, EDX, BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31),
		false },
	{ "FPU, TSC, MSR, PAE, CX8", 1, 0, EDX, BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(8), true },
	{ "PGE, CMOV, PAT, FXSR, SSE, SSE2", 1, 0, EDX,
		BIT(13) | BIT(15) | BIT(16) | BIT(24) | BIT(25) | BIT(26), true },
	{ "ARAT", 6, 0, EAX, BIT(2), true },
	{ "APIC ID", 1, 0, EBX, 0xff000000, false },
	{ "TSC_ADJUST", 7, 0, EBX, BIT(1), true },
	{ "SGX, HLE, RTM, MPX, PT", 7, 0, EBX, BIT(2) | BIT(4) | BIT(11) | BIT(14) | BIT(25),
		false },
	{ "PKU, WAITPKG, CET, LA57, KL, ENQCMD, PKS", 7, 0, ECX,
		BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16) | BIT(23) | BIT(29) | BIT(31), false },
	{ "leaf 7 EDX", 7, 0, EDX, 0xffffffff, false },
	{ "performance monitoring", 0xa, 0, EAX, 0xffffffff, false },
	{ "XSAVEC, XSAVES", 0xd, 1, EAX, BIT(1) | BIT(3), false },
	{ "supervisor states", 0xd, 1, ECX, 0xffffffff, false },
	{ "PT", 0x14, 0, EBX, 0xffffffff, false },
	{ "TSC ratio: the crystal is the TSC", 0x15, 0, EAX, 1, true },
	{ "TSC ratio: the crystal is the TSC", 0x15, 0, EBX, 1, true },
	{ "processor frequency", 0x16, 0, EAX, 0xffffffff, false },
	{ "maximum and bus frequency", 0x16, 0, EBX, 0xffffffff, false },
	{ "long mode, SYSCALL", 0x80000001, 0, EDX, BIT(29) | BIT(11), true },
	{ "SVM", 0x80000001, 0, ECX, BIT(2), false },
};

static uint32_t output_of(struct cpuid_registers r, enum output output)
{
	const uint32_t values[] = { r.eax, r.ebx, r.ecx, r.edx };

	return values[output];
}

static void test_features(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct feature_row *row = &rows[i];
		const uint32_t value = output_of(cpu_id(row->leaf, row->subleaf), row->output);

		check_begin("CPUID 0x%x: %s", row->leaf, row->name);
		check_equal("the bits", value & row->bits, row->shown ? row->bits : 0);
	}
}

static void test_signature(void)
{
	const struct cpuid_registers r = cpu_id(0x40000000, 0);

	check_begin("the hypervisor's signature");
	check_equal("EAX", r.eax, 0x40000000);
	check_equal("EBX", r.ebx, 0x65666143); /* Cafe */
	check_equal("ECX", r.ecx, 0x6f736976); /* viso */
	check_equal("EDX", r.edx, 0x72);       /* r */
}

/* All four registers are written whole, whatever was in them; ECX counts as 32 bits. */
static void test_registers(void)
{
	static const uint8_t cpuid[] = { 0x0f, 0xa2 };
	const struct cpuid_registers wanted = cpu_id(0xd, 0);
	struct execution run = execution_of(cpuid, sizeof(cpuid));

	check_begin("CPUID clears upper halves");
	run.registers[0] = 0xffffffff0000000d;
	run.registers[1] = 0xffffffff00000000;
	run.registers[2] = run.registers[3] = ~0ull;
	run.rflags = 0xcd7; /* status flags and DF */
	execution_run(&run);
	check_equal("rax", run.registers[0], wanted.eax);
	check_equal("rcx", run.registers[1], wanted.ecx);
	check_equal("rdx", run.registers[2], wanted.edx);
	check_equal("rbx", run.registers[3], wanted.ebx);
	check_equal("rflags", run.rflags, 0xcd7);
}

static void test_leaves(void)
{
	const uint32_t last = cpu_id(0, 0).eax, last_extended = cpu_id(0x80000000, 0).eax;
	static const uint32_t beyond[] = { 0x3fffffff, 0x40000001, 0x4fffffff, 0x7fffffff,
		0x90000000, 0xc0000000, 0xffffffff };

	check_begin("leaves beyond the last are 0");
	for (unsigned int i = 0; i < sizeof(beyond) / sizeof(beyond[0]) + 2; i++) {
		const uint32_t leaf = i == 0   ? last + 1
				      : i == 1 ? last_extended + 1
					       : beyond[i - 2];
		const struct cpuid_registers r = cpu_id(leaf, 0);

		check_equal("all registers together", r.eax | r.ebx | r.ecx | r.edx, 0);
	}
	check_begin("leaves that have no subleaves do not look at ECX");
	check_equal("leaf 1", cpu_id(1, 0xffffffff).ecx, cpu_id(1, 0).ecx);
	check_begin("the last subleaves");
	check_equal("leaf 4", cpu_id(4, 0xffffffff).eax, 0);
	check_equal("leaf 7", cpu_id(7, 1).eax | cpu_id(7, 1).ebx, 0);
	check_equal("leaf 0xd", cpu_id(0xd, 63).eax | cpu_id(0xd, 0xffffffff).eax, 0);
}

static void test_mirrors(void)
{
	const uint64_t cr4 = cpu_read_cr4();

	if (!(cpu_id(1, 0).ecx & HAS_XSAVE)) {
		check_skip("OSXSAVE: no XSAVE here");
		return;
	}
	check_begin("OSXSAVE follows CR4");
	cpu_write_cr4(cr4 & ~CR4_OSXSAVE);
	check_equal("when clear", cpu_id(1, 0).ecx & HAS_OSXSAVE, 0);
	cpu_write_cr4(cr4 | CR4_OSXSAVE);
	check_equal("when set", cpu_id(1, 0).ecx & HAS_OSXSAVE, HAS_OSXSAVE);
	check_begin("leaf 0xd EBX follows XCR0");
	for (uint64_t xcr0 = 1; xcr0 < 0x100; xcr0++) {
		if (!cpu_xcr0_is_valid(xcr0))
			continue;
		cpu_write_xcr0(xcr0);
		check_equal("EBX", cpu_id(0xd, 0).ebx, cpu_xsave_size(xcr0));
		check_equal("ECX", cpu_id(0xd, 0).ecx, cpu_xsave_size(cpu_id(0xd, 0).eax));
	}
	cpu_write_xcr0(XCR0_X87);
	cpu_write_cr4(cr4);
}

void cpu_test_cpuid(void)
{
	test_features();
	test_signature();
	test_registers();
	test_leaves();
	test_mirrors();
}
