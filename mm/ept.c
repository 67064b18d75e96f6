/* SPDX-License-Identifier: MIT */
/*
 * Extended page tables as one more tree of 512-entry tables, 4 levels deep. Called when a guest is
 * set up and when it is reported on.
 */
#include "mm/ept.h"

#include "lib/bits.h"
/* LAB 2 { for lab_not_implemented
 * #include "lib/lab.h"
 */
/* LAB 2 } */

#define EPT_LEVELS 4

_Static_assert(EPT_LARGE_PAGE == PAGING_LARGE_LEAF, "EPT marks a large page as page tables do");

enum status ept_init(struct ept *ept, struct frame_pool *pool, struct ept_capabilities capabilities)
{
	uint64_t largest = PAGE_SIZE;

	if (capabilities.page_2m)
		largest = 2 * MIB;
	/* Splitting a 1 GiB leaf makes 2 MiB ones. */
	if (capabilities.page_2m && capabilities.page_1g)
		largest = GIB;
	return paging_tree_init(
		&ept->tree, pool, EPT_LEVELS, EPT_READ | EPT_WRITE | EPT_EXECUTE, largest);
}

enum status ept_map_guest(struct ept *ept, const struct guest_memory *memory)
{
	/* LAB 2 { step 4: the guest's memory
	 * lab_not_implemented(2, "step 4 (behind 1 to 3), ept_map_guest in mm/ept.c");
	 * (void)ept;
	 * (void)memory;
	 * return STATUS_UNSUPPORTED;
	 */
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];
		enum status status = paging_tree_map(&ept->tree, range->gpa,
			host_physical(range->host), range->size,
			EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_TYPE_WRITE_BACK);

		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
	/* LAB 2 } */
}

enum status ept_unmap(struct ept *ept, uint64_t gpa, uint64_t size)
{
	return paging_tree_unmap(&ept->tree, gpa, size);
}

uint64_t ept_pointer(const struct ept *ept)
{
	return host_physical(ept->tree.root) | EPTP_TYPE_WRITE_BACK | EPTP_WALK_LENGTH_4;
}

bool ept_lookup(const struct ept *ept, uint64_t gpa, struct paging_leaf *leaf)
{
	return paging_tree_lookup(&ept->tree, gpa, leaf);
}

unsigned int ept_trace(
	const struct ept *ept, uint64_t gpa, struct paging_step steps[PAGING_MAX_LEVELS])
{
	return paging_tree_trace(&ept->tree, gpa, steps);
}
