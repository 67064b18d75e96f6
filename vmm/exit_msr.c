/* SPDX-License-Identifier: MIT */
/*
 * RDMSR and WRMSR of what the MSR bitmap does not let through: a short allow-list, #GP for the
 * rest.
 */
#include "vmm/exits.h"
#include "vmm/x86.h"

/* Fast strings; no branch trace store, no PEBS; not what is missing in CPUID. It cannot be changed.
 */
#define MISC_ENABLE (BIT(0) | BIT(11) | BIT(12))

static enum exit_result refuse_msr(struct vcpu *vcpu, const char *access)
{
	log_limited(&vcpu->vm->unknown_msrs, LOG_DEBUG, "vmm",
		"%s of MSR 0x%x at RIP 0x%lx is not carried: #GP", access,
		(uint32_t)vcpu->registers[REG_RCX], vcpu->rip);
	vcpu_inject_error(vcpu, VECTOR_GP, 0);
	return EXIT_RESUME;
}

enum exit_result handle_rdmsr(struct vcpu *vcpu)
{
	uint64_t value;

	switch ((uint32_t)vcpu->registers[REG_RCX]) {
	case MSR_IA32_EFER: value = vcpu_efer(vcpu, cpu_vmread(VMCS_GUEST_CR0)); break;
	/* The registers that come with CPUID's MCE: no machine check was ever seen. */
	case MSR_IA32_P5_MC_ADDR:
	case MSR_IA32_P5_MC_TYPE:
	/* No microcode update is shown to a guest. */
	case MSR_IA32_BIOS_SIGN_ID:
	case MSR_IA32_PLATFORM_ID: value = 0; break;
	case MSR_IA32_MISC_ENABLE: value = MISC_ENABLE; break;
	case MSR_IA32_TSC_ADJUST: value = vcpu->apic.timer.tsc_offset; break;
	default:
		if (!apic_read_msr(&vcpu->apic, (uint32_t)vcpu->registers[REG_RCX], &value))
			return refuse_msr(vcpu, "RDMSR");
		break;
	}
	vcpu->registers[REG_RAX] = (uint32_t)value;
	vcpu->registers[REG_RDX] = value >> 32;
	vcpu_retire_exit(vcpu);
	return EXIT_RESUME;
}

/* SDM vol. 3A, 'Extended Feature Enable Register': LME may not change while paging is on. */
static bool write_efer(struct vcpu *vcpu, uint64_t value)
{
	const uint64_t cr0 = cpu_vmread(VMCS_GUEST_CR0);

	if (value & ~vcpu->cpuid.efer_allowed)
		return false;
	if ((cr0 & CR0_PG) && ((value ^ vcpu->efer) & EFER_LME))
		return false;
	/* LMA is the processor's to set; it follows LME and CR0.PG. */
	vcpu->efer = value & ~EFER_LMA;
	cpu_vmwrite(VMCS_GUEST_EFER, vcpu_efer(vcpu, cr0));
	vcpu_flush_translations(vcpu);
	return true;
}

/*
 * The guest's TSC is the processor's and an offset, which is what IA32_TSC_ADJUST counts: every
 * write of one of the two moves both. SDM vol. 3B, 'IA32_TSC_ADJUST Register Support'.
 */
static void set_tsc_offset(struct vcpu *vcpu, uint64_t offset)
{
	cpu_vmwrite(VMCS_TSC_OFFSET, offset);
	apic_set_tsc_offset(&vcpu->apic, offset);
}

enum exit_result handle_wrmsr(struct vcpu *vcpu)
{
	const uint64_t value = vcpu->registers[REG_RDX] << 32 | (uint32_t)vcpu->registers[REG_RAX];

	switch ((uint32_t)vcpu->registers[REG_RCX]) {
	case MSR_IA32_EFER:
		if (!write_efer(vcpu, value))
			return refuse_msr(vcpu, "WRMSR");
		break;
	case MSR_IA32_MISC_ENABLE:
		if (value != MISC_ENABLE)
			return refuse_msr(vcpu, "WRMSR");
		break;
	case MSR_IA32_TIME_STAMP_COUNTER: set_tsc_offset(vcpu, value - cpu_read_tsc()); break;
	case MSR_IA32_TSC_ADJUST: set_tsc_offset(vcpu, value); break;
	case MSR_IA32_P5_MC_ADDR:
	case MSR_IA32_P5_MC_TYPE:
	case MSR_IA32_BIOS_SIGN_ID: /* written before CPUID reads the update's number */ break;
	default:
		if (!apic_write_msr(&vcpu->apic, (uint32_t)vcpu->registers[REG_RCX], value))
			return refuse_msr(vcpu, "WRMSR");
		guest_cpuid_mirror_apic(&vcpu->cpuid, apic_is_enabled(&vcpu->apic));
		break;
	}
	vcpu_retire_exit(vcpu);
	return EXIT_RESUME;
}
