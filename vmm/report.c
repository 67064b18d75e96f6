/* SPDX-License-Identifier: MIT */
/*
 * The report on a guest that was stopped.
 */
#include "vmm/report.h"

#include "lib/format.h"
#include "vmm/guest_linear.h"
#include "vmm/names.h"
#include "vmm/x86.h"

static void report_registers(struct vcpu *vcpu)
{
	const uint64_t *r = vcpu->registers;

	log_info("vmm", "rax %016lx rbx %016lx rcx %016lx rdx %016lx", r[REG_RAX], r[REG_RBX],
		r[REG_RCX], r[REG_RDX]);
	log_info("vmm", "rsi %016lx rdi %016lx rbp %016lx rsp %016lx", r[REG_RSI], r[REG_RDI],
		r[REG_RBP], cpu_vmread(VMCS_GUEST_RSP));
	log_info("vmm", "r8  %016lx r9  %016lx r10 %016lx r11 %016lx", r[REG_R8], r[REG_R9],
		r[REG_R10], r[REG_R11]);
	log_info("vmm", "r12 %016lx r13 %016lx r14 %016lx r15 %016lx", r[REG_R12], r[REG_R13],
		r[REG_R14], r[REG_R15]);
	log_info("vmm", "rip %016lx rflags %08lx cs %04lx ss %04lx ds %04lx",
		cpu_vmread(VMCS_GUEST_RIP), cpu_vmread(VMCS_GUEST_RFLAGS),
		cpu_vmread(VMCS_GUEST_ES_SELECTOR + 2 * SEG_CS),
		cpu_vmread(VMCS_GUEST_ES_SELECTOR + 2 * SEG_SS),
		cpu_vmread(VMCS_GUEST_ES_SELECTOR + 2 * SEG_DS));
	log_info("vmm", "cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx efer %lx",
		cpu_vmread(VMCS_GUEST_CR0), cpu_read_cr2(), cpu_vmread(VMCS_GUEST_CR3),
		cpu_vmread(VMCS_GUEST_CR4), vcpu_efer(vcpu, cpu_vmread(VMCS_GUEST_CR0)));
}

/* Bits 8:0 of the exit qualification for EPT violations. */
static void report_violation(uint64_t qualification)
{
	log_info("vmm", "EPT violation: %s%s%s%s",
		qualification & EPT_VIOLATION_READ ? "read " : "",
		qualification & EPT_VIOLATION_WRITE ? "write " : "",
		qualification & EPT_VIOLATION_FETCH ? "fetch " : "",
		!(qualification & EPT_VIOLATION_LINEAR_VALID)    ? "without a linear address"
		: qualification & EPT_VIOLATION_FINAL_TRANSLATED ? "by an access"
								 : "by a page walk");
}

static void report_exit(void)
{
	const uint64_t reason = cpu_vmread(VMCS_EXIT_REASON);
	const uint64_t qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);
	const uint64_t vectoring = cpu_vmread(VMCS_IDT_VECTORING_INFORMATION);

	log_info("vmm", "exit reason %lu (%s), qualification 0x%lx", reason & 0xffff,
		exit_reason_name((uint32_t)reason & 0xffff), qualification);
	if (reason == EXIT_REASON_EPT_VIOLATION) {
		report_violation(qualification);
		log_info("vmm", "guest-physical 0x%lx, guest-linear 0x%lx",
			cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS),
			cpu_vmread(VMCS_GUEST_LINEAR_ADDRESS));
	}
	if (vectoring & INTERRUPTION_VALID)
		log_info("vmm", "while delivering vector %lu (type %lu)",
			vectoring & INTERRUPTION_VECTOR, (vectoring & INTERRUPTION_TYPE) >> 8);
}

static void report_bytes(struct vcpu *vcpu, const struct guest_view *view)
{
	uint8_t bytes[INSN_MAX_LENGTH];
	char text[3 * INSN_MAX_LENGTH + 1] = "";
	struct guest_fault fault;
	unsigned int count;
	uint64_t gpa = 0;
	enum status status;

	vcpu->rip = cpu_vmread(VMCS_GUEST_RIP);
	status = guest_fetch(
		vcpu, view, guest_linear(view, SEG_CS, vcpu->rip), bytes, &count, &fault, &gpa);
	for (unsigned int i = 0; i < count; i++)
		format_text(text + 3 * (size_t)i, sizeof(text) - 3 * (size_t)i, " %02x", bytes[i]);
	log_info("vmm", "bytes at RIP:%s%s", text,
		status == STATUS_OK ? ""
		: count != 0        ? " (the next page cannot be read)"
				    : " none, they cannot be read");
}

/* The guest's own tables for a linear address, then EPT for where that leads. */
static void report_walks(struct vcpu *vcpu, const struct guest_view *view)
{
	const bool violation = cpu_vmread(VMCS_EXIT_REASON) == EXIT_REASON_EPT_VIOLATION;
	const bool linear_valid =
		violation && (cpu_vmread(VMCS_EXIT_QUALIFICATION) & EPT_VIOLATION_LINEAR_VALID);
	const uint64_t linear = linear_valid ? cpu_vmread(VMCS_GUEST_LINEAR_ADDRESS)
					     : guest_linear(view, SEG_CS, vcpu->rip);
	struct guest_walk_step guest_steps[GUEST_WALK_MAX_STEPS];
	struct paging_step ept_steps[PAGING_MAX_LEVELS];
	struct guest_fault fault;
	uint64_t gpa = 0;
	unsigned int count =
		guest_walk_trace(&view->paging, &vcpu->vm->memory, linear, guest_steps);

	log_info("vmm", "the guest's page tables for linear 0x%lx:", linear);
	for (unsigned int i = 0; i < count; i++)
		log_info("vmm", "  level %u at 0x%lx: 0x%lx", guest_steps[i].level,
			guest_steps[i].address, guest_steps[i].entry);
	if (violation)
		gpa = cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	else if (guest_walk(&view->paging, &vcpu->vm->memory, linear, GUEST_READ, &gpa, &fault) !=
		 STATUS_OK)
		return;
	log_info("vmm", "EPT for guest-physical 0x%lx:", gpa);
	count = ept_trace(&vcpu->vm->ept, gpa, ept_steps);
	for (unsigned int i = 0; i < count; i++)
		log_info("vmm", "  level %u at 0x%lx: 0x%lx", ept_steps[i].level,
			ept_steps[i].address, ept_steps[i].entry);
}

