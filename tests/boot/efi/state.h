/* SPDX-License-Identifier: MIT */
/*
 * The processor's state as a program of the firmware sees it: all that taking the machine puts
 * aside (docs/architecture.md, 'Taking the machine'), the local APIC, the PICs' masks, the vector
 * registers. Part of state.c. What a run may change, and why:
 * - CR2: any page fault, a handled one of the firmware's too, leaves its address there.
 * - RFLAGS: CF, PF, AF, ZF, SF, OF are results. DF is 0 by the calling convention; RF and TF cannot
 *   be seen in a pushed image.
 * - TR, if it was null: OVMF leaves it so, LTR cannot load a null selector, so that cafevisor.efi's
 *   own stays. From then on it must not change.
 * - XMM0 to XMM5, bits 127:0, the x87 status word and its pointers: volatile in the calling
 *   convention (UEFI 2.3.4.2), and the firmware's copying code does use XMM0. What lies above bit
 * 127 of all vector registers, and the x87 registers, are volatile too; but no firmware that we
 * know touches them, so they count: else nobody would see them lost.
 */
#ifndef TESTS_BOOT_EFI_STATE_H
#define TESTS_BOOT_EFI_STATE_H

#include <efi.h>
#include <efilib.h>

#include "lib/bits.h"
#include "tests/boot/efi/report.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define CPUID_X2APIC BIT(21) /* leaf 1 ECX */
#define CPUID_XSAVE  BIT(26)
#define CPUID_RDTSCP BIT(27) /* leaf 0x80000001 EDX */

#define RFLAGS_ID BIT(21)
#define RFLAGS_COMPARED \
	(~(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_RF))

#define XCR0_ALL (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define PIC_MASK_1 0x21
#define PIC_MASK_2 0xa1

/* Registers of the local APIC, as offsets into its page. SDM vol. 3A, 'Local APIC Register Map'. */
enum apic_register {
	APIC_TASK_PRIORITY = 0x080,
	APIC_SPURIOUS = 0x0f0,
	APIC_VERSION = 0x030,
	APIC_LVT_CMCI = 0x2f0,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_COUNTERS = 0x340,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
};

/* clang-format off */
#define STATE_ITEMS(X) \
	X(CR0) X(CR2) X(CR3) X(CR4) X(CR8) X(XCR0) X(RFLAGS) X(TPL) \
	X(DR0) X(DR1) X(DR2) X(DR3) X(DR6) X(DR7) \
	X(CS) X(DS) X(ES) X(FS) X(GS) X(SS) X(TR) X(LDTR) \
	X(GDTR_BASE) X(GDTR_LIMIT) X(IDTR_BASE) X(IDTR_LIMIT) \
	X(EFER) X(PAT) X(DEBUGCTL) X(FS_BASE) X(GS_BASE) X(KERNEL_GS_BASE) \
	X(SYSENTER_CS) X(SYSENTER_ESP) X(SYSENTER_EIP) \
	X(STAR) X(LSTAR) X(CSTAR) X(FMASK) X(TSC_AUX) X(APIC_BASE) \
	X(APIC_TPR) X(APIC_SVR) X(LVT_CMCI) X(LVT_TIMER) X(LVT_THERMAL) X(LVT_COUNTERS) \
	X(LVT_LINT0) X(LVT_LINT1) X(LVT_ERROR) X(TIMER_INITIAL) X(TIMER_DIVIDE) X(TIMER_RUNS) \
	X(PIC_1) X(PIC_2)
#define STATE_ENUM(name) STATE_##name,
#define STATE_NAME(name) [STATE_##name] = #name,
/* clang-format on */

enum state_item { STATE_ITEMS(STATE_ENUM) STATE_COUNT };

/* An area that XSAVE fills, or FXSAVE, its first 512 bytes. */
struct vectors {
	uint8_t bytes[4096];
} __attribute__((aligned(64)));

struct state {
	uint64_t values[STATE_COUNT];
	struct vectors vectors;
};

#define STATE_SEGMENT(name)                                     \
	({                                                      \
		uint16_t selector;                              \
		__asm__ volatile(name " %0" : "=rm"(selector)); \
		selector;                                       \
	})

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint64_t base;
};

static inline BOOLEAN state_has_rdtscp(void)
{
	return (cpu_id(0x80000001, 0).edx & CPUID_RDTSCP) != 0;
}

/* --- the local APIC -----------------------------------------------------------------------------
 */

static inline uint64_t apic_base(void)
{
	return cpu_read_msr(MSR_IA32_APIC_BASE);
}

