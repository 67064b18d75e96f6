/* SPDX-License-Identifier: MIT */
/*
 * EPT violations: the guest touched a guest-physical address that has no memory behind it. Decode
 * the instruction, ask the MMIO bus who lives there, do the access, retire. SDM vol. 3C 'EPT
 * Violations'.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/alu.h"
#include "vmm/exits.h"
#include "vmm/guest_linear.h"
#include "vmm/x86.h"

/* Bits 7 and 8 set and bit 2 clear: a data access by an instruction. Nothing else is decoded. */
#define DATA_ACCESS_MASK \
	(EPT_VIOLATION_FETCH | EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_FINAL_TRANSLATED)
#define DATA_ACCESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_FINAL_TRANSLATED)

/* What the processor says about one violation. */
struct violation {
	uint64_t qualification;
	uint64_t gpa;
	uint64_t linear;
};

/* The access as the instruction has it: its operand's linear address, and where that leads. */
struct mmio_target {
	uint64_t operand;
	uint64_t gpa;
	struct bus_region *region; /* null: reads give all ones, writes vanish */
};

static inline bool is_decodable(uint64_t qualification)
{
	return (qualification & DATA_ACCESS_MASK) == DATA_ACCESS &&
	       !(cpu_vmread(VMCS_IDT_VECTORING_INFORMATION) & INTERRUPTION_VALID);
}

static const char *undecodable_cause(const struct violation *v)
{
	if (cpu_vmread(VMCS_IDT_VECTORING_INFORMATION) & INTERRUPTION_VALID)
		return "delivery of an event through";
	if (v->qualification & EPT_VIOLATION_FETCH)
		return "instruction fetch from";
	if (!(v->qualification & EPT_VIOLATION_LINEAR_VALID))
		return "access without a linear address to";
	return "page walk through";
}

static const char *place_name(struct vcpu *vcpu, uint64_t gpa)
{
	const struct bus_region *region = bus_find(&vcpu->vm->mmio, gpa);

	return region != NULL ? region->name : "nothing";
}

/* Fetching failed: the guest's own tables say #PF, or the code lies where no memory is. */
static enum exit_result answer_failed_fetch(
	struct vcpu *vcpu, enum status status, const struct guest_fault *fault, uint64_t gpa)
{
	if (status == STATUS_FAULT) {
		vcpu_inject_page_fault(vcpu, fault->linear, fault->error_code);
		return EXIT_RESUME;
	}
	return vcpu_stop(vcpu, "instruction at RIP 0x%lx leads to 0x%lx, where there is no memory",
		vcpu->rip, gpa);
}

static enum exit_result refuse_instruction(
	struct vcpu *vcpu, const uint8_t *bytes, unsigned int count)
{
	char text[3 * INSN_MAX_LENGTH + 1] = "";

	for (unsigned int i = 0; i < count; i++)
		format_text(text + 3 * (size_t)i, sizeof(text) - 3 * (size_t)i, " %02x", bytes[i]);
	log_limited(&vcpu->vm->unknown_instructions, LOG_WARN, "vmm",
		"instruction at RIP 0x%lx (bytes%s) cannot access a device: #UD; a plain 8- to "
		"64-bit mov "
		"of a general register works",
		vcpu->rip, text);
	vcpu_inject(vcpu, VECTOR_UD);
	return EXIT_RESUME;
}

/* Fetches and decodes the instruction at RIP. False: *result says what happens instead. */
static bool decode_at_rip(struct vcpu *vcpu, const struct guest_view *view,
	uint8_t bytes[INSN_MAX_LENGTH], struct insn *insn, enum exit_result *result)
{
	const uint64_t linear = guest_linear(view, SEG_CS, vcpu->rip);
	struct guest_fault fault;
	unsigned int count;
	uint64_t gpa = 0;
	const enum status fetched = guest_fetch(vcpu, view, linear, bytes, &count, &fault, &gpa);
	const enum status decoded = decode_insn(bytes, count, view->code, insn);

	if (decoded == STATUS_TRUNCATED && fetched != STATUS_OK)
		*result = answer_failed_fetch(vcpu, fetched, &fault, gpa);
	else if (decoded != STATUS_OK)
		*result = refuse_instruction(vcpu, bytes, count);
	return decoded == STATUS_OK;
}

/*
 * The access does not lead to the page of the exit: the guest changed its tables or its code under
 * the processor's translations. Trying again uses the new ones; a second time there is no excuse.
 */
