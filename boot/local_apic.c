/* SPDX-License-Identifier: MIT */
/*
 * Masking local vectors, through the APIC's page or, in x2APIC mode, its MSRs.
 */
#include "boot/local_apic.h"

#include <stdbool.h>

#include "vmm/cpu.h"
#include "vmm/x86.h"

#define LVT_MASKED          BIT(16)
#define LVT_DELIVERY_MODE   0x700u
#define LVT_DELIVERY_NMI    0x400u
#define LVT_DELIVERY_EXTINT 0x700u

#define APIC_VERSION 0x030u
#define LVT_LINT0    0x350u

/* How many entries there are says the version register's bits 23:16, plus 1: they come in this
 * order of the models that added them. LINT1 is missing on purpose. */
static const struct {
	uint32_t offset;
	uint32_t since; /* the 'max LVT entry' from which on it exists */
} entries[LOCAL_APIC_MAX_LVT] = {
	{ LVT_LINT0, 0 }, { 0x320, 0 }, /* timer */
	{ 0x370, 0 },                   /* error */
	{ 0x340, 4 },                   /* performance counters */
	{ 0x330, 5 },                   /* thermal sensor */
	{ 0x2f0, 6 },                   /* CMCI */
};

static bool apic_is_x2(void)
{
	return (cpu_read_msr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

bool local_apic_is_on(void)
{
	return (cpu_read_msr(MSR_IA32_APIC_BASE) & APIC_BASE_ENABLED) != 0;
}

static volatile uint32_t *apic_register(uint32_t offset)
{
	uint64_t page = cpu_read_msr(MSR_IA32_APIC_BASE) & APIC_BASE_ADDRESS;

	return (volatile uint32_t *)(uintptr_t)(page + offset);
}

static uint32_t apic_read(uint32_t offset)
{
	return apic_is_x2() ? (uint32_t)cpu_read_msr(MSR_X2APIC_BASE + (offset >> 4))
			    : *apic_register(offset);
}

static void apic_write(uint32_t offset, uint32_t value)
{
	if (apic_is_x2())
		cpu_write_msr(MSR_X2APIC_BASE + (offset >> 4), value);
	else
		*apic_register(offset) = value;
}

static bool entry_exists(uint32_t index)
{
	return (apic_read(APIC_VERSION) >> 16 & 0xff) >= entries[index].since;
}

static bool must_be_masked(uint32_t offset, uint32_t entry)
{
	const uint32_t mode = entry & LVT_DELIVERY_MODE;

	return offset == LVT_LINT0 || mode == LVT_DELIVERY_NMI || mode == LVT_DELIVERY_EXTINT;
}

void local_apic_mask(uint32_t saved[LOCAL_APIC_MAX_LVT])
{
	for (uint32_t i = 0; i < LOCAL_APIC_MAX_LVT; i++) {
		if (!entry_exists(i))
			continue;
		saved[i] = apic_read(entries[i].offset);
		if (must_be_masked(entries[i].offset, saved[i]))
			apic_write(entries[i].offset, saved[i] | (uint32_t)LVT_MASKED);
	}
}

void local_apic_unmask(const uint32_t saved[LOCAL_APIC_MAX_LVT])
{
	for (uint32_t i = 0; i < LOCAL_APIC_MAX_LVT; i++) {
		if (entry_exists(i) && must_be_masked(entries[i].offset, saved[i]))
			apic_write(entries[i].offset, saved[i]);
	}
}

uint64_t local_apic_page(void)
{
	return apic_is_x2() ? 0 : cpu_read_msr(MSR_IA32_APIC_BASE) & APIC_BASE_ADDRESS;
}
