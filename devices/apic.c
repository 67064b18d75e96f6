/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's core: requests and their priorities, in-service vectors and their end, messages
 * in and out. Called by vmm/interrupts.c around guest entry, by the I/O APIC's messages, and by the
 * registers (apic_registers.c) and the timer (apic_timer.c).
 */
#include "devices/apic_parts.h"

#include "lib/string.h"

#define ICR_LOGICAL   0x00800u
#define ICR_ASSERT    0x04000u
#define ICR_LEVEL     0x08000u
#define SELF          1u
#define ALL_AND_SELF  2u
#define ALL_BUT_SELF  3u
#define DFR_FLAT      0xfu
#define DFR_CLUSTER   0x0u
#define BROADCAST     0xffu
#define X2_BROADCAST  0xffffffffu
#define SVR_WRITABLE  0x3ffu
#define SVR_RESET     0xffu
#define LVT_MODE_BITS 0x700u

/* The bits of each entry that can be written. SDM vol. 3A figure 'Local Vector Table (LVT)'. */
static const uint32_t lvt_writable[APIC_LVT_COUNT] = {
	[APIC_LVT_TIMER] = 0x600ff | APIC_LVT_MASKED,
	[APIC_LVT_THERMAL] = 0xff | LVT_MODE_BITS | APIC_LVT_MASKED,
	[APIC_LVT_PERFORMANCE] = 0xff | LVT_MODE_BITS | APIC_LVT_MASKED,
	[APIC_LVT_LINT0] = 0xa0ff | LVT_MODE_BITS | APIC_LVT_MASKED,
	[APIC_LVT_LINT1] = 0xa0ff | LVT_MODE_BITS | APIC_LVT_MASKED,
	[APIC_LVT_ERROR] = 0xff | APIC_LVT_MASKED,
};

static int32_t map_highest(const uint64_t *map)
{
	for (int32_t word = APIC_MAP_WORDS - 1; word >= 0; word--) {
		if (map[word] != 0)
			return 64 * word + 63 - __builtin_clzll(map[word]);
	}
	return -1;
}

static bool map_has(const uint64_t *map, uint32_t vector)
{
	return (map[vector / 64] & BIT(vector % 64)) != 0;
}

static void map_put(uint64_t *map, uint32_t vector, bool set)
{
	uint64_t bit = BIT(vector % 64);

	map[vector / 64] = set ? map[vector / 64] | bit : map[vector / 64] & ~bit;
}

void apic_reset(struct apic *apic)
{
	memset(apic->irr, 0, sizeof(apic->irr));
	memset(apic->isr, 0, sizeof(apic->isr));
	memset(apic->tmr, 0, sizeof(apic->tmr));
	apic->request = -1;
	apic->in_service = -1;
	*apic->tpr = 0;
	apic->ldr = 0;
	apic->dfr = ~0u;
	apic->svr = SVR_RESET;
	apic->icr = 0;
	apic->errors = 0;
	apic->esr = 0;
	apic->nmi = false;
	for (unsigned int i = 0; i < APIC_LVT_COUNT; i++)
		apic->lvt[i] = APIC_LVT_MASKED;
	/* The TSC is the processor's, not the APIC's. */
	apic->timer = (struct apic_timer){
		.deadline = APIC_NO_DEADLINE,
		.tsc_offset = apic->timer.tsc_offset,
	};
}

void apic_init(struct apic *apic, uint32_t id, uint32_t *tpr, struct apic_host host)
{
	*apic = (struct apic){
		.host = host,
		.tpr = tpr,
		.base = APIC_BASE | APIC_BASE_ENABLED | APIC_BASE_BSP,
		.id = id,
	};
	apic_reset(apic);
}

/* The processor changes the cell without telling, so nothing derived from it is kept. */
static uint32_t task_priority(const struct apic *apic)
{
	return *(const volatile uint32_t *)apic->tpr & 0xff;
}

/* The vector in service, 0 for none: no class is lower. */
static uint32_t service_priority(const struct apic *apic)
{
	return apic->in_service < 0 ? 0 : (uint32_t)apic->in_service;
}

