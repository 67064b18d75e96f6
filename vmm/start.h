/* SPDX-License-Identifier: MIT */
/*
 * Where and how a guest's first processor starts: made by a loader (boot/guest_image.c), carried
 * out by vmm/vmcs_setup.c. Interrupts are off, segments flat.
 */
#ifndef VMM_START_H
#define VMM_START_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu_start {
	uint64_t rip;
	uint64_t rbx, rsi; /* the other registers are 0 */
	/*
	 * False: 32-bit protected mode without paging, as the PVH boot ABI asks. True: 64-bit mode
	 * with the page tables at cr3, and with a GDT that has the code and data segments of the
	 * two selectors, as Linux's 64-bit boot protocol asks.
	 */
	bool long_mode;
	uint64_t cr3;
	uint64_t gdt_base;
	uint16_t gdt_limit;
	uint16_t code_selector, data_selector;
};

#endif
