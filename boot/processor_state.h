/* SPDX-License-Identifier: MIT */
/*
 * The processor state that take-over and give-back exchange. Called by boot/machine.c.
 */
#ifndef BOOT_PROCESSOR_STATE_H
#define BOOT_PROCESSOR_STATE_H

#include <stdint.h>

#include "vmm/vcpu.h"

/* What the firmware has that neither VM exits nor struct processor_state carry. */
struct firmware_state {
	uint64_t cr0, cr3, cr4, cr8;
	uint64_t efer, pat, debugctl, dr7;
	uint64_t fs_base, gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
};

/* Which instructions and MSRs there are; from CPUID, once. */
struct processor_features {
	bool xsave;
	bool rdtscp;
	bool five_levels; /* CR4.LA57 is set */
	bool page_1g;
	uint64_t xcr0; /* the components that are exchanged */
};

struct processor_features processor_read_features(void);

/* Both with interrupts off; the control registers between them are the host's. */
void processor_save(struct processor_state *state, const struct processor_features *features);
void processor_load(const struct processor_state *state, const struct processor_features *features);

/* Before the step over, and after the step back; neither touches what machine_switch looks after.
 */
void firmware_state_save(struct firmware_state *state);
void firmware_state_load(const struct firmware_state *state);

/* CR0, CR4, DR7, DEBUGCTL and PAT as the hypervisor runs with them; CR4.CET is off already. */
void host_controls_load(const struct firmware_state *firmware,
	const struct processor_features *features, const struct vmx_capabilities *vmx);

/* CR0 and CR4 of the firmware again, CET excepted: right before the step back. */
void firmware_controls_load(const struct firmware_state *state);

#endif
