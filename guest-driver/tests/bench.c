/* SPDX-License-Identifier: MIT */
/*
 * The benchmark guest: what exits and requests cost, as the guest's own TSC sees it. In Bochs that
 * is an exact count of instructions, the hypervisor's included; on a real processor it is cycles.
 * The table goes to the console and, as CSV, onto the disk, from sector 0 on, where tests/bench/
 * reads it: name, requests in the batch, bytes of each, count. The word 'batches=N' instead rings N
 * doorbells of 64 requests and nothing else, for counting exits. The disk has 12 KiB at least, and
 * loses what stood there.
 */
#include <stdint.h>

#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/interrupts.h"
#include "guest-driver/tests/bench/bench.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_ENTRIES 512u
#define COUNT_BATCH  64u

#define GIVE_BACK_TRIES 5u

#define COM1_SCRATCH 0x3ffu
#define SYNC_PORT    0xcafeu
#define SYNC_REQUEST 1u

static struct svirtb_entry ring[RING_ENTRIES];
static struct svirtb disk;
static uint8_t buffer[4096];

static char csv[8192];
static size_t csv_length;

void bench_report(const char *name, uint32_t batch, uint32_t size, uint32_t count)
{
	csv_length += format_text(csv + csv_length, sizeof(csv) - csv_length, "%s,%u,%u,%u\n", name,
		batch, size, count);
	print("%-24s batch %3u size %4u: %u\n", name, batch, size, count);
}

/*
 * A function that tells what one instruction costs, in one piece that no compiler puts anything
 * into. The instruction finds eax, edx and rdi as asked for. Counts below 2^32.
 */
#define DEFINE_COST(name, instruction)                                              \
	static uint32_t name(uint32_t eax, uint32_t edx, uintptr_t rdi)             \
	{                                                                           \
		uint32_t count;                                                     \
		__asm__ volatile("rdtsc; mov %%eax, %%r8d; "                        \
				 "mov %%ecx, %%eax; mov %%esi, %%edx; " instruction \
				 "; rdtsc; sub %%r8d, %%eax"                        \
				 : "=a"(count), "+c"(eax)                           \
				 : "S"(edx), "D"(rdi)                               \
				 : "rbx", "rdx", "r8", "memory");                   \
		return count;                                                       \
	}
DEFINE_COST(cost_of_nothing, "")
DEFINE_COST(cost_of_cpuid, "cpuid")
DEFINE_COST(cost_of_port_read, "in %%dx, %%al")
DEFINE_COST(cost_of_port_write, "out %%al, %%dx")
DEFINE_COST(cost_of_read, "mov (%%rdi), %%eax")
DEFINE_COST(cost_of_mov, "mov %%eax, (%%rdi)")

uint32_t bench_cost_of_write(uint32_t eax, uint32_t edx, uintptr_t rdi)
{
	return cost_of_mov(eax, edx, rdi);
}

static uint32_t nothing; /* what the two RDTSC and what lies between them cost by themselves */

uint32_t bench_least(
	uint32_t tries, bench_cost_fn *cost_of, uint32_t eax, uint32_t edx, uintptr_t rdi)
{
	uint32_t count = UINT32_MAX;

	while (tries-- > 0) {
		const uint32_t one = cost_of(eax, edx, rdi);

		count = one < count ? one : count;
	}
	return count - nothing;
}

/* Rings the doorbell for what was queued. The device is done when the mov retires. */
static void ring_doorbell(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, disk.head);
	disk.tail = disk.head;
}

static int queue_batch(enum svirtb_command command, uint32_t batch, uint32_t size)
{
	for (uint32_t i = 0; i < batch; i++) {
		if (svirtb_queue(&disk, command, BENCH_SCRATCH_SECTOR, buffer, size) != SVIRTB_OK)
			return 1;
	}
	return 0;
}

