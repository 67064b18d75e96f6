/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of the virtio-mmio transport (devices/virtio_mmio*.c): accesses of any width anywhere
 * in its page, with a device type behind it that interrupts and breaks its ring as the input says.
 * A second, simple implementation (the model) says what every read must give, when the line is up,
 * and which of the type's functions is called. Whatever happened, a reset recovers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio_mmio.h"
#include "lib/bits.h"

#define HOLE        0x4000u
#define BEHIND      0x8000u
#define END         0x9000u
#define CONFIG_SIZE 37u /* no multiple of anything */
#define OFFERED     (VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_RING_RESET | 0x235)
#define MAX_CALLS   8u

/* What the type's notify does, bits. */
#define DOES_INTERRUPT 1u
#define DOES_BREAK     2u

enum call_kind { RESET = 1, NEGOTIATED, NOTIFY, STOPPED, WRITE_CONFIG };

struct call {
	enum call_kind kind;
	uint64_t what; /* features; or offset, width and value */
};

struct calls {
	struct call list[MAX_CALLS];
	unsigned int count;
};

struct model {
	uint32_t status, isr;
	uint32_t device_sel, driver_sel, queue_sel, num;
	uint64_t driver_features, features, started_with;
	uint64_t areas[3];
	bool odd, ready;
	struct calls calls;
};

struct machine {
	struct virtio_mmio mmio; /* first, as in a device */
	struct guest_memory memory;
	struct calls calls;
	struct model model;
	uint8_t config[CONFIG_SIZE];
	uint8_t mood;
	bool line;
};

/* Where the input ends, a random sequence that depends on it goes on. */
struct input {
	const uint8_t *bytes;
	size_t left;
	uint64_t random;
};

