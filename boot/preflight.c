/* SPDX-License-Identifier: MIT */
/*
 * The preflight table. A row that cannot be known without VT-x counts as missing and says so.
 */
#include "boot/preflight.h"

#include <stddef.h>

#include "boot/local_apic.h"
#include "lib/log.h"
#include "vmm/cpu.h"
#include "vmm/vmcs.h"
#include "vmm/x86.h"

#define CPUID_VMX           BIT(5)            /* leaf 1 ECX */
#define CPUID_XSAVE         BIT(26)           /* leaf 1 ECX */
#define CPUID_HYPERVISOR    BIT(31)           /* leaf 1 ECX */
#define CPUID_MSR_MCE       (BIT(5) | BIT(7)) /* leaf 1 EDX */
#define CPUID_NX            BIT(20)           /* leaf 0x80000001 EDX */
#define CPUID_INVARIANT_TSC BIT(8)            /* leaf 0x80000007 EDX */

static void print_row(
	struct preflight *p, const char *name, bool needed, bool there, const char *advice)
{
	if (p->show)
		log_info("preflight", "%-44s %-6s %-3s %s", name, needed ? "needed" : "wanted",
			there ? "yes" : "no", there ? "" : advice);
	if (needed && !there) {
		p->passed = false;
		if (p->missing == NULL) {
			p->missing = name;
			p->advice = advice;
		}
	}
}

static bool is_virtual_machine(void)
{
	return (cpu_id(1, 0).ecx & CPUID_HYPERVISOR) != 0;
}

/* What to do about something of VT-x that is missing. */
static const char *advice_for_vtx(const struct preflight *p)
{
	if (!p->vmx.vmx)
		return "cannot be told without VT-x";
	return is_virtual_machine() ? "start the virtual machine with all that its processor has "
				      "(-cpu host), or on a newer host"
				    : "this processor cannot do it: use a newer one";
}

static void check_processor(struct preflight *p)
{
	print_row(p, "VT-x (CPUID.1:ECX.VMX)", true, p->vmx.vmx,
		is_virtual_machine()
			? "no VT-x in this virtual machine: nested virtualisation must "
			  "be on (kvm_intel nested=1, -cpu host)"
			: "no VT-x: switch VMX on in the firmware's set-up; if it is "
			  "not there, use a processor that has it");
	print_row(p, "no-execute pages (CPUID.80000001H:EDX.NX)", true,
		cpu_id(0x80000001, 0).edx & CPUID_NX,
		"switch 'Execute Disable' on in the firmware's set-up");
	print_row(p, "MSRs and machine checks (CPUID.1:EDX)", true,
		(cpu_id(1, 0).edx & CPUID_MSR_MCE) == CPUID_MSR_MCE, "use a newer processor");
	print_row(p, "local APIC on (IA32_APIC_BASE.EN)", true, local_apic_is_on(),
		"it holds interrupts off: switch it on in the firmware's set-up");
	/* Clearing CR4.VMXE, as taking the machine does, is a #GP in VMX operation. */
	print_row(p, "VMX not in use already (CR4.VMXE)", true, !(cpu_read_cr4() & CR4_VMXE),
		"start cafevisor.efi without the hypervisor that was started before it");
	print_row(p, "XSAVE (CPUID.1:ECX.XSAVE)", false, cpu_id(1, 0).ecx & CPUID_XSAVE,
		"the guest gets x87 and SSE only");
	print_row(p, "invariant TSC (CPUID.80000007H:EDX)", false,
		cpu_id(0x80000000, 0).eax >= 0x80000007 &&
			(cpu_id(0x80000007, 0).edx & CPUID_INVARIANT_TSC),
		"times are as good as this TSC");
}

/* Locked without VMX: only the firmware can help. Unlocked: set and locked here. */
static void check_feature_control(struct preflight *p)
{
	bool enabled = false;

	if (p->vmx.vmx) {
		uint64_t control = cpu_read_msr(MSR_IA32_FEATURE_CONTROL);

		if (!(control & FEATURE_CONTROL_LOCK)) {
			log_info("preflight",
				"IA32_FEATURE_CONTROL is 0x%lx, unlocked: setting VMX outside "
				"SMX and locking it",
				control);
			cpu_write_msr(MSR_IA32_FEATURE_CONTROL,
				control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX);
			control = cpu_read_msr(MSR_IA32_FEATURE_CONTROL);
		}
		enabled = (control & FEATURE_CONTROL_VMX_OUTSIDE_SMX) != 0;
	}
	print_row(p, "VMX outside SMX (IA32_FEATURE_CONTROL)", true, enabled,
		p->vmx.vmx ? "locked off by the firmware: switch VMX ('Intel Virtualization "
			     "Technology') on in its set-up, then power off and on"
			   : advice_for_vtx(p));
}

static void check_controls(struct preflight *p)
{
	const char *advice = advice_for_vtx(p);

	print_row(p, "TRUE capability MSRs (IA32_VMX_BASIC)", true, p->vmx.true_controls, advice);
	print_row(p, "INS/OUTS information (IA32_VMX_BASIC)", true, p->vmx.string_io, advice);
	for (size_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *control = &vmx_controls[i];
		const bool needed = control->wish != VMX_WANTED;

		print_row(p, control->name, needed, vmx_control_granted(&p->vmx, control),
			needed ? advice : "Cafevisor does without");
	}
}

static void check_paging(struct preflight *p)
{
	const char *advice = advice_for_vtx(p);
	const struct {
		const char *name;
		bool needed;
		uint64_t bits;
		const char *advice;
	} rows[] = {
		{ "EPT page-walk length 4", true, EPT_CAP_WALK_LENGTH_4, advice },
		{ "EPT write-back paging structures", true, EPT_CAP_WRITE_BACK, advice },
		{ "INVEPT, all contexts", true, EPT_CAP_INVEPT | EPT_CAP_INVEPT_ALL, advice },
		{ "EPT 2 MiB pages", false, EPT_CAP_2M_PAGES, "4 KiB pages are used" },
		{ "EPT 1 GiB pages", false, EPT_CAP_1G_PAGES, "smaller pages are used" },
		{ "INVVPID, single and all contexts", false,
			VPID_CAP_INVVPID | VPID_CAP_INVVPID_SINGLE | VPID_CAP_INVVPID_ALL,
			"VPID is not used" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		print_row(p, rows[i].name, rows[i].needed,
			(p->vmx.ept_vpid & rows[i].bits) == rows[i].bits, rows[i].advice);
}

static void check_all(struct preflight *p)
{
	p->passed = true;
	p->missing = NULL;
	if (p->show)
		log_info("preflight", "%-44s %-6s %-3s %s", "requirement", "", "", "what to do");
	check_processor(p);
	check_feature_control(p);
	check_controls(p);
	check_paging(p);
}

void preflight_run(struct preflight *p, bool show)
{
	*p = (struct preflight){ .show = show };
	vmx_read_capabilities(&p->vmx);
	check_all(p);
	if (!p->passed && !show) {
		p->show = true;
		check_all(p);
	}
	if (p->passed)
		log_info("preflight", "all that is needed is there%s",
			show ? "" : " ('cafevisor.efi check' prints the table)");
}
