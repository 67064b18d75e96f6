/* SPDX-License-Identifier: MIT */
/*
 * Registers written with the wrong value or in the wrong state. docs/svirtb.md, 'States'.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#define RING_ADDRESS ((uint64_t)(uintptr_t)hostile_ring)

enum state { STATE_MAGIC, STATE_DRIVER_OK, STATE_READY, STATE_RESET, STATE_COUNT };

static const char *const state_names[STATE_COUNT] = {
	[STATE_MAGIC] = "MAGIC",
	[STATE_DRIVER_OK] = "DRIVER_OK",
	[STATE_READY] = "READY",
	[STATE_RESET] = "RESET",
};

/* A ring that would overwrite sector 8 if anything of it ran. */
static void fill_ring(void)
{
	for (uint32_t i = 0; i < RING_ENTRIES; i++)
		hostile_put(hostile_ring, i, (uintptr_t)hostile_source, SVIRTB_SECTOR_SIZE, 8,
			SVIRTB_WRITE);
	for (uint32_t i = 0; i < SVIRTB_SECTOR_SIZE; i++)
		hostile_source[i] = 0xa5;
}

static void go_to(enum state state)
{
	fill_ring();
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	if (state == STATE_DRIVER_OK)
		hostile_configure(RING_ADDRESS, RING_ENTRIES);
	if (state == STATE_READY || state == STATE_RESET)
		hostile_start(RING_ADDRESS, RING_ENTRIES);
	if (state == STATE_RESET)
		svirtb_register_write(SVIRTB_QUEUE_HEAD, RING_ENTRIES);
}

/* As go_to leaves them. */
static struct registers registers_of(enum state state)
{
	static const uint32_t status[STATE_COUNT] = {
		[STATE_MAGIC] = SVIRTB_MAGIC,
		[STATE_DRIVER_OK] = SVIRTB_DRIVER_OK,
		[STATE_READY] = SVIRTB_READY,
		[STATE_RESET] = SVIRTB_RESET,
	};

	if (state == STATE_MAGIC)
		return (struct registers){ .status = SVIRTB_MAGIC };
	return (struct registers){
		.status = status[state],
		.size = RING_ENTRIES,
		.hi = (uint32_t)(RING_ADDRESS >> 32),
		.lo = (uint32_t)RING_ADDRESS,
	};
}

static void test_status(void)
{
	static const uint32_t values[] = { SVIRTB_MAGIC, SVIRTB_DRIVER_OK, SVIRTB_READY,
		SVIRTB_RESET, 3, 0x100, SVIRTB_MAGIC + 1, 0x80000000, 0xffffffff };

	for (enum state state = STATE_MAGIC; state < STATE_COUNT; state++) {
		for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			struct registers expected = registers_of(state);

			check_begin("status 0x%x in state %s", values[i], state_names[state]);
			go_to(state);
			registers_check(expected);
			svirtb_register_write(SVIRTB_STATUS, values[i]);
			if (values[i] == SVIRTB_RESET)
				expected = registers_of(STATE_MAGIC);
			else if (values[i] == SVIRTB_DRIVER_OK && state == STATE_MAGIC)
				expected.status = SVIRTB_DRIVER_OK;
			else if (values[i] == SVIRTB_READY && state == STATE_DRIVER_OK)
				expected.status = SVIRTB_READY;
			registers_check(expected);
			hostile_recover();
		}
	}
}

static void set_register(struct registers *registers, enum svirtb_register offset, uint32_t value)
{
	if (offset == SVIRTB_QUEUE_SIZE)
		registers->size = value;
	if (offset == SVIRTB_QUEUE_ADDR_HI)
		registers->hi = value;
	if (offset == SVIRTB_QUEUE_ADDR_LO)
		registers->lo = value;
}

/* Taken in DRIVER_OK only, and there whatever it is. */
static void test_configuration(void)
{
	static const uint32_t values[] = { 0, 0x12345678, 0xffffffff };

	for (enum state state = STATE_MAGIC; state < STATE_COUNT; state++) {
		struct registers expected = registers_of(state);

		check_begin("size and address in state %s", state_names[state]);
		go_to(state);
		for (uint32_t offset = SVIRTB_QUEUE_SIZE; offset <= SVIRTB_QUEUE_ADDR_LO;
			offset += 4) {
			for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
				svirtb_register_write((enum svirtb_register)offset, values[i]);
				if (state == STATE_DRIVER_OK)
					set_register(
						&expected, (enum svirtb_register)offset, values[i]);
				registers_check(expected);
			}
		}
		hostile_recover();
	}
}

/* A head that is out of the ring, or comes too early. Nothing runs: the disk shows it. */
static void test_head(void)
{
	static const uint32_t values[] = { RING_ENTRIES, RING_ENTRIES + 1, MAX_ENTRIES, 0x80000000,
		0xffffffff };

	for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct registers expected = registers_of(STATE_READY);

		check_begin("queue_head 0x%x with %u entries", values[i], RING_ENTRIES);
		go_to(STATE_READY);
		svirtb_register_write(SVIRTB_QUEUE_HEAD, values[i]);
		expected.status = SVIRTB_RESET;
		registers_check(expected);
		/* It stays so. */
		svirtb_register_write(SVIRTB_QUEUE_HEAD, 1);
		registers_check(expected);
		hostile_recover();
	}
	for (enum state state = STATE_MAGIC; state < STATE_COUNT; state++) {
		check_begin("queue_head 3 in state %s", state_names[state]);
		if (state == STATE_READY)
			continue;
		go_to(state);
		svirtb_register_write(SVIRTB_QUEUE_HEAD, 3);
		registers_check(registers_of(state));
		hostile_recover();
	}
	check_begin("queue_head 0, which is the tail");
	go_to(STATE_READY);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, 0);
	registers_check(registers_of(STATE_READY));
	hostile_recover();
}

static void test_tail(void)
{
	for (enum state state = STATE_MAGIC; state < STATE_COUNT; state++) {
		check_begin("queue_tail in state %s", state_names[state]);
		go_to(state);
		svirtb_register_write(SVIRTB_QUEUE_TAIL, 5);
		registers_check(registers_of(state));
		svirtb_register_write(SVIRTB_QUEUE_TAIL, 0xffffffff);
		registers_check(registers_of(state));
		hostile_recover();
	}
}

void hostile_test_registers(void)
{
	test_status();
	test_configuration();
	test_head();
	test_tail();
}
