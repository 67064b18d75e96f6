/* SPDX-License-Identifier: MIT */
/*
 * The guest's linear addresses as its processor would translate them now: what the exit handlers
 * need to follow RIP and operands through the guest's own segments and page tables.
 */
#ifndef VMM_GUEST_LINEAR_H
#define VMM_GUEST_LINEAR_H

#include <stdint.h>

#include "lib/status.h"
#include "vmm/guest_walk.h"
#include "vmm/vcpu.h"

/* The state that decides where the guest's addresses lead, at this exit. */
struct guest_view {
	struct guest_paging paging;
	uint64_t pdptes[4]; /* for PAE paging */
	enum code_size code;
};
void guest_view_read(const struct vcpu *vcpu, struct guest_view *view);

/*
 * segment base + offset, wrapped to the width that linear addresses have in this code size. In
 * 64-bit code only FS and GS have a base.
 */
static inline uint64_t guest_linear(
	const struct guest_view *view, enum cpu_segment segment, uint64_t offset)
{
	if (view->code == CODE_64 && segment < SEG_FS)
		return offset;
	offset += cpu_vmread(VMCS_GUEST_ES_BASE + 2 * (uint64_t)segment);
	return view->code == CODE_64 ? offset : (uint32_t)offset;
}

/*
 * Copies size bytes (one page crossing at most) between the guest's linear memory and a buffer.
 * STATUS_FAULT: *fault is what #PF would carry. STATUS_OUT_OF_RANGE: no memory behind a page, or
 * behind a page table, *gpa is its address. A write is all or nothing.
 */
MUST_USE enum status guest_linear_read(struct vcpu *vcpu, const struct guest_view *view,
	uint64_t linear, void *to, unsigned int size, struct guest_fault *fault, uint64_t *gpa);
MUST_USE enum status guest_linear_write(struct vcpu *vcpu, const struct guest_view *view,
	uint64_t linear, const void *from, unsigned int size, struct guest_fault *fault,
	uint64_t *gpa);

/* What guest_linear_write would answer, without writing. */
MUST_USE enum status guest_linear_probe_write(struct vcpu *vcpu, const struct guest_view *view,
	uint64_t linear, unsigned int size, struct guest_fault *fault, uint64_t *gpa);

/*
 * The bytes of the instruction at linear, copied once: as many of the INSN_MAX_LENGTH as can be
 * fetched. *count is their number; the status says why they end early, as for guest_linear_read.
 */
MUST_USE enum status guest_fetch(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	uint8_t *bytes, unsigned int *count, struct guest_fault *fault, uint64_t *gpa);

#endif
