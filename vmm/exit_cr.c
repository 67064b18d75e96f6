/* SPDX-License-Identifier: MIT */
/*
 * Writes of control registers that touch a bit which the host owns, CR8 without a TPR shadow, and
 * XSETBV. SDM vol. 3A 'Control Registers', vol. 3C 'Exit Qualification for Control-Register
 * Accesses'.
 */
#include "lib/string.h"
#include "vmm/exits.h"
#include "vmm/x86.h"

enum cr_access_type { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };

#define PDPTE_PRESENT  BIT(0)
#define PDPTE_RESERVED UINT64_C(0x1e6) /* and what lies above MAXPHYADDR */
#define CR3_PAE_BASE   0xffffffe0ull   /* 32-byte aligned, below 4 GiB */

/* The bits that there are; a write ignores the others of the low half. */
#define CR0_DEFINED                                                                                \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
		CR0_PG)

/* What a write of CR0 or CR4 would make of the processor. */
struct control_state {
	uint64_t cr0, cr4; /* as the guest sees them */
};

static uint64_t with_shadow(uint64_t real, uint64_t shadow, uint64_t owned)
{
	return (real & ~owned) | (shadow & owned);
}

static struct control_state read_state(const struct vcpu *vcpu)
{
	return (struct control_state){
		.cr0 = with_shadow(cpu_vmread(VMCS_GUEST_CR0), cpu_vmread(VMCS_CR0_READ_SHADOW),
			vcpu->cr0_owned),
		.cr4 = with_shadow(cpu_vmread(VMCS_GUEST_CR4), cpu_vmread(VMCS_CR4_READ_SHADOW),
			vcpu->cr4_owned),
	};
}

static bool uses_pae(const struct vcpu *vcpu, struct control_state state)
{
	return (state.cr0 & CR0_PG) && (state.cr4 & CR4_PAE) &&
	       !(vcpu_efer(vcpu, state.cr0) & EFER_LMA);
}

/*
 * The four PDPTEs of PAE paging, which the processor keeps in registers and an emulated write must
 * load. SDM vol. 3A, 'PDPTE Registers': a reserved bit in a present one is a #GP.
 */
static bool load_pdptes(struct vcpu *vcpu, uint64_t cr3)
{
	const uint64_t reserved = PDPTE_RESERVED | ~(BIT(vcpu->cpuid.physical_bits) - 1);
	uint64_t pdptes[4];

	if (guest_memory_read(&vcpu->vm->memory, cr3 & CR3_PAE_BASE, pdptes, sizeof(pdptes)) !=
		STATUS_OK)
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		if ((pdptes[i] & PDPTE_PRESENT) && (pdptes[i] & reserved))
			return false;
	}
	for (unsigned int i = 0; i < 4; i++)
		cpu_vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, pdptes[i]);
	return true;
}

/* A TSS of the 80286 in TR, which IA-32e mode does not have and a VM entry would refuse. */
static bool has_16_bit_tss(void)
{
	return (cpu_vmread(VMCS_GUEST_TR_ACCESS_RIGHTS) & ACCESS_RIGHTS_TYPE) == TYPE_TSS_16_BUSY;
}

/* SDM vol. 2B, 'MOV—Move to/from Control Registers', #GP conditions for CR0. */
static bool cr0_is_valid(const struct vcpu *vcpu, struct control_state now, uint64_t value)
{
	const bool cs_l = (cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L) != 0;
	const bool long_mode = (vcpu_efer(vcpu, now.cr0) & EFER_LMA) != 0;
	const bool leaves_paging = (now.cr0 & CR0_PG) && !(value & CR0_PG);
	const bool enters_paging = !(now.cr0 & CR0_PG) && (value & CR0_PG);

	if (value >> 32 != 0)
		return false;
	if ((value & CR0_PG) && !(value & CR0_PE))
		return false;
	if ((value & CR0_NW) && !(value & CR0_CD))
		return false;
	if (leaves_paging && ((long_mode && cs_l) || (now.cr4 & CR4_PCIDE)))
		return false;
	if (!enters_paging || !(vcpu->efer & EFER_LME))
		return true;
	/* Into IA-32e mode. SDM vol. 3A, 'IA-32e Mode System Data Structures and Initialization'.
	 */
	return (now.cr4 & CR4_PAE) && !cs_l && !has_16_bit_tss();
}

/* The same for CR4. */
static bool cr4_is_valid(const struct vcpu *vcpu, struct control_state now, uint64_t value)
{
	const bool long_mode = (vcpu_efer(vcpu, now.cr0) & EFER_LMA) != 0;
	const bool sets_pcide = (value & CR4_PCIDE) && !(now.cr4 & CR4_PCIDE);

	if (value & ~vcpu->cr4_allowed)
		return false;
	if (long_mode && !(value & CR4_PAE))
		return false;
	if (sets_pcide && (!long_mode || (cpu_vmread(VMCS_GUEST_CR3) & PAGE_MASK)))
		return false;
	return true;
}

static void write_entry_mode(const struct vcpu *vcpu, uint64_t cr0)
{
	const uint64_t efer = vcpu_efer(vcpu, cr0);
	const uint64_t controls = cpu_vmread(VMCS_ENTRY_CONTROLS) & ~ENTRY_IA32E_MODE_GUEST;

	cpu_vmwrite(VMCS_GUEST_EFER, efer);
	cpu_vmwrite(VMCS_ENTRY_CONTROLS,
		(efer & EFER_LMA) ? controls | ENTRY_IA32E_MODE_GUEST : controls);
}

