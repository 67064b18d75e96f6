/* SPDX-License-Identifier: MIT */
/*
 * What the stamps guest's words and its loop share: the disk by both of its devices.
 */
#ifndef GUEST_DRIVER_TESTS_VIRTIO_STAMPS_STAMPS_H
#define GUEST_DRIVER_TESTS_VIRTIO_STAMPS_STAMPS_H

#include "guest-driver/svirtb.h"
#include "guest-driver/tests/virtio_stamps/stamp.h"
#include "guest-driver/virtio_blk.h"

#define STAMPS_MAX 128u /* sectors of one write or read */

/* When a write is to be stable, in the device's words. 5.2.6.2. */
enum stamps_cache {
	STAMPS_WRITE_BACK,    /* after a FLUSH */
	STAMPS_WRITE_THROUGH, /* when it completes: CONFIG_WCE, and writeback 0 */
	STAMPS_NO_CACHE       /* when it completes: neither FLUSH nor CONFIG_WCE negotiated */
};

struct stamps {
	struct virtio_blk virtio;
	struct svirtb svirtb;
	bool has_virtio;
	bool has_svirtb;
	struct stamp written[STAMPS_MAX];
	struct stamp found[STAMPS_MAX];
};
extern struct stamps stamps;

/* Part of a check: initialises virtio-blk anew; bits of way choose ring, tables and EVENT_IDX. */
bool stamps_start(enum stamps_cache cache, uint64_t way);

/* Writes one generation again and again, see loop.c; count 0: without end. */
void stamps_loop(uint64_t count, uint64_t seed);

#endif
