/* SPDX-License-Identifier: MIT */
/*
 * What is due between two runs of the guest beside the exit itself: its time-out, its timer, the
 * console's input, work that a device left for later, a write-back, interrupts.
 */
#ifndef VMM_DUE_H
#define VMM_DUE_H

#include "vmm/vcpu.h"

/*
 * To be called before the first entry of a run, and after each exit once the TSC has reached
 * vcpu->attention. result is what the exit's handler wants; what is due may turn EXIT_RESUME into
 * EXIT_STOP or EXIT_GIVE_BACK.
 */
enum exit_result due_work(struct vcpu *vcpu, enum exit_result result, uint64_t now);

#endif
