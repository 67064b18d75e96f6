/* SPDX-License-Identifier: MIT */
/*
 * The table behind interrupts, and the way to their handlers. Called by the test guests.
 */
#include "guest-driver/testing/interrupts.h"

#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/exceptions.h"
#include "lib/string.h"

#define VECTORS        256u
#define STUB_SIZE      16u
#define GATE_INTERRUPT 0x8eull /* present, ring 0 */

/* The mask registers of the two interrupt controllers of a PC. */
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1

extern const uint8_t interrupts_stubs[];

struct gate {
	uint64_t low, high;
};

static struct gate idt[VECTORS] __attribute__((aligned(16)));
static struct {
	interrupt_handler *handler;
	void *context;
} handlers[VECTORS];

void interrupts_init(void)
{
	const struct table_register exceptions = exceptions_idt();
	const struct table_register idtr = { sizeof(idt) - 1, (uintptr_t)idt };

	memcpy(idt, (const void *)(uintptr_t)exceptions.base, INTERRUPT_FIRST * sizeof(idt[0]));
	for (unsigned int vector = INTERRUPT_FIRST; vector < VECTORS; vector++) {
		const uint64_t stub =
			(uintptr_t)interrupts_stubs + (vector - INTERRUPT_FIRST) * STUB_SIZE;

		idt[vector].low = (stub & 0xffff) | (uint64_t)SELECTOR_CODE << 16 |
				  GATE_INTERRUPT << 40 | (stub >> 16 & 0xffff) << 48;
		idt[vector].high = stub >> 32;
	}
	__asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
	port_write8(PIC_MASTER_MASK, 0xff);
	port_write8(PIC_SLAVE_MASK, 0xff);
}

void interrupts_set_handler(uint8_t vector, interrupt_handler *handler, void *context)
{
	handlers[vector].context = context;
	handlers[vector].handler = handler;
}

void interrupts_handle(const struct interrupt_frame *frame)
{
	const uint8_t vector = (uint8_t)frame->vector;

	if (handlers[vector].handler != NULL) {
		handlers[vector].handler(frame, handlers[vector].context);
		return;
	}
	print("unexpected interrupt with vector 0x%x at 0x%llx\n", vector,
		(unsigned long long)frame->rip);
	runtime_exit(INTERRUPT_EXIT_STATUS);
}
