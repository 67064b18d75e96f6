/* SPDX-License-Identifier: MIT */
/*
 * Ring errors: a good write, a spoiled one, and another good one, all at one notification. The
 * first is done and used once, nothing of the others, and the device wants a reset. virtio 1.2, 2.7
 * and 2.8; the device's answers are docs/virtio.md's.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define FIRST_SECTOR  6u
#define BAD_SECTOR    7u
#define SECOND_SECTOR 8u

enum { SPLIT = 1, PACKED = 2, BOTH = 3 };

struct ring_case {
	const char *name;
	unsigned int rings;
	bool table; /* the chain is in an indirect table */
	void (*spoil)(struct chain *chain);
	uint64_t without; /* a feature that is not negotiated */
};

/* The chain is header, data, status: descriptors 0, 1 and 2. */
static void spoil_data(struct chain *chain, uint64_t addr, uint32_t len)
{
	descriptor_set_addr(chain_descriptor(chain, 1), addr);
	descriptor_set_len(chain_descriptor(chain, 1), len);
}

static void buffer_behind_memory(struct chain *chain)
{
	spoil_data(chain, hostile.memory_end, 512);
}

static void buffer_over_the_end(struct chain *chain)
{
	spoil_data(chain, hostile.memory_end - 511, 512);
}

static void buffer_in_the_hole(struct chain *chain)
{
	spoil_data(chain, 0xc0000000, 512);
}

static void buffer_on_device(struct chain *chain)
{
	spoil_data(chain, DEVICE_PAGE, 512);
}

static void buffer_wraps(struct chain *chain)
{
	spoil_data(chain, ~0ull - 255, 512);
}

static void buffer_of_4_gib(struct chain *chain)
{
	spoil_data(chain, 0x100000, 0xfffffe00);
}

static void status_behind_memory(struct chain *chain)
{
	descriptor_set_addr(chain_descriptor(chain, 2), hostile.memory_end);
}

static void readable_behind_writable(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 1), VIRTQ_DESC_F_WRITE, 0);
	descriptor_change_flags(chain_descriptor(chain, 2), 0, VIRTQ_DESC_F_WRITE);
}

static void header_of_15(struct chain *chain)
{
	descriptor_set_len(chain_descriptor(chain, 0), 15);
	descriptor_change_flags(chain_descriptor(chain, 1), VIRTQ_DESC_F_WRITE, 0);
}

static void header_writable(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 0), VIRTQ_DESC_F_WRITE, 0);
	descriptor_change_flags(chain_descriptor(chain, 1), VIRTQ_DESC_F_WRITE, 0);
}

static void no_status(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 2), 0, VIRTQ_DESC_F_WRITE);
}

static void status_of_0(struct chain *chain)
{
	descriptor_set_len(chain_descriptor(chain, 2), 0);
}

static void header_alone(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 0), 0, VIRTQ_DESC_F_NEXT);
}

static void table_of_0(struct chain *chain)
{
	descriptor_set_len(chain->ring, 0);
}

static void table_of_8(struct chain *chain)
{
	descriptor_set_len(chain->ring, 8);
}

static void table_of_47(struct chain *chain)
{
	descriptor_set_len(chain->ring, 47);
}

static void table_behind_memory(struct chain *chain)
{
	descriptor_set_addr(chain->ring, hostile.memory_end - 32);
}

static void table_wraps(struct chain *chain)
{
	descriptor_set_addr(chain->ring, ~0ull - 15);
}

static void table_in_table(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 1), VIRTQ_DESC_F_INDIRECT, 0);
	spoil_data(chain, (uintptr_t)chain->descriptors, 48);
}

static void table_and_next(struct chain *chain)
{
	descriptor_change_flags(chain->ring, VIRTQ_DESC_F_NEXT, 0);
}

static void table_longer_than_ring(struct chain *chain)
{
	uint8_t byte_piece[16], status[16];

	memcpy(byte_piece, chain_descriptor(chain, 1), 16);
	memcpy(status, chain_descriptor(chain, 2), 16);
	for (uint16_t i = 1; i <= ENTRIES; i++) {
		uint8_t *at = chain_descriptor(chain, i);

		memcpy(at, i == ENTRIES ? status : byte_piece, 16);
		if (i != ENTRIES)
			descriptor_set_len(at, 16);
		if (i != ENTRIES && !hostile.packed)
			descriptor_set_next(at, (uint16_t)(i + 1));
	}
	descriptor_set_len(chain->ring, 16 * (ENTRIES + 1));
}

