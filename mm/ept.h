/* SPDX-License-Identifier: MIT */
/*
 * The extended page tables of one guest: its memory write-back, and nothing else mapped, so that a
 * device's page and every address where nobody lives are EPT violations. Called when a guest is set
 * up, and by the report of a guest that was stopped.
 * Source: SDM volume 3C, "The Extended Page Table Mechanism (EPT)".
 */
#ifndef MM_EPT_H
#define MM_EPT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "mm/guest_memory.h"
#include "mm/paging_tree.h"

/* Bits of an entry. SDM "EPT Translation Mechanism", the tables of the formats of entries. */
enum ept_entry {
	EPT_READ = 1 << 0,
	EPT_WRITE = 1 << 1,
	EPT_EXECUTE = 1 << 2,
	EPT_TYPE_WRITE_BACK = 6 << 3, /* leaves only: memory type, bits 5:3 */
	EPT_IGNORE_PAT = 1 << 6,      /* leaves only; left 0: the guest's own PAT counts */
	EPT_LARGE_PAGE = 1 << 7,      /* levels 2 and 3 */
};

/* Fields of the EPTP. SDM "Extended-Page-Table Pointer (EPTP)". */
enum ept_pointer_field {
	EPTP_TYPE_WRITE_BACK = 6 << 0, /* memory type of the tables themselves, bits 2:0 */
	EPTP_WALK_LENGTH_4 = 3 << 3,   /* walk length minus 1, bits 5:3 */
	EPTP_ACCESSED_DIRTY = 1 << 6,  /* left 0: nobody reads those flags */
};

/* From IA32_VMX_EPT_VPID_CAP, bits 16 and 17. */
struct ept_capabilities {
	bool page_1g;
	bool page_2m;
};

struct ept {
	struct paging_tree tree;
};

/* STATUS_NO_MEMORY: no frame for the root. */
MUST_USE enum status ept_init(
	struct ept *ept, struct frame_pool *pool, struct ept_capabilities capabilities);

/*
 * Maps every range of the guest's memory, read, write, execute and write-back. STATUS_BAD_VALUE: a
 * range beyond 48 bits, or its host memory not page-aligned; STATUS_CONFLICT: mapped already;
 * STATUS_NO_MEMORY: no frames. Ranges before the one that failed stay mapped: the caller gives the
 * guest up.
 */
MUST_USE enum status ept_map_guest(struct ept *ept, const struct guest_memory *memory);

/* Takes [gpa, gpa + size) out, as paging_tree_unmap does. INVEPT is the caller's. */
MUST_USE enum status ept_unmap(struct ept *ept, uint64_t gpa, uint64_t size);

/* The VMCS field. */
uint64_t ept_pointer(const struct ept *ept);

/* For reports: see paging_tree_lookup and paging_tree_trace. */
bool ept_lookup(const struct ept *ept, uint64_t gpa, struct paging_leaf *leaf);
unsigned int ept_trace(
	const struct ept *ept, uint64_t gpa, struct paging_step steps[PAGING_MAX_LEVELS]);

#endif