static bool write_cr0(struct vcpu *vcpu, uint64_t value)
{
	const struct control_state now = read_state(vcpu);
	const struct control_state next = { .cr0 = (value & CR0_DEFINED) | CR0_ET, .cr4 = now.cr4 };
	const uint64_t reload = CR0_PG | CR0_CD | CR0_NW;

	if (!cr0_is_valid(vcpu, now, value))
		return false;
	if (uses_pae(vcpu, next) && ((now.cr0 ^ next.cr0) & reload) &&
		!load_pdptes(vcpu, cpu_vmread(VMCS_GUEST_CR3)))
		return false;
	/* The guest sees what it wrote; the real CD and NW stay 0 and NE stays 1. */
	cpu_vmwrite(VMCS_CR0_READ_SHADOW, next.cr0);
	cpu_vmwrite(VMCS_GUEST_CR0, (next.cr0 & ~(CR0_CD | CR0_NW)) | CR0_NE |
					    (vcpu->vmx->cr0_fixed0 & ~(CR0_PE | CR0_PG)));
	write_entry_mode(vcpu, next.cr0);
	vcpu_flush_translations(vcpu);
	return true;
}

static bool write_cr4(struct vcpu *vcpu, uint64_t value)
{
	const struct control_state now = read_state(vcpu);
	const struct control_state next = { .cr0 = now.cr0, .cr4 = value };
	const uint64_t reload = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;

	if (!cr4_is_valid(vcpu, now, value))
		return false;
	if (uses_pae(vcpu, next) && ((now.cr4 ^ value) & reload) &&
		!load_pdptes(vcpu, cpu_vmread(VMCS_GUEST_CR3)))
		return false;
	cpu_vmwrite(VMCS_CR4_READ_SHADOW, value);
	cpu_vmwrite(VMCS_GUEST_CR4, value | CR4_MCE | vcpu->vmx->cr4_fixed0);
	guest_cpuid_mirror(&vcpu->cpuid, value, vcpu->state.xcr0);
	vcpu_flush_translations(vcpu);
	return true;
}

static bool write_cr8(struct vcpu *vcpu, uint64_t value)
{
	if (value > 15)
		return false;
	vcpu->tpr = (uint32_t)value << 4;
	vcpu->attention = 0;
	return true;
}

enum exit_result handle_cr_access(struct vcpu *vcpu)
{
	const uint64_t qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);
	const unsigned int number = (unsigned int)(qualification & 0xf);
	const enum cr_access_type type = (enum cr_access_type)(qualification >> 4 & 3);
	const unsigned int reg = (unsigned int)(qualification >> 8 & 0xf);
	bool valid = false;
	uint64_t value;

	vcpu->registers[REG_RSP] = cpu_vmread(VMCS_GUEST_RSP);
	value = vcpu->registers[reg];
	if (vcpu_code_size(vcpu, cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS)) != CODE_64)
		value = (uint32_t)value;
	if (type == MOV_TO_CR && number == 0)
		valid = write_cr0(vcpu, value);
	else if (type == MOV_TO_CR && number == 4)
		valid = write_cr4(vcpu, value);
	else if (type == MOV_TO_CR && number == 8)
		valid = write_cr8(vcpu, value);
	else if (type == MOV_FROM_CR && number == 8) {
		vcpu->registers[reg] = vcpu->tpr >> 4 & 15;
		if (reg == REG_RSP)
			cpu_vmwrite(VMCS_GUEST_RSP, vcpu->registers[reg]);
		valid = true;
	} else
		return vcpu_stop(
			vcpu, "access of type %d to CR%u, which should not exit", type, number);
	if (valid) {
		vcpu_retire_exit(vcpu);
		return EXIT_RESUME;
	}
	log_limited(&vcpu->vm->odd_requests, LOG_DEBUG, "vmm",
		"guest wrote 0x%lx to CR%u at RIP 0x%lx: #GP", value, number, vcpu->rip);
	vcpu_inject_error(vcpu, VECTOR_GP, 0);
	return EXIT_RESUME;
}

/* SDM vol. 2C, 'XSETBV': #GP conditions. CR4.OSXSAVE was checked before the exit; so should CPL be,
 * but Bochs does not. */
static bool xcr0_is_valid(const struct vcpu *vcpu, uint64_t value)
{
	if (vcpu_privilege() != 0)
		return false;
	if (!(value & XCR0_X87) || (value & ~vcpu->cpuid.xcr0_allowed))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	if ((value & XCR0_AVX512) == 0)
		return true;
	return (value & XCR0_AVX512) == XCR0_AVX512 && (value & XCR0_AVX);
}

enum exit_result handle_xsetbv(struct vcpu *vcpu)
{
	const uint64_t value = vcpu->registers[REG_RDX] << 32 | (uint32_t)vcpu->registers[REG_RAX];

	if ((uint32_t)vcpu->registers[REG_RCX] != 0 || !xcr0_is_valid(vcpu, value)) {
		vcpu_inject_error(vcpu, VECTOR_GP, 0);
		return EXIT_RESUME;
	}
	vcpu->state.xcr0 = value;
	cpu_write_xcr0(value);
	guest_cpuid_mirror(&vcpu->cpuid, cpu_vmread(VMCS_GUEST_CR4), value);
	vcpu_retire_exit(vcpu);
	return EXIT_RESUME;
}