static __attribute__((noinline)) void must(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t take_byte(struct input *input)
{
	input->random = input->random * 6364136223846793005ull + 1442695040888963407ull;
	if (input->left == 0)
		return (uint8_t)(input->random >> 56);
	input->left--;
	input->random ^= *input->bytes;
	return *input->bytes++;
}

static void note(struct calls *calls, enum call_kind kind, uint64_t what)
{
	must(calls->count < MAX_CALLS);
	calls->list[calls->count++] = (struct call){ kind, what };
}

static struct calls *calls_of(struct virtio_mmio *mmio)
{
	return &((struct machine *)mmio)->calls;
}

static void type_reset(struct virtio_mmio *mmio)
{
	note(calls_of(mmio), RESET, 0);
}

static void type_negotiated(struct virtio_mmio *mmio)
{
	note(calls_of(mmio), NEGOTIATED, mmio->features);
}

static void type_notify(struct virtio_mmio *mmio)
{
	const uint8_t mood = ((struct machine *)mmio)->mood;

	note(calls_of(mmio), NOTIFY, 0);
	if ((mood & DOES_INTERRUPT) != 0)
		virtio_mmio_interrupt(mmio, VIRTIO_INTERRUPT_USED_BUFFER);
	if ((mood & DOES_BREAK) != 0)
		virtio_mmio_break(mmio, "fuzz", "broken");
}

static void type_stopped(struct virtio_mmio *mmio)
{
	note(calls_of(mmio), STOPPED, 0);
}

static uint64_t describe_write(uint64_t offset, unsigned int width, uint64_t value)
{
	return offset << 40 | (uint64_t)width << 32 | value;
}

static void type_write_config(
	struct virtio_mmio *mmio, uint32_t offset, unsigned int width, uint32_t value)
{
	note(calls_of(mmio), WRITE_CONFIG, describe_write(offset, width, value));
}

static const struct virtio_mmio_type type = {
	.name = "fuzz",
	.id = 0x77,
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

static bool model_runs(const struct model *model)
{
	return model->ready && (model->status & 0xc4) == VIRTIO_STATUS_DRIVER_OK;
}

static void model_break(struct model *model)
{
	model->status |= VIRTIO_STATUS_NEEDS_RESET;
	if ((model->status & VIRTIO_STATUS_DRIVER_OK) != 0)
		model->isr |= VIRTIO_INTERRUPT_CONFIG;
}

static void model_notify(struct machine *machine)
{
	struct model *model = &machine->model;

	if (!model_runs(model))
		return;
	note(&model->calls, NOTIFY, 0);
	if ((machine->mood & DOES_INTERRUPT) != 0)
		model->isr |= VIRTIO_INTERRUPT_USED_BUFFER;
	if ((machine->mood & DOES_BREAK) != 0)
		model_break(model);
}

static bool is_area(uint64_t gpa, uint64_t size, uint64_t alignment)
{
	return gpa % alignment == 0 && gpa <= END && gpa + size <= END &&
	       (gpa + size <= HOLE || gpa >= BEHIND);
}

static bool model_queue_is_good(const struct model *model, bool packed)
{
	const uint64_t size = model->num;

	if (size == 0 || size > 1024 || (!packed && (size & (size - 1)) != 0))
		return false;
	return is_area(model->areas[0], 16 * size, 16) &&
	       is_area(model->areas[1], packed ? 4 : 6 + 2 * size, packed ? 4 : 2) &&
	       is_area(model->areas[2], packed ? 4 : 6 + 8 * size, 4);
}

static void model_start(struct model *model)
{
	const bool agreed = (model->status & 0x0c) != 0;

	model->started_with = agreed ? model->features : model->driver_features & OFFERED;
	model->ready =
		model_queue_is_good(model, (model->started_with & VIRTIO_F_RING_PACKED) != 0);
	if (!model->ready)
		model_break(model);
}

static void model_stop(struct model *model)
{
	if (model->ready)
		note(&model->calls, STOPPED, 0);
	model->ready = false;
}

static bool model_accepts(struct model *model)
{
	if (model->odd || (model->driver_features & ~OFFERED) != 0)
		return false;
	model->features = model->driver_features;
	note(&model->calls, NEGOTIATED, model->features);
	return true;
}

static void model_reset(struct model *model)
{
	struct calls calls;

	model_stop(model);
	calls = model->calls;
	*model = (struct model){ .calls = calls };
	note(&model->calls, RESET, 0);
}

static void model_write_status(struct machine *machine, uint32_t value)
{
	struct model *model = &machine->model;
	const uint32_t fresh = value & ~model->status;

	if (value == 0) {
		model_reset(model);
		return;
	}
	model->status |= fresh & 0x83;
	if ((fresh & 8) != 0 && ((model->status & 4) != 0 || model_accepts(model)))
		model->status |= 8;
	if ((fresh & 4) == 0 || ((model->status & 8) == 0 && !model_accepts(model)))
		return;
	model->status |= 4;
	if ((model->status & VIRTIO_STATUS_NEEDS_RESET) != 0)
		model->isr |= VIRTIO_INTERRUPT_CONFIG;
	if (model->ready && model->started_with != model->features)
		model_start(model);
	model_notify(machine);
}

static void model_write_queue(struct machine *machine, uint64_t offset, uint32_t value)
{
	struct model *model = &machine->model;
	uint64_t *area = &model->areas[(offset >> 4 & 3) % 3];

	if (model->queue_sel != 0)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY && value == 0) {
		model_stop(model);
	} else if (offset == VIRTIO_MMIO_QUEUE_READY && value == 1 && !model->ready) {
		model_start(model);
		model_notify(machine);
	} else if (offset == VIRTIO_MMIO_QUEUE_RESET && value == 1 &&
		   (model->features & VIRTIO_F_RING_RESET) != 0) {
		model_stop(model);
		model->num = 0;
		memset(model->areas, 0, sizeof(model->areas));
	} else if (offset == VIRTIO_MMIO_QUEUE_NUM && !model->ready) {
		model->num = value;
	} else if (offset >= VIRTIO_MMIO_QUEUE_DESC_LOW &&
		   offset <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH && !model->ready) {
		memcpy((uint8_t *)area + (offset & 4), &value, sizeof(value));
	}
}

static void model_write_features(struct model *model, uint32_t value)
{
	if ((model->status & 0x0c) != 0)
		return;
	if (model->driver_sel < 2)
		memcpy((uint8_t *)&model->driver_features + 4 * model->driver_sel, &value, 4);
	else
		model->odd |= value != 0;
}

static void model_write(
	struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	struct model *model = &machine->model;

	if (width <= 4 && offset >= 0x100 && offset < 0x200) {
		if (offset - 0x100 + width <= CONFIG_SIZE)
			note(&model->calls, WRITE_CONFIG,
				describe_write(offset - 0x100, width, value));
		return;
	}
	if (width != 4 || offset % 4 != 0)
		return;
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL: model->device_sel = (uint32_t)value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: model->driver_sel = (uint32_t)value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: model_write_features(model, (uint32_t)value); break;
	case VIRTIO_MMIO_QUEUE_SEL: model->queue_sel = (uint32_t)value; break;
	case VIRTIO_MMIO_INTERRUPT_ACK: model->isr &= ~(uint32_t)value; break;
	case VIRTIO_MMIO_STATUS: model_write_status(machine, (uint32_t)value); break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value == 0)
			model_notify(machine);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET: model_write_queue(machine, offset, (uint32_t)value); break;
	default: break;
	}
}

