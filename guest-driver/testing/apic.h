/* SPDX-License-Identifier: MIT */
/*
 * The local APIC and the I/O APIC as a test guest uses them. SDM vol. 3A 'Advanced Programmable
 * Interrupt Controller (APIC)'; Intel's 82093AA data sheet.
 */
#ifndef GUEST_DRIVER_TESTING_APIC_H
#define GUEST_DRIVER_TESTING_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Offsets in the xAPIC's page; x2APIC has them as MSR 0x800 + offset / 16. SDM table 11-6. */
enum apic_register {
	APIC_ID = 0x020,
	APIC_VERSION = 0x030,
	APIC_TPR = 0x080,
	APIC_PPR = 0x0a0,
	APIC_EOI = 0x0b0,
	APIC_LDR = 0x0d0,
	APIC_DFR = 0x0e0,
	APIC_SVR = 0x0f0,
	APIC_ISR = 0x100, /* and TMR, IRR: 8 registers of 32 vectors each, 0x10 apart */
	APIC_TMR = 0x180,
	APIC_IRR = 0x200,
	APIC_ESR = 0x280,
	APIC_ICR_LOW = 0x300, /* x2APIC: all 64 bits */
	APIC_ICR_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_COUNTERS = 0x340,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
	APIC_SELF_IPI = 0x3f0, /* x2APIC only */
};

#define APIC_SVR_ENABLED        0x100u
#define APIC_LVT_MASKED         0x10000u
#define APIC_LVT_PERIODIC       0x20000u
#define APIC_LVT_TSC_DEADLINE   0x40000u
#define APIC_ICR_SELF           0x40000u /* destination shorthand */
#define APIC_ICR_LOGICAL        0x00800u
#define APIC_ICR_DELIVERY       0x01000u /* pending */
#define APIC_DIVIDE_BY_1        0xbu
#define APIC_DIVIDE_BY_128      0xau
#define APIC_ESR_SEND_ILLEGAL   0x20u
#define APIC_ESR_ACCEPT_ILLEGAL 0x40u

#define APIC_SPURIOUS_VECTOR 0xffu

/* Switches the APIC on, as xAPIC or x2APIC; everything masked, priority 0, nothing in service. */
void apic_init(bool x2apic);

/* CPUID leaf 1. */
bool apic_has_x2apic(void);
bool apic_has_tsc_deadline(void);

uint32_t apic_read(enum apic_register offset);
void apic_write(enum apic_register offset, uint32_t value);

/* Whether the bit of a vector is set in ISR, TMR or IRR. */
bool apic_bit(enum apic_register bitmap, uint8_t vector);

/* How many vectors are set in ISR or IRR. */
unsigned int apic_bits(enum apic_register bitmap);

void apic_end_of_interrupt(void);

/* This processor's id, as an interrupt's destination has it. */
uint32_t apic_id(void);

/* Sends this processor an interrupt. */
void apic_send_self(uint8_t vector);

/* The I/O APIC's redirection: line 0 to 23 to this processor. */
#define IO_APIC_LINES      24u
#define IO_APIC_MASKED     0x10000u
#define IO_APIC_LEVEL      0x8000u
#define IO_APIC_REMOTE_IRR 0x4000u
#define IO_APIC_ACTIVE_LOW 0x2000u

uint32_t io_apic_read(uint32_t number);
void io_apic_write(uint32_t number, uint32_t value);

/* Flags: IO_APIC_LEVEL, IO_APIC_MASKED. */
void io_apic_route(uint32_t line, uint8_t vector, uint32_t flags);
uint32_t io_apic_entry(uint32_t line);

#endif
