/* SPDX-License-Identifier: MIT */
/*
 * All registers that a guest can set, over a give-back: the firmware uses its own meanwhile.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/execute.h"
#include "guest-driver/tests/fpu/fpu.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define HAS_RDTSCP BIT(27) /* CPUID leaf 0x80000001 EDX */

/* Two values each, so that neither is what was there by chance. */
static const struct {
	const char *name;
	uint32_t msr;
	uint64_t values[2];
} msrs[] = {
	{ "KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, { 0xffff800011111111, 0x00007fff22222222 } },
	{ "FS_BASE", MSR_IA32_FS_BASE, { 0xffff800033333333, 0x00007fff44444444 } },
	{ "GS_BASE", MSR_IA32_GS_BASE, { 0xffff800055555555, 0x00007fff66666666 } },
	{ "STAR", MSR_IA32_STAR, { 0x0123456789abcdef, 0xfedcba9876543210 } },
	{ "LSTAR", MSR_IA32_LSTAR, { 0xffff800077777777, 0x00007fff88888888 } },
	{ "CSTAR", MSR_IA32_CSTAR, { 0xffff800099999999, 0x00007fffaaaaaaaa } },
	{ "FMASK", MSR_IA32_FMASK, { 0x47700, 0x3f7fd5 } },
	{ "SYSENTER_CS", MSR_IA32_SYSENTER_CS, { 0x1234, 0xabcd } },
	{ "SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, { 0xffff8000bbbbbbbb, 0x00007fffcccccccc } },
	{ "SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, { 0xffff8000dddddddd, 0x00007fffeeeeeeee } },
	{ "PAT", MSR_IA32_PAT, { 0x0001050600070406, 0x0007040600070406 } },
	{ "EFER", MSR_IA32_EFER,
		{ EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE, EFER_LME | EFER_LMA } },
};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))

struct debug_registers {
	uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
};
static const struct debug_registers debug[2] = {
	{ 0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444,
		DR6_INIT | 0xe00f, DR7_FIXED | 0xfff00000 },
	/* With breakpoints that are on, where nothing ever comes. */
	{ 0xfffffffffffff000, 0xfffffffffffff008, 0xfffffffffffff010, 0xfffffffffffff018,
		DR6_INIT | 0x4004, DR7_FIXED | 0xdd1d00ff },
};

static void set_debug_registers(const struct debug_registers *r)
{
	cpu_write_dr0(r->dr0);
	cpu_write_dr1(r->dr1);
	cpu_write_dr2(r->dr2);
	cpu_write_dr3(r->dr3);
	cpu_write_dr6(r->dr6);
	cpu_write_dr7(r->dr7);
}

static void check_debug_registers(const struct debug_registers *r)
{
	check_begin("debug registers over a give-back");
	check_equal("DR0", cpu_read_dr0(), r->dr0);
	check_equal("DR1", cpu_read_dr1(), r->dr1);
	check_equal("DR2", cpu_read_dr2(), r->dr2);
	check_equal("DR3", cpu_read_dr3(), r->dr3);
	check_equal("DR6", cpu_read_dr6(), r->dr6);
	check_equal("DR7", cpu_read_dr7(), r->dr7);
	cpu_write_dr7(DR7_FIXED);
	cpu_write_dr6(DR6_INIT);
}

static void test_msrs(unsigned int set)
{
	const bool has_aux = (cpu_id(0x80000001, 0).edx & HAS_RDTSCP) != 0;
	uint64_t before[MSRS];

	for (unsigned int i = 0; i < MSRS; i++) {
		before[i] = cpu_read_msr(msrs[i].msr);
		cpu_write_msr(msrs[i].msr, msrs[i].values[set]);
	}
	if (has_aux)
		cpu_write_msr(MSR_IA32_TSC_AUX, 0xcafe + set);
	set_debug_registers(&debug[set]);
	give_back();
	check_debug_registers(&debug[set]);
	for (unsigned int i = 0; i < MSRS; i++) {
		check_begin("%s over a give-back", msrs[i].name);
		check_equal("its value", cpu_read_msr(msrs[i].msr), msrs[i].values[set]);
		cpu_write_msr(msrs[i].msr, before[i]);
	}
	check_begin("TSC_AUX over a give-back");
	if (has_aux)
		check_equal("its value", cpu_read_msr(MSR_IA32_TSC_AUX), 0xcafe + set);
}

/* CR0, CR2, CR3, CR4, CR8, XCR0, and what the vector registers then hold. */
static void test_control_registers(unsigned int set)
{
	const uint64_t cr0 = cpu_read_cr0(), cr3 = cpu_read_cr3(), cr4 = cpu_read_cr4();
	const uint64_t changed0 = cr0 ^ (CR0_CD | CR0_WP | CR0_AM | CR0_NE);
	const uint64_t changed4 = cr4 ^ (CR4_MCE | CR4_PGE | CR4_TSD | CR4_DE | CR4_PCE);
	const uint64_t cr2 = set == 0 ? 0xffff8000cafe0000 : 0x123456789a;

	check_begin("control registers over a give-back");
	cpu_write_cr0(changed0);
	cpu_write_cr2(cr2);
	cpu_write_cr4(changed4);
	cpu_write_cr8(set == 0 ? 9 : 4);
	give_back();
	check_equal("CR0", cpu_read_cr0(), changed0);
	check_equal("CR2", cpu_read_cr2(), cr2);
	check_equal("CR3", cpu_read_cr3(), cr3);
	check_equal("CR4", cpu_read_cr4(), changed4);
	check_equal("CR8", cpu_read_cr8(), set == 0 ? 9 : 4);
	cpu_write_cr8(0);
	cpu_write_cr4(cr4);
	cpu_write_cr0(cr0);
	if (!(cr4 & CR4_OSXSAVE))
		return;
	check_begin("XCR0 over a give-back");
	cpu_write_xcr0(set == 0 ? XCR0_X87 : XCR0_X87 | XCR0_SSE);
	give_back();
	check_equal("XCR0", cpu_read_xcr0(), set == 0 ? XCR0_X87 : XCR0_X87 | XCR0_SSE);
	cpu_write_xcr0(cpu_id(0xd, 0).eax);
	check_begin("the parts that XCR0 had switched off meanwhile");
	vectors_check(set);
}

static void test_descriptor_tables(void)
{
	struct table_register gdt[2], idt[2];
	uint16_t tr[2], ldt[2];

	check_begin("descriptor tables over a give-back");
	for (unsigned int i = 0; i < 2; i++) {
		__asm__ volatile("sgdt %0" : "=m"(gdt[i]));
		__asm__ volatile("sidt %0" : "=m"(idt[i]));
		__asm__ volatile("str %0" : "=r"(tr[i]));
		__asm__ volatile("sldt %0" : "=r"(ldt[i]));
		if (i == 0)
			give_back();
	}
	check_equal("GDTR base", gdt[1].base, gdt[0].base);
	check_equal("GDTR limit", gdt[1].limit, gdt[0].limit);
	check_equal("IDTR base", idt[1].base, idt[0].base);
	check_equal("IDTR limit", idt[1].limit, idt[0].limit);
	check_equal("TR", tr[1], tr[0]);
	check_equal("LDTR", ldt[1], ldt[0]);
}

static void test_general_registers(void)
{
	static const uint8_t code[] = { 0xee, 0x90 }; /* out dx, al; nop */
	struct execution start = execution_of(code, sizeof(code)), run;

	check_begin("general registers over a give-back");
	for (unsigned int i = 0; i < 16; i++)
		start.registers[i] = 0x0101010101010101ull * (i + 1);
	start.registers[0] = 0x1122334455667701; /* al = 1 */
	start.registers[2] = 0x112233445566cafe; /* dx = 0xcafe */
	start.rflags |= 0x240cd5;                /* ID, AC, DF, OF, SF, ZF, AF, PF, CF */
	run = start;
	execution_run(&run);
	for (unsigned int i = 0; i < 16; i++)
		check_equal("a register", run.registers[i], start.registers[i]);
	check_equal("rflags", run.rflags, start.rflags);
}

void fpu_test_registers(void)
{
	vectors_switch_on();
	for (unsigned int set = 0; set < 2; set++) {
		vectors_load(set);
		test_msrs(set);
		check_begin("vector registers over a give-back");
		vectors_check(set);
		test_control_registers(set);
	}
	test_descriptor_tables();
	test_general_registers();
}
