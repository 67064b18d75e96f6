/* SPDX-License-Identifier: MIT */
/*
 * The tables behind exceptions, and the one handler. Called by the test guests.
 */
#include "guest-driver/testing/exceptions.h"

#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/execute.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define VECTORS        32
#define STUB_SIZE      16
#define STACK_SIZE     4096
#define TSS_SIZE       104
#define GATE_INTERRUPT 0x8eull /* present, ring 0 */
#define GATE_USER      0x60ull /* int3 and int1 from ring 3, too */

extern const uint8_t exceptions_stubs[];

struct gate {
	uint64_t low, high;
};

/* SDM vol. 3A, 'TSS in 64-Bit Mode': only the stacks count here. */
struct __attribute__((packed, aligned(16))) task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
};
_Static_assert(sizeof(struct task_state) >= TSS_SIZE, "SDM figure 8-11");

static struct gate idt[VECTORS] __attribute__((aligned(16)));
static struct task_state tss;
static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
static uint64_t gdt[7] = {
	[SELECTOR_CODE / 8] = 0x00af9b000000ffff,
	[SELECTOR_DATA / 8] = 0x00cf93000000ffff,
	[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff,
	[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff,
};

volatile uint64_t exceptions_resume_at;
static struct exception last = { .vector = EXCEPTION_NONE };

static void set_gate(unsigned int vector, uint64_t handler, uint64_t ist)
{
	const uint64_t type = GATE_INTERRUPT | (vector == 3 || vector == VECTOR_DB ? GATE_USER : 0);

	idt[vector].low = (handler & 0xffff) | (uint64_t)SELECTOR_CODE << 16 | ist << 32 |
			  type << 40 | (handler >> 16 & 0xffff) << 48;
	idt[vector].high = handler >> 32;
}

void exceptions_set_handler(unsigned int vector, uint64_t handler)
{
	set_gate(vector, handler, 1);
}

void exceptions_use_current_stack(unsigned int vector)
{
	set_gate(vector, (uintptr_t)exceptions_stubs + vector * STUB_SIZE, 0);
}

struct table_register exceptions_idt(void)
{
	return (struct table_register){ sizeof(idt) - 1, (uintptr_t)idt };
}

void exceptions_init(void)
{
	const struct table_register gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt };
	const struct table_register idtr = exceptions_idt();
	const uint64_t base = (uintptr_t)&tss;

	for (unsigned int vector = 0; vector < VECTORS; vector++)
		set_gate(vector, (uintptr_t)exceptions_stubs + vector * STUB_SIZE, 1);
	tss.ist[0] = (uintptr_t)stack + sizeof(stack);
	tss.rsp[0] = tss.ist[0];
	tss.io_map = TSS_SIZE;
	gdt[SELECTOR_TSS / 8] = (TSS_SIZE - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
				(base >> 24 & 0xff) << 56;
	gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("lgdt %0" : : "m"(gdtr) : "memory");
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
	__asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
}

struct exception exceptions_take(void)
{
	const struct exception taken = last;

	last = (struct exception){ .vector = EXCEPTION_NONE };
	return taken;
}

static _Noreturn void report(const struct exception_frame *frame)
{
	print("unexpected exception %llu, error code 0x%llx, at 0x%llx (rsp 0x%llx, cr2 0x%llx)\n",
		(unsigned long long)frame->vector, (unsigned long long)frame->error_code,
		(unsigned long long)frame->rip, (unsigned long long)frame->rsp,
		(unsigned long long)cpu_read_cr2());
	runtime_exit(EXCEPTION_EXIT_STATUS);
}

void exceptions_handle(struct exception_frame *frame)
{
	last = (struct exception){
		.vector = (unsigned int)frame->vector,
		.error_code = frame->error_code,
		.rip = frame->rip,
		.cs = frame->cs,
		.rflags = frame->rflags,
		.rsp = frame->rsp,
		.cr2 = cpu_read_cr2(),
		.dr6 = cpu_read_dr6(),
	};
	if (frame->vector == VECTOR_DB)
		cpu_write_dr6(DR6_INIT);
	if (execution_end(frame))
		return;
	if (exceptions_resume_at == 0)
		report(frame);
	frame->rip = exceptions_resume_at;
	frame->rflags &= ~RFLAGS_TF;
	exceptions_resume_at = 0;
}
