/* SPDX-License-Identifier: MIT */
/*
 * The privileged instructions, one inline function each; VMX instructions answer whether they
 * succeeded (SDM vol. 3C 'VMX Instruction Reference', VMsucceed / VMfail). Included only by files
 * that run on the machine itself.
 */
#ifndef VMM_CPU_H
#define VMM_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

static inline uint64_t cpu_read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

struct cpuid_registers {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_registers cpu_id(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t cpu_read_tsc(void)
{
	uint64_t low, high; /* RDTSC clears the upper halves */

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return high << 32 | low;
}

#define CPU_CONTROL_REGISTER(number)                                                    \
	static inline uint64_t cpu_read_cr##number(void)                                \
	{                                                                               \
		uint64_t value;                                                         \
		__asm__ volatile("mov %%cr" #number ", %0" : "=r"(value) : : "memory"); \
		return value;                                                           \
	}                                                                               \
	static inline void cpu_write_cr##number(uint64_t value)                         \
	{                                                                               \
		__asm__ volatile("mov %0, %%cr" #number : : "r"(value) : "memory");     \
	}
CPU_CONTROL_REGISTER(0)
CPU_CONTROL_REGISTER(2)
CPU_CONTROL_REGISTER(3)
CPU_CONTROL_REGISTER(4)
CPU_CONTROL_REGISTER(8)

#define CPU_DEBUG_REGISTER(number)                                         \
	static inline uint64_t cpu_read_dr##number(void)                   \
	{                                                                  \
		uint64_t value;                                            \
		__asm__ volatile("mov %%dr" #number ", %0" : "=r"(value)); \
		return value;                                              \
	}                                                                  \
	static inline void cpu_write_dr##number(uint64_t value)            \
	{                                                                  \
		__asm__ volatile("mov %0, %%dr" #number : : "r"(value));   \
	}
CPU_DEBUG_REGISTER(0)
CPU_DEBUG_REGISTER(1)
CPU_DEBUG_REGISTER(2)
CPU_DEBUG_REGISTER(3)
CPU_DEBUG_REGISTER(6)
CPU_DEBUG_REGISTER(7)

static inline uint64_t cpu_read_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_write_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t cpu_read_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline void cpu_write_flags(uint64_t flags)
{
	__asm__ volatile("push %0; popfq" : : "r"(flags) : "memory", "cc");
}

static inline void cpu_disable_interrupts(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void cpu_enable_interrupts(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void cpu_halt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

static inline uint8_t cpu_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void cpu_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* VMX instructions. Success is CF = 0 and ZF = 0. */

static inline bool cpu_vmxon(uint64_t region)
{
	bool ok;

	__asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(region) : "memory");
	return ok;
}

static inline void cpu_vmxoff(void)
{
	__asm__ volatile("vmxoff" : : : "memory", "cc");
}

static inline bool cpu_vmclear(uint64_t vmcs)
{
	bool ok;

	__asm__ volatile("vmclear %1" : "=@cca"(ok) : "m"(vmcs) : "memory");
	return ok;
}

static inline bool cpu_vmptrld(uint64_t vmcs)
{
	bool ok;

	__asm__ volatile("vmptrld %1" : "=@cca"(ok) : "m"(vmcs) : "memory");
	return ok;
}

/* Of the current VMCS, a field that every VMCS of ours has. */
static inline uint64_t cpu_vmread(uint64_t field)
{
	uint64_t value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

MUST_USE static inline bool cpu_vmwrite_checked(uint64_t field, uint64_t value)
{
	bool ok;

	__asm__ volatile("vmwrite %2, %1" : "=@cca"(ok) : "r"(field), "r"(value));
	return ok;
}

/* For fields that every VMCS has. */
static inline void cpu_vmwrite(uint64_t field, uint64_t value)
{
	__asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc");
}

struct invalidation_descriptor {
	uint64_t target; /* EPTP, or VPID in bits 15:0 */
	uint64_t address;
};

/* type: 1 single context, 2 all contexts. */
static inline bool cpu_invept(uint64_t type, struct invalidation_descriptor descriptor)
{
	bool ok;

	__asm__ volatile("invept %1, %2" : "=@cca"(ok) : "m"(descriptor), "r"(type) : "memory");
	return ok;
}

static inline bool cpu_invvpid(uint64_t type, struct invalidation_descriptor descriptor)
{
	bool ok;

	__asm__ volatile("invvpid %1, %2" : "=@cca"(ok) : "m"(descriptor), "r"(type) : "memory");
	return ok;
}

#endif
