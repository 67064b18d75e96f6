/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of one virtual processor: priorities, in-service and request registers, LVT and
 * timer, as xAPIC (a page of registers on the MMIO bus) and as x2APIC (MSRs). Hardware-free: time
 * comes in as TSC values, interrupts go out by apic_pending and apic_accept, which vmm/interrupts.c
 * asks before it enters the guest. SDM vol. 3A 'Advanced Programmable Interrupt Controller (APIC)'.
 */
#ifndef DEVICES_APIC_H
#define DEVICES_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "lib/bits.h"
#include "lib/log.h"

#define APIC_BASE 0xfee00000ull
#define APIC_SIZE 0x1000ull

#define APIC_NO_DEADLINE (~0ull)

#define APIC_MAP_WORDS 4 /* 256 vectors, one bit each */

#define APIC_BASE_ENABLED BIT(11) /* of IA32_APIC_BASE */

#define MSR_APIC_BASE         0x1bu
#define MSR_APIC_TSC_DEADLINE 0x6e0u
#define MSR_APIC_X2_FIRST     0x800u
#define MSR_APIC_X2_LAST      0x8ffu

enum apic_delivery_mode {
	APIC_FIXED = 0,
	APIC_LOWEST_PRIORITY = 1,
	APIC_SMI = 2,
	APIC_NMI = 4,
	APIC_INIT = 5,
	APIC_STARTUP = 6,
	APIC_EXTINT = 7,
};

/* What the APIC needs from its surroundings. */
struct apic_host {
	uint64_t (*now)(void *context);   /* the guest's TSC */
	void (*attention)(void *context); /* a request, the timer or the priority has changed */
	void (*end_of_interrupt)(void *context, uint8_t vector); /* to the I/O APIC, level only */
	void *context;
};

/* The local vector table, in the order of its registers from 0x320 on. */
enum apic_lvt {
	APIC_LVT_TIMER,
	APIC_LVT_THERMAL,
	APIC_LVT_PERFORMANCE,
	APIC_LVT_LINT0,
	APIC_LVT_LINT1,
	APIC_LVT_ERROR,
	APIC_LVT_COUNT,
};

/* SDM vol. 3A 'APIC Timer'. */
struct apic_timer {
	uint32_t initial;      /* initial count; 0 in TSC-deadline mode */
	uint32_t divide;       /* the divide configuration register */
	uint64_t deadline;     /* when it fires next, in TSC ticks, or APIC_NO_DEADLINE */
	uint64_t tsc_deadline; /* IA32_TSC_DEADLINE: 0 unless armed in TSC-deadline mode */
	uint64_t tsc_offset;   /* the guest's TSC, which that is compared with, less the TSC */
};

/* One struct a kind of message. */
struct apic_log_limits {
	struct log_limit access;
	struct log_limit message;
	struct log_limit base;
};

struct apic {
	struct apic_host host;
	uint32_t *tpr;
	uint64_t base;      /* IA32_APIC_BASE */
	int32_t request;    /* the highest vector in irr, or -1 */
	int32_t in_service; /* the highest vector in isr, or -1 */
	uint64_t irr[APIC_MAP_WORDS];
	uint64_t isr[APIC_MAP_WORDS];
	uint64_t tmr[APIC_MAP_WORDS]; /* set: level, its EOI goes to the I/O APIC */
	uint32_t id;
	uint32_t ldr; /* of xAPIC mode */
	uint32_t dfr;
	uint32_t svr;
	uint64_t icr;
	uint32_t errors; /* seen since the last write of the ESR */
	uint32_t esr;    /* what it reads */
	uint32_t lvt[APIC_LVT_COUNT];
	bool nmi;
	struct apic_timer timer;
	/*
	 * The shortest period, in TSC ticks, at which a periodic timer interrupts; one that is
	 * set shorter skips beats and stays in phase. 0, as apic_init leaves it: no limit.
	 */
	uint64_t min_period;
	struct apic_log_limits limits;
};

/*
 * As after reset: software-disabled, xAPIC mode, bootstrap processor. tpr: 32 bits where the task
 * priority lives (bits 7:0), so that the processor's TPR shadow and the register are one. The timer
 * counts at the TSC's rate, divided as its divide configuration says. All of host must be there.
 */
void apic_init(struct apic *apic, uint32_t id, uint32_t *tpr, struct apic_host host);

/* Whether IA32_APIC_BASE has it switched on; CPUID shows an APIC only then. */
static inline bool apic_is_enabled(const struct apic *apic)
{
	return (apic->base & APIC_BASE_ENABLED) != 0;
}

/* The page of xAPIC registers, for the MMIO bus; aligned 32-bit accesses only. */
extern const struct bus_ops apic_ops;

/*
 * RDMSR and WRMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800-0x8ff. False: #GP. SDM vol. 3A
 * 'Extended XAPIC (x2APIC)'.
 */
bool apic_read_msr(struct apic *apic, uint32_t msr, uint64_t *value);
bool apic_write_msr(struct apic *apic, uint32_t msr, uint64_t value);

/*
 * An interrupt message arrives, from the I/O APIC or another processor. SMI, INIT, start-up and
 * ExtINT are logged and dropped: one processor, which runs already, and no 8259 that delivers.
 */
void apic_deliver(struct apic *apic, enum apic_delivery_mode mode, uint8_t vector, bool level);

/* Whether a message with this destination is for this APIC (physical, logical flat and cluster). */
bool apic_matches(const struct apic *apic, uint32_t destination, bool logical);

/*
 * The vector of highest priority that is requested and above the processor priority, or -1. It
 * stays requested until apic_accept.
 */
int apic_pending(const struct apic *apic);
/* The processor takes it: IRR to ISR. */
void apic_accept(struct apic *apic, uint8_t vector);

/* What was delivered as NMI since the last call. */
bool apic_take_nmi(struct apic *apic);

/*
 * When nothing is pending but the task priority alone holds a request back: the request's class
 * (1..15), for the TPR threshold, else 0.
 */
unsigned int apic_held_back_class(const struct apic *apic);

/*
 * When the timer requests its next interrupt, as a TSC value, or APIC_NO_DEADLINE; and: it is now,
 * make it so (nothing happens before the deadline). However many periods have passed, one call is
 * one interrupt, in constant time, and the next deadline lies after now.
 */
uint64_t apic_deadline(const struct apic *apic);
void apic_expire(struct apic *apic, uint64_t now);

/* From now on the guest's TSC, and so IA32_TSC_DEADLINE, is ahead of the TSC by offset (mod 2^64).
 */
void apic_set_tsc_offset(struct apic *apic, uint64_t offset);

/* Whether anything could ever request an interrupt of its own: an armed, unmasked timer. */
bool apic_timer_is_armed(const struct apic *apic);

#endif