static enum exit_result retry_once(
	struct vcpu *vcpu, const struct violation *v, const struct mmio_target *target)
{
	if (vcpu->retried_rip != vcpu->rip || vcpu->retried_exit + 1 != vcpu->history_next) {
		vcpu->retried_rip = vcpu->rip;
		vcpu->retried_exit = vcpu->history_next;
		vcpu_flush_translations(vcpu);
		return EXIT_RESUME;
	}
	log_limited(&vcpu->vm->unknown_instructions, LOG_WARN, "vmm",
		"instruction at RIP 0x%lx accesses 0x%lx, but the exit was for 0x%lx: #UD",
		vcpu->rip, target->operand, v->gpa);
	vcpu_inject(vcpu, VECTOR_UD);
	return EXIT_RESUME;
}

/* Who lives where the access goes, all of it; nobody, or only at a part of it, is worth a warning.
 */
static void find_device(struct vcpu *vcpu, const struct insn *insn, struct mmio_target *target)
{
	target->region = bus_find_access(&vcpu->vm->mmio, target->gpa, insn->width);
	if (target->region != NULL)
		return;
	log_limited(&vcpu->vm->unmapped_accesses, LOG_WARN, "vmm",
		"%s of %u bytes at 0x%lx by RIP 0x%lx: no device there",
		insn_writes_memory(insn) ? "write" : "read", insn->width, target->gpa, vcpu->rip);
}

/*
 * Translates the operand page by page, as the guest's tables have it now. False: *result says what
 * happens instead.
 */
static bool translate_operand(struct vcpu *vcpu, const struct violation *v,
	const struct guest_view *view, const struct insn *insn, struct mmio_target *target,
	enum exit_result *result)
{
	const enum guest_access access = insn_writes_memory(insn) ? GUEST_WRITE : GUEST_READ;
	const uint64_t last = target->operand + insn->width - 1;
	const unsigned int pages = (target->operand ^ last) >> PAGE_SHIFT ? 2 : 1;
	/* A fault of the second page is reported at its first byte. */
	const uint64_t next = last & ~PAGE_MASK;
	const uint64_t bytes[2] = { target->operand,
		view->code == CODE_64 ? next : (uint32_t)next };
	struct guest_fault fault;
	bool reached = false;
	uint64_t gpa[2];

	for (unsigned int i = 0; i < pages; i++) {
		enum status status = guest_walk(
			&view->paging, &vcpu->vm->memory, bytes[i], access, &gpa[i], &fault);

		if (status == STATUS_FAULT) {
			vcpu_inject_page_fault(vcpu, fault.linear, fault.error_code);
			*result = EXIT_RESUME;
			return false;
		}
		if (status == STATUS_OK && gpa[i] >> PAGE_SHIFT == v->gpa >> PAGE_SHIFT)
			reached = true;
	}
	if (!reached) {
		*result = retry_once(vcpu, v, target);
		return false;
	}
	target->gpa = gpa[0];
	if (pages == 1)
		find_device(vcpu, insn, target);
	else
		log_limited(&vcpu->vm->straddling_accesses, LOG_WARN, "vmm",
			"%u-byte access at 0x%lx by RIP 0x%lx crosses a page boundary at %s: reads "
			"all "
			"ones, writes nothing",
			insn->width, target->operand, vcpu->rip, place_name(vcpu, v->gpa));
	return true;
}

/* A null region is where nobody lives: reads give all ones, writes vanish. */
static inline uint64_t read_device(struct bus_region *region, uint64_t gpa, unsigned int width)
{
	return region != NULL ? bus_region_read(region, gpa, width) : width_mask(width);
}

static inline void write_device(
	struct bus_region *region, uint64_t gpa, unsigned int width, uint64_t value)
{
	if (region != NULL)
		bus_region_write(region, gpa, width, value);
}

/* Everything but MOV: one read, one write at most, and the flags in between. */
static __attribute__((noinline)) void execute_operation(
	struct vcpu *vcpu, const struct insn *insn, struct bus_region *region, uint64_t gpa)
{
	const uint64_t memory = insn_reads_memory(insn) ? read_device(region, gpa, insn->width) : 0;
	uint64_t rflags, result, other;

