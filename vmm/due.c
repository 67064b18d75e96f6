/* SPDX-License-Identifier: MIT */
/*
 * The due work, and the VMX-preemption timer by which the guest is left in time for the next.
 * Called by the run loop.
 */
#include "vmm/due.h"

#include "vmm/interrupts.h"
#include "vmm/report.h"
#include "vmm/x86.h"

/* The longest that a guest which never exits runs before we look: a tenth of a second. */
#define SLICES_PER_SECOND 10
/* How often the console's input is looked at. */
#define POLLS_PER_SECOND 100
/*
 * The processor counts each entry's slice from its start. Counting on over many exits would take a
 * VMWRITE at each, which under another hypervisor is an exit of its own; so the timer is set anew
 * only once it would be late by more than 50 us, or a sixteenth of what was waited for.
 */
#define SLACKS_PER_SECOND 20000
#define SLACK_SHARE       16

static enum exit_result end_by_timeout(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vm_end(vm, VM_STATUS_TIMEOUT, "time-out of %u s, guest RIP 0x%lx", vm->timeout_seconds,
		cpu_vmread(VMCS_GUEST_RIP));
	log_warn("vmm", "the guest's time is up: %u s", vm->timeout_seconds);
	report_guest(vcpu);
	return EXIT_STOP;
}

static void poll_input(struct vcpu *vcpu, uint64_t now)
{
	if (now < vcpu->next_poll)
		return;
	vm_poll_input(vcpu->vm);
	vcpu->next_poll = now + vcpu->vm->tsc_hz / POLLS_PER_SECOND;
}

/* What a device left behind is done at the next exit, which the timer forces; so all else that is
 * due, interrupts above all, goes first. */
static void continue_devices(struct vcpu *vcpu)
{
	struct virtio_blk *device = &vcpu->vm->virtio_blk;

	if (vcpu->work_left)
		virtio_blk_continue(device);
	vcpu->work_left = virtio_blk_has_more(device);
}

static void set_preemption_timer(struct vcpu *vcpu, uint64_t ticks)
{
	if (vcpu->preemption_ticks == ticks)
		return;
	cpu_vmwrite(VMCS_PREEMPTION_TIMER_VALUE, ticks);
	vcpu->preemption_ticks = ticks;
}

/* Sees to it that the next due work happens in time, whether the guest exits by itself or not. */
static void arm(struct vcpu *vcpu, uint64_t now)
{
	const struct vm *vm = vcpu->vm;
	uint64_t due = min_u64(vm->deadline, apic_deadline(&vcpu->apic));
	uint64_t wait, slack;

	if (vcpu->work_left) {
		set_preemption_timer(vcpu, 0);
		vcpu->attention = 0;
		return;
	}
	if (vm_waits_for_input(vm))
		due = min_u64(due, vcpu->next_poll);
	wait = min_u64(due > now ? due - now : 0, vm->tsc_hz / SLICES_PER_SECOND);
	slack = max_u64(vm->tsc_hz / SLACKS_PER_SECOND, wait / SLACK_SHARE);
	/* Rounded up: an exit too early would find nothing due. The field has 32 bits. */
	set_preemption_timer(vcpu, min_u64((wait >> vcpu->preemption_shift) + 1, UINT32_MAX));
	vcpu->attention = min_u64(due, vm->read_input != NULL ? vcpu->next_poll : due);
	if (due - wait < UINT64_MAX - slack)
		vcpu->attention = min_u64(vcpu->attention, due - wait + slack);
}

static enum exit_result do_all(struct vcpu *vcpu, uint64_t now)
{
	struct vm *vm = vcpu->vm;

	if (now >= vm->deadline)
		return end_by_timeout(vcpu);
	poll_input(vcpu, now);
	if (now >= apic_deadline(&vcpu->apic))
		apic_expire(&vcpu->apic, now);
	continue_devices(vcpu);
	if (vm->block.sync_wanted)
		return EXIT_GIVE_BACK;
	interrupts_prepare_entry(vcpu);
	arm(vcpu, now);
	return EXIT_RESUME;
}

enum exit_result due_work(struct vcpu *vcpu, enum exit_result result, uint64_t now)
{
	if (result == EXIT_STOP)
		return result;
	result = do_all(vcpu, now);
	vcpu->due.count++;
	vcpu->due.tsc += cpu_read_tsc() - now;
	return result;
}
