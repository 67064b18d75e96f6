/* SPDX-License-Identifier: MIT */
/*
 * Control registers and page-table entries, for guests that set up paging of their own.
 */
#ifndef GUEST_DRIVER_TESTS32_MMU_H
#define GUEST_DRIVER_TESTS32_MMU_H

#include <stdint.h>

#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_WP (1u << 16)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR4_PSE     (1u << 4)
#define CR4_PAE     (1u << 5)
#define CR4_PGE     (1u << 7)
#define CR4_PCIDE   (1u << 17)
#define CR4_OSXSAVE (1u << 18)

#define PAGE_PRESENT  (1u << 0)
#define PAGE_WRITABLE (1u << 1)
#define PAGE_USER     (1u << 2)
#define PAGE_ACCESSED (1u << 5)
#define PAGE_LARGE    (1u << 7)
#define PAGE_READY    (PAGE_PRESENT | PAGE_WRITABLE)

#define EFLAGS_RF (1u << 16)

#define DEVICE_PAGE 0xcafe0000u

#define CONTROL_REGISTER(number)                                                        \
	static inline uint32_t cr##number##_read(void)                                  \
	{                                                                               \
		uint32_t value;                                                         \
		__asm__ volatile("mov %%cr" #number ", %0" : "=r"(value) : : "memory"); \
		return value;                                                           \
	}                                                                               \
	static inline void cr##number##_write(uint32_t value)                           \
	{                                                                               \
		__asm__ volatile("mov %0, %%cr" #number : : "r"(value) : "memory");     \
	}
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)

static inline void page_invalidate(uint32_t linear)
{
	__asm__ volatile("invlpg (%0)" : : "r"(linear) : "memory");
}

static inline uint32_t address_of(const volatile void *object)
{
	return (uint32_t)(uintptr_t)object;
}

#endif