static void table_next_outside(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 1), 3);
}

static void table_next_far_outside(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 0), 0xffff);
}

static void table_loops(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 1), 0);
}

static void unchanged(struct chain *chain)
{
	(void)chain;
}

static void next_outside(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 0), ENTRIES);
}

static void next_far_outside(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 1), 0xffff);
}

static void loops_to_itself(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 1), (uint16_t)(chain->at + 1));
}

static void loops_to_head(struct chain *chain)
{
	descriptor_set_next(chain_descriptor(chain, 1), chain->at);
}

static void head_outside(struct chain *chain)
{
	(void)chain;
	hostile_avail()->ring[1] = ENTRIES;
}

static void head_far_outside(struct chain *chain)
{
	(void)chain;
	hostile_avail()->ring[1] = 0xffff;
}

/* The chain goes on in an entry that the driver has not made available. */
static void packed_goes_on(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 1), 0, VIRTQ_DESC_F_AVAIL);
}

/* On to the ring's end, and round it to what the first chain has; it has no end. */
static void packed_without_end(struct chain *chain)
{
	for (unsigned int i = 0; i < ENTRIES - chain->at; i++) {
		memcpy(chain_descriptor(chain, i), chain_descriptor(chain, 0), 16);
		descriptor_change_flags(
			chain_descriptor(chain, i), VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_AVAIL, 0);
	}
}

static void packed_table_in_chain(struct chain *chain)
{
	descriptor_change_flags(chain_descriptor(chain, 1), VIRTQ_DESC_F_INDIRECT, 0);
	spoil_data(chain, (uintptr_t)hostile_requests[1].table, 48);
}

static const struct ring_case cases[] = {
	{ "data behind memory", BOTH, NEVER_A_TABLE, buffer_behind_memory, 0 },
	{ "data one byte over the end of memory", BOTH, NEVER_A_TABLE, buffer_over_the_end, 0 },
	{ "data where no memory is", BOTH, NEVER_A_TABLE, buffer_in_the_hole, 0 },
	{ "data on the device", BOTH, NEVER_A_TABLE, buffer_on_device, 0 },
	{ "data around the end of the address space", BOTH, NEVER_A_TABLE, buffer_wraps, 0 },
	{ "data of nearly 4 GiB", BOTH, NEVER_A_TABLE, buffer_of_4_gib, 0 },
	{ "status behind memory", BOTH, NEVER_A_TABLE, status_behind_memory, 0 },
	{ "readable behind writable", BOTH, NEVER_A_TABLE, readable_behind_writable, 0 },
	{ "header of 15 bytes", BOTH, NEVER_A_TABLE, header_of_15, 0 },
	{ "nothing readable", BOTH, NEVER_A_TABLE, header_writable, 0 },
	{ "nothing writable", BOTH, NEVER_A_TABLE, no_status, 0 },
	{ "status of 0 bytes", BOTH, NEVER_A_TABLE, status_of_0, 0 },
	{ "header alone", BOTH, NEVER_A_TABLE, header_alone, 0 },
	{ "table: data behind memory", BOTH, AS_TABLE, buffer_behind_memory, 0 },
	{ "table: readable behind writable", BOTH, AS_TABLE, readable_behind_writable, 0 },
	{ "table: nothing writable", BOTH, AS_TABLE, no_status, 0 },
	{ "table of 0 bytes", BOTH, AS_TABLE, table_of_0, 0 },
	{ "table of 8 bytes", BOTH, AS_TABLE, table_of_8, 0 },
	{ "table of 47 bytes", BOTH, AS_TABLE, table_of_47, 0 },
	{ "table over the end of memory", BOTH, AS_TABLE, table_behind_memory, 0 },
	{ "table around the end of the address space", BOTH, AS_TABLE, table_wraps, 0 },
	{ "table in a table", BOTH, AS_TABLE, table_in_table, 0 },
	{ "table and NEXT", BOTH, AS_TABLE, table_and_next, 0 },
	{ "table longer than the ring", BOTH, AS_TABLE, table_longer_than_ring, 0 },
	{ "table without INDIRECT_DESC", BOTH, AS_TABLE, unchanged, VIRTIO_F_INDIRECT_DESC },
	{ "table: next is its size", SPLIT, AS_TABLE, table_next_outside, 0 },
	{ "table: next is 65535", SPLIT, AS_TABLE, table_next_far_outside, 0 },
	{ "table: a loop", SPLIT, AS_TABLE, table_loops, 0 },
	{ "next is the table's size", SPLIT, NEVER_A_TABLE, next_outside, 0 },
	{ "next is 65535", SPLIT, NEVER_A_TABLE, next_far_outside, 0 },
	{ "a descriptor is its own next", SPLIT, NEVER_A_TABLE, loops_to_itself, 0 },
	{ "a loop to the head", SPLIT, NEVER_A_TABLE, loops_to_head, 0 },
	{ "head is the table's size", SPLIT, NEVER_A_TABLE, head_outside, 0 },
	{ "head is 65535", SPLIT, NEVER_A_TABLE, head_far_outside, 0 },
	{ "the chain goes on where nothing is", PACKED, NEVER_A_TABLE, packed_goes_on, 0 },
	{ "a chain without end", PACKED, NEVER_A_TABLE, packed_without_end, 0 },
	{ "a table in the middle of a chain", PACKED, NEVER_A_TABLE, packed_table_in_chain, 0 },
};

