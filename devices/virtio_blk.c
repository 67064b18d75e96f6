/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device between its transport and its requests: features and configuration, the
 * turns in which a queue is worked off, and completions that wait for their data to be durable.
 * Called by the transport (devices/virtio_mmio.c), the block layer and the run loop.
 */
#include "devices/virtio_blk.h"

#include <stddef.h>

#include "devices/virtio_blk_request.h"

#define OFFERED                                                                                    \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | \
		VIRTIO_F_RING_RESET | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE |               \
		VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD |              \
		VIRTIO_BLK_F_WRITE_ZEROES)

static struct virtio_blk *device_of(struct virtio_mmio *mmio)
{
	return (struct virtio_blk *)mmio;
}

/* Shows the driver what was put back. */
static void publish(struct virtio_blk *device)
{
	if (!device->used)
		return;
	device->used = false;
	if (virtq_publish(&device->mmio.queue))
		virtio_mmio_interrupt(&device->mmio, VIRTIO_INTERRUPT_USED_BUFFER);
}

/* The requests that waited for their data to be durable are complete, or have failed. */
static void settle(struct virtio_blk *device, bool done)
{
	const uint8_t status = done ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;

	for (unsigned int i = 0; i < device->unstable; i++)
		*device->unstable_status[i] = status;
	if (!done) {
		device->failures += device->unstable;
		log_limited(&device->failed_syncs, LOG_WARN, "virtio-blk",
			"the write-back failed: %u requests that waited for it get IOERR",
			device->unstable);
	}
	device->unstable = 0;
}

static __attribute__((cold)) void wait_for_sync(struct virtio_blk *device)
{
	/* A snapshot, or no byte written: nothing to wait for. */
	if (block_is_stable(device->block)) {
		settle(device, true);
		publish(device);
		return;
	}
	device->syncing = true;
	device->syncs++;
	block_request_sync(device->block, device->client);
}

static void draw_attention(struct virtio_blk *device)
{
	if (virtio_blk_has_more(device) && device->attention != NULL)
		device->attention(device->context);
}

/*
 * The end of a turn: what it has put back is shown in one go, then what has stopped it is looked
 * at.
 */
static void finish(struct virtio_blk *device, enum virtio_blk_step step)
{
	device->unfinished = step == VIRTIO_BLK_UNFINISHED;
	if (device->unstable > 0)
		wait_for_sync(device);
	else
		publish(device);
	switch (step) {
	case VIRTIO_BLK_BAD_RING:
		virtio_mmio_break(
			&device->mmio, device->mmio.queue.kind, "%s", device->mmio.queue.why);
		break;
	case VIRTIO_BLK_NO_REQUEST:
		virtio_mmio_break(&device->mmio, "no request",
			"request at head %u: %lu readable and %lu writable bytes; its header needs "
			"%lu, its status 1",
			device->chain.id, device->chain.readable_bytes,
			device->chain.writable_bytes, VIRTIO_BLK_HEADER_SIZE);
		break;
	case VIRTIO_BLK_UNFINISHED:
	case VIRTIO_BLK_SPENT:
		device->more = device->unfinished || virtq_has_more(&device->mmio.queue);
		draw_attention(device);
		break;
	default: break;
	}
}

/* A turn behind one that ended before its work, or a notify while a sync is outstanding. */
static __attribute__((cold)) void go_on(struct virtio_blk *device)
{
	struct virtq *queue = &device->mmio.queue;
	enum virtio_blk_step step = VIRTIO_BLK_GO_ON;

	device->more = device->syncing;
	if (device->syncing)
		return;
	device->budget = VIRTIO_BLK_MAX_COPY;
	if (device->unfinished)
		step = virtio_blk_resume(device);
	if (step == VIRTIO_BLK_GO_ON && device->budget == 0)
		step = VIRTIO_BLK_SPENT;
	/* Only now: what it finds wrong is told by the take behind it. */
	if (step == VIRTIO_BLK_GO_ON) {
		virtq_begin(queue);
		step = virtio_blk_run(device, virtq_take(queue, &device->chain));
	}
	finish(device, step);
}

