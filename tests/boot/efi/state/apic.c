/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, in either mode: its registers for state_read, and its timer, which counts while a
 * run goes on. Called by registers.c, and by state.c for x2APIC.
 */
#include "lib/bits.h"
#include "tests/boot/efi/state/parts.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define CPUID_X2APIC BIT(21) /* leaf 1 ECX */

#define LVT_MASKED   ((uint32_t)BIT(16))
#define LVT_PERIODIC ((uint32_t)BIT(17))

/* Registers of the local APIC, as offsets into its page. SDM vol. 3A, 'Local APIC Register Map'. */
enum apic_register {
	APIC_VERSION = 0x030,
	APIC_TASK_PRIORITY = 0x080,
	APIC_SPURIOUS = 0x0f0,
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

static uint64_t apic_base(void)
{
	return cpu_read_msr(MSR_IA32_APIC_BASE);
}

static uint32_t apic_read(enum apic_register offset)
{
	if (!(apic_base() & APIC_BASE_ENABLED))
		return 0;
	if (apic_base() & APIC_BASE_X2APIC)
		return (uint32_t)cpu_read_msr(MSR_X2APIC_BASE + ((uint32_t)offset >> 4));
	return *(volatile uint32_t *)(uintptr_t)((apic_base() & APIC_BASE_ADDRESS) + offset);
}

static void apic_write(enum apic_register offset, uint32_t value)
{
	if (apic_base() & APIC_BASE_X2APIC)
		cpu_write_msr(MSR_X2APIC_BASE + ((uint32_t)offset >> 4), value);
	else
		*(volatile uint32_t *)(uintptr_t)((apic_base() & APIC_BASE_ADDRESS) + offset) =
			value;
}

bool state_enter_x2apic(void)
{
	if (!(cpu_id(1, 0).ecx & CPUID_X2APIC) || !(apic_base() & APIC_BASE_ENABLED))
		return false;
	cpu_write_msr(MSR_IA32_APIC_BASE, apic_base() | APIC_BASE_X2APIC);
	return true;
}

/* An entry that not all have: the version register has the number of the last one; else 0. */
static uint32_t read_lvt(enum apic_register offset, uint32_t since)
{
	return (apic_read(APIC_VERSION) >> 16 & 0xff) >= since ? apic_read(offset) : 0;
}

static bool apic_timer_runs(void)
{
	const uint32_t first = apic_read(APIC_TIMER_CURRENT);

	for (unsigned int i = 0; i < 10000; i++) {
		if (apic_read(APIC_TIMER_CURRENT) != first)
			return true;
	}
	return false;
}

void apic_read_state(uint64_t *v)
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

/* The timer counts down behind its mask, if the firmware has no use for it. */
void apic_mark(uint64_t run)
{
	if (!(apic_read(APIC_LVT_TIMER) & LVT_MASKED))
		return;
	apic_write(APIC_LVT_TIMER, LVT_MASKED | LVT_PERIODIC | 0xe0);
	apic_write(APIC_TIMER_DIVIDE, 3);
	apic_write(APIC_TIMER_INITIAL, 0x7fff0000 + (uint32_t)run);
}

void apic_restore(const uint64_t *v)
{
	if (!(v[STATE_LVT_TIMER] & LVT_MASKED))
		return;
	apic_write(APIC_TIMER_INITIAL, (uint32_t)v[STATE_TIMER_INITIAL]);
	apic_write(APIC_TIMER_DIVIDE, (uint32_t)v[STATE_TIMER_DIVIDE]);
	apic_write(APIC_LVT_TIMER, (uint32_t)v[STATE_LVT_TIMER]);
}
