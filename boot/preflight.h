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
	bool show; /* print the table, not only its outcome */
	bool passed;
	const char *missing; /* the first needed row that is not there, and what to do about it */
	const char *advice;
};

/*
 * Asks the processor, and, where IA32_FEATURE_CONTROL is unlocked, sets VMX outside SMX in it and
 * locks it (SDM vol. 3C 'Enabling and Entering VMX Operation'). The table is printed when show says
 * so, and in any case when something needed is missing.
 */
void preflight_run(struct preflight *preflight, bool show);

#endif
