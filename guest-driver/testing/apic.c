/* SPDX-License-Identifier: MIT */
/*
 * Accesses to the interrupt controllers. Called by the test guests.
 */
#include "guest-driver/testing/apic.h"

#include "vmm/cpu.h"
#include "vmm/x86.h"

#define APIC_PAGE    0xfee00000u
#define IO_APIC_PAGE 0xfec00000u

/* Registers of the I/O APIC: an index, and the data that it selects. */
#define IO_APIC_SELECT     0x00u
#define IO_APIC_WINDOW     0x10u
#define IO_APIC_TABLE      0x10u /* two registers for each line */
#define CPUID_X2APIC       (1u << 21)
#define CPUID_TSC_DEADLINE (1u << 24)

static bool x2apic_mode;

bool apic_has_x2apic(void)
{
	return (cpu_id(1, 0).ecx & CPUID_X2APIC) != 0;
}

bool apic_has_tsc_deadline(void)
{
	return (cpu_id(1, 0).ecx & CPUID_TSC_DEADLINE) != 0;
}

uint32_t apic_read(enum apic_register offset)
{
	if (x2apic_mode)
		return (uint32_t)cpu_read_msr(MSR_X2APIC_BASE + offset / 16);
	return *(const volatile uint32_t *)(uintptr_t)(APIC_PAGE + offset);
}

void apic_write(enum apic_register offset, uint32_t value)
{
	if (x2apic_mode)
		cpu_write_msr(MSR_X2APIC_BASE + offset / 16, value);
	else
		*(volatile uint32_t *)(uintptr_t)(APIC_PAGE + offset) = value;
}

bool apic_bit(enum apic_register bitmap, uint8_t vector)
{
	return (apic_read(bitmap + vector / 32u * 0x10) >> vector % 32 & 1) != 0;
}

unsigned int apic_bits(enum apic_register bitmap)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < 8; i++) {
		for (uint32_t bits = apic_read(bitmap + i * 0x10); bits != 0; bits &= bits - 1)
			count++;
	}
	return count;
}

void apic_end_of_interrupt(void)
{
	apic_write(APIC_EOI, 0);
}

uint32_t apic_id(void)
{
	return x2apic_mode ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_send_self(uint8_t vector)
{
	apic_write(APIC_ICR_LOW, APIC_ICR_SELF | vector);
}

/* From x2APIC to xAPIC the way leads over 'disabled'. SDM, 'x2APIC State Transitions'. */
static void set_mode(bool x2apic)
{
	const uint64_t base = cpu_read_msr(MSR_IA32_APIC_BASE) & ~(uint64_t)APIC_BASE_X2APIC;

	if (x2apic_mode && !x2apic)
		cpu_write_msr(MSR_IA32_APIC_BASE, base & ~(uint64_t)APIC_BASE_ENABLED);
	cpu_write_msr(MSR_IA32_APIC_BASE, base | APIC_BASE_ENABLED);
	if (x2apic)
		cpu_write_msr(MSR_IA32_APIC_BASE, base | APIC_BASE_ENABLED | APIC_BASE_X2APIC);
	x2apic_mode = x2apic;
}

void apic_init(bool x2apic)
{
	static const enum apic_register lvt[] = { APIC_LVT_TIMER, APIC_LVT_LINT0, APIC_LVT_LINT1,
		APIC_LVT_ERROR };

	set_mode(x2apic);
	apic_write(APIC_SVR, APIC_SVR_ENABLED | APIC_SPURIOUS_VECTOR);
	for (unsigned int i = 0; i < sizeof(lvt) / sizeof(lvt[0]); i++)
		apic_write(lvt[i], APIC_LVT_MASKED);
	apic_write(APIC_TPR, 0);
	while (apic_bits(APIC_ISR) != 0)
		apic_end_of_interrupt();
}

uint32_t io_apic_read(uint32_t number)
{
	*(volatile uint32_t *)(uintptr_t)(IO_APIC_PAGE + IO_APIC_SELECT) = number;
	return *(const volatile uint32_t *)(uintptr_t)(IO_APIC_PAGE + IO_APIC_WINDOW);
}

void io_apic_write(uint32_t number, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(IO_APIC_PAGE + IO_APIC_SELECT) = number;
	*(volatile uint32_t *)(uintptr_t)(IO_APIC_PAGE + IO_APIC_WINDOW) = value;
}

/* Masked first, so that it never leads where only one half of it points to. */
void io_apic_route(uint32_t line, uint8_t vector, uint32_t flags)
{
	io_apic_write(IO_APIC_TABLE + 2 * line, IO_APIC_MASKED);
	io_apic_write(IO_APIC_TABLE + 2 * line + 1, apic_id() << 24);
	io_apic_write(IO_APIC_TABLE + 2 * line, flags | vector);
}

uint32_t io_apic_entry(uint32_t line)
{
	return io_apic_read(IO_APIC_TABLE + 2 * line);
}
