/* SPDX-License-Identifier: MIT */
/*
 * Interrupts on their way into the guest: what the local APIC has pending is injected at the next
 * entry where the guest can take it; where it cannot, an exit is arranged for when it can.
 */
#ifndef VMM_INTERRUPTS_H
#define VMM_INTERRUPTS_H

#include "vmm/vcpu.h"

/* The last thing before an entry. SDM vol. 3C 'Event Injection', 'Interrupt-Window Exiting'. */
void interrupts_prepare_entry(struct vcpu *vcpu);

/* Whether a halted guest with interrupts on could ever be woken. */
bool interrupts_can_come(const struct vcpu *vcpu);

#endif
