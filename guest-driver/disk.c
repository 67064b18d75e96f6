/* SPDX-License-Identifier: MIT */
/*
 * The two devices behind one set of functions. Called by the demo guest.
 */
#include "guest-driver/disk.h"

#include "guest-driver/runtime/runtime.h"

/* Plain requests into either ring, with tables and without, work alike: see the test guests. */
/* LAB 4 { the split ring is yours
 * static const struct virtio_blk_options virtio_options = { .indirect = true };
 */
static const struct virtio_blk_options virtio_options = {
	.packed = true, .indirect = true, .event_index = true
};
/* LAB 4 } */

static bool svirtb_result(struct disk *disk, enum svirtb_error error)
{
	disk->why = svirtb_error_text(error);
	return error == SVIRTB_OK;
}

static bool size_of_svirtb(struct disk *disk, uint64_t *bytes)
{
	return svirtb_result(disk, svirtb_capacity(&disk->svirtb, bytes));
}

static bool queue_to_svirtb(
	struct disk *disk, bool write, uint64_t sector, void *buffer, size_t size)
{
	return svirtb_result(disk, svirtb_queue(&disk->svirtb, write ? SVIRTB_WRITE : SVIRTB_READ,
					   sector, buffer, size));
}

static bool submit_to_svirtb(struct disk *disk)
{
	return svirtb_result(disk, svirtb_submit(&disk->svirtb));
}

static bool recover_svirtb(struct disk *disk)
{
	return svirtb_result(disk, svirtb_recover(&disk->svirtb));
}

static const struct disk_ops svirtb_ops = {
	.name = "svirtb",
	.size = size_of_svirtb,
	.queue = queue_to_svirtb,
	.submit = submit_to_svirtb,
	.recover = recover_svirtb,
};

static bool virtio_result(struct disk *disk, enum virtio_error error)
{
	disk->why = virtio_error_text(error);
	return error == VIRTIO_OK;
}

static bool size_of_virtio(struct disk *disk, uint64_t *bytes)
{
	*bytes = disk->virtio_blk.capacity * DISK_SECTOR_SIZE;
	return virtio_result(disk, VIRTIO_OK);
}

static bool queue_to_virtio(
	struct disk *disk, bool write, uint64_t sector, void *buffer, size_t size)
{
	return virtio_result(disk,
		virtio_blk_queue(&disk->virtio_blk, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
			sector, buffer, (uint32_t)size));
}

static bool submit_to_virtio(struct disk *disk)
{
	return virtio_result(disk, virtio_blk_submit(&disk->virtio_blk));
}

static bool recover_virtio(struct disk *disk)
{
	return virtio_result(disk, virtio_blk_restart(&disk->virtio_blk, &virtio_options));
}

static const struct disk_ops virtio_ops = {
	.name = "virtio-blk",
	.size = size_of_virtio,
	.queue = queue_to_virtio,
	.submit = submit_to_virtio,
	.recover = recover_virtio,
};

static enum disk_found open_virtio(struct disk *disk, const char *cmdline)
{
	struct virtio_blk *blk = &disk->virtio_blk;
	const enum virtio_error error = virtio_blk_open(blk, cmdline, &virtio_options);

	if (error == VIRTIO_NO_DEVICE) {
		print("no virtio block device was found either\n");
		return DISK_NOT_THERE;
	}
	disk->ops = &virtio_ops;
	if (!virtio_result(disk, error))
		return DISK_FAILED;
	print("device: virtio-blk at 0x%llx, %s ring of %u entries%s%s\n",
		(unsigned long long)blk->transport.base,
		virtio_blk_has(blk, VIRTIO_F_RING_PACKED) ? "packed" : "split", blk->queue.size,
		virtio_blk_has(blk, VIRTIO_F_INDIRECT_DESC) ? ", indirect" : "",
		virtio_blk_has(blk, VIRTIO_F_EVENT_IDX) ? ", EVENT_IDX" : "");
	/* LAB 4 { what the demo guest says
	 * print("its queue is your assignment 4: as long as a step is missing, the log names it,\n"
	 *       "and docs/lab/4.md says what it is to do\n");
	 */
	/* LAB 4 } */
	return DISK_FOUND;
}

enum disk_found disk_open(struct disk *disk, uint32_t entry_size, const char *cmdline)
{
	enum svirtb_error error;

	/* LAB 1 { what the demo guest says
	 * print("next comes a mov to a device's register, which your assignment 1 decodes:\n"
	 *       "if this guest ends here, the log names the step that is missing\n");
	 */
	/* LAB 1 } */
	error = svirtb_init(&disk->svirtb, disk->svirtb_ring, DISK_MAX_BATCH + 1, entry_size);
	disk->ops = &svirtb_ops;
	if (svirtb_result(disk, error)) {
		print("device: svirtb at 0x%x\n", SVIRTB_BASE);
		/* LAB 4 { what the demo guest says
		 * print("assignment 4 is the other device's queue:\n"
		 *       "make run ARGS=disk.device=virtio\n");
		 */
		/* LAB 4 } */
		return DISK_FOUND;
	}
	if (error != SVIRTB_NO_DEVICE)
		return DISK_FAILED;
	print("no svirtb device was found at 0x%x: %s\n", SVIRTB_BASE, disk->why);
	/* LAB 3 { what the demo guest says
	 * print("svirtb is your assignment 3: the log names the step that is missing,\n"
	 *       "and docs/lab/3.md says what it is to do\n");
	 */
	/* LAB 3 } */
	return open_virtio(disk, cmdline);
}

bool disk_size(struct disk *disk, uint64_t *bytes)
{
	return disk->ops->size(disk, bytes);
}

bool disk_read(struct disk *disk, uint64_t sector, void *buffer, size_t size)
{
	return disk->ops->queue(disk, false, sector, buffer, size) && disk->ops->submit(disk);
}

bool disk_write(struct disk *disk, uint64_t sector, void *buffer, size_t size)
{
	return disk->ops->queue(disk, true, sector, buffer, size) && disk->ops->submit(disk);
}

bool disk_queue_read(struct disk *disk, uint64_t sector, void *buffer, size_t size)
{
	return disk->ops->queue(disk, false, sector, buffer, size);
}

bool disk_submit(struct disk *disk)
{
	return disk->ops->submit(disk);
}

bool disk_recover(struct disk *disk)
{
	return disk->ops->recover(disk);
}
