/* SPDX-License-Identifier: MIT */
/*
 * Loading the disk image, and writing back what the guest changed.
 */
#include "boot/disk.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/log.h"

#define LARGE_PAGE  (2 * MIB)
#define WRITE_CHUNK (1 * MIB) /* there are drivers that take no more than some MiB at once */

/* One step of the life of a file, in words, when it fails. */
static enum status complain(struct disk *disk, const char *what, enum status status)
{
	if (status != STATUS_OK)
		format_text(disk->why, sizeof(disk->why), "%s %s: %s", what, disk->path,
			status_text(status));
	return status;
}

static enum status rewrite_first_block(struct disk *disk)
{
	const uint64_t size = min_u64(disk->ram.size, RAMDISK_GRAIN);
	struct volume_file file;
	enum status status = volume_open_to_change(disk->volume, disk->path, &file);
	enum status closed;

	if (status != STATUS_OK)
		return status;
	status = volume_change(&file, 0, disk->ram.data, size);
	closed = volume_close_changed(&file);
	return status != STATUS_OK ? status : closed;
}

enum status disk_load(struct disk *disk, struct firmware *firmware, struct volume *volume,
	const char *path, enum ramdisk_mode mode)
{
	uint64_t size, words;
	uint64_t *dirty;
	void *data;
	enum status status;

	*disk = (struct disk){ .volume = volume, .path = path };
	status = complain(disk, "cannot open", volume_file_size(volume, path, &size));
	if (status != STATUS_OK)
		return status;
	if (size == 0) {
		format_text(disk->why, sizeof(disk->why), "empty disk image %s", path);
		return STATUS_BAD_VALUE;
	}
	words = ramdisk_dirty_words(size);
	data = firmware_alloc_large(
		firmware, align_up(size, PAGE_SIZE), size >= LARGE_PAGE ? LARGE_PAGE : PAGE_SIZE);
	dirty = firmware_alloc(firmware, align_up(words * 8, PAGE_SIZE) / PAGE_SIZE);
	if (data == NULL || dirty == NULL)
		return complain(disk, "no room in memory for", STATUS_NO_MEMORY);
	status = complain(disk, "cannot read", volume_read(volume, path, data, size));
	if (status != STATUS_OK)
		return status;
	status = ramdisk_init(&disk->ram, data, size, dirty, mode);
	if (status == STATUS_OK && mode == RAMDISK_READ_WRITE)
		status = complain(disk, "cannot write to", rewrite_first_block(disk));
	if (status == STATUS_OK)
		log_info("disk", "%s: %lu bytes", path, size);
	return status;
}

/* One try: all of it, or nothing counts as written. */
static enum status write_dirty(struct disk *disk)
{
	struct volume_file file;
	enum status status = volume_open_to_change(disk->volume, disk->path, &file);
	uint64_t offset = 0, size, written = 0;
	enum status closed;

	if (status != STATUS_OK)
		return status;
	while (status == STATUS_OK && ramdisk_next_dirty(&disk->ram, &offset, &size)) {
		size = min_u64(size, WRITE_CHUNK);
		status = volume_change(&file, offset, disk->ram.data + offset, size);
		written += size;
		offset += size;
	}
	closed = volume_close_changed(&file);
	if (status == STATUS_OK)
		status = closed;
	if (status != STATUS_OK)
		return status;
	offset = 0;
	while (ramdisk_next_dirty(&disk->ram, &offset, &size))
		ramdisk_clean(&disk->ram, offset, size);
	disk->written_back += written;
	disk->write_backs++;
	log_limited(&disk->successes, LOG_INFO, "disk", "%lu bytes written back to %s", written,
		disk->path);
	return STATUS_OK;
}

enum status disk_write_back(struct disk *disk)
{
	uint64_t offset = 0, size;
	enum status status;

	if (disk->ram.mode != RAMDISK_READ_WRITE || !ramdisk_next_dirty(&disk->ram, &offset, &size))
		return STATUS_OK;
	status = write_dirty(disk);
	/* STATUS_CONFLICT is EFI_MEDIA_CHANGED; nothing was cleaned, so all is written once more.
	 */
	if (status == STATUS_CONFLICT) {
		log_limited(&disk->changes, LOG_WARN, "disk",
			"the boot volume's medium has changed: opening it anew");
		if (volume_reopen(disk->volume) == STATUS_OK)
			status = write_dirty(disk);
	}
	status = complain(disk, "cannot write back to", status);
	if (status != STATUS_OK)
		log_limited(&disk->failures, LOG_ERROR, "disk", "%s", disk->why);
	return status;
}
