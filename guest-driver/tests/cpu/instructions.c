/* SPDX-License-Identifier: MIT */
/*
 * Instructions that a guest does not have, and those that must do nothing, or what CPUID promises.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/execute.h"
#include "guest-driver/tests/cpu/cpu.h"
#include "lib/string.h"

#define DEVICE 0xcafe0000ull
#define RAX    0
#define RBX    3

struct undefined {
	const char *name;
	uint8_t size;
	uint8_t code[6]; /* a memory operand is [rbx] */
};

static const struct undefined undefined[] = {
	{ "vmcall", 3, { 0x0f, 0x01, 0xc1 } },
	{ "vmlaunch", 3, { 0x0f, 0x01, 0xc2 } },
	{ "vmresume", 3, { 0x0f, 0x01, 0xc3 } },
	{ "vmxoff", 3, { 0x0f, 0x01, 0xc4 } },
	{ "vmfunc", 3, { 0x0f, 0x01, 0xd4 } },
	{ "vmmcall", 3, { 0x0f, 0x01, 0xd9 } },
	{ "vmxon [rbx]", 4, { 0xf3, 0x0f, 0xc7, 0x33 } },
	{ "vmclear [rbx]", 4, { 0x66, 0x0f, 0xc7, 0x33 } },
	{ "vmptrld [rbx]", 3, { 0x0f, 0xc7, 0x33 } },
	{ "vmptrst [rbx]", 3, { 0x0f, 0xc7, 0x3b } },
	{ "vmread [rbx], rax", 3, { 0x0f, 0x78, 0x03 } },
	{ "vmread rcx, rax", 3, { 0x0f, 0x78, 0xc1 } },
	{ "vmwrite rax, [rbx]", 3, { 0x0f, 0x79, 0x03 } },
	{ "vmwrite rax, rcx", 3, { 0x0f, 0x79, 0xc1 } },
	{ "invept rax, [rbx]", 5, { 0x66, 0x0f, 0x38, 0x80, 0x03 } },
	{ "invvpid rax, [rbx]", 5, { 0x66, 0x0f, 0x38, 0x81, 0x03 } },
	{ "getsec", 2, { 0x0f, 0x37 } },
	{ "monitor", 3, { 0x0f, 0x01, 0xc8 } },
	{ "mwait", 3, { 0x0f, 0x01, 0xc9 } },
	{ "xsaves [rbx]", 3, { 0x0f, 0xc7, 0x2b } },
	{ "xrstors [rbx]", 3, { 0x0f, 0xc7, 0x1b } },
	{ "xsavec [rbx]", 3, { 0x0f, 0xc7, 0x23 } },
	{ "encls", 3, { 0x0f, 0x01, 0xcf } },
	{ "rsm", 2, { 0x0f, 0xaa } },
	{ "umonitor rax", 4, { 0xf3, 0x0f, 0xae, 0xf0 } },
	{ "rdpkru", 3, { 0x0f, 0x01, 0xee } },
	{ "ud2", 2, { 0x0f, 0x0b } },
};

/* Operands in memory, on the device page and where nothing is mapped: #UD comes first. */
static void test_undefined(void)
{
	static uint8_t memory[4096] __attribute__((aligned(4096)));
	const uint64_t places[] = { (uintptr_t)memory, DEVICE, 0x7000000000, 1ull << 63 };

	for (unsigned int i = 0; i < sizeof(undefined) / sizeof(undefined[0]); i++) {
		check_begin("%s", undefined[i].name);
		for (unsigned int j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
			struct execution run = execution_of(undefined[i].code, undefined[i].size);

			run.registers[RBX] = places[j];
			run.registers[RAX] = 0x4800;
			execution_run(&run);
			check_equal("vector", run.exception.vector, VECTOR_UD);
			check_equal("where it points", run.exception.rip, run.rip);
		}
	}
}

static void test_counters(void)
{
	static const uint32_t counters[] = { 0, 1, 7, 0x40000000, 0x80000000, 0xffffffff };
	const uint64_t cr4 = cpu_read_cr4();

	check_begin("RDPMC");
	for (unsigned int i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		check_equal("vector", try_read_counter(counters[i]), VECTOR_GP);
	cpu_write_cr4(cr4 | CR4_PCE);
	check_equal("vector with CR4.PCE", try_read_counter(0), VECTOR_GP);
	cpu_write_cr4(cr4);
}

/* What was written just now is still there: dropping dirty lines would lose it. */
static void test_caches(void)
{
	static uint64_t words[4096];

	for (unsigned int wb = 0; wb < 2; wb++) {
		check_begin("%s", wb ? "WBINVD" : "INVD");
		for (uint64_t i = 0; i < 4096; i++)
			words[i] = i * 0x9e3779b97f4a7c15 + wb;
		check_equal("vector", wb ? TRY("wbinvd") : TRY("invd"), EXCEPTION_NONE);
		for (uint64_t i = 0; i < 4096; i++)
			check_equal("a word", words[i], i * 0x9e3779b97f4a7c15 + wb);
	}
}

/* Each instruction exists exactly if CPUID shows it. */
static void test_shown(void)
{
	static const struct {
		const char *name;
		uint32_t leaf;
		char output;
		uint8_t bit;
		uint8_t size;
		uint8_t code[6];
	} rows[] = {
		{ "rdtscp", 0x80000001, 'd', 27, 3, { 0x0f, 0x01, 0xf9 } },
		{ "rdpid rax", 7, 'c', 22, 4, { 0xf3, 0x0f, 0xc7, 0xf8 } },
		{ "rdrand eax", 1, 'c', 30, 3, { 0x0f, 0xc7, 0xf0 } },
		{ "rdseed eax", 7, 'b', 18, 3, { 0x0f, 0xc7, 0xf8 } },
		{ "invpcid rax, [rbx]", 7, 'b', 10, 5, { 0x66, 0x0f, 0x38, 0x82, 0x03 } },
		{ "clac", 7, 'b', 20, 3, { 0x0f, 0x01, 0xca } },
		{ "clflushopt [rbx]", 7, 'b', 23, 4, { 0x66, 0x0f, 0xae, 0x3b } },
		{ "popcnt eax, eax", 1, 'c', 23, 4, { 0xf3, 0x0f, 0xb8, 0xc0 } },
		{ "movbe eax, [rbx]", 1, 'c', 22, 4, { 0x0f, 0x38, 0xf0, 0x03 } },
		{ "adcx eax, eax", 7, 'b', 19, 5, { 0x66, 0x0f, 0x38, 0xf6, 0xc0 } },
		{ "syscall's partner swapgs", 0x80000001, 'd', 29, 3, { 0x0f, 0x01, 0xf8 } },
	};
	static uint64_t descriptor[64] __attribute__((aligned(64)));

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cpuid_registers r = cpu_id(rows[i].leaf, 0);
		const uint32_t output = rows[i].output == 'b'   ? r.ebx
					: rows[i].output == 'c' ? r.ecx
								: r.edx;
		const bool shown = (output >> rows[i].bit & 1) != 0;
		struct execution run = execution_of(rows[i].code, rows[i].size);

		check_begin("%s, which CPUID %s", rows[i].name, shown ? "shows" : "hides");
		run.registers[RBX] = (uintptr_t)descriptor;
		run.registers[RAX] = 2; /* all contexts, for INVPCID */
		execution_run(&run);
		check_equal("vector", run.exception.vector, shown ? EXCEPTION_NONE : VECTOR_UD);
	}
}

void cpu_test_instructions(void)
{
	test_undefined();
	test_counters();
	test_caches();
	test_shown();
}
