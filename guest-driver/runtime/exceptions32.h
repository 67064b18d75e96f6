/* SPDX-License-Identifier: MIT */
/*
 * Exceptions for 32-bit guests in protected mode, paging on or off: an IDT for vectors 0 to 31, and
 * two ways to meet an exception that a test expects. Whatever else comes is printed, with status
 * EXCEPTION32_STATUS. Called by the test guests in tests32/.
 */
#ifndef GUEST_DRIVER_RUNTIME_EXCEPTIONS32_H
#define GUEST_DRIVER_RUNTIME_EXCEPTIONS32_H

#include <stdbool.h>
#include <stdint.h>

/* Flat segments of the runtime's GDT; a GDT of a test's own must have them in the same places. */
#define EXCEPTION32_CODE 0x08
#define EXCEPTION32_DATA 0x10

#define EXCEPTION32_NONE   256u /* of exception32_try: there was none */
#define EXCEPTION32_STATUS 98   /* of a run that an unexpected exception ended */

/* What the stack holds when the C side sees it, by exceptions32.asm; up to eflags always. */
struct exception32 {
	uint32_t es, ds;
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t vector, error; /* error: 0 where the vector has no error code */
	uint32_t eip, cs, eflags;
	uint32_t user_esp, user_ss; /* from another privilege level only */
};
_Static_assert(sizeof(struct exception32) == 17 * 4, "exceptions32.asm pushes it");

struct idt_gate32 {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t type; /* the upper byte of it */
	uint16_t offset_high;
};

#define GATE32_INTERRUPT 0x8e00u /* present, ring 0, 32-bit interrupt gate */
#define GATE32_TASK      0x8500u

/* Loads the IDT; again after it was replaced. */
void exceptions32_load(void);

/* One gate of it, vector 0 to 63. The first 32 are set by exceptions32_load. */
void exceptions32_set_gate(uint32_t vector, uint16_t type, uint16_t selector, uint32_t offset);

/*
 * Calls function(argument) and returns EXCEPTION32_NONE, or at an exception in it its vector:
 * exception32_last is what was found, the flat segments are back in place. Not nested.
 */
uint32_t exception32_try(void (*function)(void *argument), void *argument);
extern struct exception32 exception32_last;
extern uint32_t exception32_cr2;

/*
 * Asked first, at every exception, when set: true goes on with what *frame says then. Null ends it.
 */
void exception32_set_hook(bool (*hook)(struct exception32 *frame));

/* Of exceptions32.asm. */
extern const uint32_t exception32_stubs[32];
extern uint32_t exception32_try_esp;
_Noreturn void exception32_unwind(uint32_t vector);
void exception32_dispatch(struct exception32 *frame);

#endif
