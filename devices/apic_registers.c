/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's registers, as the guest reaches them: the page of xAPIC mode on the MMIO bus,
 * the MSRs of x2APIC mode, and the modes themselves (IA32_APIC_BASE). SDM vol. 3A 'Local APIC
 * Register Address Map', 'x2APIC Register Address Space'.
 */
#include "devices/apic_parts.h"

/* Six LVT entries (no CMCI), integrated APIC, EOI broadcasts cannot be suppressed. */
#define VERSION ((APIC_LVT_COUNT - 1) << 16 | 0x14u)

#define BASE_MODE     (APIC_BASE_ENABLED | APIC_BASE_X2)
#define ICR_LOW_BITS  0xccfffu
#define ICR_STATUS    0x1000u
#define DFR_ONES      0x0fffffffu
#define DESTINATION_8 0xff000000u

/* Which way a register exists. */
enum access {
	PAGE = 1,       /* in the page */
	PAGE_WRITE = 2, /* and a write there does something */
	MSR_READ = 4,
	MSR_WRITE = 8,
	READ_ONLY = PAGE | MSR_READ,
	WRITE_ONLY = PAGE | PAGE_WRITE | MSR_WRITE,
	READ_WRITE = PAGE | PAGE_WRITE | MSR_READ | MSR_WRITE,
};

struct register_kind {
	uint8_t access;
	uint32_t valid; /* the bits that a WRMSR may set; those that are read-only count as valid */
};

#define LVT_VALID (0xffu | APIC_LVT_STATUS | APIC_LVT_MASKED)

static const struct register_kind kinds[APIC_REGISTERS] = {
	[APIC_ID] = { READ_ONLY, 0 },
	[APIC_VERSION] = { READ_ONLY, 0 },
	[APIC_TPR] = { READ_WRITE, 0xff },
	[APIC_APR] = { PAGE, 0 }, /* since the Pentium 4 without use: 0, like the next but two */
	[APIC_PPR] = { READ_ONLY, 0 },
	[APIC_EOI] = { WRITE_ONLY, 0 },
	[APIC_RRD] = { PAGE, 0 },
	[APIC_LDR] = { READ_ONLY | PAGE_WRITE, 0 },
	[APIC_DFR] = { PAGE | PAGE_WRITE, 0 },
	[APIC_SVR] = { READ_WRITE, 0x3ff },
	[APIC_ISR... APIC_ISR + 7] = { READ_ONLY, 0 },
	[APIC_TMR... APIC_TMR + 7] = { READ_ONLY, 0 },
	[APIC_IRR... APIC_IRR + 7] = { READ_ONLY, 0 },
	[APIC_ESR] = { READ_WRITE, 0 },
	[APIC_ICR_LOW] = { READ_WRITE, ICR_LOW_BITS | ICR_STATUS },
	[APIC_ICR_HIGH] = { PAGE | PAGE_WRITE, 0 },
	[APIC_LVT + APIC_LVT_TIMER] = { READ_WRITE, 0x60000 | LVT_VALID },
	[APIC_LVT + APIC_LVT_THERMAL] = { READ_WRITE, 0x700 | LVT_VALID },
	[APIC_LVT + APIC_LVT_PERFORMANCE] = { READ_WRITE, 0x700 | LVT_VALID },
	[APIC_LVT + APIC_LVT_LINT0] = { READ_WRITE, 0xa700 | APIC_LVT_REMOTE_IRR | LVT_VALID },
	[APIC_LVT + APIC_LVT_LINT1] = { READ_WRITE, 0xa700 | APIC_LVT_REMOTE_IRR | LVT_VALID },
	[APIC_LVT + APIC_LVT_ERROR] = { READ_WRITE, LVT_VALID },
	[APIC_INITIAL_COUNT] = { READ_WRITE, ~0u },
	[APIC_CURRENT_COUNT] = { READ_ONLY, 0 },
	[APIC_DIVIDE] = { READ_WRITE, 0xb },
	[APIC_SELF_IPI] = { MSR_WRITE, 0xff },
};

