/* SPDX-License-Identifier: MIT */
/*
 * Requests of the virtio block device: the header is copied once out of its chain, everything is
 * checked before the first byte moves, then data moves once, straight between guest memory and the
 * disk. The readable bytes of a chain are one stream, the writable ones another, whose last byte is
 * the status: nothing here depends on how descriptors cut them (virtio 1.2, 2.7.4). What lies as
 * most drivers lay it, the header and the data in a segment of its own each, takes the short way.
 */
#include "devices/virtio_blk_request.h"

#include <stdarg.h>

#include "lib/format.h"
#include "lib/string.h"

#define HEADER_SIZE sizeof(struct virtio_blk_header)
#define RANGE_SIZE  sizeof(struct virtio_blk_range)
#define STATUS_SIZE 1u

static inline uint8_t *status_byte(struct virtq_chain *chain)
{
	const struct virtq_segment *last = &chain->segments[chain->readable + chain->writable - 1];

	return last->host + (last->size - STATUS_SIZE);
}

static inline void put_back(struct virtio_blk *device, uint32_t written)
{
	virtq_use(&device->mmio.queue, device->chain.id, device->chain.slots, written);
	device->used = true;
	device->requests++;
}

static inline enum virtio_blk_outcome complete(
	struct virtio_blk *device, enum virtio_blk_status status, uint32_t written)
{
	*status_byte(&device->chain) = (uint8_t)status;
	put_back(device, written);
	return VIRTIO_BLK_COMPLETE;
}

/* Complete when all that was written is durable; its only written byte is the status. */
static __attribute__((cold)) enum virtio_blk_outcome complete_when_stable(struct virtio_blk *device)
{
	device->unstable_status[device->unstable++] = status_byte(&device->chain);
	put_back(device, STATUS_SIZE);
	return VIRTIO_BLK_UNSTABLE;
}

/* A write has reached the ramdisk. */
static inline enum virtio_blk_outcome complete_write(struct virtio_blk *device)
{
	if (device->config.writeback == 0 && !device->sync_at_exit)
		return complete_when_stable(device);
	return complete(device, VIRTIO_BLK_S_OK, STATUS_SIZE);
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case VIRTIO_BLK_T_IN: return "IN";
	case VIRTIO_BLK_T_OUT: return "OUT";
	case VIRTIO_BLK_T_FLUSH: return "FLUSH";
	case VIRTIO_BLK_T_GET_ID: return "GET_ID";
	case VIRTIO_BLK_T_GET_LIFETIME: return "GET_LIFETIME";
	case VIRTIO_BLK_T_DISCARD: return "DISCARD";
	case VIRTIO_BLK_T_WRITE_ZEROES: return "WRITE_ZEROES";
	case VIRTIO_BLK_T_SECURE_ERASE: return "SECURE_ERASE";
	default: return "unknown type";
	}
}

