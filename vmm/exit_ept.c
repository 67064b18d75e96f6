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

/* What the processor says about one violation, and what the instruction turned out to be. */
struct violation {
	uint64_t qualification;
	uint64_t gpa;    /* as the exit reports it */
	uint64_t linear; /* likewise */
	struct guest_view view;
	struct insn insn;
	uint64_t operand; /* linear address of the memory operand */
};

/* One device access, or none: nobody lives there, or it leaves its page. */
struct mmio_target {
	struct bus_region *region; /* null: reads give all ones, writes vanish */
	uint64_t gpa;
};

/* Bits 7 and 8 set and bit 2 clear, and no event being delivered: only that is decoded. */
static const char *undecodable_cause(const struct violation *v)
{
	if (cpu_vmread(VMCS_IDT_VECTORING_INFORMATION) & INTERRUPTION_VALID)
		return "delivery of an event through";
	if (v->qualification & EPT_VIOLATION_FETCH)
		return "instruction fetch from";
	if (!(v->qualification & EPT_VIOLATION_LINEAR_VALID))
		return "access without a linear address to";
	if (!(v->qualification & EPT_VIOLATION_FINAL_TRANSLATED))
		return "page walk through";
	return NULL;
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

/*
 * Fetches and decodes the instruction at RIP. True: v->insn is it. False: *result says what happens
 * instead.
 */
static bool decode_at_rip(struct vcpu *vcpu, struct violation *v, enum exit_result *result)
{
	uint8_t bytes[INSN_MAX_LENGTH + 1];
	struct guest_fault fault;
	unsigned int count;
	uint64_t gpa = 0;
	enum status fetched = guest_fetch(vcpu, &v->view, bytes, &count, &fault, &gpa);
	enum status decoded = decode_insn(bytes, count, v->view.code, &v->insn);

	if (decoded == STATUS_OK)
		return true;
	if (decoded == STATUS_TRUNCATED && fetched != STATUS_OK)
		*result = answer_failed_fetch(vcpu, fetched, &fault, gpa);
	else
		*result = refuse_instruction(vcpu, bytes, count);
	return false;
}

/*
 * The access does not lead to the page of the exit: the guest changed its tables or its code under
 * the processor's translations. Trying again uses the new ones; a second time there is no excuse.
 */
static enum exit_result retry_once(struct vcpu *vcpu, const struct violation *v)
{
	if (vcpu->retried_rip != vcpu->rip) {
		vcpu->retried_rip = vcpu->rip;
		vcpu_flush_translations(vcpu);
		return EXIT_RESUME;
	}
	vcpu->retried_rip = ~0ull;
	log_limited(&vcpu->vm->unknown_instructions, LOG_WARN, "vmm",
		"instruction at RIP 0x%lx accesses 0x%lx, but the exit was for 0x%lx: #UD",
		vcpu->rip, v->operand, v->gpa);
	vcpu_inject(vcpu, VECTOR_UD);
	return EXIT_RESUME;
}

/*
 * The slow way to the target: translate the operand page by page, as the guest's tables have it.
 * True: *target is set. False: *result says what happens instead.
 */
static bool translate_operand(struct vcpu *vcpu, struct violation *v, struct mmio_target *target,
	enum exit_result *result)
{
	const enum guest_access access = insn_writes_memory(&v->insn) ? GUEST_WRITE : GUEST_READ;
	const uint64_t last = v->operand + v->insn.width - 1;
	const uint64_t bytes[2] = { v->operand, v->view.code == CODE_64 ? last : (uint32_t)last };
	const unsigned int pages = (bytes[0] ^ bytes[1]) >> PAGE_SHIFT ? 2 : 1;
	struct guest_fault fault;
	bool reached = false;
	uint64_t gpa[2];

	v->view.paging.smap_override = (cpu_vmread(VMCS_GUEST_RFLAGS) & RFLAGS_AC) != 0;
	for (unsigned int i = 0; i < pages; i++) {
		enum status status = guest_walk(
			&v->view.paging, &vcpu->vm->memory, bytes[i], access, &gpa[i], &fault);

		if (status == STATUS_FAULT) {
			vcpu_inject_page_fault(vcpu, fault.linear, fault.error_code);
			*result = EXIT_RESUME;
			return false;
		}
		if (status == STATUS_OK && gpa[i] >> PAGE_SHIFT == v->gpa >> PAGE_SHIFT)
			reached = true;
	}
	if (!reached) {
		*result = retry_once(vcpu, v);
		return false;
	}
	*target =
		(struct mmio_target){ .region = bus_find(&vcpu->vm->mmio, v->gpa), .gpa = gpa[0] };
	if (pages == 2) {
		log_limited(&vcpu->vm->straddling_accesses, LOG_WARN, "vmm",
			"%u-byte access at 0x%lx by RIP 0x%lx crosses a page boundary at %s: reads "
			"all "
			"ones, writes nothing",
			v->insn.width, v->operand, vcpu->rip, place_name(vcpu, v->gpa));
		target->region = NULL;
	}
	return true;
}

/* Nobody lives there, or only at a part of it. */
static void report_no_target(struct vcpu *vcpu, const struct violation *v, uint64_t gpa)
{
	log_limited(&vcpu->vm->unmapped_accesses, LOG_WARN, "vmm",
		"%s of %u bytes at 0x%lx by RIP 0x%lx: no device there",
		insn_writes_memory(&v->insn) ? "write" : "read", v->insn.width, gpa, vcpu->rip);
}

static uint64_t read_target(const struct mmio_target *target, unsigned int width)
{
	if (target->region == NULL)
		return width_mask(width);
	return bus_region_read(target->region, target->gpa, width);
}

static void write_target(const struct mmio_target *target, unsigned int width, uint64_t value)
{
	if (target->region != NULL)
		bus_region_write(target->region, target->gpa, width, value);
}

/* Everything but MOV: one read, one write at most, and the flags in between. */
static void execute_operation(
	struct vcpu *vcpu, const struct insn *insn, const struct mmio_target *target)
{
	const uint64_t memory = insn_reads_memory(insn) ? read_target(target, insn->width) : 0;
	uint64_t rflags, result, other;

	switch (insn->operation) {
	case INSN_MOVZX: insn_write_register(insn, vcpu->registers, memory); return;
	case INSN_MOVSX:
		insn_write_register(insn, vcpu->registers, sign_extend(memory, insn->width));
		return;
	case INSN_XCHG:
		write_target(target, insn->width, insn_read_register(insn, vcpu->registers));
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
		write_target(target, insn->width, result);
	else if (!insn->memory_is_destination && insn->operation != INSN_CMP &&
		 insn->operation != INSN_TEST)
		insn_write_register(insn, vcpu->registers, result);
}

static void execute(struct vcpu *vcpu, const struct insn *insn, const struct mmio_target *target)
{
	if (insn->operation != INSN_MOV)
		execute_operation(vcpu, insn, target);
	else if (!insn->memory_is_destination)
		insn_write_register(insn, vcpu->registers, read_target(target, insn->width));
	else
		write_target(target, insn->width,
			insn->has_immediate ? insn->immediate & width_mask(insn->width)
					    : insn_read_register(insn, vcpu->registers));
}

enum exit_result handle_ept_violation(struct vcpu *vcpu)
{
	struct violation v;
	struct mmio_target target;
	enum exit_result result;
	const char *cause;
	uint64_t rsp;

	v.qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);
	v.gpa = cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	cause = undecodable_cause(&v);
	if (cause != NULL)
		return vcpu_stop(vcpu, "%s guest-physical 0x%lx (%s)", cause, v.gpa,
			place_name(vcpu, v.gpa));

	guest_view_read(vcpu, &v.view);
	if (!decode_at_rip(vcpu, &v, &result))
		return result;
	rsp = cpu_vmread(VMCS_GUEST_RSP);
	vcpu->registers[REG_RSP] = rsp;
	v.operand = guest_linear(&v.view, v.insn.segment,
		insn_effective_offset(&v.insn, vcpu->registers, vcpu->rip + v.insn.length));
	v.linear = cpu_vmread(VMCS_GUEST_LINEAR_ADDRESS);

	/* The processor translated this very address just now, if the access stays in its page. */
	if (v.operand == v.linear && (v.linear & PAGE_MASK) + v.insn.width <= PAGE_SIZE)
		target = (struct mmio_target){ bus_find(&vcpu->vm->mmio, v.gpa), v.gpa };
	else if (!translate_operand(vcpu, &v, &target, &result))
		return result;
	if (target.region == NULL || !bus_region_covers(target.region, target.gpa, v.insn.width)) {
		report_no_target(vcpu, &v, target.gpa);
		target.region = NULL;
	}

	execute(vcpu, &v.insn, &target);
	vcpu->retried_rip = ~0ull;
	if (vcpu->registers[REG_RSP] != rsp)
		cpu_vmwrite(VMCS_GUEST_RSP, vcpu->registers[REG_RSP]);
	vcpu_retire(vcpu, v.insn.length);
	return EXIT_RESUME;
}

/* Our tables are wrong, which no guest can bring about. */
enum exit_result handle_ept_misconfiguration(struct vcpu *vcpu)
{
	return vcpu_stop(vcpu, "EPT misconfiguration at guest-physical 0x%lx",
		cpu_vmread(VMCS_GUEST_PHYSICAL_ADDRESS));
}
