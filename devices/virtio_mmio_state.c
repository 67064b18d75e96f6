/* SPDX-License-Identifier: MIT */
/*
 * What a virtio device goes through: status, features, the queue's set-up, interrupts, reset.
 * Called by the registers (devices/virtio_mmio.c) and, for interrupts and broken rings, by the
 * device type.
 */
#include "devices/virtio_mmio_state.h"

#include <stdarg.h>

#include "lib/format.h"

#define WORD_BITS 32u

/* The bits of Status that a driver sets. 2.1. */
#define DRIVER_BITS                                                                   \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | \
		VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)
#define NEGOTIATED (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)
#define EVENTS     (VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG)

void virtio_mmio_interrupt(struct virtio_mmio *mmio, uint32_t event)
{
	const uint32_t before = mmio->interrupt_status;

	mmio->interrupt_status |= event;
	mmio->interrupts++;
	if (before == 0)
		irq_line_set(&mmio->line, true);
}

void virtio_mmio_acknowledge(struct virtio_mmio *mmio, uint32_t events)
{
	if ((events & ~EVENTS) != 0)
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_ACK,
			"InterruptACK 0x%x: only the bits 0x%x exist; the others are ignored",
			events, EVENTS);
	mmio->interrupt_status &= ~events;
	if (mmio->interrupt_status == 0)
		irq_line_set(&mmio->line, false);
}

static void update_running(struct virtio_mmio *mmio)
{
	const uint8_t wanted =
		VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED;

	mmio->running = mmio->ready && (mmio->status & wanted) == VIRTIO_STATUS_DRIVER_OK;
}

/* The limit of a kind; should there be more kinds than places, the last ones share theirs. */
static struct log_limit *find_limit(struct virtio_mmio *mmio, const char *kind)
{
	struct virtio_mmio_break_limit *place = mmio->breaks;
	const struct virtio_mmio_break_limit *last = place + VIRTIO_MMIO_BREAK_KINDS - 1;

	while (place != last && place->kind != NULL && place->kind != kind)
		place++;
	place->kind = kind;
	return &place->limit;
}

void virtio_mmio_break(struct virtio_mmio *mmio, const char *kind, const char *format, ...)
{
	char reason[200];
	va_list arguments;

	va_start(arguments, format);
	format_text_va(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	log_limited(find_limit(mmio, kind), LOG_WARN, mmio->type->name,
		"%s; status set to DEVICE_NEEDS_RESET", reason);
	mmio->status |= VIRTIO_STATUS_NEEDS_RESET;
	update_running(mmio);
	if ((mmio->status & VIRTIO_STATUS_DRIVER_OK) != 0)
		virtio_mmio_interrupt(mmio, VIRTIO_INTERRUPT_CONFIG);
}

static void stop_queue(struct virtio_mmio *mmio)
{
	if (mmio->ready) {
		virtq_stop(&mmio->queue);
		mmio->type->stopped(mmio);
	}
	mmio->ready = false;
	update_running(mmio);
}

/* 2.6.1: the queue is as after a reset of the device. */
static void reset_queue(struct virtio_mmio *mmio)
{
	stop_queue(mmio);
	mmio->queue_num = 0;
	mmio->queue_descriptors = 0;
	mmio->queue_driver = 0;
	mmio->queue_device = 0;
}

/* 2.4, 4.2.2.1. */
static void reset(struct virtio_mmio *mmio)
{
	mmio->status = 0;
	reset_queue(mmio);
	mmio->interrupt_status = 0;
	irq_line_set(&mmio->line, false);
	mmio->device_features_sel = 0;
	mmio->driver_features_sel = 0;
	mmio->driver_features = 0;
	mmio->odd_features = false;
	mmio->features = 0;
	mmio->queue_sel = 0;
	mmio->type->reset(mmio);
}

void virtio_mmio_init(struct virtio_mmio *mmio)
{
	mmio->ready = false;
	reset(mmio);
}

/* Starts the queue as the driver has described it; false: it cannot be, and the device is broken.
 */
static bool start_queue(struct virtio_mmio *mmio)
{
	const uint64_t features = (mmio->status & NEGOTIATED) != 0
					  ? mmio->features
					  : mmio->driver_features & mmio->offered;
	const struct virtq_setup setup = {
		.memory = mmio->memory,
		.packed = (features & VIRTIO_F_RING_PACKED) != 0,
		.indirect = (features & VIRTIO_F_INDIRECT_DESC) != 0,
		.event_index = (features & VIRTIO_F_EVENT_IDX) != 0,
		.size = mmio->queue_num,
		.descriptors = mmio->queue_descriptors,
		.driver = mmio->queue_driver,
		.device = mmio->queue_device,
	};
	const enum status status = virtq_start(&mmio->queue, &setup);

	mmio->ready = status == STATUS_OK;
	mmio->started_with = features;
	if (!mmio->ready)
		virtio_mmio_break(mmio, mmio->queue.kind, "QueueReady: %s", mmio->queue.why);
	return mmio->ready;
}

/* What became available while the queue did not run is done now. */
static void run_queue(struct virtio_mmio *mmio)
{
	update_running(mmio);
	if (mmio->running)
		mmio->type->notify(mmio);
}

/* Whether the driver accepts nothing that was not offered. 2.2.2. */
static bool accept_features(struct virtio_mmio *mmio, const char *bit)
{
	const uint64_t unknown = mmio->driver_features & ~mmio->offered;

	if (unknown != 0 || mmio->odd_features) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_FEATURES,
			"%s refused: of the driver's features 0x%lx, 0x%lx%s were not offered", bit,
			mmio->driver_features, unknown,
			mmio->odd_features ? " and some beyond bit 63" : "");
		return false;
	}
	mmio->features = mmio->driver_features;
	mmio->type->negotiated(mmio);
	return true;
}

