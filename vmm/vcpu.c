/* SPDX-License-Identifier: MIT */
/*
 * A virtual processor's making, and what every exit handler does to it.
 */
#include "vmm/vcpu.h"

#include <stdarg.h>

#include "lib/format.h"
#include "lib/string.h"
#include "vmm/report.h"
#include "vmm/x86.h"

#define MSR_BITMAP_READ_LOW   0u
#define MSR_BITMAP_READ_HIGH  1024u
#define MSR_BITMAP_WRITE_LOW  2048u
#define MSR_BITMAP_WRITE_HIGH 3072u

/* No timer of a guest makes us exit more often than this. */
#define TIMER_INTERRUPTS_PER_SECOND 100000

#define VIRTUAL_APIC_TPR 0x80 /* SDM vol. 3C 'Virtualized APIC Registers' */

/* FCW and MXCSR as after FNINIT and reset. SDM vol. 1, 'FXSAVE Area'. */
#define FPU_AREA_FCW   0
#define FPU_AREA_MXCSR 24
#define FCW_INIT       0x37f
#define MXCSR_INIT     0x1f80

/* SDM vol. 3C, 'MSR-Bitmap Address': a set bit makes the access exit. */
static void let_msr_through(uint8_t *bitmap, uint32_t msr, bool writes)
{
	bool high = msr >= 0xc0000000;
	uint32_t bit = msr & 0x1fff;

	bitmap[(high ? MSR_BITMAP_READ_HIGH : MSR_BITMAP_READ_LOW) + bit / 8] &=
		(uint8_t) ~(1u << bit % 8);
	if (writes)
		bitmap[(high ? MSR_BITMAP_WRITE_HIGH : MSR_BITMAP_WRITE_LOW) + bit / 8] &=
			(uint8_t) ~(1u << bit % 8);
}

/*
 * What passes without an exit: MSRs that the VMCS switches, and those that stay the guest's in the
 * processor until give-back (struct processor_state). All else exits.
 */
static void set_up_msr_bitmap(struct vcpu *vcpu)
{
	static const uint32_t own[] = { MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
		MSR_IA32_SYSENTER_EIP, MSR_IA32_PAT, MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR,
		MSR_IA32_FMASK, MSR_IA32_FS_BASE, MSR_IA32_GS_BASE, MSR_IA32_KERNEL_GS_BASE };
	uint8_t *bitmap = vcpu->msr_bitmap;

	memset(bitmap, 0xff, PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		let_msr_through(bitmap, own[i], true);
	if (vcpu->cpuid.rdtscp)
		let_msr_through(bitmap, MSR_IA32_TSC_AUX, true);
	let_msr_through(bitmap, MSR_IA32_TIME_STAMP_COUNTER, false);
}

static void set_up_fpu(struct vcpu *vcpu)
{
	const uint16_t fcw = FCW_INIT;
	const uint32_t mxcsr = MXCSR_INIT;

	memcpy(vcpu->state.fpu + FPU_AREA_FCW, &fcw, sizeof(fcw));
	memcpy(vcpu->state.fpu + FPU_AREA_MXCSR, &mxcsr, sizeof(mxcsr));
}

static uint64_t read_time(void *context)
{
	(void)context;
	return cpu_read_tsc();
}

static void draw_attention(void *context)
{
	struct vcpu *vcpu = context;

	vcpu->attention = 0;
}

static void end_of_interrupt(void *context, uint8_t vector)
{
	struct vcpu *vcpu = context;

	io_apic_end_of_interrupt(&vcpu->vm->io_apic, vector);
}

/* The task priority lives where the processor's TPR shadow has it. */
static enum status set_up_apic(struct vcpu *vcpu)
{
	uint8_t *shadow = vcpu->virtual_apic;

	apic_init(&vcpu->apic, 0,
		shadow != NULL ? (uint32_t *)(void *)(shadow + VIRTUAL_APIC_TPR) : &vcpu->tpr,
		(struct apic_host){
			.now = read_time,
			.attention = draw_attention,
			.end_of_interrupt = end_of_interrupt,
			.context = vcpu,
		});
	vcpu->apic.min_period = vcpu->vm->tsc_hz / TIMER_INTERRUPTS_PER_SECOND;
	vcpu->vm->vcpu = vcpu;
	return bus_register(
		&vcpu->vm->mmio, "local APIC", APIC_BASE, APIC_SIZE, &apic_ops, &vcpu->apic);
}

enum status vcpu_init(struct vcpu *vcpu, struct vm *vm, const struct vmx_capabilities *capabilities)
{
	const uint32_t primary = vmx_control_value(capabilities, VMX_PRIMARY);
	const uint32_t secondary = vmx_control_value(capabilities, VMX_SECONDARY);

	*vcpu = (struct vcpu){
		.vm = vm,
		.vmx = capabilities,
		.vmxon_region = frame_alloc(vm->frames),
		.vmcs = frame_alloc(vm->frames),
		.msr_bitmap = frame_alloc(vm->frames),
		.io_bitmap = frame_alloc(vm->frames),
		.vpid = (secondary & SECONDARY_ENABLE_VPID) ? 1 : 0,
		.preemption_shift = (unsigned int)(capabilities->misc & 0x1f),
		.state = {
			.xcr0 = XCR0_X87,
			.dr6 = DR6_INIT,
			.fpu = frame_alloc(vm->frames),
		},
	};
	if (vcpu->vmxon_region == NULL || vcpu->vmcs == NULL || vcpu->msr_bitmap == NULL ||
		vcpu->io_bitmap == NULL || vcpu->state.fpu == NULL)
		return STATUS_NO_MEMORY;
	memset(vcpu->io_bitmap, 0xff, PAGE_SIZE);
	if (primary & PRIMARY_USE_TPR_SHADOW) {
		vcpu->virtual_apic = frame_alloc(vm->frames);
		if (vcpu->virtual_apic == NULL)
			return STATUS_NO_MEMORY;
	}
	insn_cache_init(&vcpu->insns);
	guest_cpuid_init(&vcpu->cpuid, secondary, vm->tsc_hz);
	vcpu->cr4_allowed = vcpu->cpuid.cr4_allowed & capabilities->cr4_fixed1;
	/* OSXSAVE may be set, but CPUID mirrors it: its changes are rare, and CPUIDs are not. */
	vcpu->cr4_owned = ~vcpu->cr4_allowed | CR4_MCE | CR4_OSXSAVE;
	vcpu->cr0_owned = CR0_CD | CR0_NW | CR0_NE;
	set_up_msr_bitmap(vcpu);
	set_up_fpu(vcpu);
	return set_up_apic(vcpu);
}

void vcpu_set_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
	vcpu->start = *start;
	vcpu->rip = start->rip;
	vcpu->registers[REG_RBX] = start->rbx;
	vcpu->registers[REG_RSI] = start->rsi;
	vcpu->efer = start->long_mode ? EFER_LME : 0;
}

