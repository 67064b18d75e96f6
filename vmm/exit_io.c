/* SPDX-License-Identifier: MIT */
/*
 * Port accesses: IN, OUT, and their string forms one element at an exit. SDM vol. 3C 'Exit
 * Qualification for I/O Instructions'.
 */
#include "vmm/exits.h"
#include "vmm/guest_linear.h"
#include "vmm/x86.h"

struct io_exit {
	unsigned int width; /* bytes */
	bool in;
	bool string;
	bool repeat;
	uint16_t port;
};

static struct io_exit read_io_exit(void)
{
	const uint64_t qualification = cpu_vmread(VMCS_EXIT_QUALIFICATION);

	return (struct io_exit){
		.width = (unsigned int)(qualification & 7) + 1,
		.in = (qualification & BIT(3)) != 0,
		.string = (qualification & BIT(4)) != 0,
		.repeat = (qualification & BIT(5)) != 0,
		.port = (uint16_t)(qualification >> 16),
	};
}

/* Where no device lives, reads give all ones and writes vanish, as on an ISA bus. */
static uint64_t read_port(struct vm *vm, const struct io_exit *io)
{
	struct bus_region *region = bus_find_access(&vm->ports, io->port, io->width);

	if (region == NULL)
		return width_mask(io->width);
	return bus_region_read(region, io->port, io->width);
}

static void write_port(struct vm *vm, const struct io_exit *io, uint64_t value)
{
	struct bus_region *region = bus_find_access(&vm->ports, io->port, io->width);

	if (region != NULL)
		bus_region_write(region, io->port, io->width, value);
}

/* What the access may have asked for beyond itself: an end. */
static enum exit_result finish(struct vcpu *vcpu)
{
	const struct power *power = &vcpu->vm->power;

	if (power->event != POWER_NONE) {
		vm_end(vcpu->vm, power->event == POWER_EXIT ? power->status : VM_STATUS_OK,
			"guest wrote 0x%x to port 0x%x (%s)", power->value, power->port,
			power_event_text(power->event));
		return EXIT_STOP;
	}
	return EXIT_RESUME;
}

static enum exit_result handle_register_io(struct vcpu *vcpu, const struct io_exit *io)
{
	uint64_t *rax = &vcpu->registers[REG_RAX];
	const uint64_t mask = width_mask(io->width);

	if (!io->in)
		write_port(vcpu->vm, io, *rax & mask);
	else if (io->width == 4)
		*rax = read_port(vcpu->vm, io);
	else
		*rax = (*rax & ~mask) | read_port(vcpu->vm, io);
	vcpu_retire_exit(vcpu);
	return finish(vcpu);
}

/* Bits 9:7 of the instruction information: 0 16-bit, 1 32-bit, 2 64-bit addresses. */
static unsigned int address_width(void)
{
	return 2u << min_u64(cpu_vmread(VMCS_EXIT_INSTRUCTION_INFORMATION) >> 7 & 7, 2);
}

/* A register of which only width bytes count; 32-bit writes clear the upper half. */
static void step_register(uint64_t *value, uint64_t step, unsigned int width)
{
	const uint64_t mask = width_mask(width);

	if (width == 2)
		*value = (*value & ~mask) | ((*value + step) & mask);
	else
		*value = (*value + step) & mask;
}

static enum status move_element(
	struct vcpu *vcpu, const struct io_exit *io, struct guest_fault *fault, uint64_t *gpa)
{
	const uint64_t linear = cpu_vmread(VMCS_GUEST_LINEAR_ADDRESS);
	struct guest_view view;
	uint64_t value = 0;
	enum status status;

	guest_view_read(vcpu, &view);
	if (!io->in) {
		status = guest_linear_read(vcpu, &view, linear, &value, io->width, fault, gpa);
		if (status == STATUS_OK)
			write_port(vcpu->vm, io, value);
		return status;
	}
	/* The place is tried before the port is read: reading a port may change it. */
	status = guest_linear_probe_write(vcpu, &view, linear, io->width, fault, gpa);
	if (status != STATUS_OK)
		return status;
	value = read_port(vcpu->vm, io);
	return guest_linear_write(vcpu, &view, linear, &value, io->width, fault, gpa);
}

/*
 * Between two repetitions: as vcpu_retire, but RIP stays, and RF is set, so that a breakpoint on
 * the instruction that was passed once is not met again. SDM vol. 3B, 'Instruction-Breakpoint
 * Exception Condition', and 'Single-Step Exception Condition'.
 */
static void retire_repetition(uint64_t rflags)
{
	const uint64_t blocking = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;

	cpu_vmwrite(VMCS_GUEST_INTERRUPTIBILITY_STATE,
		cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE) & ~blocking);
	cpu_vmwrite(VMCS_GUEST_RFLAGS, rflags | RFLAGS_RF);
	if (rflags & RFLAGS_TF)
		cpu_vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
			cpu_vmread(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) | PENDING_DEBUG_BS);
}

/* INS and OUTS: one element, then back to the guest, which repeats the instruction by itself. */
static enum exit_result handle_string_io(struct vcpu *vcpu, const struct io_exit *io)
{
	const unsigned int width = address_width();
	uint64_t *index = &vcpu->registers[io->in ? REG_RDI : REG_RSI];
	uint64_t *count = &vcpu->registers[REG_RCX];
	const uint64_t rflags = cpu_vmread(VMCS_GUEST_RFLAGS);
	struct guest_fault fault;
	uint64_t gpa = 0;
	enum status status;

	if (io->repeat && (*count & width_mask(width)) == 0) {
		vcpu_retire_exit(vcpu);
		return EXIT_RESUME;
	}
	status = move_element(vcpu, io, &fault, &gpa);
	if (status == STATUS_FAULT) {
		vcpu_inject_page_fault(vcpu, fault.linear, fault.error_code);
		return EXIT_RESUME;
	}
	if (status != STATUS_OK)
		return vcpu_stop(vcpu,
			"string I/O on port 0x%x with memory at 0x%lx, where there is none",
			io->port, gpa);
	step_register(index, rflags & RFLAGS_DF ? 0ull - io->width : io->width, width);
	if (io->repeat)
		step_register(count, ~0ull, width);
	if (!io->repeat || (*count & width_mask(width)) == 0)
		vcpu_retire_exit(vcpu);
	else
		retire_repetition(rflags);
	return finish(vcpu);
}

enum exit_result handle_io_instruction(struct vcpu *vcpu)
{
	const struct io_exit io = read_io_exit();

	return io.string ? handle_string_io(vcpu, &io) : handle_register_io(vcpu, &io);
}
