/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio transport (virtio 1.2, 4.2) as a driver sees it: finding a device, agreeing on
 * features with it, giving it a queue, and its interrupts. The order of calls is that of 3.1.1:
 *
 *	virtio_mmio_find(&device, VIRTIO_ID_BLOCK, cmdline);
 *	virtio_mmio_begin(&device);                     reset, ACKNOWLEDGE, DRIVER
 *	virtio_mmio_negotiate(&device, wanted);         FEATURES_OK
 *	virtio_mmio_start_queue(&device, 0, &place);
 *	virtio_mmio_finish(&device);                    DRIVER_OK: the device is live
 */
#ifndef GUEST_DRIVER_VIRTIO_MMIO_H
#define GUEST_DRIVER_VIRTIO_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/virtio_abi.h"

/* Cafevisor's place, and the slots of QEMU's machine type microvm. */
#define VIRTIO_MMIO_CAFEVISOR_BASE 0xcafe1000u
#define VIRTIO_MMIO_CAFEVISOR_GSI  16u
#define VIRTIO_MMIO_MICROVM_BASE   0xfeb00000u
#define VIRTIO_MMIO_MICROVM_SLOTS  24u

#define VIRTIO_MMIO_NO_GSI (~0u) /* nobody said to which line the device is wired */

enum virtio_error {
	VIRTIO_OK,
	VIRTIO_NO_DEVICE,        /* no such device anywhere, or only a legacy one */
	VIRTIO_FEATURES_REFUSED, /* FEATURES_OK did not stay set */
	VIRTIO_NO_QUEUE,         /* no such queue, in use already, or too small */
	VIRTIO_QUEUE_FULL,       /* no room for the request: submit first */
	VIRTIO_IO_ERROR,         /* the device could not do a request */
	VIRTIO_UNSUPPORTED,      /* the device does not know a request */
	VIRTIO_NEEDS_RESET,      /* the device says that the driver broke the ring */
	VIRTIO_BROKEN_DEVICE     /* it returned something that it was never given */
};

struct virtio_mmio {
	uintptr_t base;
	uint32_t gsi;      /* of its interrupt, or VIRTIO_MMIO_NO_GSI */
	uint64_t offered;  /* features, after virtio_mmio_begin */
	uint64_t features; /* agreed on, after virtio_mmio_negotiate */
};

/* Where the three parts of a queue lie. 2.7 and 2.8 call them Descriptor, Driver, Device Area. */
struct virtio_queue_place {
	uint16_t size;
	uint64_t descriptors;
	uint64_t driver;
	uint64_t device;
};

/*
 * Finds the first device of this type: where the command line says (virtio_mmio.device=
 * <size>@<address>:<line>, as Linux reads it and QEMU writes it), at Cafevisor's place, in
 * microvm's slots. VIRTIO_NO_DEVICE when there is none.
 */
enum virtio_error virtio_mmio_find(
	struct virtio_mmio *device, uint32_t device_id, const char *cmdline);

/* Resets the device, tells it that it was seen, and learns what it offers. 3.1.1, 1 to 4. */
void virtio_mmio_begin(struct virtio_mmio *device);

/* Takes what is both wanted and offered. VIRTIO_FEATURES_REFUSED. 3.1.1, 4 to 6. */
enum virtio_error virtio_mmio_negotiate(struct virtio_mmio *device, uint64_t wanted);

/* How many entries queue number may have at most; 0 when there is no such queue. */
uint32_t virtio_mmio_queue_max(const struct virtio_mmio *device, uint32_t number);

/* VIRTIO_NO_QUEUE: not there, smaller than wanted, or in use already. 4.2.3.2. */
enum virtio_error virtio_mmio_start_queue(
	const struct virtio_mmio *device, uint32_t number, const struct virtio_queue_place *place);

/* DRIVER_OK. 3.1.1, 8. */
void virtio_mmio_finish(const struct virtio_mmio *device);

/* Writes 0 to the status, and waits until it reads so. 2.1.2, 4.2.3.1. */
void virtio_mmio_reset(const struct virtio_mmio *device);

/* Acknowledges what the device interrupts for, and says what it was: VIRTIO_INTERRUPT_ bits. */
uint32_t virtio_mmio_acknowledge(const struct virtio_mmio *device);

/* 32 or 64 bits of the device's configuration, at an offset of it. 64 bits are of one moment. */
uint32_t virtio_mmio_config32(const struct virtio_mmio *device, uint32_t offset);
uint64_t virtio_mmio_config64(const struct virtio_mmio *device, uint32_t offset);

const char *virtio_error_text(enum virtio_error error);

/* Registers take aligned 32-bit accesses only. 4.2.2.2. */
static inline uint32_t virtio_mmio_read(
	const struct virtio_mmio *device, enum virtio_mmio_register offset)
{
	return *(const volatile uint32_t *)(device->base + offset);
}

static inline void virtio_mmio_write(
	const struct virtio_mmio *device, enum virtio_mmio_register offset, uint32_t value)
{
	*(volatile uint32_t *)(device->base + offset) = value;
}

static inline bool virtio_mmio_needs_reset(const struct virtio_mmio *device)
{
	return (virtio_mmio_read(device, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

#endif