static uint32_t model_read_register(const struct model *model, uint64_t offset)
{
	static const uint32_t fixed[] = { VIRTIO_MMIO_MAGIC, 2, 0x77, 0x554d4551 };

	if (offset < 0x10)
		return fixed[offset / 4];
	if (offset >= VIRTIO_MMIO_SHM_LEN_LOW && offset <= VIRTIO_MMIO_SHM_BASE_HIGH)
		return ~0u;
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return model->device_sel < 2 ? (uint32_t)(OFFERED >> (32 * model->device_sel)) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return model->queue_sel == 0 ? 1024 : 0;
	case VIRTIO_MMIO_QUEUE_READY: return model->queue_sel == 0 && model->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS: return model->isr;
	case VIRTIO_MMIO_STATUS: return model->status;
	default: return 0;
	}
}

static uint64_t model_read(const struct machine *machine, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (width <= 4 && offset >= 0x100 && offset < 0x200) {
		if (offset - 0x100 + width > CONFIG_SIZE)
			return width_mask(width);
		memcpy(&value, machine->config + (offset - 0x100), width);
		return value;
	}
	if (width != 4 || offset % 4 != 0)
		return width_mask(width);
	return model_read_register(&machine->model, offset);
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
	model_write(machine, offset, width, value);
	check_calls(machine);
	check_queue(&machine->mmio, &machine->model);
	must(machine->line == (machine->model.isr != 0));
}

static uint64_t do_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	const uint64_t value = virtio_mmio_read(machine, offset, width);

	must(value == model_read(machine, offset, width));
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

	machine->mood = (kind & 0x30) == 0x30 ? kind >> 6 : DOES_INTERRUPT;
	switch (kind % 8) {
	case 0: do_sequence(machine, input); break;
	case 1:
		offset = (take_byte(input) | (uint64_t)take_byte(input) << 8) % VIRTIO_MMIO_SIZE;
		do_write(machine, offset, width,
			(take_value(input, offset) | (uint64_t)take_byte(input) << 40) &
				width_mask(width));
		break;
	case 2:
		offset = (take_byte(input) | (uint64_t)take_byte(input) << 8) % VIRTIO_MMIO_SIZE;
		do_read(machine, offset, width);
		break;
	case 3: do_read(machine, 0x100 + take_byte(input) % 64u, width); break;
	case 4: do_write(machine, 0x100 + take_byte(input) % 64u, width, kind); break;
	default: do_write(machine, offset, 4, take_value(input, offset)); break;
	}
	for (size_t i = 0; i < ARRAY_COUNT(readable); i++)
		do_read(machine, readable[i], 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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
	machine.mmio.type = &type;
	machine.mmio.memory = &machine.memory;
	machine.mmio.line = (struct irq_line){ set_line, &machine, 5 };
	machine.mmio.offered = OFFERED;
	machine.mmio.config = machine.config;
	virtio_mmio_init(&machine.mmio);
	note(&machine.model.calls, RESET, 0);
	check_calls(&machine);
	for (int step = 0; step < 200 && (input.left > 0 || step < 24); step++)
		do_step(&machine, &input);
	/* A reset recovers from whatever it was. */
	input = (struct input){ (const uint8_t[]){ 3, 1, 0, 1, 0 }, 5, 0 };
	machine.mood = 0;
	do_sequence(&machine, &input);
	must(do_read(&machine, VIRTIO_MMIO_STATUS, 4) == 0x0f);
	must(machine.mmio.running);
	return 0;
}
