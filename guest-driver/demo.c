/* SPDX-License-Identifier: MIT */
/*
 * The demo guest: reads its whole disk and prints the SHA-256, says what line it finds in the last
 * sector, and writes a line there with a run number that is one higher. The disk is svirtb, or
 * without that virtio-blk, QEMU's as well as Cafevisor's.
 * Exit status: 0, the line is written and reads back; 1, no device (that is how it ends under
 * QEMU's usual machine); 2, the disk refused the write; 3, anything else went wrong.
 * The word entry-size=32 on the command line makes it use unpacked entries of svirtb's ring.
 */
#include "guest-driver/disk.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/sha256.h"
#include "lib/format.h"
#include "lib/string.h"

#define LINE_START "Cafevisor demo run "
#define LINE_MAX   100 /* characters of a line in the last sector that are shown */
#define CHUNK      4096

enum exit_status { EXIT_OK, EXIT_NO_DEVICE, EXIT_WRITE_REFUSED, EXIT_FAILED };

static struct disk the_disk;
static uint8_t batch_buffer[DISK_MAX_BATCH * CHUNK] __attribute__((aligned(4096)));

/* Reads up to a batch of the disk from offset on with one doorbell and hashes it. */
static bool hash_batch(struct disk *disk, struct sha256 *hash, uint64_t offset, size_t size)
{
	for (size_t at = 0; at < size; at += CHUNK) {
		if (!disk_queue_read(disk, (offset + at) / DISK_SECTOR_SIZE, batch_buffer + at,
			    size - at < CHUNK ? size - at : CHUNK))
			return false;
	}
	if (!disk_submit(disk))
		return false;
	sha256_update(hash, batch_buffer, size);
	return true;
}

