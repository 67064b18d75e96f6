/* SPDX-License-Identifier: MIT */
/*
 * The guest's own page tables, walked in software: linear to guest-physical. Called for the bytes
 * of an instruction that is emulated and for the data that it reaches, by an EPT-violation exit,
 * and by the report of a guest that was stopped. Source: SDM volume 3A, chapter "Paging".
 */
#ifndef VMM_GUEST_WALK_H
#define VMM_GUEST_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"

/* What decides a translation, as the guest's registers stand. */
struct guest_paging {
	uint64_t cr0, cr3, cr4;
	uint64_t efer;              /* LME counts, with CR0.PG; LMA is not looked at */
	const uint64_t *pdpte;      /* PAE paging: the four PDPTEs of the VMCS; else may be null */
	unsigned int physical_bits; /* MAXPHYADDR, 32..52: address bits above it are reserved */
	bool user;                  /* CPL is 3 */
	bool smap_override;         /* RFLAGS.AC is 1 */
};

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

/* The error code of a page fault. SDM volume 3A, "Page-Fault Exceptions". */
enum page_fault_error {
	PAGE_FAULT_PRESENT = 1 << 0, /* the rights forbid it, rather than an entry not present */
	PAGE_FAULT_WRITE = 1 << 1,
	PAGE_FAULT_USER = 1 << 2,
	PAGE_FAULT_RESERVED = 1 << 3, /* a reserved bit was set in an entry */
	PAGE_FAULT_FETCH = 1 << 4,
};

/* What the #PF would carry: CR2 and the error code. */
struct guest_fault {
	uint64_t linear;
	uint32_t error_code;
};

enum guest_paging_mode {
	GUEST_PAGING_NONE,
	GUEST_PAGING_32_BIT,
	GUEST_PAGING_PAE,
	GUEST_PAGING_4_LEVEL,
};

enum guest_paging_mode guest_paging_mode(const struct guest_paging *paging);

/*
 * Translates one linear address; outside 64-bit mode its upper half is not looked at. STATUS_OK:
 * *gpa. STATUS_FAULT: *fault. STATUS_OUT_OF_RANGE: an entry lies outside guest memory, *gpa is
 * where. STATUS_BAD_VALUE: PAE paging without PDPTEs. Whether the address is canonical is the
 * caller's to check. An entry is read once in a walk, and a walk given up half-way counts for
 * nothing. Accessed and dirty flags are not written: the processor's own walk did that before the
 * access became an EPT violation.
 */
MUST_USE enum status guest_walk(const struct guest_paging *paging,
	const struct guest_memory *memory, uint64_t linear, enum guest_access access, uint64_t *gpa,
	struct guest_fault *fault);

/* The same without the short cut that guest_walk tries first. */
MUST_USE enum status guest_walk_complete(const struct guest_paging *paging,
	const struct guest_memory *memory, uint64_t linear, enum guest_access access, uint64_t *gpa,
	struct guest_fault *fault);

#define GUEST_WALK_MAX_STEPS 4

/* One entry on the way, for the report. */
struct guest_walk_step {
	unsigned int level; /* 1: the entry of a 4 KiB page */
	bool outside;       /* not in guest memory, hence not read */
	uint64_t address;   /* guest-physical; 0 for a PDPTE, which is a register */
	uint64_t entry;
};

/* The entries on the way to linear as far as it goes; returns how many, 0 without paging. */
unsigned int guest_walk_trace(const struct guest_paging *paging, const struct guest_memory *memory,
	uint64_t linear, struct guest_walk_step steps[GUEST_WALK_MAX_STEPS]);

#endif
