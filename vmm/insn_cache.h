/* SPDX-License-Identifier: MIT */
/*
 * The instructions of 64-bit code that touched devices lately, decoded. A driver polls and rings
 * from few places, and walking to an instruction and decoding it is half of what an access costs.
 * An entry is used only if everything that it came from still stands: CR3, each paging-structure
 * entry on the way, and the instruction's bytes, all compared anew at each use. So no guest has to
 * flush anything, and code that changes itself is seen. (In 64-bit code nothing else decides a
 * translation; its rights the processor checked when it fetched.)
 */
#ifndef VMM_INSN_CACHE_H
#define VMM_INSN_CACHE_H

#include <stdint.h>

#include "devices/bus.h"
#include "vmm/decode.h"
#include "vmm/guest_walk.h"

#define INSN_CACHE_ENTRIES 16 /* a power of two */

/* Eight bytes of guest memory and what they were. */
struct insn_cache_witness {
	const uint64_t *place;
	uint64_t value;
};

#define INSN_CACHE_WITNESSES (GUEST_WALK_MAX_STEPS + 2) /* the way, then 16 bytes */

/*
 * Aligned so that finding one takes no multiplication. The operand's address is kept apart, in the
 * shortest form: displacement (with RIP, where it is relative to that) + base + index * scale,
 * where a register that is not there is INSN_CACHE_NO_REGISTER, whose slot holds 0.
 */
struct __attribute__((aligned(256))) insn_cache_entry {
	uint64_t rip;
	uint64_t cr3;
	struct insn_cache_witness witnesses[INSN_CACHE_WITNESSES];
	uint64_t displacement;
	uint8_t base, index, scale;
	uint64_t next_rip;
	struct bus_region *region; /* whom it accessed; it may be somebody else the next time */
	uint64_t last_offset; /* the last one in region at which all of the access lies there */
	struct insn insn;
};

#define INSN_CACHE_NO_REGISTER REG_COUNT

struct insn_cache {
	struct insn_cache_entry entries[INSN_CACHE_ENTRIES];
};

/* The entry for the instruction at rip in 64-bit code; null when it must be fetched and decoded. */
static inline const struct insn_cache_entry *insn_cache_find(
	const struct insn_cache *cache, uint64_t rip, uint64_t cr3)
{
	const struct insn_cache_entry *e = &cache->entries[rip % INSN_CACHE_ENTRIES];

	if (e->rip != rip || e->cr3 != cr3)
		return NULL;
#pragma GCC unroll 6
	for (unsigned int i = 0; i < INSN_CACHE_WITNESSES; i++) {
		if (*(const volatile uint64_t *)e->witnesses[i].place != e->witnesses[i].value)
			return NULL;
	}
	return e;
}

/* The linear address of its memory operand; registers has a 0 behind the last one. */
static inline uint64_t insn_cache_operand(
	const struct insn_cache_entry *e, const uint64_t registers[REG_COUNT + 1])
{
	return e->displacement + registers[e->base] + (registers[e->index] << e->scale);
}

/* Whether all of its access, at gpa, lies in the region that it accessed before. */
static inline bool insn_cache_covers(const struct insn_cache_entry *e, uint64_t gpa)
{
	return gpa - e->region->base <= e->last_offset;
}

/* No entry answers. */
void insn_cache_init(struct insn_cache *cache);

/*
 * Keeps insn, which was decoded from bytes, fetched at rip in 64-bit code, and accessed region
 * wholly. Not kept, as too rare: what lies in the last 15 bytes of its page, 32-bit addresses, FS
 * and GS, and what uses RSP, which lives in the VMCS.
 */
void insn_cache_keep(struct insn_cache *cache, const struct guest_memory *memory, uint64_t rip,
	const struct guest_paging *paging, const struct insn *insn, const uint8_t *bytes,
	struct bus_region *region);

#endif
