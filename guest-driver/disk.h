/* SPDX-License-Identifier: MIT */
/*
 * One disk, whichever device it is: svirtb where that is there, else virtio-blk. For guests that
 * want sectors and do not care how they come, such as the demo guest.
 */
#ifndef GUEST_DRIVER_DISK_H
#define GUEST_DRIVER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-driver/svirtb.h"
#include "guest-driver/virtio_blk.h"

#define DISK_SECTOR_SIZE 512u
#define DISK_MAX_BATCH   64u /* requests between two disk_submit */

struct disk;

struct disk_ops {
	const char *name;
	bool (*size)(struct disk *disk, uint64_t *bytes);
	bool (*queue)(struct disk *disk, bool write, uint64_t sector, void *buffer, size_t size);
	bool (*submit)(struct disk *disk);
	bool (*recover)(struct disk *disk);
};

/* All functions that return bool say by it whether it went well; if not, why says what was wrong.
 */
struct disk {
	const struct disk_ops *ops;
	const char *why;
	struct svirtb svirtb;
	uint8_t svirtb_ring[(DISK_MAX_BATCH + 1) * SVIRTB_ENTRY_SIZE_UNPACKED]
		__attribute__((aligned(16)));
	struct virtio_blk virtio_blk;
};

enum disk_found { DISK_FOUND, DISK_NOT_THERE, DISK_FAILED };

/* Says on the console what it found. entry_size: of svirtb's ring; cmdline: virtio_mmio_find. */
enum disk_found disk_open(struct disk *disk, uint32_t entry_size, const char *cmdline);

bool disk_size(struct disk *disk, uint64_t *bytes);

/* One request, done when it returns; virtio-blk wants whole sectors. */
bool disk_read(struct disk *disk, uint64_t sector, void *buffer, size_t size);
bool disk_write(struct disk *disk, uint64_t sector, void *buffer, size_t size);

/* At most DISK_MAX_BATCH reads, all done when disk_submit returns. */
bool disk_queue_read(struct disk *disk, uint64_t sector, void *buffer, size_t size);
bool disk_submit(struct disk *disk);

/* Resets the device, which has refused something, and initialises it again. */
bool disk_recover(struct disk *disk);

#endif