static void run_case(const struct ring_case *test, bool packed)
{
	struct request *first = &hostile_requests[0], *bad = &hostile_requests[1];
	struct request *second = &hostile_requests[2];
	struct chain good, spoiled;

	check_begin("%s ring: %s", packed ? "packed" : "split", test->name);
	hostile_start(packed, ALL_FEATURES & ~test->without);
	good = hostile_add_write(first, FIRST_SECTOR, NEVER_A_TABLE);
	spoiled = hostile_add_write(bad, BAD_SECTOR, test->table);
	hostile_add_write(second, SECOND_SECTOR, NEVER_A_TABLE);
	test->spoil(&spoiled);
	hostile_notify(1);
	hostile_note_write(first);
	check_equal("chains that came back", hostile.used, 1);
	hostile_check_used(0, &good, 1);
	check_equal("status of the one before", first->status,
		hostile.read_only ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	check_equal("status of the spoiled one", bad->status, STATUS_UNSET);
	check_equal("status of the one behind", second->status, STATUS_UNSET);
	hostile_check_unharmed(
		&(struct piece){ (uintptr_t)&first->status, sizeof(first->status), true }, 1);
	hostile_check_broken();
	hostile_recover();
}

/* The index of the available ring says that more is there than can be. */
static void test_index(uint16_t index)
{
	check_begin("split ring: available index %u", index);
	hostile_start(false, ALL_FEATURES);
	hostile_add_write(&hostile_requests[0], FIRST_SECTOR, NEVER_A_TABLE);
	hostile_avail()->idx = index;
	hostile_notify(0);
	hostile_check_broken();
	check_equal("chains that came back", hostile.used, 0);
	check_equal("status", hostile_requests[0].status, STATUS_UNSET);
	hostile_recover();
}

/* It jumps after work was done: 1, then 1 + size + 1. */
static void test_index_later(void)
{
	struct chain good;

	check_begin("split ring: available index jumps later");
	hostile_start(false, ALL_FEATURES);
	good = hostile_add_write(&hostile_requests[0], FIRST_SECTOR, NEVER_A_TABLE);
	hostile_notify(1);
	hostile_note_write(&hostile_requests[0]);
	hostile_check_used(0, &good, 1);
	hostile_avail()->idx = (uint16_t)(1 + ENTRIES + 1);
	hostile_notify(1);
	hostile_check_broken();
	check_equal("chains that came back", hostile.used, 1);
	hostile_recover();
}

void hostile_test_rings(void)
{
	const bool has_packed = hostile_offers(VIRTIO_F_RING_PACKED, "packed ring");

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].rings & SPLIT)
			run_case(&cases[i], false);
		if ((cases[i].rings & PACKED) != 0 && has_packed)
			run_case(&cases[i], true);
	}
	test_index(ENTRIES + 1);
	test_index(0x8000);
	test_index(0xffff);
	test_index_later();
}
