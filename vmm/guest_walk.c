/* SPDX-License-Identifier: MIT */
/*
 * The walk through the guest's page tables: a complete one for every paging mode, which the trace
 * for the report is a by-product of, and in front of it a short one for what nearly every emulated
 * access meets, since each of those walks once or twice.
 */
#include "vmm/guest_walk.h"

#include <stddef.h>

#include "lib/bits.h"
#include "vmm/x86.h"

/* Bits of an entry. SDM volume 3A, "Paging", the tables of the formats of entries. */
#define ENTRY_PRESENT    BIT(0)
#define ENTRY_WRITABLE   BIT(1)
#define ENTRY_USER       BIT(2)
#define ENTRY_LARGE      BIT(7)
#define ENTRY_NO_EXECUTE BIT(63)
#define ENTRY_ADDRESS    0x000ffffffffff000ull

/* Masks: all bits from one up, and all below it. */
#define FROM_BIT(bit)  (~0ull << (bit))
#define BELOW_BIT(bit) (~FROM_BIT(bit))

/* A walk under way, and what it has gathered. */
struct walk {
	const struct guest_paging *paging;
	const struct guest_memory *memory;
	enum guest_paging_mode mode;
	uint64_t linear;
	uint64_t all; /* bits that all entries have */
	uint64_t any; /* bits that any entry has */
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];
	unsigned int count; /* of steps taken; the last one is where the walk ends */
};

enum outcome { WALK_PAGE, WALK_ABSENT, WALK_RESERVED, WALK_OUTSIDE };

enum guest_paging_mode guest_paging_mode(const struct guest_paging *paging)
{
	if (!(paging->cr0 & CR0_PG))
		return GUEST_PAGING_NONE;
	if (paging->efer & EFER_LME)
		return GUEST_PAGING_4_LEVEL; /* CR4.PAE is 1 then; the processor sees to that */
	return paging->cr4 & CR4_PAE ? GUEST_PAGING_PAE : GUEST_PAGING_32_BIT;
}

/* Lowest bit of the linear address that is part of a level's index; what a page there covers. */
static unsigned int level_shift(const struct walk *walk, unsigned int level)
{
	return PAGE_SHIFT + (walk->mode == GUEST_PAGING_32_BIT ? 10 : 9) * (level - 1);
}

/* PDPTEs of PAE paging are registers, checked when they were loaded, and grant everything. */
static void read_pdpte(const struct walk *walk, struct guest_walk_step *step)
{
	step->entry = walk->paging->pdpte[walk->linear >> level_shift(walk, step->level)] &
		      (ENTRY_PRESENT | ENTRY_ADDRESS);
	step->entry |= ENTRY_WRITABLE | ENTRY_USER;
}

/* Each entry is read once, since the guest may change it at any time. */
static void read_entry(const struct walk *walk, uint64_t table, struct guest_walk_step *step)
{
	const uint64_t index = walk->linear >> level_shift(walk, step->level);
	const volatile void *host;

	if (walk->mode == GUEST_PAGING_32_BIT)
		step->address = table + index % 1024 * sizeof(uint32_t);
	else
		step->address = table + index % 512 * sizeof(uint64_t);
	host = guest_memory_find_aligned(walk->memory, step->address);
	if (host == NULL)
		step->outside = true;
	else if (walk->mode == GUEST_PAGING_32_BIT)
		step->entry = *(const volatile uint32_t *)host;
	else
		step->entry = *(const volatile uint64_t *)host;
}

/* Whether bit 7 of an entry of this level says that it maps a page; read_pdpte leaves it out. */
static bool has_large(const struct walk *walk, unsigned int level)
{
	if (walk->mode == GUEST_PAGING_32_BIT)
		return level == 2 && (walk->paging->cr4 & CR4_PSE);
	return level == 2 || level == 3;
}

static bool is_page(const struct walk *walk, const struct guest_walk_step *step)
{
	return step->level == 1 || ((step->entry & ENTRY_LARGE) && has_large(walk, step->level));
}

