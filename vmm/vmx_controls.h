/* SPDX-License-Identifier: MIT */
/*
 * What the processor's VT-x offers, read once from the capability MSRs, and the VMX controls that
 * we ask of it: one table, met against the TRUE capability MSRs. SDM vol. 3D appendix A, 'VMX
 * Capability Reporting Facility'. Read by the preflight and by the VMCS set-up.
 */
#ifndef VMM_VMX_CONTROLS_H
#define VMM_VMX_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vmx_control_word {
	VMX_PIN_BASED,
	VMX_PRIMARY,
	VMX_SECONDARY,
	VMX_EXIT,
	VMX_ENTRY,
	VMX_CONTROL_WORD_COUNT
};

struct vmx_capabilities {
	bool vmx;           /* CPUID.1:ECX.VMX */
	bool true_controls; /* IA32_VMX_BASIC bit 55 */
	bool string_io;     /* IA32_VMX_BASIC bit 54: exits by INS and OUTS say which operands */
	uint64_t basic;     /* IA32_VMX_BASIC */
	uint64_t misc;      /* IA32_VMX_MISC */
	uint64_t ept_vpid;  /* IA32_VMX_EPT_VPID_CAP, 0 where there is neither */
	uint64_t cr0_fixed0, cr0_fixed1;
	uint64_t cr4_fixed0, cr4_fixed1;
	uint64_t allowed[VMX_CONTROL_WORD_COUNT]; /* low half: must be 1; high half: may be 1 */
};

enum vmx_control_wish {
	VMX_NEEDED,     /* must be settable to 1 */
	VMX_WANTED,     /* set to 1 where possible */
	VMX_NEEDED_OFF, /* must be settable to 0 */
};

struct vmx_control {
	enum vmx_control_word word;
	enum vmx_control_wish wish;
	uint64_t bit;
	const char *name; /* the SDM's */
};

/* The table, for the preflight to print. */
extern const struct vmx_control vmx_controls[];
extern const size_t vmx_control_count;

/* All zero but vmx where the processor has no VT-x. */
void vmx_read_capabilities(struct vmx_capabilities *capabilities);

/* Whether the processor grants a row of the table. */
bool vmx_control_granted(
	const struct vmx_capabilities *capabilities, const struct vmx_control *control);

/*
 * The value of a control field: every granted bit of the table that is needed or wanted, plus what
 * must be 1. Meaningful only after every needed row was granted.
 */
uint32_t vmx_control_value(const struct vmx_capabilities *capabilities, enum vmx_control_word word);

#endif
