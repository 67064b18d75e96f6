/* SPDX-License-Identifier: MIT */
/*
 * The configuration of a run: its keys, their defaults, and the two places that set them, the file
 * cafevisor.conf on the boot volume and the UEFI load options, which override the file. Called by
 * efi_main; pure, so that the host tests and the fuzzer reach all of it.
 */
#ifndef BOOT_CONFIG_H
#define BOOT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/ramdisk.h"
#include "lib/log.h"
#include "lib/status.h"

#define CONFIG_PATH_SIZE    256 /* bytes, the terminating zero included; so are the others */
#define CONFIG_CMDLINE_SIZE 2048
#define CONFIG_LINE_SIZE    4096 /* of a line of the file, or of a word of the load options */
#define CONFIG_ERROR_SIZE   512
#define CONFIG_KEY_COUNT    12

/* Whether to wait for a key before returning to the firmware. */
enum pause_mode { PAUSE_AUTO, PAUSE_YES, PAUSE_NO };

/* Which devices give the guest its disk. */
enum disk_device { DISK_DEVICE_BOTH, DISK_DEVICE_SVIRTB, DISK_DEVICE_VIRTIO };

/* When virtio-blk's writes are made durable: as virtio 1.2 demands, or at the end of the run. */
enum disk_sync { DISK_SYNC_VIRTIO, DISK_SYNC_EXIT };

struct config {
	char guest[CONFIG_PATH_SIZE];  /* path on the boot volume, beginning with a backslash */
	char initrd[CONFIG_PATH_SIZE]; /* the same; empty: none */
	char cmdline[CONFIG_CMDLINE_SIZE];
	uint64_t memory; /* bytes of guest memory; a multiple of 4 KiB, 1 MiB to 1 TiB */
	char disk[CONFIG_PATH_SIZE]; /* path on the boot volume, beginning with a backslash */
	enum ramdisk_mode disk_mode;
	enum disk_device disk_device;
	enum disk_sync disk_sync;
	uint32_t svirtb_entry_size; /* bytes; SVIRTB_ENTRY_PACKED or SVIRTB_ENTRY_UNPACKED */
	uint32_t timeout_seconds;   /* 0: none */
	enum pause_mode pause;
	enum log_level log_level;
	bool check; /* the word `check` was given: print the preflight table and return */
};

/* One line that names the place, the key, the value and what would be right. */
struct config_error {
	char text[CONFIG_ERROR_SIZE];
};

void config_set_defaults(struct config *config);

/*
 * Takes over the keys of a file of size bytes: lines `key = value`; a '#' at the start of a line or
 * after white space begins a comment; a value in double quotes keeps its spaces and '#'. CRLF, a
 * UTF-8 byte order mark and a last line without an end are fine. A key may be given once.
 * STATUS_BAD_VALUE, STATUS_NOT_FOUND (no such key) or STATUS_CONFLICT (given twice) leave *config
 * as it was and explain in *error; filename is what the explanation calls the file.
 */
MUST_USE enum status config_parse_file(struct config *config, const char *text, size_t size,
	const char *filename, struct config_error *error);

/*
 * Takes over the words of the load options, as one text: `key=value` or `check`. Double quotes
 * around a value or a whole word keep its spaces. The first word is the program's name, which
 * shells pass and boot managers do not, unless it is `check` or has an '='; an '=' behind a
 * '\', '/' or ':' does not count, it belongs to a path. The last of several words for a key wins,
 * as on any command line. Results as for config_parse_file.
 */
MUST_USE enum status config_parse_options(
	struct config *config, const char *options, struct config_error *error);

/* The number of the key of that name, or -1. */
int config_find_key(const char *name);

/* The name of key 0..CONFIG_KEY_COUNT-1. */
const char *config_key_name(unsigned int key);

/* Sets one key; null when that went well, else what is wrong and what would be right. */
MUST_USE const char *config_set_key(struct config *config, unsigned int key, const char *value);

/*
 * The value of a key as the file takes it right behind the '=', at most size bytes with the
 * terminating zero.
 * CONFIG_CMDLINE_SIZE + 2 bytes always suffice.
 */
void config_format_value(const struct config *config, unsigned int key, char *text, size_t size);

/* Writes the configuration in force to the log, one line a key. */
void config_log(const struct config *config);

#endif
