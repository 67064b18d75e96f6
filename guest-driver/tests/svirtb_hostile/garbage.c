/* SPDX-License-Identifier: MIT */
/*
 * Random register writes and random rings, some thousand doorbells, beside a model that was written
 * from docs/svirtb.md: after each step all registers must agree with it, and now and then the
 * buffers and the whole disk.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#include "lib/string.h"

#define SECTOR          SVIRTB_SECTOR_SIZE
#define ARENA_SIZE      (32u * 1024) /* where all buffers lie that can be */
#define GARBAGE_ENTRIES 32u
#define COMPARE_EVERY   64u
#define RECOVER_EVERY   256u

static uint8_t arena[ARENA_SIZE] __attribute__((aligned(4096)));
static uint8_t arena_model[ARENA_SIZE];

/* No buffer lies over it: what is in it stays what this file has put there. */
static uint8_t garbage_ring[GARBAGE_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED + 64];

static struct registers model;

static uint64_t below(uint64_t limit)
{
	return hostile_random() % limit;
}

static bool is_memory(uint64_t addr, uint64_t size)
{
	return addr <= hostile.memory_end && size <= hostile.memory_end - addr;
}

static bool is_arena(uint64_t addr, uint64_t size)
{
	const uint64_t offset = addr - (uintptr_t)arena;

	return offset <= ARENA_SIZE && size <= ARENA_SIZE - offset;
}

static bool model_execute(const struct svirtb_entry *entry)
{
	const __uint128_t start = (__uint128_t)entry->sector * SECTOR;
	const __uint128_t end = start + entry->size;
	uint8_t *buffer = arena_model + (entry->addr - (uintptr_t)arena);

	if (entry->cmd > SVIRTB_WRITE)
		return false;
	if (entry->size == 0)
		return true;
	if (end > (__uint128_t)1 << 64 || !is_memory(entry->addr, entry->size))
		return false;
	if (entry->cmd == SVIRTB_WRITE) {
		if (hostile.read_only || end > hostile.disk_size)
			return false;
		memcpy(hostile_image + (uint64_t)start, buffer, entry->size);
	} else if (start < hostile.disk_size) {
		uint64_t there = hostile.disk_size - (uint64_t)start;

		memcpy(buffer, hostile_image + (uint64_t)start,
			entry->size < there ? entry->size : there);
	}
	return true;
}

static void model_run(void)
{
	const uint8_t *ring = (const uint8_t *)(uintptr_t)((uint64_t)model.hi << 32 | model.lo);
	struct svirtb_entry entry;

	while (model.tail != model.head) {
		memcpy(&entry, ring + (uint64_t)model.tail * hostile.entry_size, sizeof(entry));
		if (!model_execute(&entry)) {
			model.status = SVIRTB_RESET;
			return;
		}
		model.tail = (model.tail + 1) % model.size;
	}
}

static void model_write_status(uint32_t value)
{
	if (value == SVIRTB_RESET) {
		model = (struct registers){ .status = SVIRTB_MAGIC };
	} else if (value == SVIRTB_DRIVER_OK && model.status == SVIRTB_MAGIC) {
		model.status = SVIRTB_DRIVER_OK;
	} else if (value == SVIRTB_READY && model.status == SVIRTB_DRIVER_OK) {
		bool good = model.size >= 1 && model.size <= MAX_ENTRIES &&
			    is_memory((uint64_t)model.hi << 32 | model.lo,
				    (uint64_t)model.size * hostile.entry_size);

		model.status = good ? SVIRTB_READY : SVIRTB_RESET;
	}
}

static void model_write(enum svirtb_register offset, uint32_t value)
{
	const bool configurable = model.status == SVIRTB_DRIVER_OK;

	if (offset == SVIRTB_STATUS)
		model_write_status(value);
	if (offset == SVIRTB_QUEUE_SIZE && configurable)
		model.size = value;
	if (offset == SVIRTB_QUEUE_ADDR_HI && configurable)
		model.hi = value;
	if (offset == SVIRTB_QUEUE_ADDR_LO && configurable)
		model.lo = value;
	if (offset != SVIRTB_QUEUE_HEAD || model.status != SVIRTB_READY)
		return;
	if (value >= model.size) {
		model.status = SVIRTB_RESET;
		return;
	}
	model.head = value;
	model_run();
}

/* First the model: the device may change what an entry's buffer holds. */
static void write_both(enum svirtb_register offset, uint32_t value)
{
	model_write(offset, value);
	svirtb_register_write(offset, value);
}

static uint64_t wild_address(void)
{
	switch (below(4)) {
	case 0: return hostile_random();
	case 1: return hostile.memory_end - below(4096);
	case 2: return DEVICE_PAGE - 4096 + below(8192);
	default: return 0 - below(4096);
	}
}