uint64_t vcpu_efer(const struct vcpu *vcpu, uint64_t cr0)
{
	if ((vcpu->efer & EFER_LME) && (cr0 & CR0_PG))
		return vcpu->efer | EFER_LMA;
	return vcpu->efer;
}

void vcpu_retire_flags(uint64_t interruptibility, uint64_t rflags)
{
	cpu_vmwrite(VMCS_GUEST_INTERRUPTIBILITY_STATE,
		interruptibility & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
	cpu_vmwrite(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	if (rflags & RFLAGS_TF)
		cpu_vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
			cpu_vmread(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) | PENDING_DEBUG_BS);
}

void vcpu_end_blocking(void)
{
	const uint64_t blocking = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
	const uint64_t state = cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE);

	if (state & blocking)
		cpu_vmwrite(VMCS_GUEST_INTERRUPTIBILITY_STATE, state & ~blocking);
}

void vcpu_inject(struct vcpu *vcpu, enum exception_vector vector)
{
	(void)vcpu;
	vcpu_end_blocking();
	vcpu_set_resume_flag();
	cpu_vmwrite(VMCS_ENTRY_INTERRUPTION_INFORMATION,
		INTERRUPTION_VALID | INTERRUPTION_TYPE_HARDWARE | vector);
}

void vcpu_inject_error(struct vcpu *vcpu, enum exception_vector vector, uint32_t error_code)
{
	uint64_t information = INTERRUPTION_VALID | INTERRUPTION_TYPE_HARDWARE | vector;

	(void)vcpu;
	/* Real mode delivers no error codes. */
	if (cpu_vmread(VMCS_GUEST_CR0) & CR0_PE)
		information |= INTERRUPTION_HAS_ERROR_CODE;
	vcpu_end_blocking();
	vcpu_set_resume_flag();
	cpu_vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, error_code);
	cpu_vmwrite(VMCS_ENTRY_INTERRUPTION_INFORMATION, information);
}

void vcpu_inject_page_fault(struct vcpu *vcpu, uint64_t linear, uint32_t error_code)
{
	cpu_write_cr2(linear);
	vcpu_inject_error(vcpu, VECTOR_PF, error_code);
}

enum exit_result vcpu_stop(struct vcpu *vcpu, const char *format, ...)
{
	char reason[sizeof(vcpu->vm->reason)];
	va_list arguments;

	va_start(arguments, format);
	format_text_va(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	vm_end(vcpu->vm, VM_STATUS_STOPPED, "%s", reason);
	log_error("vmm", "guest stopped: %s", reason);
	report_guest(vcpu);
	return EXIT_STOP;
}

void vcpu_flush_translations(const struct vcpu *vcpu)
{
	/* Without VPID every VM entry and exit flushes by itself. SDM vol. 3C 'VPID and EPT'. */
	if (vcpu->vpid != 0 &&
		!cpu_invvpid(1, (struct invalidation_descriptor){ .target = vcpu->vpid }))
		log_warn("vmm", "INVVPID of VPID %u failed", vcpu->vpid);
}