/* 0: something went wrong. */
static uint32_t measure_batch(enum svirtb_command command, uint32_t batch, uint32_t size)
{
	uint32_t count = UINT32_MAX;

	for (uint32_t try = 0; try < BENCH_BATCH_TRIES; try++) {
		uint32_t one;

		if (queue_batch(command, batch, size) != 0)
			return 0;
		one = bench_least(
			1, bench_cost_of_write, disk.head, 0, SVIRTB_BASE + SVIRTB_QUEUE_HEAD);
		disk.tail = disk.head;
		count = one < count ? one : count;
	}
	return svirtb_register_read(SVIRTB_QUEUE_TAIL) == disk.head ? count : 0;
}

static int measure_requests(const char *name, enum svirtb_command command)
{
	static const uint32_t sizes[] = { 512, 4096 };

	for (uint32_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (uint32_t batch = 1; batch <= BENCH_MAX_BATCH; batch *= 2) {
			const uint32_t count = measure_batch(command, batch, sizes[s]);

			if (count == 0)
				return 1;
			bench_report(name, batch, sizes[s], count);
		}
	}
	return 0;
}

static void measure_exits(void)
{
	bench_report("cpuid", 0, 0, bench_least(BENCH_EXIT_TRIES, cost_of_cpuid, 0, 0, 0));
	bench_report("port read", 0, 0,
		bench_least(BENCH_EXIT_TRIES, cost_of_port_read, 0, COM1_SCRATCH, 0));
	/* In DRIVER_OK the ring's size may be written as often as one likes. */
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	bench_report("register write", 0, 0,
		bench_least(BENCH_EXIT_TRIES, bench_cost_of_write, 2, 0,
			SVIRTB_BASE + SVIRTB_QUEUE_SIZE));
	bench_report("register read", 0, 0,
		bench_least(BENCH_EXIT_TRIES, cost_of_read, 0, 0, SVIRTB_BASE + SVIRTB_STATUS));
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
}

static uint32_t find_number(const char *cmdline, const char *key)
{
	const size_t length = strlen(key);
	uint32_t number = 0;

	for (; *cmdline != 0; cmdline++) {
		if (strncmp(cmdline, key, length) != 0)
			continue;
		for (cmdline += length; *cmdline >= '0' && *cmdline <= '9'; cmdline++)
			number = number * 10 + (uint32_t)(*cmdline - '0');
		return number;
	}
	return 0;
}

static int count_batches(uint32_t batches)
{
	for (uint32_t i = 0; i < batches; i++) {
		if (queue_batch(SVIRTB_READ, COUNT_BATCH, 512) != 0)
			return 2;
		ring_doorbell();
	}
	return svirtb_register_read(SVIRTB_QUEUE_TAIL) == disk.head ? 0 : 3;
}

int main(const char *cmdline)
{
	const uint32_t batches = find_number(cmdline, "batches=");
	int status;

	exceptions_init();
	interrupts_init();
	if (batches == 0) {
		nothing = bench_least(BENCH_EXIT_TRIES, cost_of_nothing, 0, 0, 0);
		bench_report("nothing", 0, 0, nothing);
		measure_exits();
	}
	if (svirtb_init(&disk, ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE) != SVIRTB_OK)
		return 1;
	if (batches != 0)
		return count_batches(batches);
	bench_report("empty doorbell", 0, 0,
		bench_least(BENCH_EXIT_TRIES, bench_cost_of_write, disk.head, 0,
			SVIRTB_BASE + SVIRTB_QUEUE_HEAD));
	if (measure_requests("read", SVIRTB_READ) != 0)
		return 4;
	/* To the firmware and back, before there is anything to write back. */
	bench_report("give-back and take-over", 0, 0,
		bench_least(GIVE_BACK_TRIES, cost_of_port_write, SYNC_REQUEST, SYNC_PORT, 0));
	if (measure_requests("write", SVIRTB_WRITE) != 0)
		return 5;
	status = bench_virtio(cmdline);
	if (status == 0)
		status = bench_interrupts();
	if (status != 0)
		return status;
	return svirtb_write(&disk, 0, csv, sizeof(csv)) == SVIRTB_OK ? 0 : 6;
}
