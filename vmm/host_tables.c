/* SPDX-License-Identifier: MIT */
/*
 * The host's GDT, TSS and IDT, and what its traps mean: an NMI is counted, anything else is a fault
 * of the hypervisor's own, or of the machine.
 */
#include "vmm/host_tables.h"

#include "lib/log.h"
#include "lib/panic.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define DESCRIPTOR_CODE_64  0x00af9b000000ffffull /* present, ring 0, executable, long */
#define DESCRIPTOR_DATA     0x00cf93000000ffffull /* present, ring 0, writable */
#define DESCRIPTOR_TSS      0x0000890000000000ull /* present, available 64-bit TSS */
#define DESCRIPTOR_TSS_BUSY BIT(41)

#define GATE_INTERRUPT 0x8e /* present, ring 0, 64-bit interrupt gate */

enum { STACK_NMI = 1, STACK_DOUBLE_FAULT = 2, STACK_MACHINE_CHECK = 3 };

/* What vmm/host_traps.asm pushes, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* vmm/host_traps.asm: the addresses of the stubs. */
extern const uint8_t host_trap_stubs[];
#define HOST_TRAP_STUB_SIZE 16

/* linker.ld: where the image begins, as its map file counts. */
extern const uint8_t ImageBase[];

void host_trap(const struct trap_frame *frame);

static volatile uint64_t nmi_count;

void host_tables_init(struct host_tables *tables, const struct host_stacks *stacks)
{
	const uint64_t tss = (uint64_t)(uintptr_t)&tables->tss;

	*tables = (struct host_tables){ 0 };
	tables->gdt[HOST_SELECTOR_CODE / 8] = DESCRIPTOR_CODE_64;
	tables->gdt[HOST_SELECTOR_DATA / 8] = DESCRIPTOR_DATA;
	tables->gdt[HOST_SELECTOR_TSS / 8] = DESCRIPTOR_TSS | (sizeof(struct task_state) - 1) |
					     (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
	tables->gdt[HOST_SELECTOR_TSS / 8 + 1] = tss >> 32;
	tables->tss.rsp[0] = stacks->main;
	tables->tss.stack[STACK_NMI - 1] = stacks->nmi;
	tables->tss.stack[STACK_DOUBLE_FAULT - 1] = stacks->double_fault;
	tables->tss.stack[STACK_MACHINE_CHECK - 1] = stacks->machine_check;
	tables->tss.io_map_base = sizeof(struct task_state);
	for (unsigned int vector = 0; vector < HOST_IDT_VECTORS; vector++) {
		uint64_t stub = (uint64_t)(uintptr_t)&host_trap_stubs[vector * HOST_TRAP_STUB_SIZE];

		tables->idt[vector] = (struct idt_gate){
			.offset_low = (uint16_t)stub,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
			.selector = HOST_SELECTOR_CODE,
			.attributes = GATE_INTERRUPT,
		};
	}
	tables->idt[VECTOR_NMI].stack = STACK_NMI;
	tables->idt[VECTOR_DF].stack = STACK_DOUBLE_FAULT;
	tables->idt[VECTOR_MC].stack = STACK_MACHINE_CHECK;
}

void host_tables_clear_busy(struct host_tables *tables)
{
	tables->gdt[HOST_SELECTOR_TSS / 8] &= ~DESCRIPTOR_TSS_BUSY;
}

uint64_t host_nmi_count(void)
{
	return nmi_count;
}

void host_trap(const struct trap_frame *frame)
{
	if (frame->vector == VECTOR_NMI) {
		nmi_count++;
		return;
	}
	log_error("vmm", "rax %016lx rbx %016lx rcx %016lx rdx %016lx", frame->rax, frame->rbx,
		frame->rcx, frame->rdx);
	log_error("vmm", "rsi %016lx rdi %016lx rbp %016lx rsp %016lx", frame->rsi, frame->rdi,
		frame->rbp, frame->rsp);
	log_error("vmm", "r8  %016lx r9  %016lx r10 %016lx r11 %016lx", frame->r8, frame->r9,
		frame->r10, frame->r11);
	log_error("vmm", "r12 %016lx r13 %016lx r14 %016lx r15 %016lx", frame->r12, frame->r13,
		frame->r14, frame->r15);
	panic("vmm",
		"exception %lu (error code 0x%lx) in the hypervisor at image + 0x%lx, cr2 0x%lx",
		frame->vector, frame->error_code, frame->rip - (uint64_t)(uintptr_t)ImageBase,
		cpu_read_cr2());
}
