/* SPDX-License-Identifier: MIT */
/*
 * A guest's making: EPT over its memory, the devices on their buses; and its end.
 */
#include "vmm/vm.h"

#include <stdarg.h>

#include "devices/no_clock.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/vcpu.h"

#define COM1_GSI 4u

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

static void set_uart_line(void *context, bool level)
{
	struct vm *vm = context;

	io_apic_set_line(&vm->io_apic, COM1_GSI, level);
}

/* The I/O APIC's messages, to those whom they are for. */
static void send_message(void *context, const struct io_apic_message *message)
{
	struct vm *vm = context;
	struct apic *apic = &vm->vcpu->apic;

	if (apic_matches(apic, message->destination, message->logical))
		apic_deliver(apic, (enum apic_delivery_mode)message->mode, message->vector,
			message->level);
}

static void draw_attention(void *context)
{
	struct vm *vm = context;

	vm->vcpu->attention = 0;
}

static void init_devices(struct vm *vm, const struct vm_disk *disk)
{
	block_init(&vm->block, disk->disk);
	vm->block.attention = draw_attention;
	vm->block.context = vm;
	svirtb_init(&vm->svirtb, &vm->memory, &vm->block, disk->svirtb_entry_size);
	vm->svirtb.stop = time_is_up;
	vm->svirtb.stop_context = vm;
	virtio_blk_init(&vm->virtio_blk,
		&(struct virtio_blk_setup){
			.memory = &vm->memory,
			.block = &vm->block,
			.line = { io_apic_set_line, &vm->io_apic, VIRTIO_MMIO_GSI },
			.sync_at_exit = disk->sync_at_exit,
			.attention = draw_attention,
			.context = vm,
		});
	io_apic_init(&vm->io_apic, send_message, vm);
	uart_init(&vm->uart, put_console, set_uart_line, vm);
}

/* Every device of the guest, with its place; each processor adds its local APIC.
 * docs/architecture.md has the map. */
static enum status register_devices(struct vm *vm, const struct vm_disk *disk)
{
	const struct {
		bool there;
		struct bus *bus;
		const char *name;
		uint64_t base, size;
		const struct bus_ops *ops;
		void *device;
	} rows[] = {
		{ disk->svirtb, &vm->mmio, "svirtb", SVIRTB_BASE, SVIRTB_SIZE, &svirtb_ops,
			&vm->svirtb },
		{ disk->virtio, &vm->mmio, "virtio-blk", VIRTIO_MMIO_BASE, VIRTIO_MMIO_SIZE,
			&virtio_blk_ops, &vm->virtio_blk },
		{ true, &vm->mmio, "I/O APIC", IO_APIC_BASE, IO_APIC_SIZE, &io_apic_ops,
			&vm->io_apic },
		{ true, &vm->ports, "no PIT", NO_PIT_PORT, NO_PIT_PORTS, &no_clock_ops, NULL },
		{ true, &vm->ports, "no RTC", NO_RTC_PORT, NO_RTC_PORTS, &no_clock_ops, NULL },
		{ true, &vm->ports, "COM1", UART_COM1_BASE, UART_PORTS, &uart_ops, &vm->uart },
	};
	enum status status = STATUS_OK;

	for (size_t i = 0; i < ARRAY_COUNT(rows) && status == STATUS_OK; i++) {
		if (rows[i].there)
			status = bus_register(rows[i].bus, rows[i].name, rows[i].base, rows[i].size,
				rows[i].ops, rows[i].device);
	}
	if (status == STATUS_OK)
		status = pic_register(&vm->pic, &vm->ports);
	if (status == STATUS_OK)
		status = power_register(&vm->power, &vm->ports);
	if (status == STATUS_OK)
		status = sync_port_register(&vm->sync_port, &vm->ports, &vm->block);
	return status;
}

enum status vm_init(struct vm *vm, struct ept_capabilities capabilities, const struct vm_disk *disk)
{
	enum status status = ept_init(&vm->ept, vm->frames, capabilities);

	if (status == STATUS_OK)
		status = ept_map_guest(&vm->ept, &vm->memory);
	if (status != STATUS_OK)
		return status;
	init_devices(vm, disk);
	return register_devices(vm, disk);
}

void vm_poll_input(struct vm *vm)
{
	uint8_t byte;

	while (vm->read_input != NULL && uart_room(&vm->uart) > 0 &&
		vm->read_input(vm->input_context, &byte))
		uart_receive(&vm->uart, byte);
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
