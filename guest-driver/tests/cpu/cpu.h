/* SPDX-License-Identifier: MIT */
/*
 * The groups of checks of the cpu guest.
 */
#ifndef GUEST_DRIVER_TESTS_CPU_CPU_H
#define GUEST_DRIVER_TESTS_CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/processor.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

/* CPUID leaf 1 ECX */
#define HAS_XSAVE   BIT(26)
#define HAS_OSXSAVE BIT(27)

void cpu_test_cpuid(void);
void cpu_test_cr0(void);
void cpu_test_cr4(void);
void cpu_test_cr8(void);
void cpu_test_xcr0(void);
void cpu_test_efer(void);
void cpu_test_msrs(void);
void cpu_test_instructions(void);

/* Whether XSETBV may write this, by what leaf 0xD allows. SDM vol. 2C, 'XSETBV'. */
bool cpu_xcr0_is_valid(uint64_t value);

/* The XSAVE area's size with this XCR0, by leaf 0xD's subleaves. */
uint32_t cpu_xsave_size(uint64_t xcr0);

#endif
