/* SPDX-License-Identifier: MIT */
/*
 * Files of the boot volume, through the firmware's own EFI_FILE_PROTOCOL (UEFI 13.5). Only while
 * the firmware is alive.
 */
#ifndef BOOT_FILES_H
#define BOOT_FILES_H

#include "boot/firmware.h"
#include "devices/ramdisk.h"

struct volume {
	struct firmware *firmware;
	EFI_FILE_HANDLE root;
};

/* The volume that cafevisor.efi was loaded from. STATUS_IO_ERROR. */
MUST_USE enum status volume_open(struct volume *volume, struct firmware *firmware);

/* The size of a file in bytes. STATUS_NOT_FOUND: none of that name, or a folder; STATUS_IO_ERROR.
 */
MUST_USE enum status volume_file_size(struct volume *volume, const char *path, uint64_t *size);

/*
 * Reads size bytes from the start of a file; a large one shows its progress. STATUS_NOT_FOUND,
 * STATUS_TRUNCATED when it is shorter, STATUS_IO_ERROR.
 */
MUST_USE enum status volume_read(
	struct volume *volume, const char *path, void *data, uint64_t size);

/* Makes path a file of exactly these bytes. STATUS_READ_ONLY, STATUS_IO_ERROR. */
MUST_USE enum status volume_replace(
	struct volume *volume, const char *path, const void *data, uint64_t size);

/* An existing file to be changed in place. */
struct volume_file {
	EFI_FILE_HANDLE handle;
};
MUST_USE enum status volume_open_to_change(
	struct volume *volume, const char *path, struct volume_file *file);
MUST_USE enum status volume_change(
	struct volume_file *file, uint64_t offset, const void *data, uint64_t size);
MUST_USE enum status volume_close_changed(struct volume_file *file);

/* Opens the volume anew, after EFI_MEDIA_CHANGED. */
MUST_USE enum status volume_reopen(struct volume *volume);

#endif
