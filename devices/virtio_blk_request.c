/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of the virtio block device: the header is copied once out of its chain,
 * everything is checked before the first byte moves, then data moves once, straight between guest
 * memory and the disk. The readable bytes of a chain are one stream, the writable ones another,
 * whose last byte is the status: nothing depends on how descriptors cut them (virtio 1.2, 2.7.4).
 * What lies as most drivers lay it, header, data and status in a piece of their own each, takes the
 * short way.
 */
#include "devices/virtio_blk_request.h"

#include <stdarg.h>

#include "lib/format.h"
#include "lib/string.h"

#define HEADER_SIZE VIRTIO_BLK_HEADER_SIZE
#define STATUS_SIZE VIRTIO_BLK_STATUS_SIZE
#define SECTOR_SIZE VIRTIO_BLK_SECTOR_SIZE

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

enum virtio_blk_step virtio_blk_complete(
	struct virtio_blk *device, enum virtio_blk_status status, uint32_t written)
{
	*status_byte(&device->chain) = (uint8_t)status;
	put_back(device, written);
	return VIRTIO_BLK_GO_ON;
}

enum virtio_blk_step virtio_blk_complete_when_stable(struct virtio_blk *device)
{
	device->unstable_status[device->unstable++] = status_byte(&device->chain);
	/* A full table ends the turn. */
	if (device->unstable == VIRTQ_MAX_SIZE)
		device->budget = 0;
	put_back(device, STATUS_SIZE);
	return VIRTIO_BLK_GO_ON;
}

static inline bool is_written_through(const struct virtio_blk *device)
{
	return device->config.writeback == 0 && !device->sync_at_exit;
}

enum virtio_blk_step virtio_blk_complete_write(struct virtio_blk *device)
{
	if (is_written_through(device))
		return virtio_blk_complete_when_stable(device);
	return virtio_blk_complete(device, VIRTIO_BLK_S_OK, STATUS_SIZE);
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

enum virtio_blk_step virtio_blk_refuse(struct virtio_blk *device, enum virtio_blk_mistake mistake,
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
	return virtio_blk_complete(device, status, STATUS_SIZE);
}

enum virtio_blk_step virtio_blk_refuse_sector(
	struct virtio_blk *device, uint64_t sector, uint64_t sectors)
{
	uint64_t offset;

	return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_SECTOR, VIRTIO_BLK_S_IOERR,
		"%lu sectors at sector 0x%lx %s the end of the disk (%lu sectors)", sectors, sector,
		block_find_sector(sector, sectors * SECTOR_SIZE, &offset) ? "pass"
									  : "wrap around, beyond",
		device->config.capacity);
}

enum virtio_blk_step virtio_blk_refuse_readable(struct virtio_blk *device)
{
	return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_FRAMING, VIRTIO_BLK_S_IOERR,
		"%lu bytes are readable that were to be writable",
		device->chain.readable_bytes - HEADER_SIZE);
}

enum virtio_blk_step virtio_blk_refuse_writable(struct virtio_blk *device)
{
	return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_FRAMING, VIRTIO_BLK_S_IOERR,
		"%lu bytes are writable that were to be readable",
		device->chain.writable_bytes - STATUS_SIZE);
}

enum virtio_blk_step virtio_blk_refuse_read_only(struct virtio_blk *device)
{
	return virtio_blk_refuse(
		device, VIRTIO_BLK_MISTAKE_READ_ONLY, VIRTIO_BLK_S_IOERR, "the disk is read-only");
}

void virtio_blk_gather(const struct virtq_chain *chain, uint64_t skip, void *to, uint64_t size)
{
	uint8_t *at = to;

	for (const struct virtq_segment *segment = chain->segments; size > 0; segment++) {
		uint64_t piece;

		if (skip >= segment->size) {
			skip -= segment->size;
			continue;
		}
		piece = min_u64(size, segment->size - skip);
		memcpy(at, segment->host + skip, piece);
		at += piece;
		size -= piece;
		skip = 0;
	}
}

/* Where in the chain the first byte behind the header lies. */
static void find_data(const struct virtq_chain *chain, struct virtio_blk_request *request)
{
	uint64_t skip = HEADER_SIZE;
	unsigned int i = 0;

	while (i < chain->readable && skip >= chain->segments[i].size)
		skip -= chain->segments[i++].size;
	request->segment = i;
	request->at = skip;
}

/* Moves as much as the turn's budget allows. */
static __attribute__((cold)) enum virtio_blk_step transfer(struct virtio_blk *device)
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
		       ? virtio_blk_complete(device, VIRTIO_BLK_S_OK, request->written)
		       : virtio_blk_complete_write(device);
}

/* An IN or OUT in any framing and of any size, good or bad. */
static __attribute__((cold)) enum virtio_blk_step start_transfer(
	struct virtio_blk *device, uint64_t sector)
{
	struct virtq_chain *chain = &device->chain;
	struct virtio_blk_request *request = &device->request;
	const bool in = request->type == VIRTIO_BLK_T_IN;
	const uint64_t size =
		in ? chain->writable_bytes - STATUS_SIZE : chain->readable_bytes - HEADER_SIZE;

