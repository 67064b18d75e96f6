/* SPDX-License-Identifier: MIT */
/*
 * A second, simple virtio-mmio transport for the fuzz target to compare the real one with: what
 * every read must give, and which of the device type's functions is called. virtio 1.2, 4.2.
 */
#ifndef TESTS_FUZZ_VIRTIO_MMIO_MODEL_H
#define TESTS_FUZZ_VIRTIO_MMIO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/virtio_abi.h"

/* Guest memory: a piece up to the hole, and one behind it. */
#define HOLE   0x4000u
#define BEHIND 0x8000u
#define END    0x9000u

#define CONFIG_SIZE 37u /* no multiple of anything */
#define OFFERED     (VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_RING_RESET | 0x235)
#define TYPE_ID     0x77u
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
	const uint8_t *config;
	uint8_t mood; /* what the type's notify does */
};

/* Adds a call to those that are to be compared. */
void calls_note(struct calls *calls, enum call_kind kind, uint64_t what);

/* A call of WRITE_CONFIG in one number. */
uint64_t describe_write(uint64_t offset, unsigned int width, uint64_t value);

/* Whether the queue is processed. */
bool model_runs(const struct model *model);
/* An access at offset in the page; 1, 2, 4 or 8 bytes wide. */
void model_write(struct model *model, uint64_t offset, unsigned int width, uint64_t value);
uint64_t model_read(const struct model *model, uint64_t offset, unsigned int width);

#endif