/* Reserved bits of a present entry; PAT, bit 12 of one that maps a large page, is not one. */
static uint64_t reserved_bits(const struct walk *walk, const struct guest_walk_step *step)
{
	const unsigned int physical_bits = walk->paging->physical_bits;
	const bool large = is_page(walk, step) && step->level > 1;
	uint64_t reserved;

	if (walk->mode == GUEST_PAGING_32_BIT) /* PSE-36: address bits 39:32 are in bits 20:13 */
		return large ? BELOW_BIT(22) & FROM_BIT(min_u64(physical_bits, 40) - 19) : 0;
	reserved = FROM_BIT(physical_bits) & BELOW_BIT(walk->mode == GUEST_PAGING_PAE ? 63 : 52);
	if (!(walk->paging->efer & EFER_NXE))
		reserved |= ENTRY_NO_EXECUTE;
	if (step->level == 4)
		reserved |= ENTRY_LARGE;
	if (large)
		reserved |= BELOW_BIT(level_shift(walk, step->level)) & FROM_BIT(13);
	return reserved;
}

static enum outcome walk_level(struct walk *walk, uint64_t table, struct guest_walk_step *step)
{
	if (walk->mode == GUEST_PAGING_PAE && step->level == 3)
		read_pdpte(walk, step);
	else
		read_entry(walk, table, step);
	if (step->outside)
		return WALK_OUTSIDE;
	if (!(step->entry & ENTRY_PRESENT))
		return WALK_ABSENT;
	if (step->entry & reserved_bits(walk, step))
		return WALK_RESERVED;
	walk->all &= step->entry;
	walk->any |= step->entry;
	return WALK_PAGE;
}

/* Down from the top to the entry that maps the page, or as far as the tables lead. */
static enum outcome walk_down(struct walk *walk)
{
	static const unsigned int levels[] = {
		[GUEST_PAGING_32_BIT] = 2,
		[GUEST_PAGING_PAE] = 3,
		[GUEST_PAGING_4_LEVEL] = 4,
	};
	uint64_t table = walk->paging->cr3 & ENTRY_ADDRESS;

	if (walk->mode == GUEST_PAGING_32_BIT)
		table = (uint32_t)table;
	for (unsigned int level = levels[walk->mode];; level--) {
		struct guest_walk_step *step = &walk->steps[walk->count++];
		enum outcome outcome;

		*step = (struct guest_walk_step){ .level = level };
		outcome = walk_level(walk, table, step);
		if (outcome != WALK_PAGE || is_page(walk, step))
			return outcome;
		table = step->entry & ENTRY_ADDRESS;
	}
}

static uint64_t page_address(const struct walk *walk, const struct guest_walk_step *step)
{
	const unsigned int shift = level_shift(walk, step->level);
	uint64_t page = step->entry & ENTRY_ADDRESS & FROM_BIT(shift);

	if (walk->mode == GUEST_PAGING_32_BIT && step->level == 2)
		page |= (step->entry & BELOW_BIT(21) & FROM_BIT(13)) << 19;
	return page | (walk->linear & BELOW_BIT(shift));
}

/* SDM volume 3A, "Determination of Access Rights". */
static bool rights_allow(const struct walk *walk, enum guest_access access)
{
	const struct guest_paging *paging = walk->paging;
	const bool writable = (walk->all & ENTRY_WRITABLE) != 0;
	const bool user_page = (walk->all & ENTRY_USER) != 0;

	if (access == GUEST_FETCH && (walk->any & ENTRY_NO_EXECUTE))
		return false;
	if (paging->user)
		return user_page && (access != GUEST_WRITE || writable);
	if (user_page && access == GUEST_FETCH && (paging->cr4 & CR4_SMEP))
		return false;
	if (user_page && access != GUEST_FETCH && (paging->cr4 & CR4_SMAP) &&
		!paging->smap_override)
		return false;
	return access != GUEST_WRITE || writable || !(paging->cr0 & CR0_WP);
}

static enum status walk_fault(const struct walk *walk, enum guest_access access,
	uint32_t error_code, struct guest_fault *fault)
{
	const struct guest_paging *paging = walk->paging;
	const bool no_execute = (paging->cr4 & CR4_PAE) && (paging->efer & EFER_NXE);

	if (access == GUEST_WRITE)
		error_code |= PAGE_FAULT_WRITE;
	if (paging->user)
		error_code |= PAGE_FAULT_USER;
	if (access == GUEST_FETCH && (no_execute || (paging->cr4 & CR4_SMEP)))
		error_code |= PAGE_FAULT_FETCH;
	*fault = (struct guest_fault){ .linear = walk->linear, .error_code = error_code };
	return STATUS_FAULT;
}

