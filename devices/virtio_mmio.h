/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio transport, version 2, of a device with one queue: registers, status and feature
 * negotiation, queue set-up, interrupt status. virtio 1.2, 2.1 to 2.4, 4.2. The device type behind
 * it is a table of functions (devices/virtio_blk.c).
 */
#ifndef DEVICES_VIRTIO_MMIO_H
#define DEVICES_VIRTIO_MMIO_H

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/virtq.h"
#include "lib/log.h"

#define VIRTIO_MMIO_BASE 0xcafe1000ull
#define VIRTIO_MMIO_SIZE 0x1000ull /* the registers are the first 0x200 bytes of the page */
#define VIRTIO_MMIO_GSI  16u

#define VIRTIO_VENDOR 0x554d4551u /* xv6's driver insists on it */

#endif
