/* SPDX-License-Identifier: MIT */
/*
 * Offsets for vmm/vmentry.asm.
 */
#include "vmm/offsets.h"

#include "vmm/vcpu.h"

void offsets_generate(void)
{
	OFFSET(VCPU_REGISTERS, struct vcpu, registers);
	OFFSET(VCPU_HOST_RSP, struct vcpu, host_rsp);
	OFFSET(VCPU_LAUNCHED, struct vcpu, launched);
	CONSTANT(FIELD_HOST_RSP, VMCS_HOST_RSP);
}