static void notify(struct virtio_mmio *mmio)
{
	struct virtio_blk *device = device_of(mmio);
	enum virtq_result taken;

	if (device->syncing || device->more) {
		go_on(device);
		return;
	}
	virtq_begin(&mmio->queue);
	taken = virtq_take(&mmio->queue, &device->chain);
	if (taken == VIRTQ_EMPTY)
		return;
	device->budget = VIRTIO_BLK_MAX_COPY;
	finish(device, virtio_blk_run(device, taken));
}

bool virtio_blk_has_more(const struct virtio_blk *device)
{
	return device->more && device->mmio.running && !device->syncing;
}

void virtio_blk_continue(struct virtio_blk *device)
{
	if (virtio_blk_has_more(device))
		go_on(device);
}

static void synced(void *client, bool done)
{
	struct virtio_blk *device = client;

	device->syncing = false;
	settle(device, done);
	publish(device);
	draw_attention(device);
}

/* What was taken is never put back, what was put back is never shown. */
static void stopped(struct virtio_mmio *mmio)
{
	struct virtio_blk *device = device_of(mmio);

	if (device->syncing)
		block_cancel_sync(device->block, device->client);
	device->syncing = false;
	device->used = false;
	device->more = false;
	device->unfinished = false;
	device->unstable = 0;
}

/* The mode after a reset may be either. 5.2.5 */
static void reset(struct virtio_mmio *mmio)
{
	device_of(mmio)->config.writeback = 1;
}

/*
 * A driver that cannot flush gets a cache that writes through. Only CONFIG_WCE lets it change that,
 * so writeback 0 says in every case that a write is to be durable before it completes. 5.2.5.2,
 * 5.2.6.2.
 */
static void negotiated(struct virtio_mmio *mmio)
{
	device_of(mmio)->config.writeback = (mmio->features & VIRTIO_BLK_F_FLUSH) != 0;
}

static void write_config(
	struct virtio_mmio *mmio, uint32_t offset, unsigned int width, uint32_t value)
{
	struct virtio_blk *device = device_of(mmio);

	if (offset != offsetof(struct virtio_blk_config, writeback) || width != 1 || value > 1 ||
		(mmio->features & VIRTIO_BLK_F_CONFIG_WCE) == 0) {
		virtio_mmio_complain(mmio, VIRTIO_MISTAKE_CONFIG,
			"write of 0x%x in %u bytes at 0x%x of the configuration; only 0 and 1 to "
			"the byte writeback at 0x%lx, with VIRTIO_BLK_F_CONFIG_WCE negotiated; "
			"ignored",
			value, width, offset, offsetof(struct virtio_blk_config, writeback));
		return;
	}
	device->config.writeback = (uint8_t)value;
}

static const struct virtio_mmio_type virtio_blk_type = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.config_size = sizeof(struct virtio_blk_config),
	.reset = reset,
	.negotiated = negotiated,
	.notify = notify,
	.stopped = stopped,
	.write_config = write_config,
};

void virtio_blk_init(struct virtio_blk *device, const struct virtio_blk_setup *setup)
{
	const struct ramdisk *disk = setup->block->disk;

	*device = (struct virtio_blk){
		.mmio = {
			.type = &virtio_blk_type,
			.memory = setup->memory,
			.line = setup->line,
			.offered = OFFERED |
				   (disk->mode == RAMDISK_READ_ONLY ? VIRTIO_BLK_F_RO : 0),
			.config = &device->config,
		},
		.config = {
			.capacity = disk->capacity / RAMDISK_SECTOR_SIZE,
			.seg_max = VIRTIO_BLK_SEG_MAX,
			.blk_size = VIRTIO_BLK_SECTOR_SIZE,
			.max_discard_sectors = VIRTIO_BLK_MAX_RANGE_SECTORS,
			.max_discard_seg = VIRTIO_BLK_MAX_RANGES,
			.discard_sector_alignment = 1,
			.max_write_zeroes_sectors = VIRTIO_BLK_MAX_RANGE_SECTORS,
			.max_write_zeroes_seg = VIRTIO_BLK_MAX_RANGES,
		},
		.block = setup->block,
		.sync_at_exit = setup->sync_at_exit,
		.attention = setup->attention,
		.context = setup->context,
	};
	device->client = block_add_client(setup->block, synced, device);
	virtio_mmio_init(&device->mmio);
}

const struct bus_ops virtio_blk_ops = { .read = virtio_mmio_read, .write = virtio_mmio_write };