/* A request has failed: the log says which and why, its status byte is all that was written. */
static enum virtio_blk_outcome refuse(struct virtio_blk *device, enum virtio_blk_mistake mistake,
	enum virtio_blk_status status, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

static enum virtio_blk_outcome refuse(struct virtio_blk *device, enum virtio_blk_mistake mistake,
	enum virtio_blk_status status, const char *format, ...)
{
	char reason[160];
	va_list arguments;

	va_start(arguments, format);
	format_text_va(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	log_limited(&device->mistakes[mistake], LOG_WARN, "virtio-blk",
		"request at head %u (%s): %s; %s", device->chain.id,
		type_name(device->request.type), reason,
		status == VIRTIO_BLK_S_UNSUPP ? "UNSUPP" : "IOERR");
	device->failures++;
	return complete(device, status, STATUS_SIZE);
}

/* size bytes of the chain's readable stream from byte skip on; the stream has them. */
static __attribute__((cold)) void gather(
	const struct virtq_chain *chain, uint64_t skip, uint8_t *to, uint64_t size)
{
	for (const struct virtq_segment *segment = chain->segments; size > 0; segment++) {
		uint64_t piece;

		if (skip >= segment->size) {
			skip -= segment->size;
			continue;
		}
		piece = min_u64(size, segment->size - skip);
		memcpy(to, segment->host + skip, piece);
		to += piece;
		size -= piece;
		skip = 0;
	}
}

/* Keeps the compiler from reading the guest's copy again in place of ours. */
static inline void copied_once(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void read_header(const struct virtq_chain *chain, struct virtio_blk_header *header)
{
	/* Freestanding, gcc expands a copy of fixed size only under this name. */
	if (chain->segments[0].size >= HEADER_SIZE)
		__builtin_memcpy(header, chain->segments[0].host, HEADER_SIZE);
	else
		gather(chain, 0, (uint8_t *)header, HEADER_SIZE);
	copied_once();
}

/* Where in the chain the first byte behind the header lies. */
static inline void find_data(const struct virtq_chain *chain, struct virtio_blk_request *request)
{
	uint64_t skip = HEADER_SIZE;
	unsigned int i = 0;

	while (i < chain->readable && skip >= chain->segments[i].size)
		skip -= chain->segments[i++].size;
	request->segment = i;
	request->at = skip;
}

/* Moves as much as the turn's budget allows. */
static __attribute__((cold)) enum virtio_blk_outcome transfer(struct virtio_blk *device)
{
	struct virtio_blk_request *request = &device->request;

	while (request->left > 0) {
		const struct virtq_segment *segment = &device->chain.segments[request->segment];
		const uint64_t piece = min_u64(
			device->budget, min_u64(request->left, segment->size - request->at));
		uint8_t *host = segment->host + request->at;

		if (piece == 0)
			return VIRTIO_BLK_UNFINISHED;
		if (request->type == VIRTIO_BLK_T_IN)
			block_read(device->block, request->offset, host, piece);
		else
			block_write(device->block, request->offset, host, piece);
		device->budget -= piece;
		request->offset += piece;
		request->left -= piece;
		request->at += piece;
		if (request->at == segment->size) {
			request->segment++;
			request->at = 0;
		}
	}
	return request->type == VIRTIO_BLK_T_IN
		       ? complete(device, VIRTIO_BLK_S_OK, request->written)
		       : complete_write(device);
}

/* Whether the disk has size bytes at sector; the offset of the first. */
static inline bool disk_holds(
	const struct virtio_blk *device, uint64_t sector, uint64_t size, uint64_t *offset)
{
	const uint64_t capacity = device->block->disk->capacity;

	return block_find_sector(sector, size, offset) && *offset <= capacity &&
	       size <= capacity - *offset;
}

static __attribute__((cold)) enum virtio_blk_outcome refuse_sector(
	struct virtio_blk *device, uint64_t sector, uint64_t size)
{
	uint64_t offset;

	if (!block_find_sector(sector, size, &offset))
		return refuse(device, VIRTIO_BLK_MISTAKE_SECTOR, VIRTIO_BLK_S_IOERR,
			"sector 0x%lx with %lu bytes wraps around", sector, size);
	return refuse(device, VIRTIO_BLK_MISTAKE_SECTOR, VIRTIO_BLK_S_IOERR,
		"%lu bytes at sector %lu pass the end of the disk (%lu sectors)", size, sector,
		device->config.capacity);
}

static __attribute__((cold)) enum virtio_blk_outcome refuse_length(
	struct virtio_blk *device, uint64_t size)
{
	return refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
		"%lu bytes of data are no multiple of %u", size, VIRTIO_BLK_SECTOR_SIZE);
}

/* More than the header to be read where data was to be written. */
static __attribute__((cold)) enum virtio_blk_outcome refuse_readable(struct virtio_blk *device)
{
	return refuse(device, VIRTIO_BLK_MISTAKE_FRAMING, VIRTIO_BLK_S_IOERR,
		"%lu bytes are readable that were to be writable",
		device->chain.readable_bytes - HEADER_SIZE);
}

static __attribute__((cold)) enum virtio_blk_outcome refuse_writable(struct virtio_blk *device)
{
	return refuse(device, VIRTIO_BLK_MISTAKE_FRAMING, VIRTIO_BLK_S_IOERR,
		"%lu bytes are writable that were to be readable",
		device->chain.writable_bytes - STATUS_SIZE);
}

static __attribute__((cold)) enum virtio_blk_outcome refuse_read_only(struct virtio_blk *device)
{
	return refuse(
		device, VIRTIO_BLK_MISTAKE_READ_ONLY, VIRTIO_BLK_S_IOERR, "the disk is read-only");
}

static inline enum virtio_blk_outcome start_in(struct virtio_blk *device, uint64_t sector)
{
	struct virtq_chain *chain = &device->chain;
	const uint64_t size = chain->writable_bytes - STATUS_SIZE;
	const struct virtq_segment *first = &chain->segments[chain->readable];
	uint64_t offset;

	if (chain->readable_bytes != HEADER_SIZE)
		return refuse_readable(device);
	if (size % VIRTIO_BLK_SECTOR_SIZE != 0)
		return refuse_length(device, size);
	if (!disk_holds(device, sector, size, &offset))
		return refuse_sector(device, sector, size);
	device->bytes_read += size;
	if (size <= first->size && size <= device->budget) {
		block_read(device->block, offset, first->host, size);
		device->budget -= size;
		return complete(device, VIRTIO_BLK_S_OK, (uint32_t)(size + STATUS_SIZE));
	}
	device->request.written = (uint32_t)(size + STATUS_SIZE);
	device->request.offset = offset;
	device->request.left = size;
	device->request.segment = chain->readable;
	device->request.at = 0;
	return transfer(device);
}

static inline enum virtio_blk_outcome start_out(struct virtio_blk *device, uint64_t sector)
{
	struct virtq_chain *chain = &device->chain;
	const uint64_t size = chain->readable_bytes - HEADER_SIZE;
	const struct virtq_segment *second = &chain->segments[1];
	uint64_t offset;

	if (device->block->disk->mode == RAMDISK_READ_ONLY)
		return refuse_read_only(device);
	if (chain->writable_bytes != STATUS_SIZE)
		return refuse_writable(device);
	if (size % VIRTIO_BLK_SECTOR_SIZE != 0)
		return refuse_length(device, size);
	if (!disk_holds(device, sector, size, &offset))
		return refuse_sector(device, sector, size);
	device->bytes_written += size;
	if (chain->segments[0].size == HEADER_SIZE && size == second->size &&
		size <= device->budget) {
		block_write(device->block, offset, second->host, size);
		device->budget -= size;
		return complete_write(device);
	}
	device->request.offset = offset;
	device->request.left = size;
	find_data(chain, &device->request);
	return transfer(device);
}

static enum virtio_blk_outcome start_get_id(struct virtio_blk *device)
{
	static const char id[VIRTIO_BLK_ID_SIZE] = VIRTIO_BLK_ID;
	const struct virtq_chain *chain = &device->chain;
	const struct virtq_segment *segment = &chain->segments[chain->readable];
	uint64_t at = 0;

	if (chain->readable_bytes != HEADER_SIZE)
		return refuse_readable(device);
	if (chain->writable_bytes != VIRTIO_BLK_ID_SIZE + STATUS_SIZE)
		return refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
			"%lu bytes of data, not %u", chain->writable_bytes - STATUS_SIZE,
			VIRTIO_BLK_ID_SIZE);
	for (; at < VIRTIO_BLK_ID_SIZE; segment++) {
		const uint64_t piece = min_u64(segment->size, VIRTIO_BLK_ID_SIZE - at);

		memcpy(segment->host, id + at, piece);
		at += piece;
	}
	return complete(device, VIRTIO_BLK_S_OK, VIRTIO_BLK_ID_SIZE + STATUS_SIZE);
}

/* Zeroes as much as the turn's budget allows. */
static enum virtio_blk_outcome zero(struct virtio_blk *device)
{
	struct virtio_blk_request *request = &device->request;

	for (;;) {
		const uint64_t piece = min_u64(device->budget, request->left);

		block_zero(device->block, request->offset, piece);
		device->budget -= piece;
		device->bytes_written += piece;
		request->offset += piece;
		request->left -= piece;
		if (request->left > 0)
			return VIRTIO_BLK_UNFINISHED;
		if (request->range == request->ranges)
			return complete_write(device);
		request->offset = request->table[request->range].sector * RAMDISK_SECTOR_SIZE;
		request->left = request->table[request->range].num_sectors * RAMDISK_SECTOR_SIZE;
		request->range++;
	}
}

/* What a range's flags and size may be, for all ranges before the first is touched. 5.2.6.2. */
static bool ranges_are_good(struct virtio_blk *device, enum virtio_blk_outcome *outcome)
{
	struct virtio_blk_request *request = &device->request;
	const uint32_t known =
		request->type == VIRTIO_BLK_T_WRITE_ZEROES ? VIRTIO_BLK_RANGE_F_UNMAP : 0;

	for (unsigned int i = 0; i < request->ranges; i++) {
		if ((request->table[i].flags & ~known) == 0)
			continue;
		*outcome = refuse(device, VIRTIO_BLK_MISTAKE_FLAGS, VIRTIO_BLK_S_UNSUPP,
			"segment %u has flags 0x%x; only 0x%x are known", i,
			request->table[i].flags, known);
		return false;
	}
	if (device->block->disk->mode == RAMDISK_READ_ONLY) {
		*outcome = refuse_read_only(device);
		return false;
	}
	for (unsigned int i = 0; i < request->ranges; i++) {
		const struct virtio_blk_range *range = &request->table[i];
		const uint64_t size = range->num_sectors * RAMDISK_SECTOR_SIZE;
		uint64_t offset;

		if (range->num_sectors > VIRTIO_BLK_MAX_RANGE_SECTORS)
			*outcome = refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
				"segment %u has %u sectors, the most is %u", i, range->num_sectors,
				VIRTIO_BLK_MAX_RANGE_SECTORS);
		else if (!disk_holds(device, range->sector, size, &offset))
			*outcome = refuse_sector(device, range->sector, size);
		else
			continue;
		return false;
	}
	return true;
}

