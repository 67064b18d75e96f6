/* SPDX-License-Identifier: MIT */
/*
 * The transport once more, see virtio_mmio_model.h.
 */
#include "tests/fuzz/virtio_mmio_model.h"

#include <string.h>

#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"

void calls_note(struct calls *calls, enum call_kind kind, uint64_t what)
{
	must(calls->count < MAX_CALLS);
	calls->list[calls->count++] = (struct call){ kind, what };
}

uint64_t describe_write(uint64_t offset, unsigned int width, uint64_t value)
{
	return offset << 40 | (uint64_t)width << 32 | value;
}

bool model_runs(const struct model *model)
{
	return model->ready && (model->status & 0xc4) == VIRTIO_STATUS_DRIVER_OK;
}

static void model_break(struct model *model)
{
	model->status |= VIRTIO_STATUS_NEEDS_RESET;
	if ((model->status & VIRTIO_STATUS_DRIVER_OK) != 0)
		model->isr |= VIRTIO_INTERRUPT_CONFIG;
}

static void model_notify(struct model *model)
{
	if (!model_runs(model))
		return;
	calls_note(&model->calls, NOTIFY, 0);
	if ((model->mood & DOES_INTERRUPT) != 0)
		model->isr |= VIRTIO_INTERRUPT_USED_BUFFER;
	if ((model->mood & DOES_BREAK) != 0)
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
		calls_note(&model->calls, STOPPED, 0);
	model->ready = false;
}

static bool model_accepts(struct model *model)
{
	if (model->odd || (model->driver_features & ~OFFERED) != 0)
		return false;
	model->features = model->driver_features;
	calls_note(&model->calls, NEGOTIATED, model->features);
	return true;
}

static void model_reset(struct model *model)
{
	struct model fresh = { .config = model->config, .mood = model->mood };

	model_stop(model);
	fresh.calls = model->calls;
	*model = fresh;
	calls_note(&model->calls, RESET, 0);
}

static void model_write_status(struct model *model, uint32_t value)
{
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
	model_notify(model);
}

static void model_write_queue(struct model *model, uint64_t offset, uint32_t value)
{
	uint64_t *area = &model->areas[(offset >> 4 & 3) % 3];

	if (model->queue_sel != 0)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY && value == 0) {
		model_stop(model);
	} else if (offset == VIRTIO_MMIO_QUEUE_READY && value == 1 && !model->ready) {
		model_start(model);
		model_notify(model);
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

void model_write(struct model *model, uint64_t offset, unsigned int width, uint64_t value)
{
	if (width <= 4 && offset >= 0x100 && offset < 0x200) {
		if (offset - 0x100 + width <= CONFIG_SIZE)
			calls_note(&model->calls, WRITE_CONFIG,
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
	case VIRTIO_MMIO_STATUS: model_write_status(model, (uint32_t)value); break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value == 0)
			model_notify(model);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET: model_write_queue(model, offset, (uint32_t)value); break;
	default: break;
	}
}

static uint32_t model_read_register(const struct model *model, uint64_t offset)
{
	static const uint32_t fixed[] = { VIRTIO_MMIO_MAGIC, 2, TYPE_ID, 0x554d4551 };

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

uint64_t model_read(const struct model *model, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (width <= 4 && offset >= 0x100 && offset < 0x200) {
		if (offset - 0x100 + width > CONFIG_SIZE)
			return width_mask(width);
		memcpy(&value, model->config + (offset - 0x100), width);
		return value;
	}
	if (width != 4 || offset % 4 != 0)
		return width_mask(width);
	return model_read_register(model, offset);
}
