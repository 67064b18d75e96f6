/* SPDX-License-Identifier: MIT */
/*
 * The demo guest: reads its whole disk and prints the SHA-256, says what line it finds in the last
 * sector, and writes a line there with a run number that is one higher.
 * Exit status: 0, the line is written and reads back; 1, no svirtb device (that is how it ends
 * under plain QEMU); 2, the disk refused the write; 3, anything else went wrong.
 * The word entry-size=32 on the command line makes it use unpacked entries.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/sha256.h"
#include "guest-driver/svirtb.h"
#include "lib/format.h"
#include "lib/string.h"

#define LINE_START   "Cafevisor demo run "
#define LINE_MAX     100 /* characters of a line in the last sector that are shown */
#define RING_ENTRIES 65  /* one always stays free */
#define BATCH        64
#define CHUNK        4096

enum exit_status { EXIT_OK, EXIT_NO_DEVICE, EXIT_WRITE_REFUSED, EXIT_FAILED };

static uint8_t ring[RING_ENTRIES * SVIRTB_ENTRY_SIZE_UNPACKED] __attribute__((aligned(16)));
static uint8_t batch_buffer[BATCH * CHUNK] __attribute__((aligned(4096)));

/* Reads up to a batch of the disk from offset on with one doorbell and hashes it. */
static enum svirtb_error hash_batch(
	struct svirtb *disk, struct sha256 *hash, uint64_t offset, size_t size)
{
	enum svirtb_error error = SVIRTB_OK;

	for (size_t at = 0; at < size && error == SVIRTB_OK; at += CHUNK)
		error = svirtb_queue(disk, SVIRTB_READ, (offset + at) / SVIRTB_SECTOR_SIZE,
			batch_buffer + at, size - at < CHUNK ? size - at : CHUNK);
	if (error == SVIRTB_OK)
		error = svirtb_submit(disk);
	if (error == SVIRTB_OK)
		sha256_update(hash, batch_buffer, size);
	return error;
}

static enum svirtb_error hash_disk(struct svirtb *disk, uint64_t size)
{
	enum svirtb_error error = SVIRTB_OK;
	char text[SHA256_TEXT_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	for (uint64_t offset = 0; offset < size && error == SVIRTB_OK;
		offset += sizeof(batch_buffer)) {
		uint64_t left = size - offset;

		error = hash_batch(disk, &hash, offset,
			left < sizeof(batch_buffer) ? (size_t)left : sizeof(batch_buffer));
	}
	sha256_finish(&hash, text);
	if (error == SVIRTB_OK)
		print("disk: %llu bytes, SHA-256 %s\n", (unsigned long long)size, text);
	return error;
}

/* Cuts sector to the line of text at its start; false when there is none. */
static bool line_cut(char sector[SVIRTB_SECTOR_SIZE])
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
	char line[SVIRTB_SECTOR_SIZE];

	memcpy(line, bytes, sizeof(line));
	if (!line_cut(line)) {
		print("last sector (%llu): no line there\n", (unsigned long long)sector);
		return 0;
	}
	print("last sector (%llu): found \"%s\"\n", (unsigned long long)sector, line);
	return line_number(line);
}

/* Whether the last sector now reads as wanted; says so when it does not. */
static bool reads_back(struct svirtb *disk, uint64_t sector, const char *wanted)
{
	char bytes[SVIRTB_SECTOR_SIZE];
	enum svirtb_error error;

	/* Zeros stand for what a partial sector has not, as they do in wanted. */
	memset(bytes, 0, sizeof(bytes));
	error = svirtb_read(disk, sector, bytes, sizeof(bytes));
	if (error == SVIRTB_OK && memcmp(bytes, wanted, sizeof(bytes)) == 0)
		return true;
	print("sector %llu does not read back as it should (%s)\n", (unsigned long long)sector,
		svirtb_error_text(error));
	return false;
}

/* The device refused the write and waits for a reset; the sector must be what it was before. */
static enum exit_status write_refused(struct svirtb *disk, uint64_t sector, const char *before)
{
	enum svirtb_error error;

