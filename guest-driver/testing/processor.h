/* SPDX-License-Identifier: MIT */
/*
 * Instructions that may raise an exception, one inline function each: they return its vector, or
 * EXCEPTION_NONE. Called by the test guests.
 */
#ifndef GUEST_DRIVER_TESTING_PROCESSOR_H
#define GUEST_DRIVER_TESTING_PROCESSOR_H

#include <stdint.h>

#include "guest-driver/testing/exceptions.h"

/* An instruction without operands that C would know of. */
#define TRY(text)                                                             \
	({                                                                    \
		__asm__ volatile(TRY_INSTRUCTION(text) : : : "memory", "cc"); \
		exceptions_take().vector;                                     \
	})

static inline unsigned int try_read_msr(uint32_t msr, uint64_t *value)
{
	uint32_t low = 0, high = 0;

	__asm__ volatile(TRY_INSTRUCTION("rdmsr") : "+a"(low), "+d"(high) : "c"(msr) : "memory");
	*value = (uint64_t)high << 32 | low;
	return exceptions_take().vector;
}

static inline unsigned int try_write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile(TRY_INSTRUCTION("wrmsr")
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return exceptions_take().vector;
}

static inline unsigned int try_write_xcr(uint32_t number, uint64_t value)
{
	__asm__ volatile(TRY_INSTRUCTION("xsetbv")
			 :
			 : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return exceptions_take().vector;
}

static inline unsigned int try_read_xcr(uint32_t number, uint64_t *value)
{
	uint32_t low = 0, high = 0;

	__asm__ volatile(TRY_INSTRUCTION("xgetbv")
			 : "+a"(low), "+d"(high)
			 : "c"(number)
			 : "memory");
	*value = (uint64_t)high << 32 | low;
	return exceptions_take().vector;
}

static inline unsigned int try_read_counter(uint32_t counter)
{
	__asm__ volatile(TRY_INSTRUCTION("rdpmc") : : "c"(counter) : "memory", "rax", "rdx");
	return exceptions_take().vector;
}

#define TRY_WRITE_CR(number)                                             \
	static inline unsigned int try_write_cr##number(uint64_t value)  \
	{                                                                \
		__asm__ volatile(TRY_INSTRUCTION("mov %0, %%cr" #number) \
				 :                                       \
				 : "r"(value)                            \
				 : "memory");                            \
		return exceptions_take().vector;                         \
	}
TRY_WRITE_CR(0)
TRY_WRITE_CR(3)
TRY_WRITE_CR(4)
TRY_WRITE_CR(8)

#endif
