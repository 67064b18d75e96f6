/* SPDX-License-Identifier: MIT */
/*
 * Filling the cache of decoded instructions.
 */
#include "vmm/insn_cache.h"

#include "lib/bits.h"
#include "lib/string.h"

#define WITNESS_BYTES 16

/* What a step that a walk does not have is compared with: always right. */
static const uint64_t nothing;

/* Where no instruction of two bytes begins. */
#define NOWHERE ~UINT64_C(0)

void insn_cache_init(struct insn_cache *cache)
{
	for (unsigned int i = 0; i < INSN_CACHE_ENTRIES; i++)
		cache->entries[i].rip = NOWHERE;
}

/* The way to the instruction's page; false when it cannot be witnessed. */
static bool witness_walk(struct insn_cache_entry *e, const struct guest_memory *memory,
	const struct guest_paging *paging, uint64_t linear)
{
	struct guest_walk_step steps[GUEST_WALK_MAX_STEPS];
	const unsigned int count = guest_walk_trace(paging, memory, linear, steps);

	for (unsigned int i = 0; i < GUEST_WALK_MAX_STEPS; i++) {
		const uint64_t *place = &nothing;

		if (i < count)
			place = guest_memory_find_aligned(memory, steps[i].address);
		if (place == NULL)
			return false;
		e->witnesses[i] = (struct insn_cache_witness){
			.place = place,
			.value = i < count ? steps[i].entry : 0,
		};
	}
	return true;
}

static bool uses_rsp(const struct insn *insn)
{
	return insn->base == REG_RSP || (!insn->has_immediate && insn->reg == REG_RSP);
}

static void keep_operand(struct insn_cache_entry *e, const struct insn *insn, uint64_t next_rip)
{
	e->displacement = (uint64_t)insn->displacement + (insn->rip_relative ? next_rip : 0);
	e->base = insn->base >= 0 ? (uint8_t)insn->base : INSN_CACHE_NO_REGISTER;
	e->index = insn->index >= 0 ? (uint8_t)insn->index : INSN_CACHE_NO_REGISTER;
	e->scale = insn->index >= 0 ? (uint8_t)__builtin_ctz(insn->scale) : 0;
}

void insn_cache_keep(struct insn_cache *cache, const struct guest_memory *memory, uint64_t rip,
	const struct guest_paging *paging, const struct insn *insn, const uint8_t *bytes,
	struct bus_region *region)
{
	struct insn_cache_entry *e = &cache->entries[rip % INSN_CACHE_ENTRIES];
	struct guest_fault fault;
	uint8_t seen[WITNESS_BYTES];
	const uint8_t *place;
	uint64_t gpa;

	e->rip = NOWHERE;
	if ((rip & PAGE_MASK) > PAGE_SIZE - WITNESS_BYTES || insn->address_width != 8 ||
		insn->segment >= SEG_FS || uses_rsp(insn))
		return;
	if (!witness_walk(e, memory, paging, rip) ||
		guest_walk(paging, memory, rip, GUEST_FETCH, &gpa, &fault) != STATUS_OK)
		return;
	place = guest_memory_find_aligned(memory, gpa);
	if (place == NULL)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		struct insn_cache_witness *w = &e->witnesses[GUEST_WALK_MAX_STEPS + i];

		w->place = (const uint64_t *)(const void *)(place + 8 * i);
		memcpy(&w->value, w->place, 8);
		memcpy(seen + 8 * i, &w->value, 8);
	}
	/* What was decoded is what counts, should the two differ. */
	if (memcmp(seen, bytes, insn->length) != 0)
		return;
	e->region = region;
	e->last_offset = region->size - insn->width;
	e->next_rip = rip + insn->length;
	keep_operand(e, insn, e->next_rip);
	e->cr3 = paging->cr3;
	e->insn = *insn;
	e->rip = rip;
}
