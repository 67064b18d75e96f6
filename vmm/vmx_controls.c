/* SPDX-License-Identifier: MIT */
/*
 * The one table of VMX controls, and how it meets the capability MSRs.
 */
#include "vmm/vmx_controls.h"

#include "vmm/cpu.h"
#include "vmm/vmcs.h"
#include "vmm/x86.h"

#define BASIC_STRING_IO     BIT(54)
#define BASIC_TRUE_CONTROLS BIT(55)

const struct vmx_control vmx_controls[] = {
	/* SDM 'Pin-Based VM-Execution Controls' */
	{ VMX_PIN_BASED, VMX_NEEDED, PIN_EXTERNAL_INTERRUPT_EXITING, "external-interrupt exiting" },
	{ VMX_PIN_BASED, VMX_NEEDED, PIN_NMI_EXITING, "NMI exiting" },
	{ VMX_PIN_BASED, VMX_NEEDED, PIN_ACTIVATE_PREEMPTION_TIMER,
		"activate VMX-preemption timer" },
	/* SDM 'Processor-Based VM-Execution Controls', primary */
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_USE_TSC_OFFSETTING, "use TSC offsetting" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_HLT_EXITING, "HLT exiting" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_MWAIT_EXITING, "MWAIT exiting" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_MONITOR_EXITING, "MONITOR exiting" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_RDPMC_EXITING, "RDPMC exiting" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps" },
	{ VMX_PRIMARY, VMX_NEEDED, PRIMARY_ACTIVATE_SECONDARY_CONTROLS,
		"activate secondary controls" },
	{ VMX_PRIMARY, VMX_WANTED, PRIMARY_USE_TPR_SHADOW, "use TPR shadow" },
	{ VMX_PRIMARY, VMX_NEEDED_OFF, PRIMARY_CR3_LOAD_EXITING, "CR3-load exiting" },
	{ VMX_PRIMARY, VMX_NEEDED_OFF, PRIMARY_CR3_STORE_EXITING, "CR3-store exiting" },
	{ VMX_PRIMARY, VMX_NEEDED_OFF, PRIMARY_INVLPG_EXITING, "INVLPG exiting" },
	/* secondary */
	{ VMX_SECONDARY, VMX_NEEDED, SECONDARY_ENABLE_EPT, "enable EPT" },
	{ VMX_SECONDARY, VMX_NEEDED, SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ VMX_SECONDARY, VMX_NEEDED, SECONDARY_WBINVD_EXITING, "WBINVD exiting" },
	{ VMX_SECONDARY, VMX_WANTED, SECONDARY_ENABLE_VPID, "enable VPID" },
	{ VMX_SECONDARY, VMX_WANTED, SECONDARY_ENABLE_RDTSCP, "enable RDTSCP" },
	{ VMX_SECONDARY, VMX_WANTED, SECONDARY_ENABLE_INVPCID, "enable INVPCID" },
	/* SDM 'Primary VM-Exit Controls' */
	{ VMX_EXIT, VMX_NEEDED, EXIT_SAVE_DEBUG_CONTROLS, "save debug controls" },
	{ VMX_EXIT, VMX_NEEDED, EXIT_HOST_ADDRESS_SPACE_SIZE, "host address-space size" },
	{ VMX_EXIT, VMX_NEEDED, EXIT_SAVE_IA32_PAT, "save IA32_PAT" },
	{ VMX_EXIT, VMX_NEEDED, EXIT_LOAD_IA32_PAT, "load IA32_PAT on exit" },
	{ VMX_EXIT, VMX_NEEDED, EXIT_SAVE_IA32_EFER, "save IA32_EFER" },
	{ VMX_EXIT, VMX_NEEDED, EXIT_LOAD_IA32_EFER, "load IA32_EFER on exit" },
	{ VMX_EXIT, VMX_NEEDED_OFF, EXIT_ACKNOWLEDGE_INTERRUPT, "acknowledge interrupt on exit" },
	/* SDM 'VM-Entry Controls' */
	{ VMX_ENTRY, VMX_NEEDED, ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls" },
	{ VMX_ENTRY, VMX_NEEDED, ENTRY_LOAD_IA32_PAT, "load IA32_PAT on entry" },
	{ VMX_ENTRY, VMX_NEEDED, ENTRY_LOAD_IA32_EFER, "load IA32_EFER on entry" },
};

const size_t vmx_control_count = ARRAY_COUNT(vmx_controls);

static uint32_t must_be_1(uint64_t allowed)
{
	return (uint32_t)allowed;
}

static uint32_t may_be_1(uint64_t allowed)
{
	return (uint32_t)(allowed >> 32);
}

/* CPUID.7.0:EBX.INVPCID and CPUID.80000001:EDX.RDTSCP: a control is asked for only with its CPUID.
 */
static uint64_t hidden_secondary_controls(void)
{
	uint64_t hidden = 0;

	if (cpu_id(0, 0).eax < 7 || !(cpu_id(7, 0).ebx & BIT(10)))
		hidden |= SECONDARY_ENABLE_INVPCID;
	if (!(cpu_id(0x80000001, 0).edx & BIT(27)))
		hidden |= SECONDARY_ENABLE_RDTSCP;
	return hidden << 32;
}

void vmx_read_capabilities(struct vmx_capabilities *c)
{
	*c = (struct vmx_capabilities){ .vmx = (cpu_id(1, 0).ecx & BIT(5)) != 0 };
	if (!c->vmx)
		return;
	c->basic = cpu_read_msr(MSR_IA32_VMX_BASIC);
	c->true_controls = (c->basic & BASIC_TRUE_CONTROLS) != 0;
	c->string_io = (c->basic & BASIC_STRING_IO) != 0;
	c->misc = cpu_read_msr(MSR_IA32_VMX_MISC);
	c->cr0_fixed0 = cpu_read_msr(MSR_IA32_VMX_CR0_FIXED0);
	c->cr0_fixed1 = cpu_read_msr(MSR_IA32_VMX_CR0_FIXED1);
	c->cr4_fixed0 = cpu_read_msr(MSR_IA32_VMX_CR4_FIXED0);
	c->cr4_fixed1 = cpu_read_msr(MSR_IA32_VMX_CR4_FIXED1);

	const bool t = c->true_controls;

	c->allowed[VMX_PIN_BASED] =
		cpu_read_msr(t ? MSR_IA32_VMX_TRUE_PINBASED_CTLS : MSR_IA32_VMX_PINBASED_CTLS);
	c->allowed[VMX_PRIMARY] =
		cpu_read_msr(t ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS : MSR_IA32_VMX_PROCBASED_CTLS);
	c->allowed[VMX_EXIT] =
		cpu_read_msr(t ? MSR_IA32_VMX_TRUE_EXIT_CTLS : MSR_IA32_VMX_EXIT_CTLS);
	c->allowed[VMX_ENTRY] =
		cpu_read_msr(t ? MSR_IA32_VMX_TRUE_ENTRY_CTLS : MSR_IA32_VMX_ENTRY_CTLS);
	if (!(may_be_1(c->allowed[VMX_PRIMARY]) & PRIMARY_ACTIVATE_SECONDARY_CONTROLS))
		return;
	c->allowed[VMX_SECONDARY] =
		cpu_read_msr(MSR_IA32_VMX_PROCBASED_CTLS2) & ~hidden_secondary_controls();
	if (may_be_1(c->allowed[VMX_SECONDARY]) & (SECONDARY_ENABLE_EPT | SECONDARY_ENABLE_VPID))
		c->ept_vpid = cpu_read_msr(MSR_IA32_VMX_EPT_VPID_CAP);
}

bool vmx_control_granted(const struct vmx_capabilities *c, const struct vmx_control *control)
{
	uint64_t allowed = c->allowed[control->word];

	if (control->wish == VMX_NEEDED_OFF)
		return c->vmx && !(must_be_1(allowed) & control->bit);
	return (may_be_1(allowed) & control->bit) != 0;
}

uint32_t vmx_control_value(const struct vmx_capabilities *c, enum vmx_control_word word)
{
	uint64_t wanted = 0;

	for (size_t i = 0; i < vmx_control_count; i++) {
		if (vmx_controls[i].word == word && vmx_controls[i].wish != VMX_NEEDED_OFF)
			wanted |= vmx_controls[i].bit;
	}
	/* Without a TPR shadow, CR8 is a copy of ours all the same: its moves exit. */
	if (word == VMX_PRIMARY && !(may_be_1(c->allowed[word]) & PRIMARY_USE_TPR_SHADOW))
		wanted |= PRIMARY_CR8_LOAD_EXITING | PRIMARY_CR8_STORE_EXITING;
	/* VPID is of use only if it can be flushed. */
	if (word == VMX_SECONDARY && (~c->ept_vpid & (VPID_CAP_INVVPID | VPID_CAP_INVVPID_ALL |
							     VPID_CAP_INVVPID_SINGLE)))
		wanted &= ~SECONDARY_ENABLE_VPID;
	return ((uint32_t)wanted | must_be_1(c->allowed[word])) & may_be_1(c->allowed[word]);
}
