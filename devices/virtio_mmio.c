/* SPDX-License-Identifier: MIT */
/*
 * The registers of a virtio device: which access reaches which of them, and what reads answer.
 * Called by the MMIO bus. What the driver does wrong changes nothing, or sets DEVICE_NEEDS_RESET
 * where docs/virtio.md says so, and is explained on the log.
 */
#include "devices/virtio_mmio.h"

#include "devices/virtio_mmio_state.h"
#include "lib/bits.h"
#include "lib/string.h"

#define REGISTER_WIDTH 4u
#define WORD_BITS      32u

static void refuse_notify(struct virtio_mmio *mmio, uint32_t queue)
{
	if (queue >= VIRTIO_MMIO_QUEUES)
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_NOTIFY,
			"QueueNotify %u: there are %u queues; ignored", queue, VIRTIO_MMIO_QUEUES);
	else
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_NOTIFY,
			"QueueNotify while Status is 0x%x and QueueReady %u; ignored", mmio->status,
			mmio->ready);
}

/* Apart from the notify, which would have to save the registers that these need. */
static __attribute__((noinline)) void write_register(
	struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NOTIFY: refuse_notify(mmio, value); break;
	case VIRTIO_MMIO_INTERRUPT_ACK: virtio_mmio_acknowledge(mmio, value); break;
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL: mmio->device_features_sel = value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: mmio->driver_features_sel = value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: virtio_mmio_write_features(mmio, value); break;
	case VIRTIO_MMIO_QUEUE_SEL: mmio->queue_sel = value; break;
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH: virtio_mmio_write_queue(mmio, offset, value); break;
	case VIRTIO_MMIO_STATUS: virtio_mmio_write_status(mmio, value); break;
	case VIRTIO_MMIO_SHM_SEL: break; /* there is none, whichever is selected */
	default:
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_REGISTER,
			"write of 0x%x at 0x%lx, where there is no register to be written; ignored",
			value, offset);
	}
}

static uint32_t read_register(struct virtio_mmio *mmio, uint64_t offset)
{
	const bool selected = mmio->queue_sel < VIRTIO_MMIO_QUEUES;

	switch (offset) {
	case VIRTIO_MMIO_INTERRUPT_STATUS: return mmio->interrupt_status;
	case VIRTIO_MMIO_STATUS: return mmio->status;
	case VIRTIO_MMIO_MAGIC_VALUE: return VIRTIO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION: return VIRTIO_MMIO_VERSION_MODERN;
	case VIRTIO_MMIO_DEVICE_ID: return mmio->type->id;
	case VIRTIO_MMIO_VENDOR_ID: return VIRTIO_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return mmio->device_features_sel >= VIRTIO_MMIO_FEATURE_WORDS
			       ? 0
			       : (uint32_t)(mmio->offered >>
					    (mmio->device_features_sel * WORD_BITS));
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return selected ? VIRTQ_MAX_SIZE : 0;
	case VIRTIO_MMIO_QUEUE_READY: return selected && mmio->ready;
	case VIRTIO_MMIO_QUEUE_RESET: return 0; /* done when the write retires */
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0u; /* no region has this number */
	/* No field that a second access could find half changed ever changes. */
	case VIRTIO_MMIO_CONFIG_GENERATION: return 0;
	default:
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_REGISTER,
			"read at 0x%lx, where there is no register to be read; reads 0", offset);
		return 0;
	}
}

/* Whether an access lies in the configuration's 0x100 bytes, however long the configuration is. */
static bool is_config_access(uint64_t offset, unsigned int width)
{
	return width <= REGISTER_WIDTH && offset >= VIRTIO_MMIO_CONFIG &&
	       offset < VIRTIO_MMIO_REGISTERS_SIZE;
}

static bool is_register_access(uint64_t offset, unsigned int width)
{
	return width == REGISTER_WIDTH && is_aligned(offset, REGISTER_WIDTH);
}

static bool config_holds(const struct virtio_mmio *mmio, uint64_t offset, unsigned int width)
{
	return offset <= mmio->type->config_size && width <= mmio->type->config_size - offset;
}

static uint64_t read_config(struct virtio_mmio *mmio, uint64_t offset, unsigned int width)
{
	uint32_t value = 0;

	if (!config_holds(mmio, offset, width)) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_CONFIG,
			"read of %u bytes at 0x%lx of the configuration, which has %u; reads all "
			"ones",
			width, offset, mmio->type->config_size);
		return width_mask(width);
	}
	memcpy(&value, (const uint8_t *)mmio->config + offset, width);
	return value;
}

static void write_config(
	struct virtio_mmio *mmio, uint64_t offset, unsigned int width, uint32_t value)
{
	if (!config_holds(mmio, offset, width)) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_CONFIG,
			"write of 0x%x in %u bytes at 0x%lx of the configuration, which has %u; "
			"ignored",
			value, width, offset, mmio->type->config_size);
		return;
	}
	mmio->type->write_config(mmio, (uint32_t)offset, width, value);
}

uint64_t virtio_mmio_read(void *context, uint64_t offset, unsigned int width)
{
	struct virtio_mmio *mmio = context;

	if (is_config_access(offset, width))
		return read_config(mmio, offset - VIRTIO_MMIO_CONFIG, width);
	if (is_register_access(offset, width))
		return read_register(mmio, offset);
	virtio_mmio_complain(mmio, VIRTIO_MISTAKE_ACCESS,
		"read of %u bytes at 0x%lx is no aligned 32-bit access; reads all ones", width,
		offset);
	return width_mask(width);
}

void virtio_mmio_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct virtio_mmio *mmio = context;

	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY && width == REGISTER_WIDTH && value == 0 &&
		mmio->running) {
		mmio->notifies++;
		mmio->type->notify(mmio);
	} else if (is_config_access(offset, width)) {
		write_config(mmio, offset - VIRTIO_MMIO_CONFIG, width, (uint32_t)value);
	} else if (is_register_access(offset, width)) {
		write_register(mmio, offset, (uint32_t)value);
	} else {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_ACCESS,
			"write of 0x%lx in %u bytes at 0x%lx is no aligned 32-bit access; ignored",
			value, width, offset);
	}
}
