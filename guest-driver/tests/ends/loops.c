/* SPDX-License-Identifier: MIT */
/*
 * Guests that would run for ever: without a single exit, with nothing but exits, in the middle of
 * one exit's work, and in exceptions that raise the next.
 */
#include "devices/sync_port.h"
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/tests/ends/ends.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define RING_ENTRIES 32768u /* as many as there may be */
#define BATCH_BYTES  (1u << 20)

static struct svirtb_entry ring[RING_ENTRIES];
static uint8_t buffer[BATCH_BYTES];

void end_by_hlt_with_interrupts(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

void end_by_loop(void)
{
	__asm__ volatile("jmp .");
}

void end_by_cpuid_loop(void)
{
	for (;;)
		cpu_id(0, 0);
}

static void start_device(struct svirtb *disk, uint32_t entries)
{
	const enum svirtb_error error = svirtb_init(disk, ring, entries, SVIRTB_ENTRY_SIZE);

	if (error == SVIRTB_OK)
		return;
	print("svirtb: %s\n", svirtb_error_text(error));
	runtime_exit(1);
}

void end_by_doorbell_loop(void)
{
	struct svirtb disk;

	start_device(&disk, 8);
	for (;;)
		svirtb_read(&disk, 0, buffer, SVIRTB_SECTOR_SIZE);
}

/* One doorbell with work for a long time: the largest ring, full of large requests. */
void end_by_batch_loop(void)
{
	struct svirtb disk;

	start_device(&disk, RING_ENTRIES);
	for (;;) {
		while (svirtb_queue(&disk, SVIRTB_READ, 0, buffer, sizeof(buffer)) == SVIRTB_OK)
			;
		svirtb_submit(&disk);
	}
}

/* Nothing but write-backs, each with something to write: the line says how many came before it. */
void end_by_sync_loop(void)
{
	static char line[SVIRTB_SECTOR_SIZE];
	struct svirtb disk;

	start_device(&disk, 8);
	for (unsigned int round = 0;; round++) {
		memset(line, 0, sizeof(line));
		format_text(line, sizeof(line), "after %u write-backs\n", round);
		if (svirtb_write(&disk, 8, line, sizeof(line)) != SVIRTB_OK)
			runtime_exit(1);
		port_write8(SYNC_PORT, SYNC_REQUEST);
	}
}

/* One instruction, 2^60 exits. */
void end_by_string_loop(void)
{
	__asm__ volatile("rep outsb" : : "c"(1ull << 60), "d"(0x80), "S"(0x100000) : "memory");
}

/* The handler of #UD raises the next one with its first instruction. */
void end_by_fault_loop(void)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };

	exceptions_set_handler(VECTOR_UD, (uintptr_t)vmcall);
	__asm__ volatile("vmcall");
}

/* The same with #DB, which a processor delivers without leaving the guest. */
void end_by_debug_loop(void)
{
	static const uint8_t int1[] = { 0xf1 };

	exceptions_set_handler(VECTOR_DB, (uintptr_t)int1);
	__asm__ volatile(".byte 0xf1");
}
