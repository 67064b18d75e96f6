/* SPDX-License-Identifier: MIT */
/*
 * One request of the block device: what its chain says, and what it does to the disk. Called by the
 * device's other half (devices/virtio_blk.c) alone.
 */
#ifndef DEVICES_VIRTIO_BLK_REQUEST_H
#define DEVICES_VIRTIO_BLK_REQUEST_H

#include "devices/virtio_blk.h"

/* What became of a request. All but the last two have put the chain back. */
enum virtio_blk_outcome {
	VIRTIO_BLK_COMPLETE,   /* its status is written */
	VIRTIO_BLK_UNSTABLE,   /* its status waits for its data to be durable */
	VIRTIO_BLK_UNFINISHED, /* the turn's budget is spent */
	VIRTIO_BLK_BROKEN,     /* no header or no status byte; the device needs a reset */
};

/* Executes the request in device->chain. */
enum virtio_blk_outcome virtio_blk_request_start(struct virtio_blk *device);

/* Goes on with one that was VIRTIO_BLK_UNFINISHED. */
enum virtio_blk_outcome virtio_blk_request_resume(struct virtio_blk *device);

#endif
