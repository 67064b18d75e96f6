/* SPDX-License-Identifier: MIT */
/*
 * CR0, CR4, CR8 and XCR0: what may be written reads back as it was written, the rest is #GP and
 * changes nothing.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/cpu/cpu.h"

#define CR0_RESERVED 0x1ffaffc0ull /* ignored when they are written */
#define SLOWEST      20            /* times; uncached memory would be slower than that */

static uint64_t time_of_memory(uint64_t seed)
{
	static volatile uint64_t words[512];
	const uint64_t start = tsc_read();
	uint64_t spent;

	for (unsigned int i = 0; i < 512; i++)
		words[i] = seed + i;
	for (unsigned int round = 0; round < 8; round++) {
		for (unsigned int i = 0; i < 512; i++)
			words[i] += words[511 - i];
	}
	spent = tsc_read() - start;
	for (unsigned int i = 0; i < 512; i++)
		words[i] = seed + i;
	for (unsigned int i = 0; i < 512; i++)
		check_equal("memory", words[i], seed + i);
	return spent;
}

/* A CR0 that may be written; SMSW shows it, too. */
static void try_cr0(const char *name, uint64_t value, uint64_t wanted)
{
	const uint64_t fast = time_of_memory(1);
	uint64_t status;

	check_begin("CR0: %s", name);
	check_equal("exception", try_write_cr0(value), EXCEPTION_NONE);
	check_equal("CR0", cpu_read_cr0(), wanted);
	__asm__ volatile("smsw %0" : "=r"(status));
	check_equal("SMSW", status, wanted);
	check_true("memory is as fast as before", time_of_memory(value) < SLOWEST * fast);
	check_equal("CR0 after CPUID", (cpu_id(0, 0), cpu_read_cr0()), wanted);
}

static void refuse_cr0(const char *name, uint64_t value)
{
	const uint64_t before = cpu_read_cr0();

	check_begin("CR0: %s", name);
	check_equal("exception", try_write_cr0(value), VECTOR_GP);
	check_equal("CR0", cpu_read_cr0(), before);
}

void cpu_test_cr0(void)
{
	const uint64_t start = cpu_read_cr0();
	const uint64_t plain = start & ~(CR0_CD | CR0_NW | CR0_NE);

	try_cr0("CD", plain | CR0_CD, plain | CR0_CD);
	try_cr0("CD, NW", plain | CR0_CD | CR0_NW, plain | CR0_CD | CR0_NW);
	refuse_cr0("NW without CD", plain | CR0_NW);
	try_cr0("neither CD nor NW, NE", plain | CR0_NE, plain | CR0_NE);
	try_cr0("CD, NE", plain | CR0_CD | CR0_NE, plain | CR0_CD | CR0_NE);
	try_cr0("no NE", plain, plain);
	try_cr0("MP, EM, TS", plain | CR0_MP | CR0_EM | CR0_TS, plain | CR0_MP | CR0_EM | CR0_TS);
	try_cr0("CD, MP, WP, AM", plain | CR0_CD | CR0_MP | CR0_WP | CR0_AM,
		plain | CR0_CD | CR0_MP | CR0_WP | CR0_AM);
	try_cr0("reserved bits", plain | CR0_RESERVED, plain);
	try_cr0("reserved bits, CD", plain | CR0_RESERVED | CR0_CD, plain | CR0_CD);
	try_cr0("reserved bits, no CD", plain | CR0_RESERVED, plain);
	try_cr0("no ET", plain & ~CR0_ET, plain | CR0_ET);
	try_cr0("no ET, CD", (plain & ~CR0_ET) | CR0_CD, plain | CR0_ET | CR0_CD);
	refuse_cr0("no PG in 64-bit code", plain & ~CR0_PG);
	refuse_cr0("no PG, CD", (plain & ~CR0_PG) | CR0_CD);
	refuse_cr0("no PE", plain & ~CR0_PE);
	refuse_cr0("no PE, CD", (plain & ~CR0_PE) | CR0_CD);
	refuse_cr0("bit 32", plain | BIT(32));
	refuse_cr0("bit 63, CD", plain | BIT(63) | CR0_CD);
	check_begin("CLTS and LMSW with CD");
	check_equal("exception", try_write_cr0(plain | CR0_CD | CR0_TS), EXCEPTION_NONE);
	__asm__ volatile("clts");
	check_equal("CR0 behind CLTS", cpu_read_cr0(), (plain | CR0_CD) & ~CR0_TS);
	__asm__ volatile("lmsw %w0" : : "r"(0xe) : "memory");
	check_equal("CR0 behind LMSW", cpu_read_cr0(), plain | CR0_CD | 0xe | CR0_PE);
	cpu_write_cr0(start);
	check_equal("CR0 in the end", cpu_read_cr0(), start);
}

