/* SPDX-License-Identifier: MIT */
/*
 * Names of the processor's architectural bits and MSRs, as the SDM writes them (vol. 3A chapter 2
 * 'System Architecture Overview', vol. 4 'Model-Specific Registers'). No code, so that the pure
 * files may include it.
 */
#ifndef VMM_X86_H
#define VMM_X86_H

#include "lib/bits.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)

#define RFLAGS_CF    BIT(0)
#define RFLAGS_FIXED BIT(1)
#define RFLAGS_PF    BIT(2)
#define RFLAGS_AF    BIT(4)
#define RFLAGS_ZF    BIT(6)
#define RFLAGS_SF    BIT(7)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_OF    BIT(11)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_VM    BIT(17)
#define RFLAGS_AC    BIT(18)

#define DR6_BS    BIT(14)
#define DR6_INIT  0xffff0ff0ull
#define DR7_GD    BIT(13)
#define DR7_FIXED BIT(10)

#define XCR0_X87       BIT(0)
#define XCR0_SSE       BIT(1)
#define XCR0_AVX       BIT(2)
#define XCR0_OPMASK    BIT(5)
#define XCR0_ZMM_HI256 BIT(6)
#define XCR0_HI16_ZMM  BIT(7)
#define XCR0_AVX512    (XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM)

/* Exception vectors. SDM vol. 3A, 'Exception and Interrupt Reference'. */
enum exception_vector {
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_UD = 6,
	VECTOR_DF = 8,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_AC = 17,
	VECTOR_MC = 18,
};

/* SDM vol. 4, 'Architectural MSRs'. */
enum msr {
	MSR_IA32_P5_MC_ADDR = 0x000,
	MSR_IA32_P5_MC_TYPE = 0x001,
	MSR_IA32_TIME_STAMP_COUNTER = 0x010,
	MSR_IA32_PLATFORM_ID = 0x017,
	MSR_IA32_APIC_BASE = 0x01b,
	MSR_IA32_FEATURE_CONTROL = 0x03a,
	MSR_IA32_TSC_ADJUST = 0x03b,
	MSR_IA32_BIOS_SIGN_ID = 0x08b,
	MSR_IA32_SYSENTER_CS = 0x174,
	MSR_IA32_SYSENTER_ESP = 0x175,
	MSR_IA32_SYSENTER_EIP = 0x176,
	MSR_IA32_MISC_ENABLE = 0x1a0,
	MSR_IA32_DEBUGCTL = 0x1d9,
	MSR_IA32_PAT = 0x277,
	MSR_IA32_VMX_BASIC = 0x480,
	MSR_IA32_VMX_PINBASED_CTLS = 0x481,
	MSR_IA32_VMX_PROCBASED_CTLS = 0x482,
	MSR_IA32_VMX_EXIT_CTLS = 0x483,
	MSR_IA32_VMX_ENTRY_CTLS = 0x484,
	MSR_IA32_VMX_MISC = 0x485,
	MSR_IA32_VMX_CR0_FIXED0 = 0x486,
	MSR_IA32_VMX_CR0_FIXED1 = 0x487,
	MSR_IA32_VMX_CR4_FIXED0 = 0x488,
	MSR_IA32_VMX_CR4_FIXED1 = 0x489,
	MSR_IA32_VMX_PROCBASED_CTLS2 = 0x48b,
	MSR_IA32_VMX_EPT_VPID_CAP = 0x48c,
	MSR_IA32_VMX_TRUE_PINBASED_CTLS = 0x48d,
	MSR_IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e,
	MSR_IA32_VMX_TRUE_EXIT_CTLS = 0x48f,
	MSR_IA32_VMX_TRUE_ENTRY_CTLS = 0x490,
	MSR_IA32_S_CET = 0x6a2,
	MSR_X2APIC_BASE = 0x800,
	MSR_IA32_EFER = 0xc0000080,
	MSR_IA32_STAR = 0xc0000081,
	MSR_IA32_LSTAR = 0xc0000082,
	MSR_IA32_CSTAR = 0xc0000083,
	MSR_IA32_FMASK = 0xc0000084,
	MSR_IA32_FS_BASE = 0xc0000100,
	MSR_IA32_GS_BASE = 0xc0000101,
	MSR_IA32_KERNEL_GS_BASE = 0xc0000102,
	MSR_IA32_TSC_AUX = 0xc0000103,
};

#define FEATURE_CONTROL_LOCK            BIT(0)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX BIT(2)

#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLED BIT(11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull

#endif
