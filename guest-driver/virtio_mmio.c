/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio transport: discovery and initialisation. Called by guest-driver/virtio_blk.c and
 * by test guests that are a driver themselves.
 */
#include "guest-driver/virtio_mmio.h"

#include "lib/string.h"

#define CMDLINE_WORD "virtio_mmio.device="

static bool is_device(uintptr_t base, uint32_t device_id)
{
	const struct virtio_mmio there = { .base = base };

	/* A legacy device has another initialisation and other queues: it is left alone. */
	return virtio_mmio_read(&there, VIRTIO_MMIO_MAGIC_VALUE) == VIRTIO_MMIO_MAGIC &&
	       virtio_mmio_read(&there, VIRTIO_MMIO_VERSION) == VIRTIO_MMIO_VERSION_MODERN &&
	       virtio_mmio_read(&there, VIRTIO_MMIO_DEVICE_ID) == device_id;
}

/* Reads digits of the base off the text; false without any, or beyond 32 bits. */
static bool read_number(const char **text, uint32_t base, uint32_t *number)
{
	const char *first = *text;
	uint64_t value = 0;

	for (; value <= UINT32_MAX; (*text)++) {
		const char c = **text;
		const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
				       : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
							      : base;

		if (digit >= base)
			break;
		value = value * base + digit;
	}
	*number = (uint32_t)value;
	return *text != first && value <= UINT32_MAX;
}

/* One virtio_mmio.device=<size>@0x<address>:<line>; the text stands behind its '='. */
static bool read_place(const char *text, struct virtio_mmio *device)
{
	uint32_t size, base;

	if (!read_number(&text, 10, &size) || strncmp(text, "@0x", 3) != 0)
		return false;
	text += 3;
	if (!read_number(&text, 16, &base) || *text++ != ':')
		return false;
	device->base = base;
	return read_number(&text, 10, &device->gsi);
}

static bool find_in_cmdline(struct virtio_mmio *device, uint32_t device_id, const char *cmdline)
{
	for (; *cmdline != '\0'; cmdline++) {
		if (strncmp(cmdline, CMDLINE_WORD, strlen(CMDLINE_WORD)) == 0 &&
			read_place(cmdline + strlen(CMDLINE_WORD), device) &&
			is_device(device->base, device_id))
			return true;
	}
	return false;
}

enum virtio_error virtio_mmio_find(
	struct virtio_mmio *device, uint32_t device_id, const char *cmdline)
{
	*device = (struct virtio_mmio){ .gsi = VIRTIO_MMIO_NO_GSI };
	if (find_in_cmdline(device, device_id, cmdline))
		return VIRTIO_OK;
	if (is_device(VIRTIO_MMIO_CAFEVISOR_BASE, device_id)) {
		device->base = VIRTIO_MMIO_CAFEVISOR_BASE;
		device->gsi = VIRTIO_MMIO_CAFEVISOR_GSI;
		return VIRTIO_OK;
	}
	device->gsi = VIRTIO_MMIO_NO_GSI;
	for (uint32_t slot = 0; slot < VIRTIO_MMIO_MICROVM_SLOTS; slot++) {
		device->base = VIRTIO_MMIO_MICROVM_BASE + slot * VIRTIO_MMIO_REGISTERS_SIZE;
		if (is_device(device->base, device_id))
			return VIRTIO_OK;
	}
	return VIRTIO_NO_DEVICE;
}

void virtio_mmio_reset(const struct virtio_mmio *device)
{
	virtio_mmio_write(device, VIRTIO_MMIO_STATUS, 0);
	while (virtio_mmio_read(device, VIRTIO_MMIO_STATUS) != 0)
		;
}

/* Bits are only ever added; nothing but a reset takes one away. 2.1.1. */
static void add_status(const struct virtio_mmio *device, uint32_t bit)
{
	virtio_mmio_write(
		device, VIRTIO_MMIO_STATUS, virtio_mmio_read(device, VIRTIO_MMIO_STATUS) | bit);
}