static struct walk walk_start(
	const struct guest_paging *paging, const struct guest_memory *memory, uint64_t linear)
{
	const enum guest_paging_mode mode = guest_paging_mode(paging);

	return (struct walk){
		.paging = paging,
		.memory = memory,
		.mode = mode,
		.linear = mode == GUEST_PAGING_4_LEVEL ? linear : (uint32_t)linear,
		.all = ~0ull,
	};
}

enum status guest_walk_complete(const struct guest_paging *paging,
	const struct guest_memory *memory, uint64_t linear, enum guest_access access, uint64_t *gpa,
	struct guest_fault *fault)
{
	struct walk walk = walk_start(paging, memory, linear);

	if (walk.mode == GUEST_PAGING_NONE) {
		*gpa = walk.linear;
		return STATUS_OK;
	}
	if (walk.mode == GUEST_PAGING_PAE && paging->pdpte == NULL)
		return STATUS_BAD_VALUE;
	switch (walk_down(&walk)) {
	case WALK_ABSENT: return walk_fault(&walk, access, 0, fault);
	case WALK_RESERVED:
		return walk_fault(&walk, access, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, fault);
	case WALK_OUTSIDE: *gpa = walk.steps[walk.count - 1].address; return STATUS_OUT_OF_RANGE;
	case WALK_PAGE: break;
	}
	if (!rights_allow(&walk, access))
		return walk_fault(&walk, access, PAGE_FAULT_PRESENT, fault);
	*gpa = page_address(&walk, &walk.steps[walk.count - 1]);
	return STATUS_OK;
}

unsigned int guest_walk_trace(const struct guest_paging *paging, const struct guest_memory *memory,
	uint64_t linear, struct guest_walk_step steps[GUEST_WALK_MAX_STEPS])
{
	struct walk walk = walk_start(paging, memory, linear);

	if (walk.mode == GUEST_PAGING_NONE ||
		(walk.mode == GUEST_PAGING_PAE && paging->pdpte == NULL))
		return 0;
	(void)walk_down(&walk);
	for (unsigned int i = 0; i < walk.count; i++)
		steps[i] = walk.steps[i];
	return walk.count;
}

/* An entry that the short walk reads; 0, which is none, where the first range does not have it. */
static uint64_t short_entry(
	const struct guest_range *first, uint64_t table, uint64_t linear, unsigned int shift)
{
	const uint64_t address = table + (linear >> shift) % 512 * 8;

	return address < first->size ? *(const volatile uint64_t *)(first->host + address) : 0;
}

/*
 * The short walk, 12 instructions a level: 4-level paging where each entry by itself grants the
 * access and all tables lie in a first range of guest memory that begins at 0, so that a reserved
 * address bit leads to none of them. False: not as simple as that, or not allowed; the complete
 * walk decides, from the start.
 */
static bool walk_short(const struct guest_paging *paging, const struct guest_range *first,
	uint64_t linear, enum guest_access access, uint64_t *gpa)
{
	const uint64_t wanted = ENTRY_PRESENT | (access == GUEST_WRITE ? ENTRY_WRITABLE : 0) |
				(paging->user ? ENTRY_USER : 0);
	const uint64_t looked_at = wanted | ENTRY_LARGE | ENTRY_NO_EXECUTE;
	uint64_t offset = BELOW_BIT(PAGE_SHIFT);
	uint64_t entry = paging->cr3;

	if (first->gpa != 0)
		return false;
#pragma GCC unroll 4
	for (unsigned int shift = 39; shift >= PAGE_SHIFT; shift -= 9) {
		entry = short_entry(first, entry & ENTRY_ADDRESS, linear, shift);
		if ((entry & looked_at) == wanted)
			continue;
		if ((entry & looked_at) != (wanted | ENTRY_LARGE) || shift == 39)
			return false;
		offset = BELOW_BIT(shift);
		break;
	}
	if ((paging->cr4 & (CR4_SMEP | CR4_SMAP)) && (entry & ~wanted & ENTRY_USER))
		return false;
	entry &= ENTRY_ADDRESS;
	if ((entry & offset) || entry >> paging->physical_bits)
		return false;
	*gpa = entry | (linear & offset);
	return true;
}

enum status guest_walk(const struct guest_paging *paging, const struct guest_memory *memory,
	uint64_t linear, enum guest_access access, uint64_t *gpa, struct guest_fault *fault)
{
	if ((paging->cr0 & CR0_PG) && (paging->efer & EFER_LME) &&
		walk_short(paging, &memory->ranges[0], linear, access, gpa))
		return STATUS_OK;
	return guest_walk_complete(paging, memory, linear, access, gpa, fault);
}