static inline uint32_t apic_read(enum apic_register offset)
{
	if (!(apic_base() & APIC_BASE_ENABLED))
		return 0;
	if (apic_base() & APIC_BASE_X2APIC)
		return (uint32_t)cpu_read_msr(MSR_X2APIC_BASE + ((uint32_t)offset >> 4));
	return *(volatile uint32_t *)(uintptr_t)((apic_base() & APIC_BASE_ADDRESS) + offset);
}

static inline void apic_write(enum apic_register offset, uint32_t value)
{
	if (apic_base() & APIC_BASE_X2APIC)
		cpu_write_msr(MSR_X2APIC_BASE + ((uint32_t)offset >> 4), value);
	else
		*(volatile uint32_t *)(uintptr_t)((apic_base() & APIC_BASE_ADDRESS) + offset) =
			value;
}

static inline BOOLEAN state_enter_x2apic(void)
{
	if (!(cpu_id(1, 0).ecx & CPUID_X2APIC) || !(apic_base() & APIC_BASE_ENABLED))
		return FALSE;
	cpu_write_msr(MSR_IA32_APIC_BASE, apic_base() | APIC_BASE_X2APIC);
	return TRUE;
}

/* Whether the entry is there says the number of the last one, in the version register. */
static inline uint32_t read_lvt(enum apic_register offset, uint32_t since)
{
	return (apic_read(APIC_VERSION) >> 16 & 0xff) >= since ? apic_read(offset) : 0;
}

static inline BOOLEAN apic_timer_runs(void)
{
	const uint32_t first = apic_read(APIC_TIMER_CURRENT);

	for (unsigned int i = 0; i < 10000; i++) {
		if (apic_read(APIC_TIMER_CURRENT) != first)
			return TRUE;
	}
	return FALSE;
}

static inline void read_apic(uint64_t *v)
{
	v[STATE_APIC_BASE] = apic_base();
	v[STATE_APIC_TPR] = apic_read(APIC_TASK_PRIORITY);
	v[STATE_APIC_SVR] = apic_read(APIC_SPURIOUS);
	v[STATE_LVT_TIMER] = apic_read(APIC_LVT_TIMER);
	v[STATE_LVT_LINT0] = apic_read(APIC_LVT_LINT0);
	v[STATE_LVT_LINT1] = apic_read(APIC_LVT_LINT1);
	v[STATE_LVT_ERROR] = apic_read(APIC_LVT_ERROR);
	v[STATE_LVT_COUNTERS] = read_lvt(APIC_LVT_COUNTERS, 4);
	v[STATE_LVT_THERMAL] = read_lvt(APIC_LVT_THERMAL, 5);
	v[STATE_LVT_CMCI] = read_lvt(APIC_LVT_CMCI, 6);
	v[STATE_TIMER_INITIAL] = apic_read(APIC_TIMER_INITIAL);
	v[STATE_TIMER_DIVIDE] = apic_read(APIC_TIMER_DIVIDE);
	v[STATE_TIMER_RUNS] = apic_timer_runs();
}

/* --- all but the vector registers ---------------------------------------------------------------
 */

static inline void read_descriptors(uint64_t *v)
{
	struct table_register gdtr, idtr;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	__asm__ volatile("sidt %0" : "=m"(idtr));
	v[STATE_GDTR_BASE] = gdtr.base;
	v[STATE_GDTR_LIMIT] = gdtr.limit;
	v[STATE_IDTR_BASE] = idtr.base;
	v[STATE_IDTR_LIMIT] = idtr.limit;
	v[STATE_CS] = STATE_SEGMENT("mov %%cs,");
	v[STATE_DS] = STATE_SEGMENT("mov %%ds,");
	v[STATE_ES] = STATE_SEGMENT("mov %%es,");
	v[STATE_FS] = STATE_SEGMENT("mov %%fs,");
	v[STATE_GS] = STATE_SEGMENT("mov %%gs,");
	v[STATE_SS] = STATE_SEGMENT("mov %%ss,");
	v[STATE_TR] = STATE_SEGMENT("str");
	v[STATE_LDTR] = STATE_SEGMENT("sldt");
}

/* The MSRs, and a value for each that is free for us: firmware uses none of them. */
static const struct {
	enum state_item item;
	uint32_t msr;
	uint64_t mark; /* 0: not ours to change */
} state_msrs[] = {
	{ STATE_EFER, MSR_IA32_EFER, 0 },
	{ STATE_PAT, MSR_IA32_PAT, 0 },
	{ STATE_DEBUGCTL, MSR_IA32_DEBUGCTL, 0 },
	{ STATE_FS_BASE, MSR_IA32_FS_BASE, 0x00001111aaaa0010 },
	{ STATE_GS_BASE, MSR_IA32_GS_BASE, 0x00002222bbbb0020 },
	{ STATE_KERNEL_GS_BASE, MSR_IA32_KERNEL_GS_BASE, 0xffffc333cccc0030 },
	{ STATE_SYSENTER_CS, MSR_IA32_SYSENTER_CS, 0x4440 },
	{ STATE_SYSENTER_ESP, MSR_IA32_SYSENTER_ESP, 0x00005555eeee0050 },
	{ STATE_SYSENTER_EIP, MSR_IA32_SYSENTER_EIP, 0x00006666ffff0060 },
	{ STATE_STAR, MSR_IA32_STAR, 0x0077008800000070 },
	{ STATE_LSTAR, MSR_IA32_LSTAR, 0xffff988811110080 },
	{ STATE_CSTAR, MSR_IA32_CSTAR, 0xffff999922220090 },
	{ STATE_FMASK, MSR_IA32_FMASK, 0x00000000000477a0 },
};