static void report_history(const struct vcpu *vcpu)
{
	uint64_t first =
		vcpu->history_next > VCPU_EXIT_HISTORY ? vcpu->history_next - VCPU_EXIT_HISTORY : 0;
	uint64_t start = vcpu->history[first % VCPU_EXIT_HISTORY].tsc;

	log_info("vmm", "the last exits (TSC since the first of them, RIP, reason):");
	for (uint64_t i = first; i != vcpu->history_next; i++) {
		const struct exit_record *record = &vcpu->history[i % VCPU_EXIT_HISTORY];

		log_info("vmm", "  %12lu %016lx %s", record->tsc - start, record->rip,
			exit_reason_name((uint32_t)record->reason & 0xffff));
	}
}

void report_guest(struct vcpu *vcpu)
{
	struct guest_view view;

	guest_view_read(vcpu, &view);
	report_exit();
	report_registers(vcpu);
	report_bytes(vcpu, &view);
	report_walks(vcpu, &view);
	report_history(vcpu);
}

void report_failed_entry(struct vcpu *vcpu, uint64_t failure)
{
	const uint32_t error = failure == 2 ? (uint32_t)cpu_vmread(VMCS_VM_INSTRUCTION_ERROR) : 0;

	vm_end(vcpu->vm, VM_STATUS_STOPPED, "VM entry failed: %s (VM-instruction error %u)",
		error != 0 ? vm_instruction_error_text(error) : "no current VMCS", error);
	log_error("vmm", "%s", vcpu->vm->reason);
	log_error("vmm", "controls: pin 0x%lx primary 0x%lx secondary 0x%lx exit 0x%lx entry 0x%lx",
		cpu_vmread(VMCS_PIN_BASED_CONTROLS), cpu_vmread(VMCS_PRIMARY_CONTROLS),
		cpu_vmread(VMCS_SECONDARY_CONTROLS), cpu_vmread(VMCS_EXIT_CONTROLS),
		cpu_vmread(VMCS_ENTRY_CONTROLS));
}

static void check(bool right, const char *what, uint64_t value)
{
	if (!right)
		log_error("vmm", "guest state: %s (0x%lx)", what, value);
}

void report_guest_state_checks(void)
{
	const uint64_t cr0 = cpu_vmread(VMCS_GUEST_CR0);
	const uint64_t cr4 = cpu_vmread(VMCS_GUEST_CR4);
	const uint64_t efer = cpu_vmread(VMCS_GUEST_EFER);
	const uint64_t entry = cpu_vmread(VMCS_ENTRY_CONTROLS);
	const uint64_t rflags = cpu_vmread(VMCS_GUEST_RFLAGS);
	const uint64_t cs = cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS);
	const uint64_t injected = cpu_vmread(VMCS_ENTRY_INTERRUPTION_INFORMATION);
	const bool long_mode = (entry & ENTRY_IA32E_MODE_GUEST) != 0;

	check(!(cr0 & CR0_PG) || (cr0 & CR0_PE), "CR0 has PG without PE", cr0);
	check(!long_mode || ((cr0 & CR0_PG) && (cr4 & CR4_PAE)),
		"'IA-32e mode guest' without CR0.PG and CR4.PAE", cr0);
	check(long_mode || !(cr4 & CR4_PCIDE), "CR4.PCIDE outside IA-32e mode", cr4);
	check(((efer & EFER_LMA) != 0) == long_mode, "EFER.LMA is not 'IA-32e mode guest'", efer);
	check(!(cr0 & CR0_PG) || ((efer & EFER_LMA) != 0) == ((efer & EFER_LME) != 0),
		"EFER.LMA is not EFER.LME with paging on", efer);
	check((rflags & RFLAGS_FIXED) != 0, "RFLAGS bit 1 is 0", rflags);
	check(!long_mode || !(rflags & RFLAGS_VM), "RFLAGS.VM in IA-32e mode", rflags);
	check(!(cs & ACCESS_RIGHTS_L) || !(cs & ACCESS_RIGHTS_DB), "CS has both L and D/B", cs);
	check(!(injected & INTERRUPTION_VALID) ||
			(injected & INTERRUPTION_TYPE) != INTERRUPTION_TYPE_EXTERNAL ||
			(rflags & RFLAGS_IF),
		"an external interrupt is injected with RFLAGS.IF 0", injected);
	log_error("vmm",
		"guest state: CR0 0x%lx, CR4 0x%lx, EFER 0x%lx, CS rights 0x%lx, activity %lu, "
		"interruptibility 0x%lx",
		cr0, cr4, efer, cs, cpu_vmread(VMCS_GUEST_ACTIVITY_STATE),
		cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE));
}