static uint64_t wild_size(void)
{
	switch (below(4)) {
	case 0: return hostile_random();
	case 1: return 0 - below(65536);
	case 2: return below(2 * ARENA_SIZE);
	default: return 0;
	}
}

static uint64_t wild_sector(void)
{
	switch (below(4)) {
	case 0: return hostile_random();
	case 1: return (1ull << 55) - 4 + below(8);
	case 2: return DISK_SECTORS - 2 + below(4);
	default: return 1ull << below(64);
	}
}

/* wildness of 16 fields are wild. Memory that is not the arena is never a buffer. */
static struct svirtb_entry make_entry(uint64_t wildness)
{
	struct svirtb_entry entry = {
		.addr = below(16) < wildness ? wild_address()
					     : (uintptr_t)arena + below(ARENA_SIZE - 2048),
		.size = below(16) < wildness ? wild_size() : below(2048),
		.sector = below(16) < wildness ? wild_sector() : below(DISK_SECTORS - 4),
		.cmd = below(16) < wildness ? (uint32_t)hostile_random() : (uint32_t)below(2),
	};

	if (is_memory(entry.addr, entry.size) && !is_arena(entry.addr, entry.size)) {
		entry.addr = (uintptr_t)arena + below(ARENA_SIZE);
		entry.size = (uintptr_t)arena + ARENA_SIZE - entry.addr;
	}
	return entry;
}

static void fill_ring(void)
{
	uint8_t *ring = (uint8_t *)(uintptr_t)((uint64_t)model.hi << 32 | model.lo);
	const uint64_t wildness = below(4);

	for (uint32_t i = 0; i < model.size; i++) {
		struct svirtb_entry entry = make_entry(wildness);

		memcpy(ring + (uint64_t)i * hostile.entry_size, &entry, sizeof(entry));
	}
}

/* One of four rings cannot be. A ring that can be lies in garbage_ring. */
static void configure_both(void)
{
	uint64_t ring = (uintptr_t)garbage_ring + below(64);
	uint32_t entries = 1 + (uint32_t)below(GARBAGE_ENTRIES);

	switch (below(8)) {
	case 0: entries = (uint32_t)hostile_random() | (MAX_ENTRIES + 1); break;
	case 1: ring = wild_address() | 1ull << 33; break;
	default: break;
	}
	write_both(SVIRTB_QUEUE_SIZE, entries);
	write_both(SVIRTB_QUEUE_ADDR_HI, (uint32_t)(ring >> 32));
	write_both(SVIRTB_QUEUE_ADDR_LO, (uint32_t)ring);
	write_both(SVIRTB_STATUS, SVIRTB_READY);
	/* At once: what an earlier ring has left there could be anything now. */
	if (model.status == SVIRTB_READY)
		fill_ring();
}

static void poke_register(void)
{
	static const uint32_t values[] = { 0, 1, 2, 3, SVIRTB_MAGIC, 0x80000000, 0xffffffff };
	const uint32_t value = values[below(sizeof(values) / sizeof(values[0]))];
	const enum svirtb_register offset = (enum svirtb_register)(4 * below(6));

	/* A ring that nobody has made may not become READY. */
	if (offset == SVIRTB_STATUS && value == SVIRTB_READY && model.status == SVIRTB_DRIVER_OK)
		return;
	write_both(offset, value);
}

static void step(void)
{
	if (below(8) == 0) {
		poke_register();
		return;
	}
	switch (model.status) {
	case SVIRTB_MAGIC: write_both(SVIRTB_STATUS, SVIRTB_DRIVER_OK); break;
	case SVIRTB_DRIVER_OK: configure_both(); break;
	case SVIRTB_READY:
		fill_ring();
		write_both(SVIRTB_QUEUE_HEAD, (uint32_t)below(model.size + (below(8) == 0)));
		break;
	default: write_both(SVIRTB_STATUS, SVIRTB_RESET);
	}
}

static bool agrees(void)
{
	const struct registers found = registers_read();

	if (memcmp(&found, &model, sizeof(found)) == 0)
		return true;
	registers_check(model);
	return false;
}

static void begin(void)
{
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	model = (struct registers){ .status = SVIRTB_MAGIC };
}

void hostile_test_garbage(void)
{
	for (uint32_t i = 0; i < ARENA_SIZE; i++)
		arena[i] = arena_model[i] = (uint8_t)hostile_random();
	check_begin("garbage, seed %llu", (unsigned long long)hostile.seed);
	begin();
	for (uint64_t round = 1; round <= hostile.rounds; round++) {
		step();
		if (!check_true("the device does as the model in this round", agrees())) {
			check_equal("round", round, 0);
			break;
		}
		if (round % COMPARE_EVERY == 0)
			check_true("the buffers are what the model says",
				memcmp(arena, arena_model, ARENA_SIZE) == 0);
		if (round % RECOVER_EVERY == 0) {
			hostile_recover();
			begin();
		}
	}
	hostile_recover();
}
