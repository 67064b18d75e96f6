/* SPDX-License-Identifier: MIT */
/*
 * The 32-bit mov in its forms: random numbers go into a register of the device by one form and come
 * back by another. In DRIVER_OK the registers at 4, 8 and 12 keep what is written. Word: rounds=N.
 */
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/lab/lab.h"

#define FIRST_CELL      ((uint64_t)SVIRTB_BASE + SVIRTB_QUEUE_SIZE)
#define FIRST_CELL_TEXT "0xcafe0004" /* gcc prints no constant that is no 32-bit one */
#define CELLS           3u
#define IMMEDIATE       0x89abcdefu

/* value through one form into the cell at the address; by the number of the form. */
static void store(uint32_t form, uint64_t cell, uint32_t value)
{
	switch (form) {
	case 0: __asm__ volatile("movl %%eax, (%%rbx)" : : "a"(value), "b"(cell) : "memory"); break;
	case 1:
		__asm__ volatile("movl %1, %%r10d; movl %%r10d, 8(%0)"
				 :
				 : "r"(cell - 8), "r"(value)
				 : "r10", "memory");
		break;
	case 2:
		__asm__ volatile("movq %0, %%r13; movl %%ecx, (%%r13)"
				 :
				 : "r"(cell), "c"(value)
				 : "r13", "memory");
		break;
	case 3:
		__asm__ volatile("movq %0, %%r12; movl %%esi, -128(%%r12)"
				 :
				 : "r"(cell + 128), "S"(value)
				 : "r12", "memory");
		break;
	case 4:
		__asm__ volatile("movl %%edx, 0x1234(%%rax, %%rcx, 4)"
				 :
				 : "a"(cell - 0x1234 - 400), "c"(100ull), "d"(value)
				 : "memory");
		break;
	case 5:
		__asm__ volatile("movq %0, %%r9; movq %1, %%r14; movl %2, %%r15d;"
				 "movl %%r15d, -4(%%r9, %%r14, 8)"
				 :
				 : "a"(cell + 4 + 80), "c"(-10ll), "d"(value)
				 : "r9", "r14", "r15", "memory");
		break;
	case 6:
		__asm__ volatile("movl %%edi, 0x10000(, %%rdx, 2)"
				 :
				 : "d"((cell - 0x10000) / 2), "D"(value)
				 : "memory");
		break;
	default: __asm__ volatile("movl %0, (%1)" : : "i"(IMMEDIATE), "r"(cell) : "memory");
	}
}

#define STORES 8u

static uint32_t load(uint32_t form, uint64_t cell)
{
	uint32_t value;

	switch (form) {
	case 0:
		__asm__ volatile("movl (%%rbx), %%eax" : "=a"(value) : "b"(cell) : "memory");
		return value;
	case 1:
		__asm__ volatile("movq $-1, %%r11; movl 0x7f(%1), %%r11d; movl %%r11d, %0;"
				 "shrq $32, %%r11; addl %%r11d, %0"
				 : "=&r"(value)
				 : "r"(cell - 0x7f)
				 : "r11", "memory");
		return value;
	case 2:
		__asm__ volatile("movq %1, %%r13; movl 4(%%r13), %%ecx"
				 : "=c"(value)
				 : "r"(cell - 4)
				 : "r13", "memory");
		return value;
	case 3:
		__asm__ volatile("movq %1, %%r12; movl (%%r12), %%edx"
				 : "=d"(value)
				 : "r"(cell)
				 : "r12", "memory");
		return value;
	case 4:
		__asm__ volatile("movl -0x100(%%rsi, %%rdi), %%eax"
				 : "=a"(value)
				 : "S"(cell + 0x100 - 77), "D"(77ull)
				 : "memory");
		return value;
	case 5:
		__asm__ volatile("movq %1, %%r8; movq %2, %%r10; movl (%%r8, %%r10, 2), %%r9d;"
				 "movl %%r9d, %0"
				 : "=&a"(value)
				 : "c"(cell - 2000), "d"(1000ull)
				 : "r8", "r9", "r10", "memory");
		return value;
	default:
		__asm__ volatile("pushq %%rbp; movq %1, %%rbp; movl 0x40000000(%%rbp), %%eax;"
				 "popq %%rbp"
				 : "=&a"(value)
				 : "c"(cell - 0x40000000)
				 : "memory");
		return value;
	}
}

#define LOADS 7u

/* The two forms with a whole address in the instruction know one cell only: the first. */
static void by_offset(struct lab *lab, uint32_t value)
{
	__asm__ volatile("movabsl %0, " FIRST_CELL_TEXT : : "a"(value) : "memory");
	__asm__ volatile("movabsl " FIRST_CELL_TEXT ", %0" : "=a"(value) : : "memory");
	lab_see(lab, value);
}

bool lab_forms(struct lab *lab)
{
	const uint32_t rounds = (uint32_t)words_number(lab->cmdline, "rounds=", 0);

	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	for (uint32_t i = 0; i < rounds; i++) {
		const uint64_t cell = FIRST_CELL + 4ull * lab_below(lab, CELLS);
		const uint32_t to = lab_below(lab, STORES), from = lab_below(lab, LOADS);
		const uint32_t value = (uint32_t)lab_random(lab);

		store(to, cell, value);
		lab_see(lab, load(from, cell));
	}
	for (uint32_t i = 0; i < rounds / 8; i++)
		by_offset(lab, (uint32_t)lab_random(lab));
	for (uint32_t i = 0; i < CELLS; i++)
		lab_see(lab, load(0, FIRST_CELL + 4ull * i));
	return true;
}
