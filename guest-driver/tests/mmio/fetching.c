/* SPDX-License-Identifier: MIT */
/*
 * Where the instruction lies: across two pages, and at the very end of one whose next page is not
 * present, has no memory behind it, or may not be executed. Only the instruction's own bytes count.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define NOBODY 0xd0000000ull
#define VALUE  0x6b8b4567u

/* Instructions of every length from 2 to 15 that leave the register of the device in edx. */
struct sample {
	uint8_t size;
	uint8_t code[INSN_MAX];
};
static const struct sample samples[] = {
	{ 2, { 0x8b, 0x13 } },
	{ 3, { 0x8b, 0x53, 0x00 } },
	{ 4, { 0x8b, 0x54, 0x23, 0x00 } },
	{ 5, { 0x3e, 0x8b, 0x54, 0x23, 0x00 } },
	{ 6, { 0x8b, 0x93, 0, 0, 0, 0 } },
	{ 7, { 0x8b, 0x94, 0x23, 0, 0, 0, 0 } },
	{ 8, { 0x3e, 0x8b, 0x94, 0x23, 0, 0, 0, 0 } },
	{ 12, { 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x8b, 0x94, 0x23, 0, 0, 0, 0 } },
	{ 15, { 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x8b, 0x94, 0x23, 0, 0, 0, 0 } },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* Runs the sample so that before bytes of it lie in the first page of code. */
static struct execution run_sample(const struct sample *sample, unsigned int before, bool step)
{
	struct execution run = execution_at(CODE_WINDOW + PAGE - before);
	uint8_t bytes[INSN_MAX + EXECUTION_JUMP_SIZE];

	memcpy(bytes, sample->code, sample->size);
	execution_write_jump(bytes + sample->size);
	memset(window_code(0), 0xcc, PAGE);
	memset(window_code(1), 0xcc, PAGE);
	memcpy(window_code(0) + PAGE - before, bytes, before);
	memcpy(window_code(1), bytes + before, sizeof(bytes) - before);
	run.registers[RBX] = WINDOW + DEVICE_CELL;
	run.registers[RSP] = 0; /* the index that stands for none is not taken for it */
	if (step)
		run.rflags |= RFLAGS_TF;
	execution_run(&run);
	return run;
}

static void test_crossing(void)
{
	for (unsigned int i = 0; i < SAMPLES; i++) {
		check_begin("%u bytes across two pages", samples[i].size);
		for (unsigned int before = 1; before < samples[i].size; before++) {
			const struct execution run = run_sample(&samples[i], before, false);

			check_equal("vector", run.exception.vector, EXCEPTION_NONE);
			check_equal("what is read", run.registers[RDX], VALUE);
		}
	}
}

/* The instruction ends with the page; what comes is the next fetch's page fault, or the trap. */
static void try_last(const char *name, uint64_t next, uint64_t bits, uint64_t error_code)
{
	pages_map(CODE_WINDOW + PAGE, next, bits);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		struct execution run;

		check_begin("%u bytes before a page %s", samples[i].size, name);
		run = run_sample(&samples[i], samples[i].size, true);
		check_equal("vector of the step", run.exception.vector, VECTOR_DB);
		check_equal("where it is", run.exception.rip, CODE_WINDOW + PAGE);
		check_equal("what is read", run.registers[RDX], VALUE);
		if (next == NOBODY)
			continue; /* a fetch from there is the end of a guest */
		run = run_sample(&samples[i], samples[i].size, false);
		check_equal("vector of the fetch", run.exception.vector, VECTOR_PF);
		check_equal("error code", run.exception.error_code, error_code);
		check_equal("CR2", run.exception.cr2, CODE_WINDOW + PAGE);
		check_equal("what is read", run.registers[RDX], VALUE);
	}
}

/* An instruction whose second part is not present is the guest's page fault, not ours. */
static void test_cut(void)
{
	pages_map(CODE_WINDOW + PAGE, 0, 0);
	check_begin("instructions that go on in a page that is not present");
	for (unsigned int i = 0; i < SAMPLES; i++) {
		const struct execution run = run_sample(&samples[i], 1, false);

		check_equal("vector", run.exception.vector, VECTOR_PF);
		check_equal("CR2", run.exception.cr2, CODE_WINDOW + PAGE);
		check_equal("where it points", run.exception.rip, CODE_WINDOW + PAGE - 1);
	}
}

void mmio_test_fetching(void)
{
	const uint32_t cells[3] = { 1, VALUE, 3 };
	const uint64_t efer = cpu_read_msr(MSR_IA32_EFER);
	const bool has_nx = (cpu_id(0x80000001, 0).edx & BIT(20)) != 0;

	window_set_device(cells);
	test_crossing();
	try_last("that is not present", 0, 0, 0);
	try_last("without memory", NOBODY, PAGE_PRESENT, 0);
	test_cut();
	if (has_nx) {
		cpu_write_msr(MSR_IA32_EFER, efer | EFER_NXE);
		try_last("that may not be executed", (uintptr_t)window_code(1),
			PAGE_PRESENT | PAGE_NO_EXECUTE, 0x11);
		cpu_write_msr(MSR_IA32_EFER, efer);
	}
	window_show_code(1, (uintptr_t)window_code(1));
}
