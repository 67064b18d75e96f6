/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device: requests out of chains, executed on the block layer that svirtb shares.
 * virtio 1.2, 5.2.
 */
#ifndef DEVICES_VIRTIO_BLK_H
#define DEVICES_VIRTIO_BLK_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/block.h"
#include "devices/virtio_mmio.h"
#include "lib/bits.h"
#include "lib/virtio_abi.h"

/* What one notify copies at most; the rest is done in further turns. */
#define VIRTIO_BLK_MAX_COPY (16 * MIB)

/* The configuration's limits. Header and status byte take two more segments. */
#define VIRTIO_BLK_SEG_MAX           126u
#define VIRTIO_BLK_MAX_RANGES        32u
#define VIRTIO_BLK_MAX_RANGE_SECTORS 32768u

/* What GET_ID answers, filled up with zeroes to VIRTIO_BLK_ID_SIZE. */
#define VIRTIO_BLK_ID "cafevisor"

/* Kinds of mistakes in requests; each has its own rate limit on the log. */
enum virtio_blk_mistake {
	VIRTIO_BLK_MISTAKE_TYPE,      /* unknown, or its feature was not negotiated */
	VIRTIO_BLK_MISTAKE_FRAMING,   /* readable where writable was due, or the other way round */
	VIRTIO_BLK_MISTAKE_LENGTH,    /* of the data */
	VIRTIO_BLK_MISTAKE_SECTOR,    /* wraps around, or passes the end of the disk */
	VIRTIO_BLK_MISTAKE_READ_ONLY, /* a write to a read-only disk */
	VIRTIO_BLK_MISTAKE_FLAGS,     /* of a segment of DISCARD or WRITE_ZEROES */
	VIRTIO_BLK_MISTAKE_COUNT
};

/* The request whose chain was taken last; what is left of it to do. */
struct virtio_blk_request {
	uint32_t type;        /* enum virtio_blk_type */
	uint32_t written;     /* bytes of the chain, once it has succeeded */
	uint64_t offset;      /* the next byte on the disk */
	uint64_t left;        /* bytes from there on, of this range */
	unsigned int segment; /* IN, OUT: where in the chain the next byte is */
	uint64_t at;
	unsigned int range; /* DISCARD, WRITE_ZEROES: the next range */
	unsigned int ranges;
	struct virtio_blk_range table[VIRTIO_BLK_MAX_RANGES];
};

struct virtio_blk {
	struct virtio_mmio mmio; /* first: the transport's callbacks get the device by it */
	struct virtio_blk_config config;
	struct block *block;
	unsigned int client; /* of the block layer */
	bool sync_at_exit;
	void (*attention)(void *context);
	void *context;

	bool used;       /* chains were put back that the driver does not see yet */
	bool more;       /* a turn ended before its work */
	bool unfinished; /* the request has more to do */
	bool syncing;    /* nothing is published before the block layer has answered */
	uint64_t budget; /* bytes that this turn may still copy */
	struct virtio_blk_request request;
	struct virtq_chain chain;

	/* Status bytes of requests that are complete when their data is durable; put back already.
	 */
	unsigned int unstable;
	uint8_t *unstable_status[VIRTQ_MAX_SIZE];

	/* For the report at the end. */
	uint64_t requests; /* completed, failed ones included */
	uint64_t failures;
	uint64_t bytes_read;
	uint64_t bytes_written; /* zeroes included */
	uint64_t flushes;
	uint64_t syncs; /* asked of the block layer */

	struct log_limit mistakes[VIRTIO_BLK_MISTAKE_COUNT];
	struct log_limit failed_syncs;
};

_Static_assert(offsetof(struct virtio_blk, mmio) == 0, "the callbacks' casts");

struct virtio_blk_setup {
	const struct guest_memory *memory;
	struct block *block;
	struct irq_line line;
	bool sync_at_exit; /* disk.sync=exit: completed writes are durable at the end of the run
			      only */
	/* Tells the run loop that virtio_blk_continue has something to do; may be null. */
	void (*attention)(void *context);
	void *context;
};

/* The device as after power-on. Becomes a client of the block layer: once for each block. */
void virtio_blk_init(struct virtio_blk *device, const struct virtio_blk_setup *setup);

/* For the MMIO bus at VIRTIO_MMIO_BASE. */
extern const struct bus_ops virtio_blk_ops;

/* Whether a notify left work behind because it had copied enough (VIRTIO_BLK_MAX_COPY). */
bool virtio_blk_has_more(const struct virtio_blk *device);
/* Goes on with it, again up to the limit. */
void virtio_blk_continue(struct virtio_blk *device);

#endif
