/* SPDX-License-Identifier: MIT */
/*
 * The VMCS, group by group, in the order of SDM vol. 3C 'Virtual Machine Control Structures'.
 */
#include "vmm/vmcs_setup.h"

#include "vmm/host_tables.h"
#include "vmm/x86.h"

/* Access rights of the segments that the boot protocols ask for. */
#define RIGHTS_CODE_32  0xc09b /* present, ring 0, executable, 32-bit, 4 KiB granularity */
#define RIGHTS_CODE_64  0xa09b
#define RIGHTS_DATA     0xc093
#define RIGHTS_TSS_BUSY 0x008b
#define TSS_LIMIT       0x67

#define PAT_RESET 0x0007040600070406ull

extern const uint8_t vmx_exit[]; /* vmm/vmentry.asm */

void vmcs_set_up_controls(struct vcpu *vcpu)
{
	const struct vmx_capabilities *vmx = vcpu->vmx;
	const uint32_t secondary = vmx_control_value(vmx, VMX_SECONDARY);

	cpu_vmwrite(VMCS_PIN_BASED_CONTROLS, vmx_control_value(vmx, VMX_PIN_BASED));
	cpu_vmwrite(VMCS_PRIMARY_CONTROLS, vmx_control_value(vmx, VMX_PRIMARY));
	cpu_vmwrite(VMCS_SECONDARY_CONTROLS, secondary);
	cpu_vmwrite(VMCS_EXIT_CONTROLS, vmx_control_value(vmx, VMX_EXIT));
	cpu_vmwrite(VMCS_ENTRY_CONTROLS, vmx_control_value(vmx, VMX_ENTRY));

	/*
	 * #MC is ours to report. #DB and #AC only pass through here: delivering one of them may
	 * raise the next for ever, inside one instruction, where no timer could end it.
	 */
	cpu_vmwrite(VMCS_EXCEPTION_BITMAP, BIT(VECTOR_MC) | BIT(VECTOR_DB) | BIT(VECTOR_AC));
	cpu_vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MASK, 0);
	cpu_vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MATCH, 0);
	cpu_vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	cpu_vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	cpu_vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	cpu_vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	cpu_vmwrite(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);

	cpu_vmwrite(VMCS_IO_BITMAP_A, host_physical(vcpu->io_bitmap));
	cpu_vmwrite(VMCS_IO_BITMAP_B, host_physical(vcpu->io_bitmap));
	cpu_vmwrite(VMCS_MSR_BITMAP, host_physical(vcpu->msr_bitmap));
	if (vcpu->virtual_apic != NULL) {
		cpu_vmwrite(VMCS_VIRTUAL_APIC_ADDRESS, host_physical(vcpu->virtual_apic));
		cpu_vmwrite(VMCS_TPR_THRESHOLD, 0);
	}
	cpu_vmwrite(VMCS_TSC_OFFSET, 0);
	cpu_vmwrite(VMCS_EPT_POINTER, ept_pointer(&vcpu->vm->ept));
	if (vcpu->vpid != 0)
		cpu_vmwrite(VMCS_VPID, vcpu->vpid);
	/* 0 until the due work has armed it, which is before the first entry. */
	cpu_vmwrite(VMCS_PREEMPTION_TIMER_VALUE, vcpu->preemption_ticks);

	cpu_vmwrite(VMCS_CR0_GUEST_HOST_MASK, vcpu->cr0_owned);
	cpu_vmwrite(VMCS_CR4_GUEST_HOST_MASK, vcpu->cr4_owned);
	cpu_vmwrite(VMCS_CR0_READ_SHADOW, CR0_PE | CR0_ET);
	cpu_vmwrite(VMCS_CR4_READ_SHADOW, 0);
}

/* index: ES, CS, SS, DS, FS, GS, LDTR, TR, as the fields follow each other in steps of 2. */
static void set_up_segment(unsigned int index, uint64_t selector, uint64_t limit, uint64_t rights)
{
	cpu_vmwrite(VMCS_GUEST_ES_SELECTOR + 2 * index, selector);
	cpu_vmwrite(VMCS_GUEST_ES_BASE + 2 * index, 0);
	cpu_vmwrite(VMCS_GUEST_ES_LIMIT + 2 * index, limit);
	cpu_vmwrite(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * index, rights);
}

/* Flat segments, and the descriptor tables that come with them. */
static void set_up_segments(const struct vcpu_start *start)
{
	enum { LDTR = 6, TR = 7 };

	for (unsigned int i = SEG_ES; i <= SEG_GS; i++)
		set_up_segment(i, start->data_selector, 0xffffffff, RIGHTS_DATA);
	set_up_segment(SEG_CS, start->code_selector, 0xffffffff,
		start->long_mode ? RIGHTS_CODE_64 : RIGHTS_CODE_32);
	set_up_segment(LDTR, 0, 0, ACCESS_RIGHTS_UNUSABLE);
	set_up_segment(TR, 0, TSS_LIMIT, RIGHTS_TSS_BUSY);
	cpu_vmwrite(VMCS_GUEST_GDTR_BASE, start->gdt_base);
	cpu_vmwrite(VMCS_GUEST_GDTR_LIMIT, start->gdt_limit);
	cpu_vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	cpu_vmwrite(VMCS_GUEST_IDTR_LIMIT, 0);
}

