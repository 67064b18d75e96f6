/* SPDX-License-Identifier: MIT */
/*
 * The host's own descriptor tables: GDT, TSS with separate stacks for NMI, #DF and #MC, and IDT,
 * in one page that is never freed, since the processor's task register may go on pointing into it.
 */
#ifndef VMM_HOST_TABLES_H
#define VMM_HOST_TABLES_H

#include <stdint.h>

enum host_selector {
	HOST_SELECTOR_CODE = 0x08,
	HOST_SELECTOR_DATA = 0x10,
	HOST_SELECTOR_TSS = 0x18,
};

#define HOST_GDT_ENTRIES 5 /* null, code, data, and the TSS descriptor's two */
#define HOST_IDT_VECTORS 32

/* SDM vol. 3A, '64-Bit Mode Descriptors'. */
struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t stack; /* interrupt stack table index, 0 none */
	uint8_t attributes;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "SDM: a 64-bit gate has 16 bytes");

/* SDM vol. 3A, 'TSS in 64-bit Mode'. */
struct __attribute__((packed)) task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t stack[7]; /* interrupt stack table 1 to 7 */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_base;
};
_Static_assert(sizeof(struct task_state) == 104, "SDM: a 64-bit TSS has 104 bytes");

struct host_tables {
	uint64_t gdt[HOST_GDT_ENTRIES];
	uint64_t padding;
	struct idt_gate idt[HOST_IDT_VECTORS];
	struct task_state tss;
};
_Static_assert(sizeof(struct host_tables) <= 4096, "the tables fit in their page");

/* Tops of the stacks: page-aligned, each with an unmapped page below. */
struct host_stacks {
	uint64_t main;
	uint64_t nmi;
	uint64_t double_fault;
	uint64_t machine_check;
};

void host_tables_init(struct host_tables *tables, const struct host_stacks *stacks);

/* LTR wants an available TSS: clears the busy bit that an earlier load has set. */
void host_tables_clear_busy(struct host_tables *tables);

/* NMIs that came while the hypervisor ran, since its start. */
uint64_t host_nmi_count(void);

/* Lets NMIs in again after an exit for one: an IRET to itself (SDM 'Handling Multiple NMIs'). */
void host_unblock_nmi(void);

#endif
