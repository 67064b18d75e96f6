/* SPDX-License-Identifier: MIT */
/*
 * What the local APIC's files know of each other: apic.c (requests, priorities, messages),
 * apic_timer.c and apic_registers.c (the page and the MSRs). Nobody else includes it.
 */
#ifndef DEVICES_APIC_PARTS_H
#define DEVICES_APIC_PARTS_H

#include "devices/apic.h"
#include "lib/bits.h"

/* IA32_APIC_BASE. SDM vol. 3A 'Local APIC Status and Location', 'x2APIC Register Address Space'. */
#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_X2  BIT(10)

/* The registers, by their offset in the page / 16, which is also their MSR - 0x800. */
enum apic_register {
	APIC_ID = 0x02,
	APIC_VERSION = 0x03,
	APIC_TPR = 0x08,
	APIC_APR = 0x09,
	APIC_PPR = 0x0a,
	APIC_EOI = 0x0b,
	APIC_RRD = 0x0c,
	APIC_LDR = 0x0d,
	APIC_DFR = 0x0e,
	APIC_SVR = 0x0f,
	APIC_ISR = 0x10, /* eight each */
	APIC_TMR = 0x18,
	APIC_IRR = 0x20,
	APIC_ESR = 0x28,
	APIC_ICR_LOW = 0x30,
	APIC_ICR_HIGH = 0x31,
	APIC_LVT = 0x32, /* APIC_LVT_COUNT, in the order of enum apic_lvt */
	APIC_INITIAL_COUNT = 0x38,
	APIC_CURRENT_COUNT = 0x39,
	APIC_DIVIDE = 0x3e,
	APIC_SELF_IPI = 0x3f,
	APIC_REGISTERS = 0x40,
};

/* SDM vol. 3A 'Spurious Interrupt'. */
#define APIC_SVR_ENABLED 0x100u

/* SDM vol. 3A 'Error Handling'. */
#define APIC_ERROR_SEND_VECTOR    0x20u
#define APIC_ERROR_RECEIVE_VECTOR 0x40u
#define APIC_ERROR_REGISTER       0x80u

/* SDM vol. 3A 'Local Vector Table'. */
#define APIC_LVT_STATUS     0x01000u
#define APIC_LVT_REMOTE_IRR 0x04000u
#define APIC_LVT_MASKED     0x10000u
#define APIC_LVT_MODE_SHIFT 17

enum apic_timer_mode {
	APIC_TIMER_ONE_SHOT = 0,
	APIC_TIMER_PERIODIC = 1,
	APIC_TIMER_TSC_DEADLINE = 2,
};

/* Vectors below are exceptions, and illegal in messages. */
#define APIC_FIRST_VECTOR 16u

static inline bool apic_is_x2(const struct apic *apic)
{
	return (apic->base & APIC_BASE_X2) != 0;
}

static inline bool apic_is_software_enabled(const struct apic *apic)
{
	return (apic->svr & APIC_SVR_ENABLED) != 0;
}

static inline void apic_draw_attention(const struct apic *apic)
{
	apic->host.attention(apic->host.context);
}

/* All registers as after power-up, in the mode and with the ID that it has. */
void apic_reset(struct apic *apic);

/* The processor priority register. SDM vol. 3A 'Task and Processor Priorities'. */
uint32_t apic_processor_priority(const struct apic *apic);

/* The logical destination register, derived from the ID in x2APIC mode. */
uint32_t apic_logical_id(const struct apic *apic);

void apic_set_task_priority(struct apic *apic, uint32_t value);
void apic_end_interrupt(struct apic *apic);
void apic_set_spurious(struct apic *apic, uint32_t value);
void apic_set_lvt(struct apic *apic, enum apic_lvt which, uint32_t value);

/* Notes an error, and raises the error interrupt if it is the first since the ESR was written. */
void apic_report_error(struct apic *apic, uint32_t error);

/* A local source fires; nothing happens while its entry is masked. */
void apic_raise_lvt(struct apic *apic, enum apic_lvt which);

/* Sends what the ICR says; the SELF IPI register. */
void apic_send_ipi(struct apic *apic);
void apic_send_self(struct apic *apic, uint8_t vector);

/* LVT timer entry (reserved bits are clear), the other registers, and IA32_TSC_DEADLINE. */
void apic_timer_set_lvt(struct apic *apic, uint32_t value);
void apic_timer_set_initial(struct apic *apic, uint32_t count);
void apic_timer_set_divide(struct apic *apic, uint32_t divide);
uint32_t apic_timer_count(const struct apic *apic);
void apic_timer_set_tsc_deadline(struct apic *apic, uint64_t deadline);
uint64_t apic_timer_tsc_deadline(struct apic *apic);

#endif
