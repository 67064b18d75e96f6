/* SPDX-License-Identifier: MIT */
/*
 * The vector registers as one XSAVE area, the parts of which CPUID leaf 0xD names, or as an FXSAVE
 * area where there is no XSAVE. SDM vol. 1 chapter 13 'Managing State Using the XSAVE Feature Set'.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/fpu/fpu.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define HAS_XSAVE     BIT(26) /* CPUID leaf 1 ECX */
#define AREA_SIZE     4096
#define LEGACY_SIZE   512
#define HEADER        512
#define ST_REGISTERS  32
#define XMM_REGISTERS 160
#define XMM_END       416

/* Values that XRSTOR takes: everything masked, no pending exception, rounding and flags odd. */
#define FCW   0x0f7f
#define FSW   0x733f
#define MXCSR 0xffbf

static uint8_t pattern[AREA_SIZE] __attribute__((aligned(64)));
static uint8_t found[AREA_SIZE] __attribute__((aligned(64)));
static uint64_t components; /* in XCR0; 0 without XSAVE */

void vectors_switch_on(void)
{
	cpu_write_cr0((cpu_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if (!(cpu_id(1, 0).ecx & HAS_XSAVE)) {
		print("no XSAVE here: x87 and SSE only\n");
		return;
	}
	cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
	components = cpu_id(0xd, 0).eax;
	cpu_write_xcr0(components);
	print("vector state: components 0x%llx\n", (unsigned long long)components);
}

static void fill(uint32_t from, uint32_t size, uint64_t seed)
{
	for (uint32_t i = from; i < from + size; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		pattern[i] = (uint8_t)(seed >> 56 | 1); /* never 0, which is the start state */
	}
}

static void put(uint32_t at, uint64_t value, size_t size)
{
	memcpy(pattern + at, &value, size);
}

static void make_pattern(uint64_t seed)
{
	memset(pattern, 0, sizeof(pattern));
	put(0, FCW ^ (seed & 1) << 10, 2);
	put(2, FSW, 2);
	put(4, 0xff, 1);                               /* no register is empty */
	put(6, 0x5a5, 2);                              /* last opcode */
	put(8, 0x0000123456789abc ^ (seed & 0xff), 8); /* and where it was, and its operand */
	put(16, 0x00007edcba987654 ^ (seed & 0xff), 8);
	put(24, MXCSR ^ (seed & 1) << 13, 4);
	for (uint32_t i = 0; i < 8; i++)
		fill(ST_REGISTERS + 16 * i, 10, seed + i);
	fill(XMM_REGISTERS, XMM_END - XMM_REGISTERS, seed + 8);
	for (uint32_t i = 2; i < 63; i++) {
		const struct cpuid_registers part = cpu_id(0xd, i);

		if (components & BIT(i))
			fill(part.ebx, part.eax, seed + i + 8);
	}
	put(HEADER, components, 8);
}

void vectors_load(uint64_t seed)
{
	make_pattern(seed);
	if (components != 0)
		__asm__ volatile("xrstor64 %0" : : "m"(pattern), "a"(components), "d"(0));
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(pattern));
}

static void check_part(const char *name, uint32_t from, uint32_t size)
{
	for (uint32_t i = from; i < from + size; i++) {
		if (found[i] == pattern[i])
			continue;
		check_equal(name, found[i], pattern[i]);
		print("  at byte %u of it\n", i - from);
		return;
	}
}

void vectors_check(uint64_t seed)
{
	uint32_t mask;

	memset(found, 0, sizeof(found));
	if (components != 0)
		__asm__ volatile("xsave64 %0" : "+m"(found) : "a"(components), "d"(0));
	else
		__asm__ volatile("fxsave64 %0" : "=m"(found));
	make_pattern(seed);
	memcpy(&mask, found + 28, sizeof(mask)); /* the processor's own, behind MXCSR */
	put(28, mask, 4);
	check_part("x87 environment", 0, 24);
	check_part("MXCSR", 24, 4);
	check_part("ST0 to ST7", ST_REGISTERS, 128);
	check_part("XMM0 to XMM15", XMM_REGISTERS, XMM_END - XMM_REGISTERS);
	if (components == 0)
		return;
	check_part("XSTATE_BV", HEADER, 8);
	for (uint32_t i = 2; i < 63; i++) {
		const struct cpuid_registers part = cpu_id(0xd, i);

		if (components & BIT(i))
			check_part(i == 2 ? "YMM, upper halves" : "AVX-512", part.ebx, part.eax);
	}
}