/* DISCARD and WRITE_ZEROES: both leave zeroes behind. */
static enum virtio_blk_outcome start_zero(struct virtio_blk *device)
{
	struct virtio_blk_request *request = &device->request;
	const uint64_t size = device->chain.readable_bytes - HEADER_SIZE;
	enum virtio_blk_outcome outcome;

	if (device->chain.writable_bytes != STATUS_SIZE)
		return refuse_writable(device);
	if (size == 0 || size % RANGE_SIZE != 0 || size > sizeof(request->table))
		return refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
			"%lu bytes of data are not 1 to %u segments of %lu", size,
			VIRTIO_BLK_MAX_RANGES, RANGE_SIZE);
	gather(&device->chain, HEADER_SIZE, (uint8_t *)request->table, size);
	copied_once();
	request->range = 0;
	request->ranges = (unsigned int)(size / RANGE_SIZE);
	if (!ranges_are_good(device, &outcome))
		return outcome;
	request->left = 0;
	request->offset = 0;
	return zero(device);
}

/* Whatever is no IN and no OUT. */
static __attribute__((noinline)) enum virtio_blk_outcome start_other(struct virtio_blk *device)
{
	const uint32_t type = device->request.type;
	uint64_t feature;

	switch (type) {
	case VIRTIO_BLK_T_GET_ID: return start_get_id(device);
	case VIRTIO_BLK_T_FLUSH: feature = VIRTIO_BLK_F_FLUSH; break;
	case VIRTIO_BLK_T_DISCARD: feature = VIRTIO_BLK_F_DISCARD; break;
	case VIRTIO_BLK_T_WRITE_ZEROES: feature = VIRTIO_BLK_F_WRITE_ZEROES; break;
	default:
		return refuse(device, VIRTIO_BLK_MISTAKE_TYPE, VIRTIO_BLK_S_UNSUPP,
			"type %u is not supported", type);
	}
	if ((device->mmio.features & feature) == 0)
		return refuse(device, VIRTIO_BLK_MISTAKE_TYPE, VIRTIO_BLK_S_UNSUPP,
			"its feature was not negotiated");
	if (type != VIRTIO_BLK_T_FLUSH)
		return start_zero(device);
	device->flushes++;
	return complete_when_stable(device);
}

enum virtio_blk_outcome virtio_blk_request_start(struct virtio_blk *device)
{
	struct virtq_chain *chain = &device->chain;
	struct virtio_blk_header header;

	if (chain->readable_bytes < HEADER_SIZE || chain->writable_bytes < STATUS_SIZE)
		return VIRTIO_BLK_BROKEN;
	read_header(chain, &header);
	device->request.type = header.type;
	if (header.type == VIRTIO_BLK_T_IN)
		return start_in(device, header.sector);
	if (header.type == VIRTIO_BLK_T_OUT)
		return start_out(device, header.sector);
	return start_other(device);
}

enum virtio_blk_outcome virtio_blk_request_resume(struct virtio_blk *device)
{
	const uint32_t type = device->request.type;

	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT ? transfer(device)
								   : zero(device);
}
