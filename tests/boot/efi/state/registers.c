/* SPDX-License-Identifier: MIT */
/*
 * The processor's registers, and the PICs' masks: reads them, puts recognisable values into those
 * that are free for us, and puts back what was there. Called by state.c.
 */
#include <efi.h>
#include <efilib.h>

#include "lib/bits.h"
#include "tests/boot/efi/state/parts.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define CPUID_RDTSCP BIT(27) /* leaf 0x80000001 EDX */

#define RFLAGS_ID BIT(21)
#define RFLAGS_COMPARED \
	(~(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_RF))

#define PIC_MASK_1 0x21
#define PIC_MASK_2 0xa1

#define STATE_SEGMENT(name)                                     \
	({                                                      \
		uint16_t selector;                              \
		__asm__ volatile(name " %0" : "=rm"(selector)); \
		selector;                                       \
	})

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint64_t base;
};

static bool has_rdtscp(void)
{
	return (cpu_id(0x80000001, 0).edx & CPUID_RDTSCP) != 0;
}

static void read_descriptors(uint64_t *v)
{
	struct table_register gdtr, idtr;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	__asm__ volatile("sidt %0" : "=m"(idtr));
	v[STATE_GDTR_BASE] = gdtr.base;
	v[STATE_GDTR_LIMIT] = gdtr.limit;
	v[STATE_IDTR_BASE] = idtr.base;
	v[STATE_IDTR_LIMIT] = idtr.limit;
	v[STATE_CS] = STATE_SEGMENT("mov %%cs,");
	v[STATE_DS] = STATE_SEGMENT("mov %%ds,");
	v[STATE_ES] = STATE_SEGMENT("mov %%es,");
	v[STATE_FS] = STATE_SEGMENT("mov %%fs,");
	v[STATE_GS] = STATE_SEGMENT("mov %%gs,");
	v[STATE_SS] = STATE_SEGMENT("mov %%ss,");
	v[STATE_TR] = STATE_SEGMENT("str");
	v[STATE_LDTR] = STATE_SEGMENT("sldt");
}

/* The MSRs, and a value for each that is free for us: firmware uses none of them. */
static const struct {
	enum state_item item;
	uint32_t msr;
	uint64_t mark; /* 0: not ours to change */
} state_msrs[] = {
	{ STATE_EFER, MSR_IA32_EFER, 0 },
	{ STATE_PAT, MSR_IA32_PAT, 0 },
	{ STATE_DEBUGCTL, MSR_IA32_DEBUGCTL, 0 },
	{ STATE_FS_BASE, MSR_IA32_FS_BASE, 0x00001111aaaa0010 },
	{ STATE_GS_BASE, MSR_IA32_GS_BASE, 0x00002222bbbb0020 },
	{ STATE_KERNEL_GS_BASE, MSR_IA32_KERNEL_GS_BASE, 0xffffc333cccc0030 },
	{ STATE_SYSENTER_CS, MSR_IA32_SYSENTER_CS, 0x4440 },
	{ STATE_SYSENTER_ESP, MSR_IA32_SYSENTER_ESP, 0x00005555eeee0050 },
	{ STATE_SYSENTER_EIP, MSR_IA32_SYSENTER_EIP, 0x00006666ffff0060 },
	{ STATE_STAR, MSR_IA32_STAR, 0x0077008800000070 },
	{ STATE_LSTAR, MSR_IA32_LSTAR, 0xffff988811110080 },
	{ STATE_CSTAR, MSR_IA32_CSTAR, 0xffff999922220090 },
	{ STATE_FMASK, MSR_IA32_FMASK, 0x00000000000477a0 },
};

void state_read(struct state *state, bool xsave)
{
	uint64_t *v = state->values;
	EFI_TPL tpl = BS->RaiseTPL(TPL_HIGH_LEVEL);

	BS->RestoreTPL(tpl);
	v[STATE_TPL] = tpl;
	v[STATE_CR0] = cpu_read_cr0();
	v[STATE_CR2] = cpu_read_cr2();
	v[STATE_CR3] = cpu_read_cr3();
	v[STATE_CR4] = cpu_read_cr4();
	v[STATE_CR8] = cpu_read_cr8();
	v[STATE_XCR0] = xsave ? cpu_read_xcr0() : 0;
	v[STATE_RFLAGS] = cpu_read_flags() & RFLAGS_COMPARED;
	v[STATE_DR0] = cpu_read_dr0();
	v[STATE_DR1] = cpu_read_dr1();
	v[STATE_DR2] = cpu_read_dr2();
	v[STATE_DR3] = cpu_read_dr3();
	v[STATE_DR6] = cpu_read_dr6();
	v[STATE_DR7] = cpu_read_dr7();
	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++)
		v[state_msrs[i].item] = cpu_read_msr(state_msrs[i].msr);
	v[STATE_TSC_AUX] = has_rdtscp() ? cpu_read_msr(MSR_IA32_TSC_AUX) : 0;
	read_descriptors(v);
	apic_read_state(v);
	v[STATE_PIC_1] = cpu_in8(PIC_MASK_1);
	v[STATE_PIC_2] = cpu_in8(PIC_MASK_2);
}

void state_mark(uint64_t run)
{
	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++) {
		if (state_msrs[i].mark != 0)
			cpu_write_msr(state_msrs[i].msr, state_msrs[i].mark + run);
	}
	if (has_rdtscp())
		cpu_write_msr(MSR_IA32_TSC_AUX, 0xbbbb0000 + run);
	/* Entry 7 of the PAT, which no page table names: UC- or write-protected. */
	cpu_write_msr(MSR_IA32_PAT,
		(cpu_read_msr(MSR_IA32_PAT) & ~(0xffull << 56)) | (run == 0 ? 7ull : 5ull) << 56);
	/* A breakpoint that is on, where nothing is ever executed. */
	cpu_write_dr0(0xffffd000000000a0 + run);
	cpu_write_dr1(0x00000000111100b0 + run);
	cpu_write_dr2(0x00000000222200c0 + run);
	cpu_write_dr3(0x00000000333300d0 + run);
	cpu_write_dr6(DR6_INIT | 2);
	cpu_write_dr7(DR7_FIXED | 1 | (run == 0 ? 0 : 2));
	/* The lowest priority but one: all vectors beyond 31 come. */
	cpu_write_cr8(1);
	cpu_write_flags(cpu_read_flags() | RFLAGS_AC | RFLAGS_ID);
	apic_mark(run);
}

void state_restore(const struct state *original)
{
	const uint64_t *v = original->values;

	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++) {
		if (state_msrs[i].item != STATE_EFER && state_msrs[i].item != STATE_DEBUGCTL)
			cpu_write_msr(state_msrs[i].msr, v[state_msrs[i].item]);
	}
	if (has_rdtscp())
		cpu_write_msr(MSR_IA32_TSC_AUX, v[STATE_TSC_AUX]);
	cpu_write_dr7(v[STATE_DR7]);
	cpu_write_dr0(v[STATE_DR0]);
	cpu_write_dr1(v[STATE_DR1]);
	cpu_write_dr2(v[STATE_DR2]);
	cpu_write_dr3(v[STATE_DR3]);
	cpu_write_dr6(v[STATE_DR6]);
	cpu_write_cr8(v[STATE_CR8]);
	cpu_write_flags(v[STATE_RFLAGS]);
	apic_restore(v);
	vectors_restore(&original->vectors);
}
