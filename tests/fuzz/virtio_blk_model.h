/* SPDX-License-Identifier: MIT */
/*
 * A second, simple virtio-blk for the fuzz target to compare the real one with: what must become of
 * one request, with the disk as a flat array and sums too wide for a guest to make wrap.
 */
#ifndef TESTS_FUZZ_VIRTIO_BLK_MODEL_H
#define TESTS_FUZZ_VIRTIO_BLK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define SECTORS   24ull
#define DISK_SIZE (SECTORS * 512 - 300)

struct model {
	uint64_t features;
	bool read_only;
	uint8_t disk[SECTORS * 512];
};

struct expectation {
	uint8_t status;
	uint32_t data; /* bytes written before the status */
};

/* A request; stream: its readable bytes; room: the writable ones before the status. */
struct expectation model_request(
	struct model *model, const uint8_t *stream, uint32_t readable, uint32_t room);

#endif
