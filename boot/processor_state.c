/* SPDX-License-Identifier: MIT */
/*
 * Putting processor state aside and taking it back. What each piece is for, and how it was found to
 * matter, is in docs/architecture.md, 'Taking the machine'.
 */
#include "boot/processor_state.h"

#include "vmm/cpu.h"
#include "vmm/guest_cpuid.h"
#include "vmm/x86.h"

#define CPUID_XSAVE   BIT(26) /* leaf 1 ECX */
#define CPUID_RDTSCP  BIT(27) /* leaf 0x80000001 EDX */
#define CPUID_PAGE_1G BIT(26) /* leaf 0x80000001 EDX */
#define LEAF_XSAVE    0xd
#define PAT_RESET     0x0007040600070406ull

struct processor_features processor_read_features(void)
{
	const uint32_t extended = cpu_id(0x80000001, 0).edx;
	struct processor_features f = {
		.xsave = (cpu_id(1, 0).ecx & CPUID_XSAVE) != 0,
		.rdtscp = (extended & CPUID_RDTSCP) != 0,
		.page_1g = (extended & CPUID_PAGE_1G) != 0,
		.five_levels = (cpu_read_cr4() & CR4_LA57) != 0,
	};

	if (f.xsave)
		f.xcr0 = xcr0_carried(cpu_id(LEAF_XSAVE, 0).eax);
	return f;
}

static void fpu_save(uint8_t *area, const struct processor_features *features)
{
	if (features->xsave)
		__asm__ volatile("xsave64 %0"
				 : "+m"(*(uint8_t(*)[4096])area)
				 : "a"((uint32_t)features->xcr0), "d"(0));
	else
		__asm__ volatile("fxsave64 %0" : "=m"(*(uint8_t(*)[512])area));
}

static void fpu_load(const uint8_t *area, const struct processor_features *features)
{
	if (features->xsave)
		__asm__ volatile("xrstor64 %0"
				 :
				 : "m"(*(const uint8_t(*)[4096])area),
				 "a"((uint32_t)features->xcr0), "d"(0));
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(*(const uint8_t(*)[512])area));
}

void processor_save(struct processor_state *s, const struct processor_features *features)
{
	if (features->xsave) {
		s->xcr0 = cpu_read_xcr0();
		cpu_write_xcr0(features->xcr0);
	}
	fpu_save(s->fpu, features);
	s->cr2 = cpu_read_cr2();
	s->dr[0] = cpu_read_dr0();
	s->dr[1] = cpu_read_dr1();
	s->dr[2] = cpu_read_dr2();
	s->dr[3] = cpu_read_dr3();
	s->dr6 = cpu_read_dr6();
	s->kernel_gs_base = cpu_read_msr(MSR_IA32_KERNEL_GS_BASE);
	s->star = cpu_read_msr(MSR_IA32_STAR);
	s->lstar = cpu_read_msr(MSR_IA32_LSTAR);
	s->cstar = cpu_read_msr(MSR_IA32_CSTAR);
	s->fmask = cpu_read_msr(MSR_IA32_FMASK);
	if (features->rdtscp)
		s->tsc_aux = cpu_read_msr(MSR_IA32_TSC_AUX);
}

void processor_load(const struct processor_state *s, const struct processor_features *features)
{
	if (features->xsave)
		cpu_write_xcr0(features->xcr0);
	fpu_load(s->fpu, features);
	if (features->xsave)
		cpu_write_xcr0(s->xcr0);
	cpu_write_cr2(s->cr2);
	cpu_write_dr0(s->dr[0]);
	cpu_write_dr1(s->dr[1]);
	cpu_write_dr2(s->dr[2]);
	cpu_write_dr3(s->dr[3]);
	cpu_write_dr6(s->dr6);
	cpu_write_msr(MSR_IA32_KERNEL_GS_BASE, s->kernel_gs_base);
	cpu_write_msr(MSR_IA32_STAR, s->star);
	cpu_write_msr(MSR_IA32_LSTAR, s->lstar);
	cpu_write_msr(MSR_IA32_CSTAR, s->cstar);
	cpu_write_msr(MSR_IA32_FMASK, s->fmask);
	if (features->rdtscp)
		cpu_write_msr(MSR_IA32_TSC_AUX, s->tsc_aux);
}

void firmware_state_save(struct firmware_state *s)
{
	s->cr0 = cpu_read_cr0();
	s->cr3 = cpu_read_cr3();
	s->cr4 = cpu_read_cr4();
	s->cr8 = cpu_read_cr8();
	s->efer = cpu_read_msr(MSR_IA32_EFER);
	s->pat = cpu_read_msr(MSR_IA32_PAT);
	s->debugctl = cpu_read_msr(MSR_IA32_DEBUGCTL);
	s->dr7 = cpu_read_dr7();
	s->fs_base = cpu_read_msr(MSR_IA32_FS_BASE);
	s->gs_base = cpu_read_msr(MSR_IA32_GS_BASE);
	s->sysenter_cs = cpu_read_msr(MSR_IA32_SYSENTER_CS);
	s->sysenter_esp = cpu_read_msr(MSR_IA32_SYSENTER_ESP);
	s->sysenter_eip = cpu_read_msr(MSR_IA32_SYSENTER_EIP);
}

void firmware_state_load(const struct firmware_state *s)
{
	cpu_write_msr(MSR_IA32_FS_BASE, s->fs_base);
	cpu_write_msr(MSR_IA32_GS_BASE, s->gs_base);
	cpu_write_msr(MSR_IA32_SYSENTER_CS, s->sysenter_cs);
	cpu_write_msr(MSR_IA32_SYSENTER_ESP, s->sysenter_esp);
	cpu_write_msr(MSR_IA32_SYSENTER_EIP, s->sysenter_eip);
	cpu_write_msr(MSR_IA32_PAT, s->pat);
	cpu_write_msr(MSR_IA32_EFER, s->efer);
	cpu_write_msr(MSR_IA32_DEBUGCTL, s->debugctl);
	cpu_write_dr7(s->dr7);
	cpu_write_cr8(s->cr8);
}

void host_controls_load(const struct firmware_state *firmware,
	const struct processor_features *features, const struct vmx_capabilities *vmx)
{
	uint64_t cr4 = CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT |
		       (firmware->cr4 & CR4_LA57);

	if (features->xsave)
		cr4 |= CR4_OSXSAVE;
	cpu_write_dr7(DR7_FIXED);
	cpu_write_msr(MSR_IA32_DEBUGCTL, 0);
	/* Leaving PGE and PCIDE behind flushes what the firmware's tables have left. */
	cpu_write_cr4((cr4 | vmx->cr4_fixed0) & vmx->cr4_fixed1 & ~CR4_VMXE);
	cpu_write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG | vmx->cr0_fixed0);
	cpu_write_msr(MSR_IA32_PAT, PAT_RESET);
}

void firmware_controls_load(const struct firmware_state *s)
{
	cpu_write_cr0(s->cr0);
	cpu_write_cr4(s->cr4 & ~CR4_CET);
}