static bool hash_disk(struct disk *disk, uint64_t size)
{
	char text[SHA256_TEXT_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	for (uint64_t offset = 0; offset < size; offset += sizeof(batch_buffer)) {
		uint64_t left = size - offset;

		if (!hash_batch(disk, &hash, offset,
			    left < sizeof(batch_buffer) ? (size_t)left : sizeof(batch_buffer)))
			return false;
	}
	sha256_finish(&hash, text);
	print("disk: %llu bytes, SHA-256 %s\n", (unsigned long long)size, text);
	return true;
}

/* Cuts sector to the line of text at its start; false when there is none. */
static bool line_cut(char sector[DISK_SECTOR_SIZE])
{
	size_t length = 0;

	while (length < LINE_MAX && sector[length] >= ' ' && sector[length] <= '~')
		length++;
	if (length == 0 || (sector[length] != '\n' && sector[length] != '\0'))
		return false;
	sector[length] = '\0';
	return true;
}

/* The run number in a line that the demo wrote; 0 for any other line. */
static uint32_t line_number(const char *line)
{
	uint32_t number = 0;

	if (strncmp(line, LINE_START, strlen(LINE_START)) != 0)
		return 0;
	line += strlen(LINE_START);
	for (; *line >= '0' && *line <= '9' && number < 100000000; line++)
		number = number * 10 + (uint32_t)(*line - '0');
	return *line == '\0' ? number : 0;
}

/* Says what line the last sector holds; its run number, 0 when it is not one of ours. */
static uint32_t find_line(const char *bytes, uint64_t sector)
{
	char line[DISK_SECTOR_SIZE];

	memcpy(line, bytes, sizeof(line));
	if (!line_cut(line)) {
		print("last sector (%llu): no line there\n", (unsigned long long)sector);
		return 0;
	}
	print("last sector (%llu): found \"%s\"\n", (unsigned long long)sector, line);
	return line_number(line);
}

/* Whether the last sector now reads as wanted; says so when it does not. */
static bool reads_back(struct disk *disk, uint64_t sector, const char *wanted)
{
	char bytes[DISK_SECTOR_SIZE];

	/* Zeros stand for what a partial sector has not, as they do in wanted. */
	memset(bytes, 0, sizeof(bytes));
	if (disk_read(disk, sector, bytes, sizeof(bytes)) &&
		memcmp(bytes, wanted, sizeof(bytes)) == 0)
		return true;
	print("sector %llu does not read back as it should (%s)\n", (unsigned long long)sector,
		disk->why);
	return false;
}

/* The device refused the write (svirtb then waits for a reset); the sector must be as before. */
static enum exit_status write_refused(struct disk *disk, uint64_t sector, const char *before)
{
	print("the device refused the write to sector %llu: is the disk write-protected "
	      "(disk.mode=ro)?\n",
		(unsigned long long)sector);
	if (!disk_recover(disk)) {
		print("%s after a reset: %s\n", disk->ops->name, disk->why);
		return EXIT_FAILED;
	}
	if (!reads_back(disk, sector, before))
		return EXIT_FAILED;
	print("nothing was written: after a reset the sector reads as before\n");
	return EXIT_WRITE_REFUSED;
}

/* Writes the line with this number over the whole last sector and reads it back. */
static enum exit_status write_line(
	struct disk *disk, uint64_t sector, const char *before, uint32_t number)
{
	char bytes[DISK_SECTOR_SIZE];

	memset(bytes, 0, sizeof(bytes));
	format_text(bytes, sizeof(bytes), LINE_START "%u\n", number);
	if (!disk_write(disk, sector, bytes, sizeof(bytes)))
		return write_refused(disk, sector, before);
	if (!reads_back(disk, sector, bytes))
		return EXIT_FAILED;
	print("wrote \"" LINE_START "%u\" to sector %llu and read it back\n", number,
		(unsigned long long)sector);
	return EXIT_OK;
}

/* A last sector that was partial is a whole one once it has been written: says so. */
static enum exit_status tell_growth(struct disk *disk, uint64_t size)
{
	uint64_t now;

	if (size % DISK_SECTOR_SIZE == 0)
		return EXIT_OK;
	if (!disk_size(disk, &now)) {
		print("the disk's new size: %s\n", disk->why);
		return EXIT_FAILED;
	}
	print("the last sector was partial (%u bytes): the disk has grown from %llu to %llu "
	      "bytes\n",
		(unsigned int)(size % DISK_SECTOR_SIZE), (unsigned long long)size,
		(unsigned long long)now);
	return EXIT_OK;
}

static enum exit_status demo_run(struct disk *disk)
{
	char before[DISK_SECTOR_SIZE];
	uint64_t size = 0, sector;
	enum exit_status status;
	const bool sized = disk_size(disk, &size);

	if (sized && size == 0) {
		print("the disk seems empty: do both sides mean the same svirtb.entry-size?\n");
		return EXIT_FAILED;
	}
	sector = (size - 1) / DISK_SECTOR_SIZE;
	memset(before, 0, sizeof(before));
	if (!sized || !hash_disk(disk, size) || !disk_read(disk, sector, before, sizeof(before))) {
		print("reading the disk: %s\n", disk->why);
		return EXIT_FAILED;
	}
	status = write_line(disk, sector, before, find_line(before, sector) + 1);
	return status == EXIT_OK ? tell_growth(disk, size) : status;
}

int main(const char *cmdline)
{
	uint32_t entry_size = SVIRTB_ENTRY_SIZE;

	print("Cafevisor demo guest\n");
	if (runtime_has_word(cmdline, "entry-size=32"))
		entry_size = SVIRTB_ENTRY_SIZE_UNPACKED;
	switch (disk_open(&the_disk, entry_size, cmdline)) {
	case DISK_FOUND: return demo_run(&the_disk);
	case DISK_NOT_THERE: return EXIT_NO_DEVICE;
	case DISK_FAILED: break;
	}
	print("%s: %s\n", the_disk.ops->name, the_disk.why);
	return EXIT_FAILED;
}
