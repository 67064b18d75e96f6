/* SPDX-License-Identifier: MIT */
/*
 * Filling in a VMCS: one function for each group of the SDM. Called by the run loop, once a guest
 * for the guest's state and the controls, at each take-over for the host's.
 */
#ifndef VMM_VMCS_SETUP_H
#define VMM_VMCS_SETUP_H

#include "vmm/vcpu.h"

/* Of the current VMCS; vcpu->start is how the guest starts. The controls come first. */
void vmcs_set_up_controls(struct vcpu *vcpu);
void vmcs_set_up_guest(struct vcpu *vcpu);
void vmcs_set_up_host(void);

#endif
