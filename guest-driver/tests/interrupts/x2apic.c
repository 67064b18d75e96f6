/* SPDX-License-Identifier: MIT */
/*
 * The x2APIC: its modes, its MSRs, and all the other groups again in it. SDM vol. 3A 'Extended
 * XAPIC (x2APIC)'.
 */
#include "guest-driver/testing/processor.h"
#include "guest-driver/tests/interrupts/interrupts.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define NO_SUCH_MSR_BELOW 0x801u
#define SELF_IPI          0x83fu

static unsigned int write_base(uint64_t bits)
{
	const uint64_t base = cpu_read_msr(MSR_IA32_APIC_BASE);

	return try_write_msr(MSR_IA32_APIC_BASE,
		(base & ~(uint64_t)(APIC_BASE_ENABLED | APIC_BASE_X2APIC)) | bits);
}

static void test_modes(void)
{
	uint64_t value;

	check_begin("x2APIC: from xAPIC");
	check_equal("RDMSR of the ID in xAPIC mode", try_read_msr(0x802, &value), VECTOR_GP);
	check_equal("x2APIC without 'enabled'", write_base(APIC_BASE_X2APIC), VECTOR_GP);
	apic_init(true);
	check_equal("IA32_APIC_BASE",
		cpu_read_msr(MSR_IA32_APIC_BASE) & (APIC_BASE_ENABLED | APIC_BASE_X2APIC),
		APIC_BASE_ENABLED | APIC_BASE_X2APIC);
	check_begin("x2APIC: straight back to xAPIC");
	check_equal("WRMSR", write_base(APIC_BASE_ENABLED), VECTOR_GP);
	check_equal("x2APIC without 'enabled'", write_base(APIC_BASE_X2APIC), VECTOR_GP);
	check_begin("x2APIC: disabled, and from there");
	check_equal("disabled", write_base(0), EXCEPTION_NONE);
	check_equal("RDMSR of the ID when disabled", try_read_msr(0x802, &value), VECTOR_GP);
	check_equal(
		"straight to x2APIC", write_base(APIC_BASE_ENABLED | APIC_BASE_X2APIC), VECTOR_GP);
	check_equal("to xAPIC", write_base(APIC_BASE_ENABLED), EXCEPTION_NONE);
	apic_init(true);
}

static void test_msrs(void)
{
	static const struct {
		const char *name;
		uint32_t msr;
		uint64_t value;
	} refused[] = {
		{ "ID", 0x802, 0 },
		{ "version", 0x803, 0 },
		{ "PPR", 0x80a, 0 },
		{ "LDR", 0x80d, 1 },
		{ "DFR", 0x80e, 0xffffffff },
		{ "ISR", 0x810, 0 },
		{ "IRR", 0x820, 0 },
		{ "ICR, upper half", 0x831, 0 },
		{ "current count", 0x839, 1 },
		{ "below all", NO_SUCH_MSR_BELOW, 0 },
		{ "EOI other than 0", 0x80b, 1 },
		{ "ESR other than 0", 0x828, 1 },
		{ "TPR, reserved bits", 0x808, 0x100 },
		{ "SVR, reserved bits", 0x80f, 1ull << 32 },
		{ "self IPI, reserved bits", SELF_IPI, 0x100 },
	};
	const uint32_t id = apic_id();
	uint64_t value;

	for (unsigned int i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		check_begin("x2APIC: WRMSR 0x%x (%s)", refused[i].msr, refused[i].name);
		check_equal(
			"exception", try_write_msr(refused[i].msr, refused[i].value), VECTOR_GP);
	}
	check_begin("x2APIC: what cannot be read");
	check_equal("EOI", try_read_msr(0x80b, &value), VECTOR_GP);
	check_equal("self IPI", try_read_msr(SELF_IPI, &value), VECTOR_GP);
	check_equal("DFR", try_read_msr(0x80e, &value), VECTOR_GP);
	check_begin("x2APIC: the logical id is made of the id");
	check_equal("LDR", apic_read(APIC_LDR), (id >> 4) << 16 | 1u << (id & 15));
	check_begin("x2APIC: the self IPI register");
	recorder_clear();
	check_equal("WRMSR", try_write_msr(SELF_IPI, 0x84), EXCEPTION_NONE);
	check_true("requested", apic_bit(APIC_IRR, 0x84));
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x84 }, 1);
	check_begin("x2APIC: an IPI to its own id, and to another");
	recorder_clear();
	cpu_write_msr(0x830, (uint64_t)id << 32 | 0x85);
	cpu_write_msr(0x830, (uint64_t)(id + 1) << 32 | 0x86);
	cpu_write_msr(0x830, (uint64_t)apic_read(APIC_LDR) << 32 | APIC_ICR_LOGICAL | 0x87);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ 0x87, 0x85 }, 2);
	check_apic_is_idle();
}

void test_x2apic(void)
{
	if (!apic_has_x2apic()) {
		check_skip("CPUID offers no x2APIC");
		return;
	}
	test_modes();
	test_msrs();
	test_ipi();
	test_priority();
	test_window();
	test_timer();
	test_deadline();
	test_lines();
	test_storm();
	apic_init(false);
}
