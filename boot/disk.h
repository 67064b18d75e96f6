/* SPDX-License-Identifier: MIT */
/*
 * The disk image between its file on the boot volume and the ramdisk.
 */
#ifndef BOOT_DISK_H
#define BOOT_DISK_H

#include "boot/files.h"
#include "devices/ramdisk.h"
#include "lib/log.h"

struct disk {
	struct volume *volume;
	const char *path;
	struct ramdisk ram;
	uint64_t written_back; /* bytes, in all write-backs of this run */
	uint64_t write_backs;  /* that had something to write */
	char why[320];         /* what went wrong last, with the file's name: a path and words */

	/* A guest may ask for write-backs without end. */
	struct log_limit successes, failures, changes;
};

/*
 * Loads the image. In mode RAMDISK_READ_WRITE its file is opened for writing and its first block
 * rewritten unchanged, so that a volume which cannot be written is found before the guest starts.
 * disk->why explains every failure.
 */
MUST_USE enum status disk_load(struct disk *disk, struct firmware *firmware, struct volume *volume,
	const char *path, enum ramdisk_mode mode);

/*
 * Writes what changed since the last time into the image's file and flushes it; in modes that keep
 * nothing it does nothing. EFI_MEDIA_CHANGED is met by opening the volume anew, once. A failure is
 * logged and in disk->why; what could not be written stays dirty.
 */
MUST_USE enum status disk_write_back(struct disk *disk);

#endif