	print("the device refused the write to sector %llu: is the disk write-protected "
	      "(disk.mode=ro)?\n",
		(unsigned long long)sector);
	error = svirtb_recover(disk);
	if (error != SVIRTB_OK) {
		print("svirtb after a reset: %s\n", svirtb_error_text(error));
		return EXIT_FAILED;
	}
	if (!reads_back(disk, sector, before))
		return EXIT_FAILED;
	print("nothing was written: after a reset the sector reads as before\n");
	return EXIT_WRITE_REFUSED;
}

/* Writes the line with this number over the whole last sector and reads it back. */
static enum exit_status write_line(
	struct svirtb *disk, uint64_t sector, const char *before, uint32_t number)
{
	char bytes[SVIRTB_SECTOR_SIZE];

	memset(bytes, 0, sizeof(bytes));
	format_text(bytes, sizeof(bytes), LINE_START "%u\n", number);
	if (svirtb_write(disk, sector, bytes, sizeof(bytes)) != SVIRTB_OK)
		return write_refused(disk, sector, before);
	if (!reads_back(disk, sector, bytes))
		return EXIT_FAILED;
	print("wrote \"" LINE_START "%u\" to sector %llu and read it back\n", number,
		(unsigned long long)sector);
	return EXIT_OK;
}

/* A last sector that was partial is a whole one once it has been written: says so. */
static enum exit_status tell_growth(struct svirtb *disk, uint64_t size)
{
	enum svirtb_error error;
	uint64_t now;

	if (size % SVIRTB_SECTOR_SIZE == 0)
		return EXIT_OK;
	error = svirtb_capacity(disk, &now);
	if (error != SVIRTB_OK) {
		print("the disk's new size: %s\n", svirtb_error_text(error));
		return EXIT_FAILED;
	}
	print("the last sector was partial (%u bytes): the disk has grown from %llu to %llu "
	      "bytes\n",
		(unsigned int)(size % SVIRTB_SECTOR_SIZE), (unsigned long long)size,
		(unsigned long long)now);
	return EXIT_OK;
}

static enum exit_status demo_run(struct svirtb *disk)
{
	char before[SVIRTB_SECTOR_SIZE];
	uint64_t size = 0, sector;
	enum svirtb_error error = svirtb_capacity(disk, &size);
	enum exit_status status;

	if (error == SVIRTB_OK && size == 0) {
		print("the disk seems empty: do both sides mean the same svirtb.entry-size?\n");
		return EXIT_FAILED;
	}
	sector = (size - 1) / SVIRTB_SECTOR_SIZE;
	memset(before, 0, sizeof(before));
	if (error == SVIRTB_OK)
		error = hash_disk(disk, size);
	if (error == SVIRTB_OK)
		error = svirtb_read(disk, sector, before, sizeof(before));
	if (error != SVIRTB_OK) {
		print("reading the disk: %s\n", svirtb_error_text(error));
		return EXIT_FAILED;
	}
	status = write_line(disk, sector, before, find_line(before, sector) + 1);
	return status == EXIT_OK ? tell_growth(disk, size) : status;
}

int main(const char *cmdline)
{
	uint32_t entry_size = SVIRTB_ENTRY_SIZE;
	struct svirtb disk;
	enum svirtb_error error;

	print("Cafevisor demo guest\n");
	if (runtime_has_word(cmdline, "entry-size=32"))
		entry_size = SVIRTB_ENTRY_SIZE_UNPACKED;
	error = svirtb_init(&disk, ring, RING_ENTRIES, entry_size);
	if (error == SVIRTB_NO_DEVICE) {
		print("no svirtb device was found at 0x%x: %s\n", SVIRTB_BASE,
			svirtb_error_text(error));
		return EXIT_NO_DEVICE;
	}
	if (error != SVIRTB_OK) {
		print("svirtb: %s\n", svirtb_error_text(error));
		return EXIT_FAILED;
	}
	return demo_run(&disk);
}
