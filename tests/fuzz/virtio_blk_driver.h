/* SPDX-License-Identifier: MIT */
/*
 * The sane driver of virtio-blk's fuzz target: requests in random framings, and reads in batches,
 * of which each must become what the model says. It does nothing once something hostile has
 * happened, until the device is started again.
 */
#ifndef TESTS_FUZZ_VIRTIO_BLK_DRIVER_H
#define TESTS_FUZZ_VIRTIO_BLK_DRIVER_H

#include <stdint.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/virtio_blk_machine.h"

/* From a reset to DRIVER_OK; must succeed, whatever was before. */
void driver_start(struct machine *machine, uint64_t features);

/* One request in a random framing, and the model says what must be. */
void driver_do_request(struct machine *machine, struct input *input);

/* Some reads at once, one of them maybe with a ring error: those before it are used, no other. */
void driver_do_batch(struct machine *machine, struct input *input);

/* A number near one that matters, or any. */
uint64_t driver_take_number(struct input *input);

#endif
