/* SPDX-License-Identifier: MIT */
/*
 * A guest's making: EPT over its memory, the devices on their buses; and its end.
 */
#include "vmm/vm.h"

#include <stdarg.h>

#include "lib/format.h"
#include "lib/string.h"
#include "vmm/cpu.h"

#define COM1_PORT  0x3f8
#define COM1_PORTS 8

static void put_console(void *context, uint8_t byte)
{
	(void)context;
	log_console_byte((char)byte);
}

/* Between the entries of a batch: whether the guest's time is up. */
static bool time_is_up(void *context)
{
	const struct vm *vm = context;

	return cpu_read_tsc() >= vm->deadline;
}

/* Every device of the guest, with its place. docs/architecture.md has the map. */
static enum status register_devices(struct vm *vm)
{
	enum status status = bus_register(
		&vm->mmio, "svirtb", SVIRTB_BASE, SVIRTB_SIZE, &svirtb_ops, &vm->svirtb);

	if (status == STATUS_OK)
		status = bus_register(
			&vm->ports, "COM1", COM1_PORT, COM1_PORTS, &uart_ops, &vm->uart);
	if (status == STATUS_OK)
		status = power_register(&vm->power, &vm->ports);
	if (status == STATUS_OK)
		status = sync_port_register(&vm->sync_port, &vm->ports);
	return status;
}

enum status vm_init(struct vm *vm, struct ept_capabilities capabilities, struct ramdisk *disk,
	uint32_t svirtb_entry_size)
{
	enum status status = ept_init(&vm->ept, vm->frames, capabilities);

	if (status == STATUS_OK)
		status = ept_map_guest(&vm->ept, &vm->memory);
	if (status != STATUS_OK)
		return status;
	block_init(&vm->block, disk);
	svirtb_init(&vm->svirtb, &vm->memory, &vm->block, svirtb_entry_size);
	vm->svirtb.stop = time_is_up;
	vm->svirtb.stop_context = vm;
	uart_init(&vm->uart, put_console, NULL, vm);
	return register_devices(vm);
}

void vm_end(struct vm *vm, int status, const char *format, ...)
{
	va_list arguments;

	if (vm->ended)
		return;
	va_start(arguments, format);
	format_text_va(vm->reason, sizeof(vm->reason), format, arguments);
	va_end(arguments);
	vm->status = status;
	vm->ended = true;
}
