/* SPDX-License-Identifier: MIT */
/*
 * Whether the processor hashes by itself. SDM vol. 1, "Processor Support for Intel SHA
 * Extensions"; vol. 3A, "Providing Operating System Support for SSE".
 */
#include "guest-driver/testing/sha256_ni.h"

#include "guest-driver/sha256.h"
#include "lib/bits.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define FEATURES     7u
#define FEATURES_SHA BIT(29) /* EBX */

bool sha256_ni_use(void)
{
	if (cpu_id(0, 0).eax < FEATURES || (cpu_id(FEATURES, 0).ebx & FEATURES_SHA) == 0)
		return false;
	cpu_write_cr0((cpu_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	sha256_use(sha256_ni_take_block);
	return true;
}
