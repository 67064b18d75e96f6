/* SPDX-License-Identifier: MIT */
/*
 * The writes to a virtio device's registers that change its state. Called by the registers
 * (devices/virtio_mmio.c) alone.
 */
#ifndef DEVICES_VIRTIO_MMIO_STATE_H
#define DEVICES_VIRTIO_MMIO_STATE_H

#include "devices/virtio_mmio.h"

#define VIRTIO_MMIO_QUEUES        1u
#define VIRTIO_MMIO_FEATURE_WORDS 2u

/* Status; 0 resets. 2.1, 2.4, 3.1. */
void virtio_mmio_write_status(struct virtio_mmio *mmio, uint32_t value);

/* DriverFeatures. 2.2. */
void virtio_mmio_write_features(struct virtio_mmio *mmio, uint32_t value);

/* A register that stands for the queue that QueueSel names. */
void virtio_mmio_write_queue(struct virtio_mmio *mmio, uint64_t offset, uint32_t value);

/* InterruptACK. */
void virtio_mmio_acknowledge(struct virtio_mmio *mmio, uint32_t events);

#endif