uint32_t apic_processor_priority(const struct apic *apic)
{
	uint32_t task = task_priority(apic);
	uint32_t service = service_priority(apic) & 0xf0;

	return (task & 0xf0) >= service ? task : service;
}

int apic_pending(const struct apic *apic)
{
	if (apic->request < 0)
		return -1;
	if (((uint32_t)apic->request & 0xf0) <= (apic_processor_priority(apic) & 0xf0))
		return -1;
	return apic->request;
}

unsigned int apic_held_back_class(const struct apic *apic)
{
	uint32_t request = (uint32_t)apic->request >> 4;

	if (apic->request < 0 || request <= service_priority(apic) >> 4)
		return 0;
	return request <= task_priority(apic) >> 4 ? request : 0;
}

void apic_accept(struct apic *apic, uint8_t vector)
{
	map_put(apic->irr, vector, false);
	map_put(apic->isr, vector, true);
	apic->request = map_highest(apic->irr);
	if (vector > apic->in_service)
		apic->in_service = vector;
}

bool apic_take_nmi(struct apic *apic)
{
	bool nmi = apic->nmi;

	apic->nmi = false;
	return nmi;
}

void apic_set_task_priority(struct apic *apic, uint32_t value)
{
	*apic->tpr = value & 0xff;
	if (apic->request >= 0)
		apic_draw_attention(apic);
}

/* SDM vol. 3A 'Signaling Interrupt Servicing Completion'. */
void apic_end_interrupt(struct apic *apic)
{
	int32_t vector = apic->in_service;

	if (vector < 0)
		return;
	map_put(apic->isr, (uint32_t)vector, false);
	apic->in_service = map_highest(apic->isr);
	/* Last, since the I/O APIC may send the same vector again before it returns. */
	if (map_has(apic->tmr, (uint32_t)vector))
		apic->host.end_of_interrupt(apic->host.context, (uint8_t)vector);
	if (apic->request >= 0)
		apic_draw_attention(apic);
}

/* SDM vol. 3A 'Interrupt Acceptance for Fixed Interrupts'. */
static void request(struct apic *apic, uint8_t vector, bool level)
{
	if (!apic_is_software_enabled(apic))
		return;
	if (vector < APIC_FIRST_VECTOR) {
		apic_report_error(apic, APIC_ERROR_RECEIVE_VECTOR);
		return;
	}
	map_put(apic->tmr, vector, level);
	if (map_has(apic->irr, vector))
		return;
	map_put(apic->irr, vector, true);
	if (vector > apic->request)
		apic->request = vector;
	apic_draw_attention(apic);
}

/* SDM vol. 3A 'Error Handling': the write of the ESR arms the error interrupt again. */
void apic_report_error(struct apic *apic, uint32_t error)
{
	bool first = apic->errors == 0;

	apic->errors |= error;
	if (first)
		apic_raise_lvt(apic, APIC_LVT_ERROR);
}

void apic_raise_lvt(struct apic *apic, enum apic_lvt which)
{
	if (!(apic->lvt[which] & APIC_LVT_MASKED))
		request(apic, (uint8_t)apic->lvt[which], false);
}

/*
 * A level message that a software-disabled APIC drops leaves the I/O APIC's remote IRR set, as in
 * KVM; the guest clears it by the trigger mode or the I/O APIC's EOI register.
 */
void apic_deliver(struct apic *apic, enum apic_delivery_mode mode, uint8_t vector, bool level)
{
	if (!apic_is_enabled(apic))
		return;
	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST_PRIORITY: request(apic, vector, level); break;
	case APIC_NMI:
		apic->nmi = true;
		apic_draw_attention(apic);
		break;
	default:
		log_limited(&apic->limits.message, LOG_WARN, "apic",
			"message with delivery mode %u, vector 0x%x: ignored", mode, vector);
		break;
	}
}