/* The 32 vectors that one of a map's eight registers shows. */
static uint32_t map_part(const uint64_t *map, unsigned int part)
{
	return (uint32_t)(map[part / 2] >> (32 * (part % 2)));
}

static uint32_t read_register(const struct apic *apic, unsigned int index)
{
	switch (index) {
	case APIC_ID: return apic_is_x2(apic) ? apic->id : apic->id << 24;
	case APIC_VERSION: return VERSION;
	case APIC_TPR: return *apic->tpr & 0xff;
	case APIC_PPR: return apic_processor_priority(apic);
	case APIC_LDR: return apic_logical_id(apic);
	case APIC_DFR: return apic->dfr;
	case APIC_SVR: return apic->svr;
	case APIC_ISR ... APIC_ISR + 7: return map_part(apic->isr, index - APIC_ISR);
	case APIC_TMR ... APIC_TMR + 7: return map_part(apic->tmr, index - APIC_TMR);
	case APIC_IRR ... APIC_IRR + 7: return map_part(apic->irr, index - APIC_IRR);
	case APIC_ESR: return apic->esr;
	case APIC_ICR_LOW: return (uint32_t)apic->icr;
	case APIC_ICR_HIGH: return (uint32_t)(apic->icr >> 32);
	case APIC_LVT ... APIC_LVT + APIC_LVT_COUNT - 1: return apic->lvt[index - APIC_LVT];
	case APIC_INITIAL_COUNT: return apic->timer.initial;
	case APIC_CURRENT_COUNT: return apic_timer_count(apic);
	case APIC_DIVIDE: return apic->timer.divide;
	default: return 0;
	}
}

/* high is of the ICR alone: its destination. Reserved bits in low are dropped. */
static void write_icr(struct apic *apic, uint32_t low, uint32_t high)
{
	apic->icr = (uint64_t)high << 32 | (low & ICR_LOW_BITS);
	apic_send_ipi(apic);
}

static void write_register(struct apic *apic, unsigned int index, uint32_t value)
{
	switch (index) {
	case APIC_TPR: apic_set_task_priority(apic, value); break;
	case APIC_EOI: apic_end_interrupt(apic); break;
	case APIC_LDR: apic->ldr = value & DESTINATION_8; break;
	case APIC_DFR: apic->dfr = value | DFR_ONES; break;
	case APIC_SVR: apic_set_spurious(apic, value); break;
	case APIC_ESR:
		apic->esr = apic->errors;
		apic->errors = 0;
		break;
	case APIC_ICR_LOW: write_icr(apic, value, (uint32_t)(apic->icr >> 32)); break;
	case APIC_ICR_HIGH:
		apic->icr = (uint64_t)(value & DESTINATION_8) << 32 | (uint32_t)apic->icr;
		break;
	case APIC_LVT ... APIC_LVT + APIC_LVT_COUNT - 1:
		apic_set_lvt(apic, index - APIC_LVT, value);
		break;
	case APIC_INITIAL_COUNT: apic_timer_set_initial(apic, value); break;
	case APIC_DIVIDE: apic_timer_set_divide(apic, value); break;
	case APIC_SELF_IPI: apic_send_self(apic, (uint8_t)value); break;
	default: break;
	}
}

/*
 * Whether the page has a register for this access. Registers are 32 bits wide, 16 bytes apart, and
 * taken whole: anything else is undefined by the SDM, and answered as by nobody.
 */
static bool access_is_whole(struct apic *apic, uint64_t offset, unsigned int width)
{
	if ((apic->base & BASE_MODE) != APIC_BASE_ENABLED)
		return false;
	if (width == 4 && offset % 16 == 0)
		return true;
	log_limited(&apic->limits.access, LOG_WARN, "apic",
		"%u-byte access at 0x%lx: registers are 4 bytes, 16 apart", width,
		(unsigned long)(APIC_BASE + offset));
	return false;
}

