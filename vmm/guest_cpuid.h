/* SPDX-License-Identifier: MIT */
/*
 * What CPUID tells the guest: an allow-list over what the processor says. A feature whose MSRs, CR
 * bits or instructions we do not carry is hidden. Computed once, since CPUID itself is an exit when
 * we run under another hypervisor.
 */
#ifndef VMM_GUEST_CPUID_H
#define VMM_GUEST_CPUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/cpu.h"
#include "vmm/x86.h"

#define GUEST_CPUID_BASIC    0x17 /* leaves 0 to 0x16 */
#define GUEST_CPUID_EXTENDED 9    /* leaves 0x80000000 to 0x80000008 */
#define GUEST_CPUID_CACHES   4    /* subleaves of leaf 4 */
#define GUEST_CPUID_XSAVE    8    /* subleaves of leaf 0xd */

struct guest_cpuid {
	struct cpuid_registers basic[GUEST_CPUID_BASIC];
	bool has_subleaves[GUEST_CPUID_BASIC];
	struct cpuid_registers extended[GUEST_CPUID_EXTENDED];
	struct cpuid_registers caches[GUEST_CPUID_CACHES];
	struct cpuid_registers xsave[GUEST_CPUID_XSAVE];
	uint64_t xcr0_allowed; /* what XSETBV may set; 0 without XSAVE */
	uint64_t cr4_allowed;  /* the CR4 bits whose features are shown */
	uint64_t efer_allowed;
	bool rdtscp;
	unsigned int physical_bits;
};

/*
 * Of the XCR0 components that a processor offers, those that a guest gets and that are exchanged
 * for the firmware's: what fits, in the standard format, into a page, and only such a whole as
 * XSETBV takes; a hypervisor below may show parts. SDM vol. 1, 'Enabling the XSAVE Feature Set and
 * XSAVE-Enabled Features'.
 */
static inline uint64_t xcr0_carried(uint64_t offered)
{
	uint64_t carried = offered & (XCR0_X87 | XCR0_SSE);

	if ((offered & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX))
		carried |= XCR0_AVX;
	if ((carried & XCR0_AVX) && (offered & XCR0_AVX512) == XCR0_AVX512)
		carried |= XCR0_AVX512;
	return carried;
}

/*
 * secondary: the value of the secondary processor-based controls that will be in force; tsc_hz: the
 * TSC's rate as it was measured, which is the APIC timer's, too.
 */
void guest_cpuid_init(struct guest_cpuid *cpuid, uint32_t secondary, uint64_t tsc_hz);

/*
 * The answer to a leaf without subleaves; null for the others, for which guest_cpuid_read is.
 */
static inline const struct cpuid_registers *guest_cpuid_find(
	const struct guest_cpuid *cpuid, uint32_t leaf)
{
	return leaf < GUEST_CPUID_BASIC && !cpuid->has_subleaves[leaf] ? &cpuid->basic[leaf] : NULL;
}

/* Any CPUID of the guest. */
struct cpuid_registers guest_cpuid_read(
	const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t subleaf);

/* To be called when the guest has written CR4.OSXSAVE or XCR0, which CPUID mirrors. */
void guest_cpuid_mirror(struct guest_cpuid *cpuid, uint64_t cr4, uint64_t xcr0);

/* To be called when the guest has written IA32_APIC_BASE: the APIC's bit follows its enable bit. */
void guest_cpuid_mirror_apic(struct guest_cpuid *cpuid, bool enabled);

#endif