	switch (insn->operation) {
	case INSN_MOVZX: insn_write_register(insn, vcpu->registers, memory); return;
	case INSN_MOVSX:
		insn_write_register(insn, vcpu->registers, sign_extend(memory, insn->width));
		return;
	case INSN_XCHG:
		write_device(region, gpa, insn->width, insn_read_register(insn, vcpu->registers));
		insn_write_register(insn, vcpu->registers, memory);
		return;
	default: break;
	}
	rflags = cpu_vmread(VMCS_GUEST_RFLAGS);
	other = insn->has_immediate ? insn->immediate : insn_read_register(insn, vcpu->registers);
	if (insn->memory_is_destination)
		result = alu_execute(insn->operation, insn->width, memory, other, &rflags);
	else
		result = alu_execute(insn->operation, insn->width, other, memory, &rflags);
	cpu_vmwrite(VMCS_GUEST_RFLAGS, rflags);
	if (insn_writes_memory(insn))
		write_device(region, gpa, insn->width, result & width_mask(insn->width));
	else if (!insn->memory_is_destination && insn->operation != INSN_CMP &&
		 insn->operation != INSN_TEST)
		insn_write_register(insn, vcpu->registers, result);
}

static inline void execute(
	struct vcpu *vcpu, const struct insn *insn, struct bus_region *region, uint64_t gpa)
{
	if (insn->operation != INSN_MOV)
		execute_operation(vcpu, insn, region, gpa);
	else if (!insn->memory_is_destination)
		insn_write_register(insn, vcpu->registers, read_device(region, gpa, insn->width));
	else
		write_device(region, gpa, insn->width,
			insn->has_immediate ? insn->immediate & width_mask(insn->width)
					    : insn_read_register(insn, vcpu->registers));
}

/* Whether the processor translated this very address just now, and all of the access lies there. */
static inline bool is_translated(uint64_t operand, uint64_t linear, unsigned int width)
{
	return operand == linear && (linear & PAGE_MASK) + width <= PAGE_SIZE;
}

/* Step by step, from the instruction's bytes on. */
static __attribute__((noinline)) enum exit_result handle_from_the_start(
	struct vcpu *vcpu, uint64_t qualification, uint64_t gpa, uint64_t linear)
{
	const struct violation v = { qualification, gpa, linear };
	const uint64_t rsp = cpu_vmread(VMCS_GUEST_RSP);
	enum exit_result result = EXIT_RESUME;
	struct mmio_target target = { .gpa = gpa };
	struct guest_view view;
	uint8_t bytes[INSN_MAX_LENGTH];
	struct insn insn;

	if (!is_decodable(qualification))
		return vcpu_stop(vcpu, "%s guest-physical 0x%lx (%s)", undecodable_cause(&v), gpa,
			place_name(vcpu, gpa));
	guest_view_read(vcpu, &view);
	if (!decode_at_rip(vcpu, &view, bytes, &insn, &result))
		return result;
	vcpu->registers[REG_RSP] = rsp;
	target.operand = guest_linear(&view, insn.segment,
		insn_effective_offset(&insn, vcpu->registers, vcpu->rip + insn.length));
	if (is_translated(target.operand, linear, insn.width))
		find_device(vcpu, &insn, &target);
	else if (!translate_operand(vcpu, &v, &view, &insn, &target, &result))
		return result;
	if (view.code == CODE_64 && target.region != NULL)
		insn_cache_keep(&vcpu->insns, &vcpu->vm->memory, vcpu->rip, &view.paging, &insn,
			bytes, target.region);
	execute(vcpu, &insn, target.region, target.gpa);
	if (vcpu->registers[REG_RSP] != rsp)
		cpu_vmwrite(VMCS_GUEST_RSP, vcpu->registers[REG_RSP]);
	vcpu_retire(vcpu, insn.length);
	return EXIT_RESUME;
}

/* The short way, for the instructions of 64-bit code that come again and again. */
enum exit_result handle_ept_violation(struct vcpu *vcpu)
{
	const uint64_t qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);
	const uint64_t gpa = cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	const uint64_t linear = cpu_vmread(VMCS_GUEST_LINEAR_ADDRESS);
	const struct insn_cache_entry *known;

	if (!is_decodable(qualification) ||
		vcpu_code_size(vcpu, cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS)) != CODE_64)
		return handle_from_the_start(vcpu, qualification, gpa, linear);
	known = insn_cache_find(&vcpu->insns, vcpu->rip, cpu_vmread(VMCS_GUEST_CR3));
	if (known == NULL ||
		!is_translated(
			insn_cache_operand(known, vcpu->registers), linear, known->insn.width) ||
		!insn_cache_covers(known, gpa))
		return handle_from_the_start(vcpu, qualification, gpa, linear);
	execute(vcpu, &known->insn, known->region, gpa);
	vcpu_retire_to(known->next_rip);
	return EXIT_RESUME;
}

/* Our tables are wrong, which no guest can bring about. */
enum exit_result handle_ept_misconfiguration(struct vcpu *vcpu)
{
	return vcpu_stop(vcpu, "EPT misconfiguration at guest-physical 0x%lx",
		cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS));
}
