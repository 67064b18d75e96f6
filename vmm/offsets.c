/* SPDX-License-Identifier: MIT */
/*
 * Offsets for vmm/vmentry.asm.
 */
#include "vmm/offsets.h"

#include "vmm/vcpu.h"

void offsets_generate(void)
{
	OFFSET(VCPU_REGISTERS, struct vcpu, registers);
	_Static_assert(EXIT_RESUME == 0, "vmm/vmentry.asm tests for it");
	CONSTANT(FIELD_HOST_RSP, VMCS_HOST_RSP);
}
