/* SPDX-License-Identifier: MIT */
/*
 * The vector registers over exits of every kind, and over the firmware, which uses them.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/processor.h"
#include "guest-driver/tests/fpu/fpu.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define ROUNDS       100
#define EXITS        100 /* in a round: 10,000 altogether */
#define RING_ENTRIES 8
#define SYNC_PORT    0xcafe
#define SYNC_REQUEST 1
#define NOWHERE      0xd0000000ull

static struct svirtb_entry ring[RING_ENTRIES];
static uint8_t buffer[4096];
static struct svirtb disk;

static bool gave_back;

void give_back(void)
{
	port_write8(SYNC_PORT, SYNC_REQUEST);
	gave_back = true;
}

bool has_given_back(void)
{
	return gave_back;
}

static void exit_by_cpuid(void)
{
	cpu_id(1, 0);
}

static void exit_by_register_read(void)
{
	svirtb_register_read(SVIRTB_QUEUE_TAIL);
}

/* Refused in this state, and logged now and then. */
static void exit_by_register_write(void)
{
	svirtb_register_write(SVIRTB_QUEUE_SIZE, 1);
}

static void exit_by_requests(void)
{
	check_equal("a read of 4 KiB", svirtb_read(&disk, 0, buffer, sizeof(buffer)), SVIRTB_OK);
	check_equal("a write of 4 KiB", svirtb_write(&disk, 0, buffer, sizeof(buffer)), SVIRTB_OK);
}

static void exit_by_ports(void)
{
	port_write8(0x80, port_read8(0x3fd));
}

static void exit_by_nobody(void)
{
	check_equal("what nobody answers", *(volatile uint32_t *)NOWHERE, 0xffffffff);
}

static void exit_by_msr(void)
{
	cpu_write_msr(MSR_IA32_EFER, cpu_read_msr(MSR_IA32_EFER));
}

static void exit_by_control_register(void)
{
	cpu_write_cr0(cpu_read_cr0() ^ CR0_CD);
}

static void exit_by_fault(void)
{
	uint64_t value;

	check_equal("an MSR that is not there", try_read_msr(0x3a, &value), VECTOR_GP);
	check_equal("an instruction that is not there", TRY("vmcall"), VECTOR_UD);
}

static void exit_by_print(void)
{
	print(".");
}

static void (*const kinds[])(void) = { exit_by_cpuid, exit_by_register_read, exit_by_register_write,
	exit_by_requests, exit_by_ports, exit_by_nobody, exit_by_msr, exit_by_control_register,
	exit_by_fault, exit_by_print };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Each kind alone, then all in turn. */
static void run_round(unsigned int round)
{
	vectors_load(round);
	for (unsigned int i = 0; i < EXITS; i++)
		kinds[round < KINDS ? round : i % KINDS]();
	if (round == ROUNDS / 2)
		give_back();
	vectors_check(round);
}

void fpu_test_exits(void)
{
	vectors_switch_on();
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	check_begin("the device");
	check_equal(
		"its start", svirtb_init(&disk, ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE), SVIRTB_OK);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		check_begin("vector registers, round %u", round);
		run_round(round);
	}
	print("\n");
	check_begin("the write-back in the middle");
	check_equal("its result", port_read8(SYNC_PORT), 0);
}
