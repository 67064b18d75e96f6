/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of the virtio-mmio transport (devices/virtio_mmio*.c): accesses of any width anywhere
 * in its page, with a device type behind it that interrupts and breaks its ring as the input says.
 * A second, simple implementation (the model) says what every read must give, when the line is up,
 * and which of the type's functions is called. Whatever happened, a reset recovers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "devices/virtio_mmio.h"
#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/virtio_mmio_model.h"

struct machine {
	struct virtio_mmio mmio; /* first, as in a device */
	struct guest_memory memory;
	struct calls calls;
	struct model model;
	uint8_t config[CONFIG_SIZE];
	bool line;
};

static struct calls *calls_of(struct virtio_mmio *mmio)
{
	return &((struct machine *)mmio)->calls;
}

static void type_reset(struct virtio_mmio *mmio)
{
	calls_note(calls_of(mmio), RESET, 0);
}

static void type_negotiated(struct virtio_mmio *mmio)
{
	calls_note(calls_of(mmio), NEGOTIATED, mmio->features);
}

static void type_notify(struct virtio_mmio *mmio)
{
	const uint8_t mood = ((struct machine *)mmio)->model.mood;

	calls_note(calls_of(mmio), NOTIFY, 0);
	if ((mood & DOES_INTERRUPT) != 0)
		virtio_mmio_interrupt(mmio, VIRTIO_INTERRUPT_USED_BUFFER);
	if ((mood & DOES_BREAK) != 0)
		virtio_mmio_break(mmio, "fuzz", "broken");
}

static void type_stopped(struct virtio_mmio *mmio)
{
	calls_note(calls_of(mmio), STOPPED, 0);
}

static void type_write_config(
	struct virtio_mmio *mmio, uint32_t offset, unsigned int width, uint32_t value)
{
	calls_note(calls_of(mmio), WRITE_CONFIG, describe_write(offset, width, value));
}

static const struct virtio_mmio_type type = {
	.name = "fuzz",
	.id = TYPE_ID,
	.config_size = CONFIG_SIZE,
	.reset = type_reset,
	.negotiated = type_negotiated,
	.notify = type_notify,
	.stopped = type_stopped,
	.write_config = type_write_config,
};

static void set_line(void *controller, unsigned int line, bool asserted)
{
	struct machine *machine = controller;

	must(line == 5);
	machine->line = asserted;
}

static void check_calls(struct machine *machine)
{
	const struct calls *calls = &machine->calls;
	const struct calls *expected = &machine->model.calls;

	must(calls->count == expected->count);
	for (unsigned int i = 0; i < calls->count; i++)
		must(calls->list[i].kind == expected->list[i].kind &&
			calls->list[i].what == expected->list[i].what);
	machine->calls.count = 0;
	machine->model.calls.count = 0;
}

static void check_queue(const struct virtio_mmio *mmio, const struct model *model)
{
	must(mmio->ready == model->ready && mmio->running == model_runs(model));
	if (!model->ready)
		return;
	must(mmio->queue.size == model->num);
	must(mmio->queue.packed == ((model->started_with & VIRTIO_F_RING_PACKED) != 0));
	must(mmio->queue.descriptors.gpa == model->areas[0]);
	must(mmio->queue.driver.gpa == model->areas[1]);
	must(mmio->queue.device.gpa == model->areas[2]);
}

static void do_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	virtio_mmio_write(machine, offset, width, value);
	model_write(&machine->model, offset, width, value);
	check_calls(machine);
	check_queue(&machine->mmio, &machine->model);
	must(machine->line == (machine->model.isr != 0));
}

static uint64_t do_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	const uint64_t value = virtio_mmio_read(machine, offset, width);

	must(value == model_read(&machine->model, offset, width));
	must(machine->calls.count == 0);
	return value;
}

/* A value that could mean something there. */
static uint32_t take_value(struct input *input, uint64_t offset)
{
	static const uint32_t statuses[] = { 0, 1, 3, 8, 0x0b, 0x0f, 0x0f, 0x07, 0x8f, 0x4f };
	static const uint32_t sizes[] = { 0, 1, 8, 8, 16, 3, 512, 1024, 1025, 2048 };
	const uint8_t kind = take_byte(input);
	const uint32_t any = (uint32_t)kind << (take_byte(input) % 25);

	if (kind >= 0xe0)
		return ~any;
	if (offset == VIRTIO_MMIO_STATUS)
		return statuses[kind % 10];
	if (offset == VIRTIO_MMIO_QUEUE_NUM)
		return sizes[kind % 10];
	if (offset == VIRTIO_MMIO_DRIVER_FEATURES)
		return kind % 8 ? (uint32_t)((any | 5) & (OFFERED | OFFERED >> 32)) : any;
	if (offset >= VIRTIO_MMIO_QUEUE_DESC_LOW && offset <= VIRTIO_MMIO_QUEUE_DEVICE_LOW)
		return (offset & 4) != 0 ? kind >= 0xd0 : kind % 144u * 0x100u + (any & 6);
	return kind % 4 ? kind % 2 : any;
}

