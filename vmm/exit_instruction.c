/* SPDX-License-Identifier: MIT */
/*
 * Exits by instructions that need little: CPUID, HLT, cache invalidation, and the instructions that
 * this processor does not have as far as the guest knows. SDM vol. 3C 'Instructions That Cause VM
 * Exits'.
 */
#include "vmm/exits.h"
#include "vmm/interrupts.h"
#include "vmm/x86.h"

static void answer_cpuid(uint64_t *registers, const struct cpuid_registers *answer)
{
	registers[REG_RAX] = answer->eax;
	registers[REG_RBX] = answer->ebx;
	registers[REG_RCX] = answer->ecx;
	registers[REG_RDX] = answer->edx;
}

enum exit_result handle_cpuid(struct vcpu *vcpu)
{
	uint64_t *registers = vcpu->registers;
	const uint32_t leaf = (uint32_t)registers[REG_RAX];
	const struct cpuid_registers *fixed = guest_cpuid_find(&vcpu->cpuid, leaf);
	struct cpuid_registers answer;

	if (fixed == NULL) {
		answer = guest_cpuid_read(&vcpu->cpuid, leaf, (uint32_t)registers[REG_RCX]);
		fixed = &answer;
	}
	answer_cpuid(registers, fixed);
	vcpu_retire_exit(vcpu);
	return EXIT_RESUME;
}

/* SDM vol. 3C 'Activity State'. A trap that is due after the instruction wakes at once. */
static void halt(struct vcpu *vcpu)
{
	vcpu->attention = 0;
	if (!(cpu_vmread(VMCS_GUEST_RFLAGS) & RFLAGS_TF))
		cpu_vmwrite(VMCS_GUEST_ACTIVITY_STATE, ACTIVITY_HLT);
}

/* The guest waits in activity state HLT for an interrupt, if there is one to wait for; else it has
 * ended, one way or the other. */
enum exit_result handle_hlt(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	if (!(cpu_vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF)) {
		vm_end(vm, VM_STATUS_OK, "guest halted with interrupts off at RIP 0x%lx",
			vcpu->rip);
		return EXIT_STOP;
	}
	if (interrupts_can_come(vcpu)) {
		vcpu_retire_exit(vcpu);
		halt(vcpu);
		return EXIT_RESUME;
	}
	vm_end(vm, VM_STATUS_TIMEOUT,
		"guest halted with interrupts on at RIP 0x%lx, but nothing can ever interrupt it",
		vcpu->rip);
	log_warn("vmm",
		"HLT with interrupts on at RIP 0x%lx: no timer is armed and no device will raise "
		"an "
		"interrupt; the guest would sleep for ever",
		vcpu->rip);
	return EXIT_STOP;
}

/* INVD, WBINVD: the guest owns no device that would look past the caches, so there is nothing to
 * do; above all the host's dirty lines must not be dropped. */
enum exit_result handle_cache_invalidation(struct vcpu *vcpu)
{
	vcpu_retire_exit(vcpu);
	return EXIT_RESUME;
}

/* CPUID shows no performance counters: any counter number is invalid. */
enum exit_result handle_rdpmc(struct vcpu *vcpu)
{
	vcpu_inject_error(vcpu, VECTOR_GP, 0);
	return EXIT_RESUME;
}

/* VMX, SMX, MONITOR and MWAIT and the like: hidden in CPUID, so undefined. */
enum exit_result handle_undefined(struct vcpu *vcpu)
{
	vcpu_inject(vcpu, VECTOR_UD);
	return EXIT_RESUME;
}
