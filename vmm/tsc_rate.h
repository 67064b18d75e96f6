/* SPDX-License-Identifier: MIT */
/*
 * The TSC's rate, out of a measurement and of what CPUID says. Called by boot/environment.c.
 */
#ifndef VMM_TSC_RATE_H
#define VMM_TSC_RATE_H

#include <stdint.h>

#include "vmm/cpu.h"

/* How far CPUID's rate may lie from a measurement that it is preferred to: 1 %. */
#define TSC_RATE_TOLERANCE 100

/*
 * In Hz. leaf: CPUID.15H, all 0 if there is none. CPUID is exact, but not always right (an emulator
 * may pass on another machine's leaf): the measurement wins where the two differ by more than 1 %.
 * SDM vol. 3B, 'Determining the Processor Base Frequency'.
 */
static inline uint64_t tsc_rate_choose(uint64_t measured, const struct cpuid_registers *leaf)
{
	uint64_t told;

	if (leaf->eax == 0 || leaf->ebx == 0 || leaf->ecx == 0)
		return measured;
	told = (uint64_t)leaf->ecx * leaf->ebx / leaf->eax;
	if ((told > measured ? told - measured : measured - told) > measured / TSC_RATE_TOLERANCE)
		return measured;
	return told;
}

#endif
