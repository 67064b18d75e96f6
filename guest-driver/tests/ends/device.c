/* SPDX-License-Identifier: MIT */
/*
 * Guests that use the device page, or memory that is not there, for what no device can be: code,
 * page tables, descriptor tables, stacks. Each is stopped with a report. And the triple fault.
 */
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/ends/ends.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define DEVICE     0xcafe0000ull /* guest-physical; the runtime maps it to itself */
#define NOWHERE    0xd0000000ull
#define ALIAS      0x8000000000ull
#define PAGE       4096
#define CR3_TABLE  0x000ffffffffff000ull
#define STACK_TOP  (DEVICE + 0x800)
#define VECTOR_BP  3
#define IST_OFFSET 36 /* of the first stack in the TSS */

static void jump_to(uint64_t address)
{
	__asm__ volatile("jmp *%0" : : "r"(address));
}

static void load_idt(uint16_t limit, uint64_t base)
{
	const struct table_register idtr = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
}

/* Without an IDT the exception, the double fault and the third one come in one go. */
void end_by_triple_fault(void)
{
	load_idt(0, 0);
	__asm__ volatile("ud2");
}

void end_by_fetch(void)
{
	jump_to(DEVICE);
}

void end_by_fetch_from_nowhere(void)
{
	jump_to(NOWHERE);
}

/* An instruction that begins in memory and goes on in the device page. */
void end_by_fetch_across(void)
{
	static uint8_t code[PAGE] __attribute__((aligned(4096)));

	memset(code, 0x90, sizeof(code));
	code[PAGE - 1] = 0xb8; /* mov eax, imm32 */
	pages_map(ALIAS, (uintptr_t)code, PAGE_PRESENT | PAGE_WRITABLE);
	pages_map(ALIAS + PAGE, DEVICE, PAGE_PRESENT | PAGE_WRITABLE);
	jump_to(ALIAS + PAGE - 16);
}

void end_by_walk_from_cr3(void)
{
	cpu_write_cr3(DEVICE);
}

/* Entry 1 of the top table covers ALIAS; from there on it is the device, or nothing. */
static void walk_through(uint64_t table)
{
	volatile uint64_t *top = (volatile uint64_t *)(uintptr_t)(cpu_read_cr3() & CR3_TABLE);

	pages_map(ALIAS, 0, 0); /* makes the tables in between */
	{
		volatile uint64_t *pointers = (volatile uint64_t *)(uintptr_t)(top[1] & CR3_TABLE);
		volatile uint64_t *directory =
			(volatile uint64_t *)(uintptr_t)(pointers[0] & CR3_TABLE);

		directory[0] = table | PAGE_PRESENT | PAGE_WRITABLE;
	}
	pages_flush(ALIAS);
	(void)*(volatile uint32_t *)ALIAS;
}

void end_by_walk_from_pde(void)
{
	walk_through(DEVICE);
}

void end_by_walk_from_nowhere(void)
{
	walk_through(NOWHERE);
}

void end_by_idt(void)
{
	load_idt(0xfff, DEVICE);
	__asm__ volatile("int3");
}

/* The gate has no stack of its own: the event is pushed where RSP points. */
void end_by_stack(void)
{
	exceptions_use_current_stack(VECTOR_BP);
	__asm__ volatile("mov %0, %%rsp; int3" : : "r"(STACK_TOP) : "memory");
}

/* The gate's own stack is in the device page. */
void end_by_tss(void)
{
	struct table_register gdtr;
	const uint64_t *descriptor;
	uint64_t base;
	const uint64_t stack = STACK_TOP;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	descriptor = (const uint64_t *)(uintptr_t)(gdtr.base + SELECTOR_TSS);
	base = (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
	memcpy((uint8_t *)(uintptr_t)base + IST_OFFSET, &stack, sizeof(stack));
	__asm__ volatile("int3");
}

/* Delivery reads the descriptor of the gate's code segment. */
void end_by_gdt(void)
{
	const struct table_register gdtr = { 0xfff, DEVICE };

	__asm__ volatile("lgdt %0; int3" : : "m"(gdtr) : "memory");
}
