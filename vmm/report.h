/* SPDX-License-Identifier: MIT */
/*
 * What a stopped guest's author needs to know: registers, the exit in words, both page tables, the
 * bytes at RIP, the last exits; and the statistics at the end of a run.
 */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include "vmm/vcpu.h"

/* The whole state at the last exit, to the log. The VMCS is current. */
void report_guest(struct vcpu *vcpu);

/* A VM entry that failed before it began: the VM-instruction error in words, and a stopped guest.
 */
void report_failed_entry(struct vcpu *vcpu, uint64_t failure);

/* The checks of SDM vol. 3C 'Checks on Guest State' that can be told wrong, by name. */
void report_guest_state_checks(void);

/* Exits by reason and accesses by device. Needs no VMCS. */
void report_statistics(const struct vcpu *vcpu);

#endif
