/* SPDX-License-Identifier: MIT */
/*
 * The SDM's numbers in words, for reports.
 */
#ifndef VMM_NAMES_H
#define VMM_NAMES_H

#include <stdint.h>

/* SDM vol. 3D appendix C. 'unknown' for a number that is not there. */
const char *exit_reason_name(uint32_t reason);

/* SDM vol. 3C 'VM-Instruction Error Numbers'. */
const char *vm_instruction_error_text(uint32_t error);

#endif
