/* SPDX-License-Identifier: MIT */
/*
 * The run loop: VMX on, enter the guest, look the exit's reason up in the one table, go on until
 * somebody says stop, VMX off. Called by boot/ on the taken machine.
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "vmm/due.h"
#include "vmm/exits.h"
#include "vmm/host_tables.h"
#include "vmm/report.h"
#include "vmm/vmcs_setup.h"
#include "vmm/x86.h"

#define VMX_REVISION 0x7fffffffull /* of IA32_VMX_BASIC */

enum invalidation_type { INVALIDATE_SINGLE_CONTEXT = 1, INVALIDATE_ALL_CONTEXTS = 2 };

static exit_handler_fn *const exit_handlers[EXIT_REASON_COUNT] = {
	[EXIT_REASON_EXCEPTION_OR_NMI] = handle_exception_or_nmi,
	[EXIT_REASON_EXTERNAL_INTERRUPT] = handle_external_interrupt,
	[EXIT_REASON_TRIPLE_FAULT] = handle_triple_fault,
	[EXIT_REASON_INTERRUPT_WINDOW] = handle_interrupt_window,
	[EXIT_REASON_TASK_SWITCH] = handle_task_switch,
	[EXIT_REASON_CPUID] = handle_cpuid,
	[EXIT_REASON_GETSEC] = handle_undefined,
	[EXIT_REASON_HLT] = handle_hlt,
	[EXIT_REASON_INVD] = handle_cache_invalidation,
	[EXIT_REASON_RDPMC] = handle_rdpmc,
	[EXIT_REASON_VMCALL] = handle_undefined,
	[EXIT_REASON_VMCLEAR] = handle_undefined,
	[EXIT_REASON_VMLAUNCH] = handle_undefined,
	[EXIT_REASON_VMPTRLD] = handle_undefined,
	[EXIT_REASON_VMPTRST] = handle_undefined,
	[EXIT_REASON_VMREAD] = handle_undefined,
	[EXIT_REASON_VMRESUME] = handle_undefined,
	[EXIT_REASON_VMWRITE] = handle_undefined,
	[EXIT_REASON_VMXOFF] = handle_undefined,
	[EXIT_REASON_VMXON] = handle_undefined,
	[EXIT_REASON_CR_ACCESS] = handle_cr_access,
	[EXIT_REASON_IO_INSTRUCTION] = handle_io_instruction,
	[EXIT_REASON_RDMSR] = handle_rdmsr,
	[EXIT_REASON_WRMSR] = handle_wrmsr,
	[EXIT_REASON_MWAIT] = handle_undefined,
	[EXIT_REASON_MONITOR] = handle_undefined,
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = handle_tpr_below_threshold,
	[EXIT_REASON_EPT_VIOLATION] = handle_ept_violation,
	[EXIT_REASON_EPT_MISCONFIGURATION] = handle_ept_misconfiguration,
	[EXIT_REASON_INVEPT] = handle_undefined,
	[EXIT_REASON_PREEMPTION_TIMER] = handle_preemption_timer,
	[EXIT_REASON_INVVPID] = handle_undefined,
	[EXIT_REASON_WBINVD] = handle_cache_invalidation,
	[EXIT_REASON_XSETBV] = handle_xsetbv,
	[EXIT_REASON_VMFUNC] = handle_undefined,
	[EXIT_REASON_ENCLS] = handle_undefined,
	[EXIT_REASON_XSAVES] = handle_undefined,
	[EXIT_REASON_XRSTORS] = handle_undefined,
	[EXIT_REASON_SEAMCALL] = handle_undefined,
	[EXIT_REASON_TDCALL] = handle_undefined,
};

