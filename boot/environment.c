/* SPDX-License-Identifier: MIT */
/*
 * Looking around.
 */
#include "boot/environment.h"

#include "lib/bits.h"
#include "vmm/cpu.h"
#include "vmm/tsc_rate.h"

/* UEFI Shell Specification 2.2, EFI_SHELL_PARAMETERS_PROTOCOL: on every image that a shell starts.
 */
#define SHELL_PARAMETERS_GUID                                          \
	{                                                              \
		0x752f3136, 0x4e16, 0x4fdc,                            \
		{                                                      \
			0xa2, 0x2a, 0xe5, 0xf4, 0x68, 0x12, 0xf4, 0xca \
		}                                                      \
	}

#define CPUID_HYPERVISOR BIT(31) /* leaf 1 ECX */

/* Bochs's port_e9_hack, and QEMU's isa-debugcon: the port reads as its own number. */
#define DEBUG_PORT 0xe9

#define LEAF_TSC     0x15
#define MEASURE_US   10000u
#define MEASUREMENTS 3u

uint64_t environment_measure_tsc(struct firmware *firmware)
{
	struct cpuid_registers leaf = { 0 };
	uint64_t best = ~0ull;

	/* What disturbs a measurement makes it longer: the shortest is the truest. */
	for (unsigned int i = 0; i < MEASUREMENTS; i++) {
		uint64_t began = cpu_read_tsc();

		firmware->boot->Stall(MEASURE_US);
		best = min_u64(best, cpu_read_tsc() - began);
	}
	if (cpu_id(0, 0).eax >= LEAF_TSC)
		leaf = cpu_id(LEAF_TSC, 0);
	return tsc_rate_choose(best * (1000000u / MEASURE_US), &leaf);
}

static bool is_emulator(void)
{
	return (cpu_id(1, 0).ecx & CPUID_HYPERVISOR) != 0 || cpu_in8(DEBUG_PORT) == DEBUG_PORT;
}

static bool was_started_by_shell(struct firmware *firmware)
{
	EFI_GUID shell_parameters = SHELL_PARAMETERS_GUID;
	void *interface;

	return !EFI_ERROR(
		firmware->boot->HandleProtocol(firmware->image, &shell_parameters, &interface));
}

bool environment_has_reader(struct firmware *firmware)
{
	return !is_emulator() && !was_started_by_shell(firmware);
}
