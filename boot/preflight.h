/* SPDX-License-Identifier: MIT */
/*
 * What the machine must offer, as a table that a user can paste into a question. Called first.
 */
#ifndef BOOT_PREFLIGHT_H
#define BOOT_PREFLIGHT_H

#include <stdbool.h>

#include "vmm/vmx_controls.h"

struct preflight {
	struct vmx_capabilities vmx;
	bool passed;
	const char *missing; /* the first needed row that is not there */
};

/*
 * Asks the processor, prints the table, and, where IA32_FEATURE_CONTROL is unlocked, sets VMX
 * outside SMX in it and locks it (SDM vol. 3C 'Enabling and Entering VMX Operation').
 */
void preflight_run(struct preflight *preflight);

#endif
