/* SPDX-License-Identifier: MIT */
/*
 * Requests of the block device: what their chains say, and what they do to the disk. Called by the
 * device's other half (devices/virtio_blk.c); reads and writes are in devices/virtio_blk_request.c,
 * the other commands in devices/virtio_blk_command.c, and both use what is declared at the end.
 */
#ifndef DEVICES_VIRTIO_BLK_REQUEST_H
#define DEVICES_VIRTIO_BLK_REQUEST_H

#include "devices/virtio_blk.h"

#define VIRTIO_BLK_HEADER_SIZE sizeof(struct virtio_blk_header)
#define VIRTIO_BLK_STATUS_SIZE 1u

/* What became of a request, or what a turn ended with. */
enum virtio_blk_step {
	VIRTIO_BLK_GO_ON,      /* the chain was put back; on to the next */
	VIRTIO_BLK_UNFINISHED, /* the turn's budget is spent within the request */
	VIRTIO_BLK_SPENT,      /* the turn's budget is spent behind it */
	VIRTIO_BLK_EMPTY,      /* nothing more on the ring */
	VIRTIO_BLK_NO_REQUEST, /* no header or no status byte; the device needs a reset */
	VIRTIO_BLK_BAD_RING,   /* the ring is broken; the device needs a reset */
};

/* Executes chains, the first of which is in device->chain if taken says so, as far as that goes. */
enum virtio_blk_step virtio_blk_run(struct virtio_blk *device, enum virtq_result taken);

/* Goes on with a request that was VIRTIO_BLK_UNFINISHED. */
enum virtio_blk_step virtio_blk_resume(struct virtio_blk *device);

/* Whatever is no IN and no OUT. */
enum virtio_blk_step virtio_blk_start_command(struct virtio_blk *device);
enum virtio_blk_step virtio_blk_resume_zeroes(struct virtio_blk *device);

/*
 * The chain's last byte is written, and the chain put back; written counts all that was written
 * into it.
 */
enum virtio_blk_step virtio_blk_complete(
	struct virtio_blk *device, enum virtio_blk_status status, uint32_t written);

/* The same with status OK once all that was written is durable; nothing but it was written. */
enum virtio_blk_step virtio_blk_complete_when_stable(struct virtio_blk *device)
	__attribute__((cold));

/* A write has reached the disk: one of the two. */
enum virtio_blk_step virtio_blk_complete_write(struct virtio_blk *device);

/* A request has failed: the log says which and why, its status byte is all that was written. */
enum virtio_blk_step virtio_blk_refuse(struct virtio_blk *device, enum virtio_blk_mistake mistake,
	enum virtio_blk_status status, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

/* The common reasons: sectors beyond the disk, data of the wrong kind, a read-only disk. */
enum virtio_blk_step virtio_blk_refuse_sector(
	struct virtio_blk *device, uint64_t sector, uint64_t sectors) __attribute__((cold));
enum virtio_blk_step virtio_blk_refuse_readable(struct virtio_blk *device) __attribute__((cold));
enum virtio_blk_step virtio_blk_refuse_writable(struct virtio_blk *device) __attribute__((cold));
enum virtio_blk_step virtio_blk_refuse_read_only(struct virtio_blk *device) __attribute__((cold));

/* size bytes of the chain's readable stream from byte skip on; the stream has them. */
void virtio_blk_gather(const struct virtq_chain *chain, uint64_t skip, void *to, uint64_t size)
	__attribute__((cold));

/* Keeps the compiler from reading the guest's copy again in place of ours. */
static inline void virtio_blk_copied_once(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Whether the disk has so many sectors there. Adds nothing up, so nothing wraps. */
static inline bool virtio_blk_disk_holds(
	const struct virtio_blk *device, uint64_t sector, uint64_t sectors)
{
	const uint64_t capacity = device->config.capacity;

	return sectors <= capacity && sector <= capacity - sectors;
}

#endif
