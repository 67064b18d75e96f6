/* SPDX-License-Identifier: MIT */
/*
 * What the groups of checks of the mmio guest share: a window of two linear pages that shows either
 * memory or the device, a place for the code, trials that compare both, and random numbers.
 */
#ifndef GUEST_DRIVER_TESTS_MMIO_MMIO_H
#define GUEST_DRIVER_TESTS_MMIO_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-driver/testing/execute.h"

#define PAGE 4096u

/* The window, where the device's own address is; two pages, and once more 2^64 - 2^32 above it. */
#define WINDOW      0xcafe0000ull
#define WINDOW_HIGH 0xffffffffcafe0000ull
#define DEVICE_PAGE 0xcafe0000ull /* guest-physical */
#define CODE_WINDOW 0xcaff0000ull /* two pages of code; RIP-relative operands reach the window */
#define INSN_MAX    15
#define DEVICE_CELL 8 /* offset of queue_addr_hi, which in DRIVER_OK keeps what is written */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

void window_init(void);

/* Physical addresses of the memory behind the window's pages and the code's pages. */
uint8_t *window_ram(unsigned int page);
uint8_t *window_code(unsigned int page);

/* Makes a page of the window (0 or 1) show physical, and resets the entry's A and D. */
void window_show(unsigned int page, uint64_t physical);
void window_hide(unsigned int page);

/* Likewise for the pages of code. */
void window_show_code(unsigned int page, uint64_t physical);

/* The device in state DRIVER_OK with these contents of size, addr_hi and addr_lo. */
void window_set_device(const uint32_t cells[3]);
void window_get_device(uint32_t cells[3]);

/* One instruction, executed on memory and on another page that the window shows. */
struct trial {
	uint8_t code[INSN_MAX];
	size_t size;
	unsigned int offset;    /* of the operand in the window */
	unsigned int width;     /* of the operand, bytes */
	uint64_t value;         /* what memory holds there */
	bool step;              /* with a trap behind the instruction */
	struct execution start; /* registers and flags */
};

/* Whether both executions agree; says where they do not. other is the page beside memory. */
bool trial_agrees(const struct trial *trial, uint64_t other, const char *detail);

/* The same with the device, which is to hold value where it can, and not to change otherwise. */
bool trial_agrees_with_device(const struct trial *trial, const char *detail);

/* A trial with random registers and flags, half of them stepping, that has no code yet. */
struct trial trial_random(unsigned int offset, unsigned int width);

uint64_t random_number(void);
/* One where flags change: 0, 1, signs, ones; or any. */
uint64_t random_edge(void);

void mmio_test_forms(void);
void mmio_test_addressing(void);
void mmio_test_offsets(void);
void mmio_test_widths(void);
void mmio_test_refused(void);
void mmio_test_unmapped(void);
void mmio_test_straddling(void);
void mmio_test_mappings(void);
void mmio_test_fetching(void);

#endif
