/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device's commands that are neither a read nor a write: FLUSH, GET_ID, DISCARD
 * and WRITE_ZEROES. Called for requests (devices/virtio_blk_request.c) with their header copied.
 */
#include "devices/virtio_blk_request.h"

#include "lib/string.h"

#define RANGE_SIZE sizeof(struct virtio_blk_range)

static enum virtio_blk_step get_id(struct virtio_blk *device)
{
	static const char id[VIRTIO_BLK_ID_SIZE] = VIRTIO_BLK_ID;
	const struct virtq_chain *chain = &device->chain;
	const struct virtq_segment *segment = &chain->segments[chain->readable];
	const uint64_t size = chain->writable_bytes - VIRTIO_BLK_STATUS_SIZE;

	if (chain->readable_bytes != VIRTIO_BLK_HEADER_SIZE)
		return virtio_blk_refuse_readable(device);
	if (size != VIRTIO_BLK_ID_SIZE)
		return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
			"%lu bytes of data, not %u", size, VIRTIO_BLK_ID_SIZE);
	for (uint64_t at = 0; at < VIRTIO_BLK_ID_SIZE; segment++) {
		const uint64_t piece = min_u64(segment->size, VIRTIO_BLK_ID_SIZE - at);

		memcpy(segment->host, id + at, piece);
		at += piece;
	}
	return virtio_blk_complete(
		device, VIRTIO_BLK_S_OK, VIRTIO_BLK_ID_SIZE + VIRTIO_BLK_STATUS_SIZE);
}

/* Zeroes as much as the turn's budget allows. */
enum virtio_blk_step virtio_blk_resume_zeroes(struct virtio_blk *device)
{
	struct virtio_blk_request *request = &device->request;

	for (;;) {
		const uint64_t piece = min_u64(device->budget, request->left);
		const struct virtio_blk_range *next = &request->table[request->range];

		block_zero(device->block, request->offset, piece);
		device->budget -= piece;
		device->bytes_written += piece;
		request->offset += piece;
		request->left -= piece;
		if (request->left > 0)
			return VIRTIO_BLK_UNFINISHED;
		if (request->range == request->ranges)
			return virtio_blk_complete_write(device);
		request->offset = next->sector * RAMDISK_SECTOR_SIZE;
		request->left = next->num_sectors * RAMDISK_SECTOR_SIZE;
		request->range++;
	}
}

/* What flags and sectors may be, looked at for all ranges before the first is touched. 5.2.6.2. */
static bool ranges_are_good(struct virtio_blk *device, enum virtio_blk_step *step)
{
	struct virtio_blk_request *request = &device->request;
	const uint32_t known =
		request->type == VIRTIO_BLK_T_WRITE_ZEROES ? VIRTIO_BLK_RANGE_F_UNMAP : 0;

	for (unsigned int i = 0; i < request->ranges; i++) {
		if ((request->table[i].flags & ~known) == 0)
			continue;
		*step = virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_FLAGS, VIRTIO_BLK_S_UNSUPP,
			"segment %u has flags 0x%x; only 0x%x are known", i,
			request->table[i].flags, known);
		return false;
	}
	if (device->block->disk->mode == RAMDISK_READ_ONLY) {
		*step = virtio_blk_refuse_read_only(device);
		return false;
	}
	for (unsigned int i = 0; i < request->ranges; i++) {
		const struct virtio_blk_range *range = &request->table[i];

		if (range->num_sectors > VIRTIO_BLK_MAX_RANGE_SECTORS)
			*step = virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_LENGTH,
				VIRTIO_BLK_S_IOERR, "segment %u has %u sectors, the most is %u", i,
				range->num_sectors, VIRTIO_BLK_MAX_RANGE_SECTORS);
		else if (!virtio_blk_disk_holds(device, range->sector, range->num_sectors))
			*step = virtio_blk_refuse_sector(device, range->sector, range->num_sectors);
		else
			continue;
		return false;
	}
	return true;
}

/* DISCARD and WRITE_ZEROES: both leave zeroes behind. */
static enum virtio_blk_step start_zeroes(struct virtio_blk *device)
{
	struct virtio_blk_request *request = &device->request;
	const uint64_t size = device->chain.readable_bytes - VIRTIO_BLK_HEADER_SIZE;
	enum virtio_blk_step step;

	if (device->chain.writable_bytes != VIRTIO_BLK_STATUS_SIZE)
		return virtio_blk_refuse_writable(device);
	if (size == 0 || size % RANGE_SIZE != 0 || size > sizeof(request->table))
		return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
			"%lu bytes of data are not 1 to %u segments of %lu", size,
			VIRTIO_BLK_MAX_RANGES, RANGE_SIZE);
	virtio_blk_gather(&device->chain, VIRTIO_BLK_HEADER_SIZE, request->table, size);
	virtio_blk_copied_once();
	request->range = 0;
	request->ranges = (unsigned int)(size / RANGE_SIZE);
	request->offset = 0;
	request->left = 0;
	return ranges_are_good(device, &step) ? virtio_blk_resume_zeroes(device) : step;
}

enum virtio_blk_step virtio_blk_start_command(struct virtio_blk *device)
{
	const uint32_t type = device->request.type;
	uint64_t feature;

	switch (type) {
	case VIRTIO_BLK_T_GET_ID: return get_id(device);
	case VIRTIO_BLK_T_FLUSH: feature = VIRTIO_BLK_F_FLUSH; break;
	case VIRTIO_BLK_T_DISCARD: feature = VIRTIO_BLK_F_DISCARD; break;
	case VIRTIO_BLK_T_WRITE_ZEROES: feature = VIRTIO_BLK_F_WRITE_ZEROES; break;
	default:
		return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_TYPE, VIRTIO_BLK_S_UNSUPP,
			"type %u is not supported", type);
	}
	if ((device->mmio.features & feature) == 0)
		return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_TYPE, VIRTIO_BLK_S_UNSUPP,
			"its feature was not negotiated");
	if (type != VIRTIO_BLK_T_FLUSH)
		return start_zeroes(device);
	device->flushes++;
	return virtio_blk_complete_when_stable(device);
}
