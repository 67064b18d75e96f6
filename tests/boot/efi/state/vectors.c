/* SPDX-License-Identifier: MIT */
/*
 * The vector and x87 registers, by XSAVE where it is on, else by FXSAVE. The compiler keeps off
 * them (-mgeneral-regs-only), but the firmware's functions do not. Called by state.c; compare.c and
 * registers.c call the parts.
 */
#include <efi.h>
#include <efilib.h>

#include "lib/bits.h"
#include "tests/boot/efi/state/parts.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define CPUID_XSAVE BIT(26) /* leaf 1 ECX */

#define XCR0_ALL (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define FX_CONTROL     0
#define FX_TAGS        4
#define FX_MXCSR       24
#define FX_X87         32 /* 8 registers of 10 bytes, 16 apart */
#define FX_XMM         160
#define XSAVE_HEADER   512
#define XSAVE_EXTENDED 576

static uint64_t xsave_components(void)
{
	if (!(cpu_read_cr4() & CR4_OSXSAVE))
		return 0;
	return cpu_read_xcr0();
}

bool state_enable_xsave(void)
{
	if (!(cpu_id(1, 0).ecx & CPUID_XSAVE))
		return false;
	cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
	cpu_write_xcr0(cpu_id(0xd, 0).eax & XCR0_ALL);
	return true;
}

void state_save_vectors(struct state *state)
{
	const uint64_t components = xsave_components();

	if (components == 0)
		__asm__ volatile("fxsave64 %0" : "=m"(state->vectors));
	else
		__asm__ volatile("xsave64 %0"
				 : "+m"(state->vectors)
				 : "a"((uint32_t)components), "d"((uint32_t)(components >> 32)));
}

void vectors_restore(const struct vectors *vectors)
{
	const uint64_t components = xsave_components();

	if (components == 0)
		__asm__ volatile("fxrstor64 %0" : : "m"(*vectors));
	else
		__asm__ volatile("xrstor64 %0"
				 :
				 : "m"(*vectors), "a"((uint32_t)components),
				 "d"((uint32_t)(components >> 32)));
}

void state_load_vectors(struct state *state)
{
	uint8_t *bytes = state->vectors.bytes;

	for (unsigned int i = 0; i < sizeof(state->vectors); i++)
		bytes[i] = (uint8_t)(i * 29 + i / 256 * 7 + 1);
	SetMem(bytes, FX_X87, 0);
	*(uint16_t *)(void *)(bytes + FX_CONTROL) = 0x27f;
	bytes[FX_TAGS] = 0xff;
	*(uint32_t *)(void *)(bytes + FX_MXCSR) = 0x9f80;
	SetMem(bytes + XSAVE_HEADER, XSAVE_EXTENDED - XSAVE_HEADER, 0);
	*(uint64_t *)(void *)(bytes + XSAVE_HEADER) = xsave_components();
	vectors_restore(&state->vectors);
	state_save_vectors(state);
}

/* The first byte that differs, and the two values. */
static void compare_range(struct report *report, const char *name, const struct state *before,
	const struct state *after, unsigned int from, unsigned int size)
{
	const uint8_t *b = before->vectors.bytes, *a = after->vectors.bytes;

	for (unsigned int at = from; at < from + size && at < sizeof(struct vectors); at++) {
		if (b[at] == a[at])
			continue;
		report_difference(report, name, b[at], a[at]);
		return;
	}
}

void vectors_compare(struct report *report, const struct state *before, const struct state *after)
{
	/* By the numbers of XCR0's bits. SDM vol. 1, 'XSAVE-Supported Features'. */
	static const char names[8][24] = { "", "", "YMM, bits 255:128", "", "", "opmask",
		"ZMM0-15, bits 511:256", "ZMM16-31" };
	const uint64_t components = xsave_components();

	compare_range(report, "FCW", before, after, FX_CONTROL, 2);
	compare_range(report, "x87 tags", before, after, FX_TAGS, 1);
	compare_range(report, "MXCSR", before, after, FX_MXCSR, 4);
	for (unsigned int i = 0; i < 8; i++)
		compare_range(report, "x87 register", before, after, FX_X87 + 16 * i, 10);
	for (unsigned int i = 6; i < 16; i++)
		compare_range(report, "XMM register", before, after, FX_XMM + 16 * i, 16);
	for (unsigned int i = 2; i < 8; i++) {
		const struct cpuid_registers place = cpu_id(0xd, i);

		if (components & BIT(i))
			compare_range(report, names[i], before, after, place.ebx, place.eax);
	}
}
