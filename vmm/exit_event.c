/* SPDX-License-Identifier: MIT */
/*
 * Exits that no instruction asked for: exceptions, NMIs, interrupts, the preemption timer, triple
 * faults, task switches, and entries that failed.
 */
#include "vmm/exits.h"
#include "vmm/host_tables.h"
#include "vmm/names.h"
#include "vmm/report.h"
#include "vmm/x86.h"

/* Exit qualification of debug exceptions: B0-B3, BD, BS as in DR6. */
#define DEBUG_QUALIFICATION 0x600full

/* Makes the next entry deliver an event that an exit has told of; its error code is in that field.
 */
static void deliver(uint64_t information, enum vmcs_field error_code)
{
	const uint64_t type = information & INTERRUPTION_TYPE;

	vcpu_end_blocking();
	if (information & INTERRUPTION_HAS_ERROR_CODE)
		cpu_vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, cpu_vmread(error_code));
	if (type == INTERRUPTION_TYPE_PRIVILEGED || type == INTERRUPTION_TYPE_SOFTWARE ||
		type == INTERRUPTION_TYPE_SOFTWARE_INT)
		cpu_vmwrite(
			VMCS_ENTRY_INSTRUCTION_LENGTH, cpu_vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	cpu_vmwrite(VMCS_ENTRY_INTERRUPTION_INFORMATION,
		information & (INTERRUPTION_VALID | INTERRUPTION_TYPE | INTERRUPTION_VECTOR |
				      INTERRUPTION_HAS_ERROR_CODE));
}

/*
 * Hands an exception on to the guest as the processor would have delivered it. SDM vol. 3C
 * 'Information for VM Exits Due to Vectored Events'.
 */
static void reflect_exception(uint64_t information)
{
	deliver(information, VMCS_EXIT_INTERRUPTION_ERROR_CODE);
}

/*
 * A processor lets NMI and timer wait until an event is delivered. A hypervisor below us need not
 * (KVM does not, when it had to map the guest's stack first): what was not delivered yet is lost
 * unless it is injected again. SDM vol. 3C 'Information for VM Exits That Occur During Event
 * Delivery'.
 */
static void resume_delivery(void)
{
	const uint64_t information = cpu_vmread(VMCS_IDT_VECTORING_INFORMATION);

	if (information & INTERRUPTION_VALID)
		deliver(information, VMCS_IDT_VECTORING_ERROR_CODE);
}

/*
 * A #DB that exits has not touched DR6 and DR7 yet. SDM vol. 3C 'Exit Qualification for Debug
 * Exceptions'. RFLAGS.RF is pushed as the exit has left it: a breakpoint on an instruction is the
 * one fault that does not push it set, so that it is the guest's handler that sets it, or meets the
 * breakpoint again. SDM vol. 3B 'Instruction-Breakpoint Exception Condition'.
 */
static void complete_debug_exception(void)
{
	const uint64_t causes = cpu_vmread(VMCS_EXIT_QUALIFICATION) & DEBUG_QUALIFICATION;
	const uint64_t dr7 = cpu_vmread(VMCS_GUEST_DR7);

	cpu_write_dr6((cpu_read_dr6() & ~0xfull) | causes);
	cpu_vmwrite(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
}

enum exit_result handle_exception_or_nmi(struct vcpu *vcpu)
{
	const uint64_t information = cpu_vmread(VMCS_EXIT_INTERRUPTION_INFORMATION);
	const unsigned int vector = (unsigned int)(information & INTERRUPTION_VECTOR);

	if ((information & INTERRUPTION_TYPE) == INTERRUPTION_TYPE_NMI) {
		vcpu->nmis++;
		log_limited(&vcpu->vm->odd_requests, LOG_WARN, "vmm",
			"NMI while the guest ran at 0x%lx", vcpu->rip);
		host_unblock_nmi();
		resume_delivery();
		return EXIT_RESUME;
	}
	switch (vector) {
	case VECTOR_DB:
		complete_debug_exception();
		reflect_exception(information);
		return EXIT_RESUME;
	case VECTOR_AC:
		vcpu_set_resume_flag();
		reflect_exception(information);
		return EXIT_RESUME;
	case VECTOR_MC: return vcpu_stop(vcpu, "machine check at guest RIP 0x%lx", vcpu->rip);
	default: return vcpu_stop(vcpu, "exit for exception %u, which was not asked for", vector);
	}
}

/* None should come: CR8 is 15 and ExtINT is masked. We must not acknowledge it (no EOI would
 * follow), and going back in would only bring it again. */
enum exit_result handle_external_interrupt(struct vcpu *vcpu)
{
	return vcpu_stop(
		vcpu, "an external interrupt reached the processor although all are held off");
}

enum exit_result handle_triple_fault(struct vcpu *vcpu)
{
	vm_end(vcpu->vm, VM_STATUS_TRIPLE_FAULT, "triple fault at guest RIP 0x%lx", vcpu->rip);
	log_error("vmm", "triple fault at guest RIP 0x%lx", vcpu->rip);
	report_guest(vcpu);
	return EXIT_STOP;
}

enum exit_result handle_task_switch(struct vcpu *vcpu)
{
	static const char *const causes[] = { "CALL", "IRET", "JMP", "task gate" };
	const uint64_t qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);

	return vcpu_stop(vcpu, "hardware task switch to selector 0x%lx by %s: unsupported",
		qualification & 0xffff, causes[qualification >> 30 & 3]);
}

/* A slice has passed: the due work says what for. */
enum exit_result handle_preemption_timer(struct vcpu *vcpu)
{
	resume_delivery();
	vcpu->attention = 0;
	return EXIT_RESUME;
}

/* The guest can take the interrupt that it could not take before. */
enum exit_result handle_interrupt_window(struct vcpu *vcpu)
{
	vcpu->attention = 0;
	return EXIT_RESUME;
}

enum exit_result handle_tpr_below_threshold(struct vcpu *vcpu)
{
	vcpu->attention = 0;
	return EXIT_RESUME;
}

/* A failed entry, or a reason that is in no table: the machine goes on, this guest does not. */
enum exit_result handle_unexpected(struct vcpu *vcpu)
{
	const uint32_t reason = (uint32_t)cpu_vmread(VMCS_EXIT_REASON);

	if (!(reason & EXIT_REASON_ENTRY_FAILURE))
		return vcpu_stop(vcpu, "unexpected exit reason %u (%s)", reason & 0xffff,
			exit_reason_name(reason & 0xffff));
	report_guest_state_checks();
	return vcpu_stop(vcpu, "VM entry failed: %s", exit_reason_name(reason & 0xffff));
}
