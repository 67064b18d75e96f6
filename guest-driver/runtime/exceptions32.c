/* SPDX-License-Identifier: MIT */
/*
 * The C side of the exceptions of 32-bit guests: the table, and who gets what came.
 */
#include "guest-driver/runtime/exceptions32.h"

#include "guest-driver/runtime/runtime.h"

#define IDT_ENTRIES 64

struct exception32 exception32_last;
uint32_t exception32_cr2;

static struct idt_gate32 idt[IDT_ENTRIES];
static bool (*exception_hook)(struct exception32 *frame);

void exceptions32_set_gate(uint32_t vector, uint16_t type, uint16_t selector, uint32_t offset)
{
	idt[vector % IDT_ENTRIES] = (struct idt_gate32){
		.offset_low = (uint16_t)offset,
		.selector = selector,
		.type = type,
		.offset_high = (uint16_t)(offset >> 16),
	};
}

void exceptions32_load(void)
{
	const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };

	for (uint32_t i = 0; i < 32; i++)
		exceptions32_set_gate(i, GATE32_INTERRUPT, EXCEPTION32_CODE, exception32_stubs[i]);
	__asm__ volatile("lidt %0" : : "m"(pointer), "m"(idt));
}

void exception32_set_hook(bool (*hook)(struct exception32 *frame))
{
	exception_hook = hook;
}

void exception32_dispatch(struct exception32 *frame)
{
	__asm__ volatile("mov %%cr2, %0" : "=r"(exception32_cr2));
	if (exception_hook != NULL && exception_hook(frame))
		return;
	exception32_last = *frame;
	if (exception32_try_esp != 0)
		exception32_unwind(frame->vector);
	print("unexpected exception %u, error code 0x%x, at %x:%x, cr2 0x%x\n", frame->vector,
		frame->error, frame->cs, frame->eip, exception32_cr2);
	runtime_exit(EXCEPTION32_STATUS);
}