uint32_t apic_logical_id(const struct apic *apic)
{
	if (!apic_is_x2(apic))
		return apic->ldr;
	/* SDM vol. 3A 'Deriving Logical x2APIC ID from the Local x2APIC ID'. */
	return (apic->id & 0xffff0) << 12 | 1u << (apic->id & 0xf);
}

/* SDM vol. 3A 'Logical Destination Mode'. */
static bool matches_logical(const struct apic *apic, uint32_t destination)
{
	uint32_t id = apic_logical_id(apic);
	bool same_cluster;

	if (apic_is_x2(apic))
		return (destination ^ id) >> 16 == 0 && (destination & id & 0xffff) != 0;
	id >>= 24;
	if (apic->dfr >> 28 == DFR_FLAT)
		return destination <= 0xff && (destination & id) != 0;
	same_cluster = destination >> 4 == id >> 4;
	return apic->dfr >> 28 == DFR_CLUSTER && same_cluster && (destination & id & 0xf) != 0;
}

/* 0xff means everybody in x2APIC mode too: that is all an I/O APIC can say. */
bool apic_matches(const struct apic *apic, uint32_t destination, bool logical)
{
	if (destination == X2_BROADCAST)
		return true;
	if (logical)
		return matches_logical(apic, destination) ||
		       (destination == BROADCAST && !apic_is_x2(apic));
	return destination == BROADCAST || destination == apic->id;
}

static bool ipi_is_for_self(const struct apic *apic)
{
	uint32_t destination = (uint32_t)(apic->icr >> (apic_is_x2(apic) ? 32 : 56));

	switch (apic->icr >> 18 & 3) {
	case SELF:
	case ALL_AND_SELF: return true;
	case ALL_BUT_SELF: return false;
	default: return apic_matches(apic, destination, (apic->icr & ICR_LOGICAL) != 0);
	}
}

/* An illegal vector to oneself is an error of both ends. */
void apic_send_self(struct apic *apic, uint8_t vector)
{
	if (vector < APIC_FIRST_VECTOR)
		apic_report_error(apic, APIC_ERROR_SEND_VECTOR);
	request(apic, vector, false);
}

/*
 * SDM vol. 3A 'Issuing Interprocessor Interrupts'. There is one processor: what is for others goes
 * nowhere, an INIT or start-up of this one is ignored. The trigger mode counts for INIT alone.
 */
void apic_send_ipi(struct apic *apic)
{
	enum apic_delivery_mode mode = (enum apic_delivery_mode)(apic->icr >> 8 & 7);
	bool fixed = mode == APIC_FIXED || mode == APIC_LOWEST_PRIORITY;
	uint8_t vector = (uint8_t)apic->icr;

	if (mode == APIC_INIT && (apic->icr & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL)
		return; /* INIT level de-assert: nothing since the Pentium 4 */
	if (fixed && ipi_is_for_self(apic))
		apic_send_self(apic, vector);
	else if (fixed && vector < APIC_FIRST_VECTOR)
		apic_report_error(apic, APIC_ERROR_SEND_VECTOR);
	else if (!fixed && (mode != APIC_NMI || ipi_is_for_self(apic)))
		apic_deliver(apic, mode, vector, false);
}

/* SDM vol. 3A 'Local APIC State After It Has Been Software Disabled'. */
void apic_set_spurious(struct apic *apic, uint32_t value)
{
	/* What the timer was due to request before this is not lost by it. */
	apic_expire(apic, apic->host.now(apic->host.context));
	apic->svr = value & SVR_WRITABLE;
	for (unsigned int i = 0; i < APIC_LVT_COUNT && !apic_is_software_enabled(apic); i++)
		apic_set_lvt(apic, i, apic->lvt[i]);
}

void apic_set_lvt(struct apic *apic, enum apic_lvt which, uint32_t value)
{
	value &= lvt_writable[which];
	if (!apic_is_software_enabled(apic))
		value |= APIC_LVT_MASKED;
	if (which == APIC_LVT_TIMER)
		apic_timer_set_lvt(apic, value);
	else
		apic->lvt[which] = value;
}