static inline void state_read(struct state *state, BOOLEAN xsave)
{
	uint64_t *v = state->values;
	EFI_TPL tpl = BS->RaiseTPL(TPL_HIGH_LEVEL);

	BS->RestoreTPL(tpl);
	v[STATE_TPL] = tpl;
	v[STATE_CR0] = cpu_read_cr0();
	v[STATE_CR2] = cpu_read_cr2();
	v[STATE_CR3] = cpu_read_cr3();
	v[STATE_CR4] = cpu_read_cr4();
	v[STATE_CR8] = cpu_read_cr8();
	v[STATE_XCR0] = xsave ? cpu_read_xcr0() : 0;
	v[STATE_RFLAGS] = cpu_read_flags() & RFLAGS_COMPARED;
	v[STATE_DR0] = cpu_read_dr0();
	v[STATE_DR1] = cpu_read_dr1();
	v[STATE_DR2] = cpu_read_dr2();
	v[STATE_DR3] = cpu_read_dr3();
	v[STATE_DR6] = cpu_read_dr6();
	v[STATE_DR7] = cpu_read_dr7();
	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++)
		v[state_msrs[i].item] = cpu_read_msr(state_msrs[i].msr);
	v[STATE_TSC_AUX] = state_has_rdtscp() ? cpu_read_msr(MSR_IA32_TSC_AUX) : 0;
	read_descriptors(v);
	read_apic(v);
	v[STATE_PIC_1] = cpu_in8(PIC_MASK_1);
	v[STATE_PIC_2] = cpu_in8(PIC_MASK_2);
}

/* Values that no guest of ours sets; another set for each run. */
static inline void state_mark(uint64_t run)
{
	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++) {
		if (state_msrs[i].mark != 0)
			cpu_write_msr(state_msrs[i].msr, state_msrs[i].mark + run);
	}
	if (state_has_rdtscp())
		cpu_write_msr(MSR_IA32_TSC_AUX, 0xbbbb0000 + run);
	/* Entry 7 of the PAT, which no page table names: UC- or write-protected. */
	cpu_write_msr(MSR_IA32_PAT,
		(cpu_read_msr(MSR_IA32_PAT) & ~(0xffull << 56)) | (run == 0 ? 7ull : 5ull) << 56);
	/* A breakpoint that is on, where nothing is ever executed. */
	cpu_write_dr0(0xffffd000000000a0 + run);
	cpu_write_dr1(0x00000000111100b0 + run);
	cpu_write_dr2(0x00000000222200c0 + run);
	cpu_write_dr3(0x00000000333300d0 + run);
	cpu_write_dr6(DR6_INIT | 2);
	cpu_write_dr7(DR7_FIXED | 1 | (run == 0 ? 0 : 2));
	/* The lowest priority but one: all vectors beyond 31 come. */
	cpu_write_cr8(1);
	cpu_write_flags(cpu_read_flags() | RFLAGS_AC | RFLAGS_ID);
	/* The APIC's timer counts down behind its mask, if the firmware has no use for it. */
	if (apic_read(APIC_LVT_TIMER) & BIT(16)) {
		apic_write(APIC_LVT_TIMER, (uint32_t)(BIT(16) | BIT(17) | 0xe0));
		apic_write(APIC_TIMER_DIVIDE, 3);
		apic_write(APIC_TIMER_INITIAL, 0x7fff0000 + (uint32_t)run);
	}
}

/* --- the vector registers -----------------------------------------------------------------------
 */

#define FX_CONTROL     0
#define FX_TAGS        4
#define FX_MXCSR       24
#define FX_X87         32 /* 8 registers of 10 bytes, 16 apart */
#define FX_XMM         160
#define XSAVE_HEADER   512
#define XSAVE_EXTENDED 576

static inline uint64_t xsave_components(void)
{
	if (!(cpu_read_cr4() & CR4_OSXSAVE))
		return 0;
	return cpu_read_xcr0();
}

