/* SPDX-License-Identifier: MIT */
/*
 * Taking the machine and giving it back. Between CLI and the end of give-back no firmware function
 * is called, not even for output: RestoreTPL would execute STI.
 */
#include "boot/machine.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "vmm/x86.h"

#define STACK_PAGES      4 /* the main stack; reports use the most of it */
#define TRAP_STACK_PAGES 2
#define POOL_CHUNK       8

enum machine_result { MACHINE_PANICKED = 0x100 };

/* linker.ld */
extern const uint8_t image_text[], image_text_end[];
extern const uint8_t image_constants[], image_constants_end[];
extern const uint8_t image_relocated[], image_relocated_end[];
extern const uint8_t image_data[], image_data_end[];

static uint64_t allocate_stack(struct firmware *firmware, size_t pages)
{
	uint8_t *stack = firmware_alloc_stack(firmware, pages);

	return stack == NULL ? 0 : host_physical(stack) + pages * PAGE_SIZE;
}

enum status machine_init(
	struct machine *machine, struct firmware *firmware, const struct vmx_capabilities *vmx)
{
	const struct host_stacks stacks = {
		.main = allocate_stack(firmware, STACK_PAGES),
		.nmi = allocate_stack(firmware, TRAP_STACK_PAGES),
		.double_fault = allocate_stack(firmware, TRAP_STACK_PAGES),
		.machine_check = allocate_stack(firmware, TRAP_STACK_PAGES),
	};

	*machine = (struct machine){
		.firmware = firmware,
		.vmx = vmx,
		.features = processor_read_features(),
		.tables = firmware_alloc(firmware, 1),
	};
	machine->firmware_processor.fpu = firmware_alloc(firmware, 1);
	if (stacks.main == 0 || stacks.nmi == 0 || stacks.double_fault == 0 ||
		stacks.machine_check == 0 || machine->tables == NULL ||
		machine->firmware_processor.fpu == NULL)
		return STATUS_NO_MEMORY;
	host_tables_init(machine->tables, &stacks);
	machine->frame.host_gdtr = (struct table_pointer){
		.limit = sizeof(machine->tables->gdt) - 1,
		.base = host_physical(machine->tables->gdt),
	};
	machine->frame.host_idtr = (struct table_pointer){
		.limit = sizeof(machine->tables->idt) - 1,
		.base = host_physical(machine->tables->idt),
	};
	machine->frame.host_rsp = stacks.main;
	frame_pool_init(&machine->pool, firmware_frame_source, firmware, POOL_CHUNK);
	return host_pages_init(&machine->pages, &machine->pool,
		(struct host_page_features){ .page_1g = machine->features.page_1g,
			.five_levels = machine->features.five_levels });
}

static enum status map_image(struct host_pages *pages)
{
	const struct {
		const uint8_t *start, *end;
		enum host_page kind;
	} parts[] = {
		{ image_text, image_text_end, HOST_PAGE_TEXT },
		{ image_constants, image_constants_end, HOST_PAGE_CONSTANT },
		{ image_relocated, image_relocated_end, HOST_PAGE_CONSTANT },
		{ image_data, image_data_end, HOST_PAGE_DATA },
	};

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		uint64_t start = host_physical(parts[i].start);
		enum status status = STATUS_OK;

		if (parts[i].end != parts[i].start)
			status = host_pages_map(
				pages, start, host_physical(parts[i].end) - start, parts[i].kind);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

enum status machine_map(struct machine *machine)
{
	const struct firmware *firmware = machine->firmware;
	const uint64_t apic = local_apic_page();
	enum status status = map_image(&machine->pages);

	if (status == STATUS_OK && apic != 0)
		status = host_pages_map(&machine->pages, apic, PAGE_SIZE, HOST_PAGE_DEVICE);
	/* Mapping may need tables, which appear at the end of the list and are mapped in their
	 * turn. */
	for (size_t i = 0; status == STATUS_OK && i < firmware->region_count; i++) {
		const struct firmware_region *region = &firmware->regions[i];

		if (region->mapped)
			status = host_pages_map(&machine->pages, region->base,
				region->pages * PAGE_SIZE, region->kind);
	}
	machine->frame.host_cr3 = host_pages_root(&machine->pages);
	return status;
}

/* The last steps on the taken machine: everything that machine_switch does not put back itself. */
static void leave_machine(struct machine *machine)
{
	if (machine->saved)
		processor_load(&machine->firmware_processor, &machine->features);
	firmware_controls_load(&machine->firmware_state);
}

static void unwind_outside_vmx(void *context)
{
	struct machine *machine = context;

	cpu_write_cr4(cpu_read_cr4() & ~CR4_VMXE);
	leave_machine(machine);
	machine_unwind(&machine->frame, MACHINE_PANICKED);
}

/* A panic on the taken machine: the guest is lost, the firmware need not be. */
static void unwind_panic(void *context)
{
	struct machine *machine = context;

	if (!machine->taken)
		return;
	if (cpu_read_cr4() & CR4_VMXE) {
		/* Where it was VMXON that failed, these are #UD: a second panic, which goes on. */
		panic_set_hook(unwind_outside_vmx, machine);
		if (!cpu_vmclear(host_physical(machine->vcpu->vmcs)))
			log_error("vmm", "VMCLEAR failed on the way out");
		cpu_vmxoff();
	}
	unwind_outside_vmx(machine);
}

/* Runs on our stack with our tables. */
static uint64_t run_taken(void *argument)
{
	struct machine *machine = argument;
	enum exit_result result;

	host_controls_load(&machine->firmware_state, &machine->features, machine->vmx);
	processor_save(&machine->firmware_processor, &machine->features);
	machine->saved = true;
	processor_load(&machine->vcpu->state, &machine->features);
	if (machine->given_back_at != 0)
		machine->exchange_tsc = cpu_read_tsc() - machine->given_back_at;
	result = machine->function(machine->vcpu);
	machine->given_back_at = cpu_read_tsc();
	processor_save(&machine->vcpu->state, &machine->features);
	leave_machine(machine);
	return result;
}

enum exit_result machine_run(struct machine *machine, struct vcpu *vcpu,
	enum exit_result (*function)(struct vcpu *vcpu), bool *panicked)
{
	const uint64_t flags = cpu_read_flags();
	uint64_t result;

	machine->vcpu = vcpu;
	machine->function = function;
	firmware_keep(machine->firmware, machine->tables);
	cpu_disable_interrupts();
	machine->taken = true;
	machine->saved = false;
	panic_set_hook(unwind_panic, machine);
	firmware_state_save(&machine->firmware_state);
	local_apic_mask(machine->lvt);
	/* Every maskable interrupt waits in IRR; edges are not lost. */
	cpu_write_cr8(15);
	/* Our page tables use the no-execute bit. */
	cpu_write_msr(MSR_IA32_EFER, machine->firmware_state.efer | EFER_NXE);
	host_tables_clear_busy(machine->tables);

	result = machine_switch(&machine->frame, run_taken, machine);

	local_apic_unmask(machine->lvt);
	firmware_state_load(&machine->firmware_state);
	machine->taken = false;
	/* VM exits have cleared what is neither a result nor IF: AC, ID, IOPL. */
	cpu_write_flags(flags);
	*panicked = result == MACHINE_PANICKED;
	return *panicked ? EXIT_STOP : (enum exit_result)result;
}
