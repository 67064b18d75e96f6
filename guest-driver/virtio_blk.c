/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device's driver: requests as chains of a header, data and a status byte. Called
 * by the demo guest and the test guests.
 */
#include "guest-driver/virtio_blk.h"

#include "lib/string.h"

#define QUEUE        0u
#define SIZE_DEFAULT 256u
#define STATUS_UNSET 0xffu  /* no value that a device writes */
#define POLLS        10000u /* looks at the ring between two looks at the device's status */

#define FEATURES                                                                               \
	(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_RO | \
		VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD |          \
		VIRTIO_BLK_F_WRITE_ZEROES)

static uint64_t wanted_features(const struct virtio_blk_options *options)
{
	return (FEATURES & ~options->without) | (options->packed ? VIRTIO_F_RING_PACKED : 0) |
	       (options->indirect ? VIRTIO_F_INDIRECT_DESC : 0) |
	       (options->event_index ? VIRTIO_F_EVENT_IDX : 0);
}

/* As large as wanted and possible; a split ring's size is a power of two, ours always. */
static uint16_t choose_size(const struct virtio_blk *disk)
{
	const uint32_t wanted = disk->options.size != 0 ? disk->options.size : SIZE_DEFAULT;
	const uint32_t possible = virtio_mmio_queue_max(&disk->transport, QUEUE);
	uint32_t size = VIRTQUEUE_MAX_SIZE;

	while (size > wanted || size > possible)
		size /= 2;
	return (uint16_t)size;
}

enum virtio_error virtio_blk_restart(
	struct virtio_blk *disk, const struct virtio_blk_options *options)
{
	struct virtio_mmio *transport = &disk->transport;
	struct virtio_queue_place place;
	enum virtio_error error;
	uint16_t size;

	disk->options = *options;
	disk->queued = 0;
	disk->done = 0;
	disk->told = 0;
	/* 3.1.1, steps 1 to 6. */
	virtio_mmio_begin(transport);
	error = virtio_mmio_negotiate(transport, wanted_features(options));
	if (error != VIRTIO_OK)
		return error;
	/* Step 7: the configuration and the queue. */
	disk->capacity =
		virtio_mmio_config64(transport, offsetof(struct virtio_blk_config, capacity));
	size = choose_size(disk);
	if (size == 0)
		return VIRTIO_NO_QUEUE;
	virtqueue_init(&disk->queue, disk->ring, size, virtio_blk_has(disk, VIRTIO_F_RING_PACKED),
		virtio_blk_has(disk, VIRTIO_F_EVENT_IDX));
	place = virtqueue_place(&disk->queue);
	error = virtio_mmio_start_queue(transport, QUEUE, &place);
	/* Step 8. */
	if (error == VIRTIO_OK)
		virtio_mmio_finish(transport);
	return error;
}

enum virtio_error virtio_blk_open(
	struct virtio_blk *disk, const char *cmdline, const struct virtio_blk_options *options)
{
	const enum virtio_error error =
		virtio_mmio_find(&disk->transport, VIRTIO_ID_BLOCK, cmdline);

	return error == VIRTIO_OK ? virtio_blk_restart(disk, options) : error;
}

