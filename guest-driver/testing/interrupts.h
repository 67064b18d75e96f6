/* SPDX-License-Identifier: MIT */
/*
 * Interrupts in a 64-bit test guest: an IDT of all 256 vectors, the first 32 of which stay what
 * guest-driver/testing/exceptions.h makes of them, and a handler in C for each of the others. An
 * interrupt without a handler ends the guest with a report.
 */
#ifndef GUEST_DRIVER_TESTING_INTERRUPTS_H
#define GUEST_DRIVER_TESTING_INTERRUPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERRUPT_FIRST       32u /* the vectors below are exceptions */
#define INTERRUPT_EXIT_STATUS 99  /* of a guest that an unexpected interrupt ended */

/* As interrupts.asm and the processor push it. */
struct interrupt_frame {
	uint64_t vector;
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(offsetof(struct interrupt_frame, ss) == 5 * 8, "interrupts.asm pushes it");

/* Runs with interrupts off; whether and when to send an EOI is its own affair. */
typedef void interrupt_handler(const struct interrupt_frame *frame, void *context);

/* Loads the IDT, and masks the 8259s. After exceptions_init; interrupts stay off. */
void interrupts_init(void);

/* Null takes a handler away. */
void interrupts_set_handler(uint8_t vector, interrupt_handler *handler, void *context);

/* Called for each interrupt: guest-driver/testing/interrupts.asm. */
void interrupts_handle(const struct interrupt_frame *frame);

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/* Lets in, for one instruction, whatever waits: the NOP ends STI's shadow. */
static inline void interrupts_window(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

/*
 * With interrupts off: halts until one comes, takes it, and returns with them off. None can come
 * between STI and HLT.
 */
static inline void interrupts_halt(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

#endif