static bool register_is_in_page(struct apic *apic, uint64_t offset)
{
	uint64_t index = offset / 16;

	if (index < APIC_REGISTERS && (kinds[index].access & PAGE))
		return true;
	apic_report_error(apic, APIC_ERROR_REGISTER);
	return false;
}

static uint64_t apic_page_read(void *device, uint64_t offset, unsigned int width)
{
	struct apic *apic = device;

	if (!access_is_whole(apic, offset, width))
		return width_mask(width);
	return register_is_in_page(apic, offset) ? read_register(apic, (unsigned int)offset / 16)
						 : 0;
}

static void apic_page_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	struct apic *apic = device;

	if (!access_is_whole(apic, offset, width))
		return;
	/* One for each interrupt: by the shortest way. */
	if (offset == 16 * APIC_EOI)
		apic_end_interrupt(apic);
	else if (register_is_in_page(apic, offset) && (kinds[offset / 16].access & PAGE_WRITE))
		write_register(apic, (unsigned int)offset / 16, (uint32_t)value);
}

const struct bus_ops apic_ops = { .read = apic_page_read, .write = apic_page_write };

/* SDM vol. 3A 'x2APIC State Transitions'. The page lies where it lies: another base is refused. */
static bool write_base(struct apic *apic, uint64_t value)
{
	uint64_t before = apic->base & BASE_MODE;
	uint64_t mode = value & BASE_MODE;

	if ((value & ~(BASE_MODE | APIC_BASE_BSP)) != APIC_BASE) {
		log_limited(&apic->limits.base, LOG_WARN, "apic",
			"IA32_APIC_BASE = 0x%lx: only the base 0x%lx is supported",
			(unsigned long)value, (unsigned long)APIC_BASE);
		return false;
	}
	if (mode == APIC_BASE_X2 || (mode == BASE_MODE && before == 0) ||
		(mode == APIC_BASE_ENABLED && before == BASE_MODE))
		return false;
	if (mode == 0)
		apic_reset(apic);
	/* The destination's meaning changes with the mode. */
	if (mode != before)
		apic->icr = (uint32_t)apic->icr;
	apic->base = value;
	apic_draw_attention(apic);
	return true;
}

static bool read_x2(const struct apic *apic, uint32_t index, uint64_t *value)
{
	if (!apic_is_x2(apic) || index >= APIC_REGISTERS || !(kinds[index].access & MSR_READ))
		return false;
	*value = index == APIC_ICR_LOW ? apic->icr : read_register(apic, index);
	return true;
}

static bool write_x2(struct apic *apic, uint32_t index, uint64_t value)
{
	uint64_t valid;

	if (!apic_is_x2(apic) || index >= APIC_REGISTERS || !(kinds[index].access & MSR_WRITE))
		return false;
	valid = kinds[index].valid;
	if (index == APIC_ICR_LOW)
		valid |= ~0ull << 32;
	if ((value & ~valid) != 0)
		return false;
	if (index == APIC_ICR_LOW)
		write_icr(apic, (uint32_t)value, (uint32_t)(value >> 32));
	else
		write_register(apic, index, (uint32_t)value);
	return true;
}

bool apic_read_msr(struct apic *apic, uint32_t msr, uint64_t *value)
{
	if (msr >= MSR_APIC_X2_FIRST && msr <= MSR_APIC_X2_LAST)
		return read_x2(apic, msr - MSR_APIC_X2_FIRST, value);
	if (msr == MSR_APIC_TSC_DEADLINE)
		*value = apic_timer_tsc_deadline(apic);
	else if (msr == MSR_APIC_BASE)
		*value = apic->base;
	else
		return false;
	return true;
}

bool apic_write_msr(struct apic *apic, uint32_t msr, uint64_t value)
{
	if (msr >= MSR_APIC_X2_FIRST && msr <= MSR_APIC_X2_LAST)
		return write_x2(apic, msr - MSR_APIC_X2_FIRST, value);
	if (msr == MSR_APIC_BASE)
		return write_base(apic, value);
	if (msr != MSR_APIC_TSC_DEADLINE)
		return false;
	apic_timer_set_tsc_deadline(apic, value);
	return true;
}
