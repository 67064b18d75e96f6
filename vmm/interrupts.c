/* SPDX-License-Identifier: MIT */
/*
 * Injection of external interrupts and NMIs, interrupt windows, the TPR threshold. Called by the
 * run loop's due work (vmm/due.c).
 */
#include "vmm/interrupts.h"

#include "vmm/x86.h"

#define BLOCKING_OF_INTERRUPTS (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)

/* An exception, or an event whose delivery an exit has broken off, goes first. */
static bool is_injecting(void)
{
	return (cpu_vmread(VMCS_ENTRY_INTERRUPTION_INFORMATION) & INTERRUPTION_VALID) != 0;
}

static void inject(uint64_t type, unsigned int vector)
{
	cpu_vmwrite(VMCS_ENTRY_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | type | vector);
	cpu_vmwrite(VMCS_GUEST_ACTIVITY_STATE, ACTIVITY_ACTIVE);
}

static bool can_take_interrupt(void)
{
	return !is_injecting() && (cpu_vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
	       !(cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE) & BLOCKING_OF_INTERRUPTS);
}

static bool can_take_nmi(void)
{
	return !is_injecting() && !(cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE) &
					  (BLOCKING_OF_INTERRUPTS | BLOCKING_BY_NMI));
}

static void set_interrupt_window(struct vcpu *vcpu, bool wanted)
{
	uint64_t controls;

	if (vcpu->window == wanted)
		return;
	controls = cpu_vmread(VMCS_PRIMARY_CONTROLS) & ~PRIMARY_INTERRUPT_WINDOW_EXITING;
	cpu_vmwrite(VMCS_PRIMARY_CONTROLS,
		wanted ? controls | PRIMARY_INTERRUPT_WINDOW_EXITING : controls);
	vcpu->window = wanted;
}

/*
 * The guest lowers its task priority by itself, in the TPR shadow; the processor exits when it
 * falls below the threshold. Never above the priority as it is now: entries check that. SDM vol. 3C
 * 'VM-Execution Control Fields', TPR threshold.
 */
static void set_tpr_threshold(struct vcpu *vcpu)
{
	unsigned int threshold;

	if (vcpu->virtual_apic == NULL)
		return;
	threshold = apic_held_back_class(&vcpu->apic);
	if (vcpu->tpr_threshold == threshold)
		return;
	cpu_vmwrite(VMCS_TPR_THRESHOLD, threshold);
	vcpu->tpr_threshold = threshold;
}

/*
 * NMIs come from the guest's own APIC only, and wait here while they are blocked: the due work
 * looks again at the next exit, a slice away at most.
 */
static void prepare_nmi(struct vcpu *vcpu)
{
	if (apic_take_nmi(&vcpu->apic))
		vcpu->nmi_pending = true;
	if (!vcpu->nmi_pending || !can_take_nmi())
		return;
	inject(INTERRUPTION_TYPE_NMI, VECTOR_NMI);
	vcpu->nmi_pending = false;
}

void interrupts_prepare_entry(struct vcpu *vcpu)
{
	int vector;

	prepare_nmi(vcpu);
	vector = apic_pending(&vcpu->apic);
	if (vector >= 0 && can_take_interrupt()) {
		apic_accept(&vcpu->apic, (uint8_t)vector);
		inject(INTERRUPTION_TYPE_EXTERNAL, (unsigned int)vector);
		vector = -1;
	}
	set_interrupt_window(vcpu, vector >= 0);
	set_tpr_threshold(vcpu);
}

bool interrupts_can_come(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	return apic_pending(&vcpu->apic) >= 0 || vcpu->nmi_pending ||
	       apic_timer_is_armed(&vcpu->apic) || vm_waits_for_input(vm) ||
	       virtio_blk_has_more(&vm->virtio_blk);
}