/* The bits whose features CPUID shows. SDM vol. 3A, 'Control Registers'. */
static uint64_t shown_cr4(void)
{
	const struct cpuid_registers version = cpu_id(1, 0), features = cpu_id(7, 0);
	const struct {
		uint64_t shown, bits;
	} all[] = {
		{ version.edx & BIT(1), CR4_VME | CR4_PVI },
		{ version.edx & BIT(2), CR4_DE },
		{ version.edx & BIT(3), CR4_PSE },
		{ version.edx & BIT(4), CR4_TSD },
		{ version.edx & BIT(6), CR4_PAE },
		{ version.edx & BIT(7), CR4_MCE },
		{ version.edx & BIT(13), CR4_PGE },
		{ 1, CR4_PCE },
		{ version.edx & BIT(24), CR4_OSFXSR },
		{ version.edx & BIT(25), CR4_OSXMMEXCPT },
		{ features.ecx & BIT(2), CR4_UMIP },
		{ features.ecx & BIT(16), CR4_LA57 },
		{ version.ecx & BIT(5), CR4_VMXE },
		{ version.ecx & BIT(6), CR4_SMXE },
		{ features.ebx & BIT(0), CR4_FSGSBASE },
		{ version.ecx & BIT(17), CR4_PCIDE },
		{ version.ecx & BIT(26), CR4_OSXSAVE },
		{ features.ebx & BIT(7), CR4_SMEP },
		{ features.ebx & BIT(20), CR4_SMAP },
		{ features.ecx & BIT(3), CR4_PKE },
		{ features.ecx & BIT(7), CR4_CET },
	};
	uint64_t bits = 0;

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bits |= all[i].shown ? all[i].bits : 0;
	return bits;
}

void cpu_test_cr4(void)
{
	const uint64_t start = cpu_read_cr4(), shown = shown_cr4();

	for (unsigned int bit = 0; bit < 64; bit++) {
		const uint64_t value = start ^ BIT(bit);
		const bool valid = (shown & BIT(bit)) != 0 && BIT(bit) != CR4_PAE;

		check_begin("CR4 bit %u", bit);
		check_equal("exception", try_write_cr4(value), valid ? EXCEPTION_NONE : VECTOR_GP);
		check_equal("CR4", cpu_read_cr4(), valid ? value : start);
		check_equal("exception with MCE changed", try_write_cr4(value ^ CR4_MCE),
			valid ? EXCEPTION_NONE : VECTOR_GP);
		check_equal(
			"CR4 with MCE changed", cpu_read_cr4(), valid ? value ^ CR4_MCE : start);
		cpu_write_cr4(start);
	}
	check_begin("all that CPUID shows in CR4");
	check_equal("exception", try_write_cr4(shown), EXCEPTION_NONE);
	check_equal("CR4", cpu_read_cr4(), shown);
	cpu_write_cr4(start);
	check_begin("PCIDE with a PCID in CR3 that is not 0");
	if (shown & CR4_PCIDE) {
		cpu_write_cr3(cpu_read_cr3() | 0x18);
		check_equal("exception", try_write_cr4(start | CR4_PCIDE), VECTOR_GP);
		check_equal("exception with MCE changed",
			try_write_cr4((start | CR4_PCIDE) ^ CR4_MCE), VECTOR_GP);
		cpu_write_cr3(cpu_read_cr3() & ~0xfffull);
	}
	check_equal("CR4 in the end", cpu_read_cr4(), start);
}