static inline BOOLEAN state_enable_xsave(void)
{
	if (!(cpu_id(1, 0).ecx & CPUID_XSAVE))
		return FALSE;
	cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
	cpu_write_xcr0(cpu_id(0xd, 0).eax & XCR0_ALL);
	return TRUE;
}

/* Into state->vectors, at once behind what is looked at. */
static inline void state_save_vectors(struct state *state)
{
	const uint64_t components = xsave_components();

	if (components == 0)
		__asm__ volatile("fxsave64 %0" : "=m"(state->vectors));
	else
		__asm__ volatile("xsave64 %0"
				 : "+m"(state->vectors)
				 : "a"((uint32_t)components), "d"((uint32_t)(components >> 32)));
}

static inline void write_vectors(const struct vectors *vectors)
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

/* A pattern into all vector registers, and into state->vectors, as SAVE would put it. */
static inline void state_load_vectors(struct state *state)
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
	write_vectors(&state->vectors);
	state_save_vectors(state);
}

/* The first byte that differs, and the two values. */
static inline void compare_range(struct report *report, const char *name,
	const struct state *before, const struct state *after, unsigned int from, unsigned int size)
{
	const uint8_t *b = before->vectors.bytes, *a = after->vectors.bytes;

	for (unsigned int at = from; at < from + size && at < sizeof(struct vectors); at++) {
		if (b[at] == a[at])
			continue;
		report_difference(report, name, b[at], a[at]);
		return;
	}
}

static inline void compare_vectors(
	struct report *report, const struct state *before, const struct state *after)
{
	/* By the numbers of XCR0's bits. SDM vol. 1, 'XSAVE-Supported Features'. */
	static const char names[8][24] = { "", "", "YMM, bits 255:128", "", "", "opmask",
		"ZMM0-15, bits 511:256", "ZMM16-31" };
	const uint64_t components = xsave_components();

	compare_range(report, "FCW", before, after, 0, 2);
	compare_range(report, "x87 tags", before, after, 4, 1);
	compare_range(report, "MXCSR", before, after, 24, 4);
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

/* --- before and after ---------------------------------------------------------------------------
 */

static inline BOOLEAN state_may_change(enum state_item item, uint64_t before)
{
	return item == STATE_CR2 || (item == STATE_TR && before == 0);
}

static const char state_names[STATE_COUNT][16] = { STATE_ITEMS(STATE_NAME) };

/* found.NAME=0x... for all but the vector registers. */
static inline void state_report(struct report *report, const struct state *state)
{
	for (unsigned int i = 0; i < STATE_COUNT; i++) {
		report_text(report, "found.");
		report_text(report, state_names[i]);
		report_text(report, "=0x");
		report_digits(report, state->values[i], 16);
		report_text(report, "\n");
	}
}

static inline void state_compare(
	struct report *report, const struct state *before, const struct state *after)
{

	for (unsigned int i = 0; i < STATE_COUNT; i++) {
		const uint64_t b = before->values[i], a = after->values[i];

		if (a == b)
			continue;
		if (state_may_change((enum state_item)i, b))
			report_allowed(report, state_names[i], b, a);
		else
			report_difference(report, state_names[i], b, a);
	}
	compare_vectors(report, before, after);
}

/* Takes state_mark's and state_load_vectors' changes back. */
static inline void state_restore(const struct state *original)
{
	const uint64_t *v = original->values;

	for (size_t i = 0; i < ARRAY_COUNT(state_msrs); i++) {
		if (state_msrs[i].item != STATE_EFER && state_msrs[i].item != STATE_DEBUGCTL)
			cpu_write_msr(state_msrs[i].msr, v[state_msrs[i].item]);
	}
	if (state_has_rdtscp())
		cpu_write_msr(MSR_IA32_TSC_AUX, v[STATE_TSC_AUX]);
	cpu_write_dr7(v[STATE_DR7]);
	cpu_write_dr0(v[STATE_DR0]);
	cpu_write_dr1(v[STATE_DR1]);
	cpu_write_dr2(v[STATE_DR2]);
	cpu_write_dr3(v[STATE_DR3]);
	cpu_write_dr6(v[STATE_DR6]);
	cpu_write_cr8(v[STATE_CR8]);
	cpu_write_flags(v[STATE_RFLAGS]);
	if (v[STATE_LVT_TIMER] & BIT(16)) {
		apic_write(APIC_TIMER_INITIAL, (uint32_t)v[STATE_TIMER_INITIAL]);
		apic_write(APIC_TIMER_DIVIDE, (uint32_t)v[STATE_TIMER_DIVIDE]);
		apic_write(APIC_LVT_TIMER, (uint32_t)v[STATE_LVT_TIMER]);
	}
	write_vectors(&original->vectors);
}

#endif