/* Protected mode, or 64-bit mode: nothing else is ever a guest's start. */
static void set_up_mode(const struct vcpu *vcpu)
{
	const struct vcpu_start *start = &vcpu->start;
	const uint64_t cr0 = CR0_PE | CR0_ET | CR0_NE | (start->long_mode ? CR0_PG : 0);

	cpu_vmwrite(VMCS_GUEST_CR0, cr0 | (vcpu->vmx->cr0_fixed0 & ~(CR0_PE | CR0_PG)));
	cpu_vmwrite(VMCS_GUEST_CR3, start->cr3);
	cpu_vmwrite(
		VMCS_GUEST_CR4, CR4_MCE | (start->long_mode ? CR4_PAE : 0) | vcpu->vmx->cr4_fixed0);
	cpu_vmwrite(VMCS_GUEST_EFER, vcpu_efer(vcpu, cr0));
	if (start->long_mode)
		cpu_vmwrite(VMCS_ENTRY_CONTROLS,
			cpu_vmread(VMCS_ENTRY_CONTROLS) | ENTRY_IA32E_MODE_GUEST);
}

/* The state that vcpu->start asks for; interrupts off. */
void vmcs_set_up_guest(struct vcpu *vcpu)
{
	set_up_segments(&vcpu->start);
	set_up_mode(vcpu);
	cpu_vmwrite(VMCS_GUEST_DR7, DR7_FIXED);
	cpu_vmwrite(VMCS_GUEST_RSP, 0);
	cpu_vmwrite(VMCS_GUEST_RIP, vcpu->rip);
	cpu_vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);

	cpu_vmwrite(VMCS_GUEST_PAT, PAT_RESET);
	cpu_vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	cpu_vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	cpu_vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	cpu_vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);

	cpu_vmwrite(VMCS_GUEST_INTERRUPTIBILITY_STATE, 0);
	cpu_vmwrite(VMCS_GUEST_ACTIVITY_STATE, ACTIVITY_ACTIVE);
	cpu_vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	cpu_vmwrite(VMCS_LINK_POINTER, ~0ull);
}

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint64_t base;
};

void vmcs_set_up_host(void)
{
	struct table_register gdt, idt;
	uint16_t tr;
	const uint64_t *descriptor;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	__asm__ volatile("str %0" : "=r"(tr));
	descriptor = (const uint64_t *)(uintptr_t)(gdt.base + (tr & ~7u));

	cpu_vmwrite(VMCS_HOST_CR0, cpu_read_cr0());
	cpu_vmwrite(VMCS_HOST_CR3, cpu_read_cr3());
	cpu_vmwrite(VMCS_HOST_CR4, cpu_read_cr4());
	cpu_vmwrite(VMCS_HOST_RIP, (uint64_t)(uintptr_t)vmx_exit);

	cpu_vmwrite(VMCS_HOST_CS_SELECTOR, HOST_SELECTOR_CODE);
	cpu_vmwrite(VMCS_HOST_SS_SELECTOR, HOST_SELECTOR_DATA);
	cpu_vmwrite(VMCS_HOST_DS_SELECTOR, HOST_SELECTOR_DATA);
	cpu_vmwrite(VMCS_HOST_ES_SELECTOR, HOST_SELECTOR_DATA);
	cpu_vmwrite(VMCS_HOST_FS_SELECTOR, 0);
	cpu_vmwrite(VMCS_HOST_GS_SELECTOR, 0);
	cpu_vmwrite(VMCS_HOST_TR_SELECTOR, tr);
	cpu_vmwrite(VMCS_HOST_FS_BASE, 0);
	cpu_vmwrite(VMCS_HOST_GS_BASE, 0);
	cpu_vmwrite(VMCS_HOST_TR_BASE, (descriptor[0] >> 16 & 0xffffff) |
					       (descriptor[0] >> 56) << 24 | descriptor[1] << 32);
	cpu_vmwrite(VMCS_HOST_GDTR_BASE, gdt.base);
	cpu_vmwrite(VMCS_HOST_IDTR_BASE, idt.base);

	cpu_vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	cpu_vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	cpu_vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	cpu_vmwrite(VMCS_HOST_PAT, cpu_read_msr(MSR_IA32_PAT));
	cpu_vmwrite(VMCS_HOST_EFER, cpu_read_msr(MSR_IA32_EFER));
}