void cpu_test_cr8(void)
{
	const uint64_t start = cpu_read_cr8();

	for (uint64_t value = 0; value < 16; value++) {
		check_begin("CR8 = %llu", (unsigned long long)value);
		check_equal("exception", try_write_cr8(value), EXCEPTION_NONE);
		check_equal("CR8", cpu_read_cr8(), value);
		check_equal("CR8 after CPUID", (cpu_id(0, 0), cpu_read_cr8()), value);
	}
	for (unsigned int bit = 4; bit < 64; bit++) {
		check_begin("CR8 with bit %u", bit);
		check_equal("exception", try_write_cr8(BIT(bit) | 3), VECTOR_GP);
		check_equal("CR8", cpu_read_cr8(), 15);
	}
	cpu_write_cr8(start);
}

bool cpu_xcr0_is_valid(uint64_t value)
{
	const struct cpuid_registers allowed = cpu_id(0xd, 0);
	const uint64_t avx512 = value & XCR0_AVX512;

	if (value & ~((uint64_t)allowed.edx << 32 | allowed.eax))
		return false;
	if (!(value & XCR0_X87) || (value & (BIT(3) | BIT(4))))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	return avx512 == 0 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX));
}

uint32_t cpu_xsave_size(uint64_t xcr0)
{
	uint32_t size = 512 + 64;

	for (uint32_t i = 2; i < 63; i++) {
		const struct cpuid_registers part = cpu_id(0xd, i);

		if ((xcr0 & BIT(i)) && part.ebx + part.eax > size)
			size = part.ebx + part.eax;
	}
	return size;
}

static void try_xcr0(uint64_t value)
{
	const bool valid = cpu_xcr0_is_valid(value);
	uint64_t found, before = cpu_read_xcr0();

	check_equal(
		"exception of XSETBV", try_write_xcr(0, value), valid ? EXCEPTION_NONE : VECTOR_GP);
	check_equal("exception of XGETBV", try_read_xcr(0, &found), EXCEPTION_NONE);
	check_equal("XCR0", found, valid ? value : before);
}

void cpu_test_xcr0(void)
{
	const uint64_t cr4 = cpu_read_cr4();
	uint64_t value;

	if (!(cpu_id(1, 0).ecx & HAS_XSAVE)) {
		check_skip("XCR0: no XSAVE here");
		return;
	}
	cpu_write_cr4(cr4 | CR4_OSXSAVE);
	check_begin("XCR0 at the start");
	check_equal("XCR0", cpu_read_xcr0(), XCR0_X87);
	check_begin("XCR0, all values of bits 0 to 7");
	for (uint64_t i = 0; i < 0x100; i++)
		try_xcr0(i);
	check_begin("XCR0, each of the other bits");
	for (unsigned int bit = 8; bit < 64; bit++)
		try_xcr0(BIT(bit) | XCR0_X87);
	check_begin("other extended control registers");
	check_equal("XSETBV of 1", try_write_xcr(1, XCR0_X87), VECTOR_GP);
	check_equal("XSETBV of 2^32 - 1", try_write_xcr(0xffffffff, XCR0_X87), VECTOR_GP);
	check_equal("XGETBV of 2", try_read_xcr(2, &value), VECTOR_GP);
	cpu_write_xcr0(XCR0_X87);
	cpu_write_cr4(cr4 & ~CR4_OSXSAVE);
	check_begin("without CR4.OSXSAVE");
	check_equal("XSETBV", try_write_xcr(0, XCR0_X87), VECTOR_UD);
	check_equal("XGETBV", try_read_xcr(0, &value), VECTOR_UD);
	cpu_write_cr4(cr4);
}
