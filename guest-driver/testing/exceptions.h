/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in a 64-bit test guest: an IDT whose gates all lead, on a stack of their own, to one
 * handler. What an exception means is said beforehand: the end of a TRY_INSTRUCTION, or of a run of
 * guest-driver/testing/execute.h; any other ends the test guest with a report.
 */
#ifndef GUEST_DRIVER_TESTING_EXCEPTIONS_H
#define GUEST_DRIVER_TESTING_EXCEPTIONS_H

#include <stddef.h>
#include <stdint.h>

#define EXCEPTION_NONE        0x100u /* no vector */
#define EXCEPTION_EXIT_STATUS 98     /* of a guest that an unexpected exception ended */

/* Selectors of the segments that exceptions_init leaves in the GDT. */
enum {
	SELECTOR_CODE = 0x08,
	SELECTOR_DATA = 0x10,
	SELECTOR_USER_DATA = 0x1b,
	SELECTOR_USER_CODE = 0x23,
	SELECTOR_TSS = 0x28,
};

/* As guest-driver/testing/exceptions.asm stores it: registers in encoding order, then the frame. */
struct exception_frame {
	uint64_t registers[16];
	uint64_t vector;
	uint64_t error_code; /* 0 for vectors without one */
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(offsetof(struct exception_frame, ss) == 22 * 8, "exceptions.asm pushes it");

/* What is known of an exception; vector is EXCEPTION_NONE where there was none. */
struct exception {
	unsigned int vector;
	uint64_t error_code;
	uint64_t rip, cs, rflags, rsp; /* as pushed */
	uint64_t cr2, dr6;
};

/* Loads GDT, TSS and IDT. Before everything else of this header. */
void exceptions_init(void);

/* Sends the events of one vector to an address of the guest's choice, or lets them use its stack.
 */
void exceptions_set_handler(unsigned int vector, uint64_t handler);
void exceptions_use_current_stack(unsigned int vector);

/* The IDT itself, for guests that move it. */
struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));
struct table_register exceptions_idt(void);

/*
 * For inline assembly: where an exception in the instruction goes on, and the end of that. The last
 * exception is asked for, and forgotten, by exceptions_take.
 */
extern volatile uint64_t exceptions_resume_at;
#define TRY_INSTRUCTION(text)                              \
	"movq $771f, exceptions_resume_at(%%rip)\n\t" text \
	"\n771:\n\tmovq $0, exceptions_resume_at(%%rip)"

struct exception exceptions_take(void);

/* Called for each exception: guest-driver/testing/exceptions.asm. */
void exceptions_handle(struct exception_frame *frame);

#endif
