/* SPDX-License-Identifier: MIT */
/*
 * A driver for the virtio block device (virtio 1.2, 5.2) on the virtio-mmio transport.
 *
 *	static struct virtio_blk disk;
 *	const struct virtio_blk_options options = { 0 };
 *
 *	if (virtio_blk_open(&disk, cmdline, &options) == VIRTIO_OK)
 *		virtio_blk_read(&disk, 0, buffer, 4096);
 *
 * Reads 8 sectors from sector 0 on. For many requests with one notification: virtio_blk_queue()
 * each, then virtio_blk_submit(). Buffers lie where virtual and physical addresses are the same,
 * and in one piece.
 */
#ifndef GUEST_DRIVER_VIRTIO_BLK_H
#define GUEST_DRIVER_VIRTIO_BLK_H

#include "guest-driver/virtqueue.h"

#define VIRTIO_BLK_MAX_BATCH  256u /* requests between two submits */
#define VIRTIO_BLK_MAX_PIECES 18u  /* of one request: header, 16 of data, status */

/* What the driver is to use, where the device offers it. All zero is the plainest: split, polled.
 */
struct virtio_blk_options {
	bool packed;      /* VIRTIO_F_RING_PACKED */
	bool indirect;    /* VIRTIO_F_INDIRECT_DESC: a table for each request */
	bool event_index; /* VIRTIO_F_EVENT_IDX */
	uint64_t without; /* features of this type of device that are not asked for */
	uint16_t size;    /* entries of the ring at most; 0: 256 */
	uint32_t
		piece; /* bytes of a buffer's pieces, of which there are 16 at most; 0: one piece */
	/*
	 * Returns when the device has interrupted since the last return, see
	 * virtio_blk_interrupt; null: the ring is polled.
	 */
	void (*wait)(void *context);
	void *context;
};

/* A request on its way; the device reads header and range, and writes status. */
struct virtio_blk_request {
	uint8_t table[VIRTIO_BLK_MAX_PIECES][16] __attribute__((aligned(16)));
	struct virtio_blk_header header;
	struct virtio_blk_range range; /* of DISCARD and WRITE_ZEROES */
	uint8_t status;
	uint32_t written; /* what the device has to write when all goes well */
};

struct virtio_blk {
	uint8_t ring[VIRTQUEUE_MEMORY] __attribute__((aligned(4096)));
	struct virtqueue queue;
	struct virtio_blk_request requests[VIRTIO_BLK_MAX_BATCH];
	struct virtio_mmio transport;
	struct virtio_blk_options options;
	uint64_t capacity;      /* sectors */
	uint32_t queued;        /* requests since the last submit */
	uint32_t done;          /* requests that the last submit completed, well or not */
	volatile uint32_t told; /* VIRTIO_INTERRUPT_ bits that virtio_blk_interrupt has seen */
};

/* Finds the device and initialises it in the order of 3.1.1. cmdline: see virtio_mmio_find. */
enum virtio_error virtio_blk_open(
	struct virtio_blk *disk, const char *cmdline, const struct virtio_blk_options *options);

/* Initialises it again, with other options, too; what was queued is forgotten. */
enum virtio_error virtio_blk_restart(
	struct virtio_blk *disk, const struct virtio_blk_options *options);

/* Whether the device agreed to a feature, a bit of lib/virtio_abi.h. */
static inline bool virtio_blk_has(const struct virtio_blk *disk, uint64_t feature)
{
	return (disk->transport.features & feature) != 0;
}

/* One request: size bytes, whole sectors, from sector on; returns when it is done. */
enum virtio_error virtio_blk_read(
	struct virtio_blk *disk, uint64_t sector, void *buffer, uint32_t size);
enum virtio_error virtio_blk_write(
	struct virtio_blk *disk, uint64_t sector, const void *buffer, uint32_t size);

/* Everything written before is on the disk's medium when it returns. */
enum virtio_error virtio_blk_flush(struct virtio_blk *disk);

/* The device's name, with a zero byte behind it. */
enum virtio_error virtio_blk_get_id(struct virtio_blk *disk, char id[VIRTIO_BLK_ID_SIZE + 1]);

/* The contents of these sectors are of no use any more; or are to be zeros. */
enum virtio_error virtio_blk_discard(struct virtio_blk *disk, uint64_t sector, uint32_t count);
enum virtio_error virtio_blk_write_zeroes(
	struct virtio_blk *disk, uint64_t sector, uint32_t count, bool unmap);

/*
 * Puts a request with this buffer, if size is not 0, into the queue; the device does not know of it
 * before virtio_blk_submit. VIRTIO_QUEUE_FULL: submit first.
 */
enum virtio_error virtio_blk_queue(struct virtio_blk *disk, enum virtio_blk_type type,
	uint64_t sector, const void *buffer, uint32_t size);

/*
 * One notification for all that was queued; returns when all is done, with the error of the first
 * request, in the order of queueing, that failed; or when the device wants a reset.
 */
enum virtio_error virtio_blk_submit(struct virtio_blk *disk);

/* To be called by the handler of the device's interrupt: acknowledges it to the device. */
void virtio_blk_interrupt(struct virtio_blk *disk);

#endif
