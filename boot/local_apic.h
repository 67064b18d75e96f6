/* SPDX-License-Identifier: MIT */
/*
 * The processor's own local APIC, as far as taking the machine needs it. SDM vol. 3A 'Local APIC'.
 */
#ifndef BOOT_LOCAL_APIC_H
#define BOOT_LOCAL_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define LOCAL_APIC_MAX_LVT 6

/* IA32_APIC_BASE.EN. Without a local APIC, CR8 holds nothing back. All others need it on. */
bool local_apic_is_on(void);

/*
 * Masks what could interrupt all the same with CR8 at 15: LINT0, and every other local vector in
 * ExtINT or NMI mode but LINT1. saved keeps the entries for local_apic_unmask. With interrupts off.
 */
void local_apic_mask(uint32_t saved[LOCAL_APIC_MAX_LVT]);
void local_apic_unmask(const uint32_t saved[LOCAL_APIC_MAX_LVT]);

/* Where its registers lie: a page to be mapped uncacheable; 0 in x2APIC mode. */
uint64_t local_apic_page(void);

#endif