static uint32_t offered_features(const struct virtio_mmio *device, uint32_t half)
{
	virtio_mmio_write(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
	return virtio_mmio_read(device, VIRTIO_MMIO_DEVICE_FEATURES);
}

void virtio_mmio_begin(struct virtio_mmio *device)
{
	virtio_mmio_reset(device);
	add_status(device, VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(device, VIRTIO_STATUS_DRIVER);
	device->offered = offered_features(device, 0) | (uint64_t)offered_features(device, 1) << 32;
}

enum virtio_error virtio_mmio_negotiate(struct virtio_mmio *device, uint64_t wanted)
{
	device->features = device->offered & wanted;
	virtio_mmio_write(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	virtio_mmio_write(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)device->features);
	virtio_mmio_write(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	virtio_mmio_write(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(device->features >> 32));
	add_status(device, VIRTIO_STATUS_FEATURES_OK);
	if (virtio_mmio_read(device, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK)
		return VIRTIO_OK;
	add_status(device, VIRTIO_STATUS_FAILED);
	return VIRTIO_FEATURES_REFUSED;
}

uint32_t virtio_mmio_queue_max(const struct virtio_mmio *device, uint32_t number)
{
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_SEL, number);
	return virtio_mmio_read(device, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static void write_address(
	const struct virtio_mmio *device, enum virtio_mmio_register low, uint64_t address)
{
	virtio_mmio_write(device, low, (uint32_t)address);
	virtio_mmio_write(device, low + 4, (uint32_t)(address >> 32));
}

enum virtio_error virtio_mmio_start_queue(
	const struct virtio_mmio *device, uint32_t number, const struct virtio_queue_place *place)
{
	if (virtio_mmio_queue_max(device, number) < place->size ||
		virtio_mmio_read(device, VIRTIO_MMIO_QUEUE_READY) != 0)
		return VIRTIO_NO_QUEUE;
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_NUM, place->size);
	write_address(device, VIRTIO_MMIO_QUEUE_DESC_LOW, place->descriptors);
	write_address(device, VIRTIO_MMIO_QUEUE_DRIVER_LOW, place->driver);
	write_address(device, VIRTIO_MMIO_QUEUE_DEVICE_LOW, place->device);
	virtio_mmio_write(device, VIRTIO_MMIO_QUEUE_READY, 1);
	return virtio_mmio_read(device, VIRTIO_MMIO_QUEUE_READY) == 1 ? VIRTIO_OK : VIRTIO_NO_QUEUE;
}

void virtio_mmio_finish(const struct virtio_mmio *device)
{
	add_status(device, VIRTIO_STATUS_DRIVER_OK);
}

uint32_t virtio_mmio_acknowledge(const struct virtio_mmio *device)
{
	const uint32_t why = virtio_mmio_read(device, VIRTIO_MMIO_INTERRUPT_STATUS);

	if (why != 0)
		virtio_mmio_write(device, VIRTIO_MMIO_INTERRUPT_ACK, why);
	return why;
}

uint32_t virtio_mmio_config32(const struct virtio_mmio *device, uint32_t offset)
{
	return *(const volatile uint32_t *)(device->base + VIRTIO_MMIO_CONFIG + offset);
}

/* Two reads could see two states of it: the generation says whether they did. 2.5.1. */
uint64_t virtio_mmio_config64(const struct virtio_mmio *device, uint32_t offset)
{
	uint32_t generation, low, high;

	do {
		generation = virtio_mmio_read(device, VIRTIO_MMIO_CONFIG_GENERATION);
		low = virtio_mmio_config32(device, offset);
		high = virtio_mmio_config32(device, offset + 4);
	} while (virtio_mmio_read(device, VIRTIO_MMIO_CONFIG_GENERATION) != generation);
	return (uint64_t)high << 32 | low;
}

const char *virtio_error_text(enum virtio_error error)
{
	switch (error) {
	case VIRTIO_OK: return "success";
	case VIRTIO_NO_DEVICE: return "no device";
	case VIRTIO_FEATURES_REFUSED: return "the device does not agree to the features";
	case VIRTIO_NO_QUEUE: return "the device has no such queue";
	case VIRTIO_QUEUE_FULL: return "the queue is full";
	case VIRTIO_IO_ERROR: return "the device answered a request with IOERR";
	case VIRTIO_UNSUPPORTED: return "the device answered a request with UNSUPP";
	case VIRTIO_NEEDS_RESET: return "the device found the ring broken and wants a reset";
	case VIRTIO_BROKEN_DEVICE: return "the device returned what it was not given";
	}
	return "unknown error";
}