static void make_queue(struct machine *machine)
{
	do_write(machine, VIRTIO_MMIO_QUEUE_NUM, 4, 8);
	do_write(machine, VIRTIO_MMIO_QUEUE_DESC_LOW, 4, 0x1000);
	do_write(machine, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 4, 0x2000);
	do_write(machine, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 4, 0x3000);
	do_write(machine, VIRTIO_MMIO_QUEUE_READY, 4, 1);
}

/* What a driver does in one go: it negotiates and makes its queue, some the other way round. */
static void do_sequence(struct machine *machine, struct input *input)
{
	const uint8_t how = take_byte(input);

	do_write(machine, VIRTIO_MMIO_STATUS, 4, 0);
	do_write(machine, VIRTIO_MMIO_STATUS, 4, 3);
	if ((how & 8) != 0)
		make_queue(machine);
	for (uint32_t word = 0; word < 2; word++) {
		do_write(machine, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, word);
		do_write(machine, VIRTIO_MMIO_DRIVER_FEATURES, 4,
			take_value(input, VIRTIO_MMIO_DRIVER_FEATURES));
	}
	do_write(machine, VIRTIO_MMIO_STATUS, 4, how & 1 ? 0x0b : 0x03);
	if ((how & 8) == 0)
		make_queue(machine);
	do_write(machine, VIRTIO_MMIO_STATUS, 4, how & 2 ? 0x0f : how & 4 ? 0x07 : 0x0b);
}

static void do_step(struct machine *machine, struct input *input)
{
	static const uint8_t registers[] = { 0x14, 0x20, 0x20, 0x24, 0x30, 0x38, 0x44, 0x44, 0x50,
		0x50, 0x50, 0x64, 0x70, 0x70, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4, 0xac, 0xc0,
		0xc0 };
	static const uint8_t readable[] = { 0x10, 0x34, 0x44, 0x60, 0x70, 0xc0, 0xfc };
	const uint8_t kind = take_byte(input);
	uint64_t offset = registers[take_byte(input) % ARRAY_COUNT(registers)];
	unsigned int width = 1u << (take_byte(input) & 3);

	machine->model.mood = (kind & 0x30) == 0x30 ? kind >> 6 : DOES_INTERRUPT;
	switch (kind % 8) {
	case 0: do_sequence(machine, input); break;
	case 1:
		offset = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		do_write(machine, offset, width,
			(take_value(input, offset) | (uint64_t)take_byte(input) << 40) &
				width_mask(width));
		break;
	case 2:
		offset = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		do_read(machine, offset, width);
		break;
	case 3: do_read(machine, 0x100 + take_byte(input) % 64u, width); break;
	case 4: do_write(machine, 0x100 + take_byte(input) % 64u, width, kind); break;
	default: do_write(machine, offset, 4, take_value(input, offset)); break;
	}
	for (size_t i = 0; i < ARRAY_COUNT(readable); i++)
		do_read(machine, readable[i], 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* The transport reads none of the guest's memory. */
	static uint8_t nothing[1];
	static struct machine machine;
	struct input input = { bytes, size, size };

	memset(&machine, 0, sizeof(machine));
	for (uint8_t i = 0; i < CONFIG_SIZE; i++)
		machine.config[i] = (uint8_t)(i * 11 + 1);
	must(guest_memory_add(&machine.memory, 0, HOLE, nothing) == STATUS_OK);
	must(guest_memory_add(&machine.memory, BEHIND, END - BEHIND, nothing) == STATUS_OK);
	machine.model.config = machine.config;
	machine.mmio.type = &type;
	machine.mmio.memory = &machine.memory;
	machine.mmio.line = (struct irq_line){ set_line, &machine, 5 };
	machine.mmio.offered = OFFERED;
	machine.mmio.config = machine.config;
	virtio_mmio_init(&machine.mmio);
	calls_note(&machine.model.calls, RESET, 0);
	check_calls(&machine);
	for (int step = 0; step < 200 && (input.left > 0 || step < 24); step++)
		do_step(&machine, &input);
	/* A reset recovers from whatever it was. */
	input = (struct input){ (const uint8_t[]){ 3, 1, 0, 1, 0 }, 5, 0 };
	machine.model.mood = 0;
	do_sequence(&machine, &input);
	must(do_read(&machine, VIRTIO_MMIO_STATUS, 4) == 0x0f);
	must(machine.mmio.running);
	return 0;
}