	if (in && chain->readable_bytes != HEADER_SIZE)
		return virtio_blk_refuse_readable(device);
	if (!in && device->block->disk->mode == RAMDISK_READ_ONLY)
		return virtio_blk_refuse_read_only(device);
	if (!in && chain->writable_bytes != STATUS_SIZE)
		return virtio_blk_refuse_writable(device);
	if (size % SECTOR_SIZE != 0)
		return virtio_blk_refuse(device, VIRTIO_BLK_MISTAKE_LENGTH, VIRTIO_BLK_S_IOERR,
			"%lu bytes of data are no multiple of %u", size, SECTOR_SIZE);
	if (!virtio_blk_disk_holds(device, sector, size / SECTOR_SIZE))
		return virtio_blk_refuse_sector(device, sector, size / SECTOR_SIZE);
	request->offset = sector * SECTOR_SIZE;
	request->left = size;
	if (in) {
		device->bytes_read += size;
		request->written = (uint32_t)(size + STATUS_SIZE);
		request->segment = chain->readable;
		request->at = 0;
	} else {
		device->bytes_written += size;
		find_data(chain, request);
	}
	return transfer(device);
}

static __attribute__((cold)) enum virtio_blk_step start_any(struct virtio_blk *device)
{
	struct virtio_blk_header header;

	if (device->chain.readable_bytes < HEADER_SIZE ||
		device->chain.writable_bytes < STATUS_SIZE)
		return VIRTIO_BLK_NO_REQUEST;
	virtio_blk_gather(&device->chain, 0, &header, HEADER_SIZE);
	virtio_blk_copied_once();
	device->request.type = header.type;
	if (header.type == VIRTIO_BLK_T_IN || header.type == VIRTIO_BLK_T_OUT)
		return start_transfer(device, header.sector);
	return virtio_blk_start_command(device);
}

/* Header, data, status: three pieces, of which the first size readable ones are to be read. */
static inline bool is_common(const struct virtq_chain *chain, unsigned int readable)
{
	return chain->readable == readable && chain->writable == 3 - readable &&
	       chain->segments[0].size == HEADER_SIZE && chain->segments[2].size == STATUS_SIZE;
}

/* The short way, with the same checks; start_any takes whatever is not as most drivers have it. */
static inline enum virtio_blk_step start(struct virtio_blk *device)
{
	struct virtq_chain *chain = &device->chain;
	const struct virtq_segment *data = &chain->segments[1];
	const uint64_t size = data->size;
	struct virtio_blk_header header;
	const uint8_t *at;
	const bool in = is_common(chain, 1);

	if (!in && !is_common(chain, 2))
		return start_any(device);
	/* Freestanding, gcc expands a copy of fixed size only under this name; by fields, so that
	 * they stay in registers. */
	at = chain->segments[0].host;
	__builtin_memcpy(&header.type, at, sizeof(header.type));
	__builtin_memcpy(&header.sector, at + offsetof(struct virtio_blk_header, sector),
		sizeof(header.sector));
	virtio_blk_copied_once();
	device->request.type = header.type;
	if (header.type != (in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT))
		return header.type > VIRTIO_BLK_T_OUT ? virtio_blk_start_command(device)
						      : start_transfer(device, header.sector);
	if (size % SECTOR_SIZE != 0 || size > device->budget ||
		!virtio_blk_disk_holds(device, header.sector, size / SECTOR_SIZE))
		return start_transfer(device, header.sector);
	if (in) {
		block_read(device->block, header.sector * SECTOR_SIZE, data->host, size);
		device->bytes_read += size;
	} else {
		if (device->block->disk->mode == RAMDISK_READ_ONLY || is_written_through(device))
			return start_transfer(device, header.sector);
		block_write(device->block, header.sector * SECTOR_SIZE, data->host, size);
		device->bytes_written += size;
	}
	device->budget -= size;
	chain->segments[2].host[0] = VIRTIO_BLK_S_OK;
	put_back(device, in ? (uint32_t)size + STATUS_SIZE : STATUS_SIZE);
	return VIRTIO_BLK_GO_ON;
}

enum virtio_blk_step virtio_blk_run(struct virtio_blk *device, enum virtq_result taken)
{
	while (taken == VIRTQ_CHAIN) {
		const enum virtio_blk_step step = start(device);

		if (step != VIRTIO_BLK_GO_ON)
			return step;
		if (device->budget == 0)
			return VIRTIO_BLK_SPENT;
		taken = virtq_take(&device->mmio.queue, &device->chain);
	}
	return taken == VIRTQ_EMPTY ? VIRTIO_BLK_EMPTY : VIRTIO_BLK_BAD_RING;
}

enum virtio_blk_step virtio_blk_resume(struct virtio_blk *device)
{
	const uint32_t type = device->request.type;

	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT
		       ? transfer(device)
		       : virtio_blk_resume_zeroes(device);
}
