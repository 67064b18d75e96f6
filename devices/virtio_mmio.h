/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio transport, version 2, of a device with one queue: registers, status and feature
 * negotiation, queue set-up, interrupt status. virtio 1.2, 2.1 to 2.4, 4.2. The device type behind
 * it is a table of functions (devices/virtio_blk.c).
 */
#ifndef DEVICES_VIRTIO_MMIO_H
#define DEVICES_VIRTIO_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/virtq.h"
#include "lib/log.h"
#include "lib/virtio_abi.h"

#define VIRTIO_MMIO_BASE 0xcafe1000ull
#define VIRTIO_MMIO_SIZE 0x1000ull /* the registers are the first 0x200 bytes of the page */
#define VIRTIO_MMIO_GSI  16u

#define VIRTIO_VENDOR 0x554d4551u /* xv6's driver insists on it */

struct virtio_mmio;

/* What makes a transport a device of some type. No function may be null. */
struct virtio_mmio_type {
	const char *name;     /* on the log */
	uint32_t id;          /* DeviceID */
	uint32_t config_size; /* bytes of the configuration */
	/* Everything as after power-on. */
	void (*reset)(struct virtio_mmio *mmio);
	/* mmio->features are what driver and device have agreed on. */
	void (*negotiated)(struct virtio_mmio *mmio);
	/* The queue runs and there may be something on it. */
	void (*notify)(struct virtio_mmio *mmio);
	/* The queue is gone: what was taken off it is forgotten. */
	void (*stopped)(struct virtio_mmio *mmio);
	/* A write within the configuration. */
	void (*write_config)(
		struct virtio_mmio *mmio, uint32_t offset, unsigned int width, uint32_t value);
};

/* Kinds of mistakes a driver can make; each has its own rate limit on the log. */
enum virtio_mmio_mistake {
	VIRTIO_MISTAKE_ACCESS,   /* not an aligned 32-bit access */
	VIRTIO_MISTAKE_REGISTER, /* no register there, or not to be read, or written */
	VIRTIO_MISTAKE_CONFIG,   /* past the end of the configuration, or not to be written */
	VIRTIO_MISTAKE_STATUS,   /* a status that may not be written now */
	VIRTIO_MISTAKE_FEATURES, /* not offered, or too late */
	VIRTIO_MISTAKE_QUEUE,    /* a queue that there is not, or is ready */
	VIRTIO_MISTAKE_NOTIFY,   /* a notify of a queue that there is not, or does not run */
	VIRTIO_MISTAKE_ACK,      /* an acknowledge of bits that do not exist */
	VIRTIO_MISTAKE_COUNT
};

/* What needs a reset has a limit for each kind: a driver's author may try them all in one run. */
#define VIRTIO_MMIO_BREAK_KINDS 24
struct virtio_mmio_break_limit {
	const char *kind; /* null: this one and all behind it are free */
	struct log_limit limit;
};

struct virtio_mmio {
	const struct virtio_mmio_type *type;
	const struct guest_memory *memory;
	struct irq_line line;
	uint64_t offered;   /* features */
	const void *config; /* the device's own; type->config_size bytes, little-endian */

	/* What the driver sees and has written. */
	uint8_t status;
	uint32_t interrupt_status;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint64_t driver_features;
	bool odd_features; /* it has written one beyond bit 63 */
	uint32_t queue_sel;
	uint32_t queue_num;
	uint64_t queue_descriptors;
	uint64_t queue_driver;
	uint64_t queue_device;

	uint64_t features; /* agreed on */
	bool ready;        /* QueueReady; the queue was started with started_with */
	uint64_t started_with;
	bool running; /* ready, DRIVER_OK, and nothing is broken: notifies count */
	struct virtq queue;

	uint64_t notifies; /* that counted; for the report */
	uint64_t interrupts;
	struct log_limit mistakes[VIRTIO_MISTAKE_COUNT];
	struct virtio_mmio_break_limit breaks[VIRTIO_MMIO_BREAK_KINDS];
};

/* The transport as after power-on. type, memory, line, offered and config are set before. */
void virtio_mmio_init(struct virtio_mmio *mmio);

/* For the bus; the device is a struct virtio_mmio. */
uint64_t virtio_mmio_read(void *mmio, uint64_t offset, unsigned int width);
void virtio_mmio_write(void *mmio, uint64_t offset, unsigned int width, uint64_t value);

/* Sets a bit of InterruptStatus and asserts the line. */
void virtio_mmio_interrupt(struct virtio_mmio *mmio, uint32_t event);

/*
 * The driver has broken the ring: DEVICE_NEEDS_RESET, with a configuration interrupt, and no notify
 * counts until a reset. The text says what was wrong; kind is a string that stands for it, always
 * the same pointer, and counts for the log's rate limit alone. 2.1.2.
 */
void virtio_mmio_break(struct virtio_mmio *mmio, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* A mistake that is only told. */
#define virtio_mmio_complain(mmio, mistake, ...) \
	log_limited(&(mmio)->mistakes[mistake], LOG_WARN, (mmio)->type->name, __VA_ARGS__)

#endif
