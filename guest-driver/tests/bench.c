/* SPDX-License-Identifier: MIT */
/*
 * The benchmark guest: what exits and requests cost, as the guest's own TSC sees it. In Bochs that
 * is an exact count of instructions, the hypervisor's included; on a real processor it is cycles.
 * The table goes to the console and, as CSV, onto the disk, from sector 0 on, where scripts read
 * it. The word 'batches=N' instead rings N doorbells of 64 requests and nothing else, for counting
 * exits.
 */
#include <stdint.h>

#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_ENTRIES 512u
#define MAX_BATCH    256u
#define ROUNDS       100u
#define COUNT_BATCH  64u

static struct svirtb_entry ring[RING_ENTRIES];
static struct svirtb disk;
static uint8_t buffer[4096];

static char csv[8192];
static size_t csv_length;

static void report(const char *name, uint32_t batch, uint32_t size, uint64_t count)
{
	csv_length += format_text(csv + csv_length, sizeof(csv) - csv_length, "%s,%u,%u,%llu\n",
		name, batch, size, (unsigned long long)count);
	print("%-24s batch %3u size %4u: %llu\n", name, batch, size, (unsigned long long)count);
}

/* The least of ROUNDS tries of what stands in statement, the two RDTSC included. */
#define LEAST(statement)                                            \
	({                                                          \
		uint64_t least = ~0ull;                             \
		for (uint32_t round = 0; round < ROUNDS; round++) { \
			uint64_t before = tsc_read();               \
			statement;                                  \
			uint64_t after = tsc_read();                \
			if (after - before < least)                 \
				least = after - before;             \
		}                                                   \
		least;                                              \
	})

static void cpuid_once(void)
{
	uint32_t eax = 0, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
}

/* Rings the doorbell for what was queued. The device is done when the mov retires. */
static void ring_doorbell(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	svirtb_register_write(SVIRTB_QUEUE_HEAD, disk.head);
	disk.tail = disk.head;
}

static int queue_batch(uint32_t batch, uint32_t size)
{
	for (uint32_t i = 0; i < batch; i++) {
		if (svirtb_queue(&disk, SVIRTB_READ, 0, buffer, size) != SVIRTB_OK)
			return 1;
	}
	return 0;
}

static uint64_t measure_batch(uint32_t batch, uint32_t size)
{
	uint64_t least = ~0ull;

	for (uint32_t round = 0; round < 5; round++) {
		uint64_t before, after;

		if (queue_batch(batch, size) != 0)
			return 0;
		before = tsc_read();
		svirtb_register_write(SVIRTB_QUEUE_HEAD, disk.head);
		after = tsc_read();
		disk.tail = disk.head;
		if (after - before < least)
			least = after - before;
	}
	return svirtb_register_read(SVIRTB_QUEUE_TAIL) == disk.head ? least : 0;
}

static void measure_requests(uint64_t nothing)
{
	static const uint32_t batches[] = { 1, 8, 64, MAX_BATCH };
	static const uint32_t sizes[] = { 512, 4096 };

	for (uint32_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (uint32_t b = 0; b < sizeof(batches) / sizeof(batches[0]); b++)
			report("read", batches[b], sizes[s],
				measure_batch(batches[b], sizes[s]) - nothing);
	}
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
		if (queue_batch(COUNT_BATCH, 512) != 0)
			return 2;
		ring_doorbell();
	}
	return svirtb_register_read(SVIRTB_QUEUE_TAIL) == disk.head ? 0 : 3;
}

int main(const char *cmdline)
{
	const uint32_t batches = find_number(cmdline, "batches=");
	uint64_t nothing = LEAST((void)0);

	/* In DRIVER_OK the ring's size may be written as often as one likes. */
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	if (batches == 0) {
		report("nothing", 0, 0, nothing);
		report("cpuid", 0, 0, LEAST(cpuid_once()) - nothing);
		report("register write", 0, 0,
			LEAST(svirtb_register_write(SVIRTB_QUEUE_SIZE, 2)) - nothing);
		report("register read", 0, 0,
			LEAST((void)svirtb_register_read(SVIRTB_STATUS)) - nothing);
	}
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	if (svirtb_init(&disk, ring, RING_ENTRIES, SVIRTB_ENTRY_SIZE) != SVIRTB_OK)
		return 1;
	if (batches != 0)
		return count_batches(batches);
	report("empty doorbell", 0, 0,
		LEAST(svirtb_register_write(SVIRTB_QUEUE_HEAD, disk.head)) - nothing);
	measure_requests(nothing);
	/* Once there and back through the firmware, so that the host can time it. */
	port_write8(0xcafe, 1);
	return svirtb_write(&disk, 0, csv, sizeof(csv)) == SVIRTB_OK ? 0 : 4;
}