static void set_driver_ok(struct virtio_mmio *mmio)
{
	if ((mmio->status & VIRTIO_STATUS_FEATURES_OK) == 0) {
		if (!accept_features(mmio, "DRIVER_OK"))
			return;
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_STATUS,
			"DRIVER_OK without FEATURES_OK; features 0x%lx are taken as they are",
			mmio->features);
	}
	mmio->status |= VIRTIO_STATUS_DRIVER_OK;
	/* The driver could not be told before. */
	if ((mmio->status & VIRTIO_STATUS_NEEDS_RESET) != 0)
		virtio_mmio_interrupt(mmio, VIRTIO_INTERRUPT_CONFIG);
	/* The queue was made ready before the features were known. */
	if (mmio->ready && mmio->started_with != mmio->features)
		start_queue(mmio);
	run_queue(mmio);
}

void virtio_mmio_write_status(struct virtio_mmio *mmio, uint32_t value)
{
	const uint32_t fresh = value & DRIVER_BITS & ~(uint32_t)mmio->status;

	if (value == 0) {
		reset(mmio);
		return;
	}
	if ((value & ~(DRIVER_BITS | mmio->status)) != 0)
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_STATUS,
			"Status 0x%x: bits 0x%x are not the driver's; ignored", value,
			value & ~DRIVER_BITS);
	if ((mmio->status & DRIVER_BITS & ~value) != 0)
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_STATUS,
			"Status 0x%x: only a reset clears the bits 0x%x; they stay", value,
			mmio->status & DRIVER_BITS & ~value);
	mmio->status |=
		fresh & (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);
	if ((fresh & VIRTIO_STATUS_FEATURES_OK) != 0 &&
		((mmio->status & VIRTIO_STATUS_DRIVER_OK) != 0 ||
			accept_features(mmio, "FEATURES_OK")))
		mmio->status |= VIRTIO_STATUS_FEATURES_OK;
	update_running(mmio);
	if ((fresh & VIRTIO_STATUS_DRIVER_OK) != 0)
		set_driver_ok(mmio);
}

void virtio_mmio_write_features(struct virtio_mmio *mmio, uint32_t value)
{
	const uint32_t word = mmio->driver_features_sel;

	if ((mmio->status & NEGOTIATED) != 0) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_FEATURES,
			"DriverFeatures 0x%x (word %u) written after FEATURES_OK; ignored", value,
			word);
		return;
	}
	if (word < VIRTIO_MMIO_FEATURE_WORDS) {
		const unsigned int shift = word * WORD_BITS;

		mmio->driver_features &= ~(0xffffffffull << shift);
		mmio->driver_features |= (uint64_t)value << shift;
		return;
	}
	mmio->odd_features = mmio->odd_features || value != 0;
}

static void write_ready(struct virtio_mmio *mmio, uint32_t value)
{
	if (value > 1) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_QUEUE,
			"QueueReady 0x%x is neither 0 nor 1; ignored", value);
		return;
	}
	if (value == 0) {
		stop_queue(mmio);
		return;
	}
	if (mmio->ready) {
		virtio_mmio_complain(
			mmio, VIRTIO_MISTAKE_QUEUE, "QueueReady 1 written while it is 1; ignored");
		return;
	}
	if (start_queue(mmio))
		run_queue(mmio);
}

static void write_queue_reset(struct virtio_mmio *mmio, uint32_t value)
{
	if ((mmio->features & VIRTIO_F_RING_RESET) == 0 || value != 1) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_QUEUE,
			"QueueReset 0x%x: only 1, and only with VIRTIO_F_RING_RESET negotiated; "
			"ignored",
			value);
		return;
	}
	reset_queue(mmio);
}

static void write_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~0xffffffffull) | value;
}

static void write_high(uint64_t *address, uint32_t value)
{
	*address = (*address & 0xffffffffull) | (uint64_t)value << WORD_BITS;
}

/* What describes the queue: refused while it is in use. */
static void write_queue(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	if (mmio->ready) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_QUEUE,
			"register 0x%lx, of the queue, written with 0x%x while QueueReady is 1; "
			"ignored",
			offset, value);
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM: mmio->queue_num = value; break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW: write_low(&mmio->queue_descriptors, value); break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH: write_high(&mmio->queue_descriptors, value); break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW: write_low(&mmio->queue_driver, value); break;
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH: write_high(&mmio->queue_driver, value); break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW: write_low(&mmio->queue_device, value); break;
	default: write_high(&mmio->queue_device, value); break;
	}
}

/* A register that stands for the queue that QueueSel names. */
void virtio_mmio_write_queue(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	if (mmio->queue_sel >= VIRTIO_MMIO_QUEUES) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_QUEUE,
			"register 0x%lx written with 0x%x: QueueSel is %u, and there are %u "
			"queues; ignored",
			offset, value, mmio->queue_sel, VIRTIO_MMIO_QUEUES);
		return;
	}
	if (offset == VIRTIO_MMIO_QUEUE_READY)
		write_ready(mmio, value);
	else if (offset == VIRTIO_MMIO_QUEUE_RESET)
		write_queue_reset(mmio, value);
	else
		write_queue(mmio, offset, value);
}