/* SDM vol. 3C, 'Enabling and Entering VMX Operation'. */
static void vmx_switch_on(struct vcpu *vcpu)
{
	const uint32_t revision = (uint32_t)(vcpu->vmx->basic & VMX_REVISION);
	const struct invalidation_descriptor everything = { 0 };

	cpu_write_cr4(cpu_read_cr4() | CR4_VMXE);
	memcpy(vcpu->vmxon_region, &revision, sizeof(revision));
	if (!cpu_vmxon(host_physical(vcpu->vmxon_region)))
		panic("vmm", "VMXON failed, IA32_FEATURE_CONTROL 0x%lx",
			cpu_read_msr(MSR_IA32_FEATURE_CONTROL));
	if (!cpu_invept(INVALIDATE_ALL_CONTEXTS, everything))
		panic("vmm", "INVEPT of all contexts failed");
	if (vcpu->vpid != 0 && !cpu_invvpid(INVALIDATE_ALL_CONTEXTS, everything))
		panic("vmm", "INVVPID of all contexts failed");
}

static void vmcs_load(struct vcpu *vcpu)
{
	const uint32_t revision = (uint32_t)(vcpu->vmx->basic & VMX_REVISION);
	const uint64_t vmcs = host_physical(vcpu->vmcs);

	if (!vcpu->configured) {
		memcpy(vcpu->vmcs, &revision, sizeof(revision));
		if (!cpu_vmclear(vmcs))
			panic("vmm", "VMCLEAR of 0x%lx failed", vmcs);
	}
	if (!cpu_vmptrld(vmcs))
		panic("vmm", "VMPTRLD of 0x%lx failed", vmcs);
	if (!vcpu->configured) {
		vmcs_set_up_controls(vcpu);
		vmcs_set_up_guest(vcpu);
		vcpu->configured = true;
	}
	vmcs_set_up_host();
}

static void vmx_switch_off(struct vcpu *vcpu)
{
	/* Before VMXOFF: a VMCS that the processor still holds would be lost (and KVM does lose
	 * it). */
	if (!cpu_vmclear(host_physical(vcpu->vmcs)))
		log_error("vmm", "VMCLEAR of 0x%lx failed", host_physical(vcpu->vmcs));
	cpu_vmxoff();
	cpu_write_cr4(cpu_read_cr4() & ~CR4_VMXE);
}

/* One exit: noted, dispatched, counted. Called by vmm/vmentry.asm. */
enum exit_result vcpu_answer_exit(struct vcpu *vcpu)
{
	struct exit_record *record = &vcpu->history[vcpu->history_next++ % VCPU_EXIT_HISTORY];
	enum exit_result result;
	uint64_t now;

	record->tsc = cpu_read_tsc();
	record->reason = cpu_vmread(VMCS_EXIT_REASON);
	vcpu->rip = cpu_vmread(VMCS_GUEST_RIP);
	record->rip = vcpu->rip;

	/* A failed entry has bit 31 set and so lies beyond the table, too. */
	if (record->reason >= EXIT_REASON_COUNT || exit_handlers[record->reason] == NULL)
		return handle_unexpected(vcpu);
	result = exit_handlers[record->reason](vcpu);

	now = cpu_read_tsc();
	vcpu->statistics[record->reason].count++;
	vcpu->statistics[record->reason].tsc += now - record->tsc;
	return now >= vcpu->attention ? due_work(vcpu, result, now) : result;
}

enum exit_result vcpu_run(struct vcpu *vcpu)
{
	uint64_t failure = 0;

	vmx_switch_on(vcpu);
	vmcs_load(vcpu);
	if (due_work(vcpu, EXIT_RESUME, cpu_read_tsc()) == EXIT_RESUME)
		failure = vmx_run(vcpu);
	if (failure != 0)
		report_failed_entry(vcpu, failure);
	/* A guest that ended in its NMI handler leaves NMIs blocked. */
	if (cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE) & BLOCKING_BY_NMI)
		host_unblock_nmi();
	vmx_switch_off(vcpu);
	return vcpu->vm->ended ? EXIT_STOP : EXIT_GIVE_BACK;
}