static bool device_writes_data(enum virtio_blk_type type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

/* Cuts the buffer as the options say; the number of pieces. */
static unsigned int cut_buffer(const struct virtio_blk *disk, const uint8_t *buffer, uint32_t size,
	struct virtqueue_piece *pieces)
{
	const unsigned int most = VIRTIO_BLK_MAX_PIECES - 2;
	unsigned int count = 0;

	while (size != 0) {
		uint32_t part = disk->options.piece;

		if (part == 0 || part > size || count + 1 == most)
			part = size;
		pieces[count++] = (struct virtqueue_piece){ buffer, part };
		buffer += part;
		size -= part;
	}
	return count;
}

/* Header, data, status, in this order: 5.2.6. */
static enum virtio_error add_request(struct virtio_blk *disk, struct virtio_blk_request *request,
	const void *buffer, uint32_t size)
{
	const bool inward = device_writes_data(request->header.type);
	struct virtqueue_piece pieces[VIRTIO_BLK_MAX_PIECES];
	unsigned int data;

	pieces[0] = (struct virtqueue_piece){ &request->header, sizeof(request->header) };
	data = cut_buffer(disk, buffer, size, &pieces[1]);
	pieces[1 + data] = (struct virtqueue_piece){ &request->status, sizeof(request->status) };
	request->status = STATUS_UNSET;
	request->written = (inward ? size : 0) + (uint32_t)sizeof(request->status);
	return virtqueue_add(&disk->queue,
		&(struct virtqueue_chain){
			.pieces = pieces,
			.readable = 1 + (inward ? 0 : data),
			.writable = 1 + (inward ? data : 0),
			.token = request,
			.table = virtio_blk_has(disk, VIRTIO_F_INDIRECT_DESC) ? request->table
									      : NULL,
		});
}

enum virtio_error virtio_blk_queue(struct virtio_blk *disk, enum virtio_blk_type type,
	uint64_t sector, const void *buffer, uint32_t size)
{
	struct virtio_blk_request *request;
	enum virtio_error error;

	if (disk->queued == VIRTIO_BLK_MAX_BATCH)
		return VIRTIO_QUEUE_FULL;
	request = &disk->requests[disk->queued];
	request->header = (struct virtio_blk_header){ .type = type, .sector = sector };
	error = add_request(disk, request, buffer, size);
	if (error == VIRTIO_OK)
		disk->queued++;
	return error;
}

/* Takes all that the device has used; each length must be what the request's success means. */
static enum virtio_error take_used(struct virtio_blk *disk)
{
	for (;;) {
		struct virtio_blk_request *request;
		enum virtio_error error;
		uint32_t written = 0;
		void *token;

		error = virtqueue_take(&disk->queue, &token, &written);
		if (error != VIRTIO_OK || token == NULL)
			return error;
		request = token;
		disk->done++;
		if (request->status == VIRTIO_BLK_S_OK && written != request->written)
			return VIRTIO_BROKEN_DEVICE;
	}
}

/* Returns when the ring has something used, or the device wants a reset. */
static enum virtio_error wait_for_used(struct virtio_blk *disk)
{
	if (disk->options.wait != NULL) {
		virtqueue_ask_interrupt(&disk->queue);
		if (!virtqueue_has_used(&disk->queue))
			disk->options.wait(disk->options.context);
	}
	for (uint32_t i = 0; i < POLLS && disk->options.wait == NULL; i++) {
		if (virtqueue_has_used(&disk->queue))
			return VIRTIO_OK;
	}
	return !virtqueue_has_used(&disk->queue) && virtio_mmio_needs_reset(&disk->transport)
		       ? VIRTIO_NEEDS_RESET
		       : VIRTIO_OK;
}

static enum virtio_error request_error(const struct virtio_blk_request *request)
{
	switch (request->status) {
	case VIRTIO_BLK_S_OK: return VIRTIO_OK;
	case VIRTIO_BLK_S_IOERR: return VIRTIO_IO_ERROR;
	case VIRTIO_BLK_S_UNSUPP: return VIRTIO_UNSUPPORTED;
	default: return VIRTIO_BROKEN_DEVICE;
	}
}

enum virtio_error virtio_blk_submit(struct virtio_blk *disk)
{
	enum virtio_error error = VIRTIO_OK;

	disk->done = 0;
	if (disk->queued == 0)
		return VIRTIO_OK;
	/* Asked for before the device looks: one interrupt for the whole batch, where it can. */
	if (disk->options.wait != NULL)
		virtqueue_ask_interrupt(&disk->queue);
	if (virtqueue_publish(&disk->queue))
		virtio_mmio_write(&disk->transport, VIRTIO_MMIO_QUEUE_NOTIFY, QUEUE);
	if (disk->options.wait != NULL)
		disk->options.wait(disk->options.context);
	while (error == VIRTIO_OK) {
		error = take_used(disk);
		if (error != VIRTIO_OK || disk->done == disk->queued)
			break;
		error = wait_for_used(disk);
	}
	for (uint32_t i = 0; i < disk->queued && error == VIRTIO_OK; i++)
		error = request_error(&disk->requests[i]);
	disk->queued = 0;
	return error;
}

static enum virtio_error request(struct virtio_blk *disk, enum virtio_blk_type type,
	uint64_t sector, const void *buffer, uint32_t size)
{
	const enum virtio_error error = virtio_blk_queue(disk, type, sector, buffer, size);

	return error == VIRTIO_OK ? virtio_blk_submit(disk) : error;
}

enum virtio_error virtio_blk_read(
	struct virtio_blk *disk, uint64_t sector, void *buffer, uint32_t size)
{
	return request(disk, VIRTIO_BLK_T_IN, sector, buffer, size);
}

enum virtio_error virtio_blk_write(
	struct virtio_blk *disk, uint64_t sector, const void *buffer, uint32_t size)
{
	return request(disk, VIRTIO_BLK_T_OUT, sector, buffer, size);
}

enum virtio_error virtio_blk_flush(struct virtio_blk *disk)
{
	return request(disk, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
}

enum virtio_error virtio_blk_get_id(struct virtio_blk *disk, char id[VIRTIO_BLK_ID_SIZE + 1])
{
	id[VIRTIO_BLK_ID_SIZE] = '\0';
	return request(disk, VIRTIO_BLK_T_GET_ID, 0, id, VIRTIO_BLK_ID_SIZE);
}

static enum virtio_error request_range(
	struct virtio_blk *disk, enum virtio_blk_type type, struct virtio_blk_range range)
{
	struct virtio_blk_range *place;

	if (disk->queued == VIRTIO_BLK_MAX_BATCH)
		return VIRTIO_QUEUE_FULL;
	place = &disk->requests[disk->queued].range;
	*place = range;
	return request(disk, type, 0, place, sizeof(*place));
}

enum virtio_error virtio_blk_discard(struct virtio_blk *disk, uint64_t sector, uint32_t count)
{
	return request_range(disk, VIRTIO_BLK_T_DISCARD,
		(struct virtio_blk_range){ .sector = sector, .num_sectors = count });
}

enum virtio_error virtio_blk_write_zeroes(
	struct virtio_blk *disk, uint64_t sector, uint32_t count, bool unmap)
{
	return request_range(disk, VIRTIO_BLK_T_WRITE_ZEROES,
		(struct virtio_blk_range){ .sector = sector,
			.num_sectors = count,
			.flags = unmap ? VIRTIO_BLK_RANGE_F_UNMAP : 0 });
}

void virtio_blk_interrupt(struct virtio_blk *disk)
{
	disk->told |= virtio_mmio_acknowledge(&disk->transport);
}
