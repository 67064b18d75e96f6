/* SPDX-License-Identifier: MIT */
/*
 * The table of configuration keys: for each its name, how it is set from a value's text and how it
 * is shown. config_parse.c finds keys and values in a text and sets them here; config_value.c knows
 * the kinds of values.
 */
#include "boot/config.h"

#include "boot/config_value.h"
#include "devices/svirtb.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

#define MEMORY_DEFAULT (64 * MIB)
#define MEMORY_MIN     (1 * MIB)
#define MEMORY_MAX     (1024 * GIB)
#define TIMEOUT_MAX    1000000u

struct config_key {
	const char *name;
	/* Null when value was taken, else what would be right. */
	const char *(*set)(struct config *config, const char *value);
	void (*show)(const struct config *config, char *text, size_t size);
};

static const char *const disk_modes[] = {
	[RAMDISK_READ_WRITE] = "rw",
	[RAMDISK_READ_ONLY] = "ro",
	[RAMDISK_SNAPSHOT] = "snapshot",
};

static const char *const disk_devices[] = {
	[DISK_DEVICE_BOTH] = "both",
	[DISK_DEVICE_SVIRTB] = "svirtb",
	[DISK_DEVICE_VIRTIO] = "virtio",
};

static const char *const disk_syncs[] = {
	[DISK_SYNC_VIRTIO] = "virtio",
	[DISK_SYNC_EXIT] = "exit",
};

static const char *const pause_modes[] = {
	[PAUSE_AUTO] = "auto",
	[PAUSE_YES] = "yes",
	[PAUSE_NO] = "no",
};

static const char *guest_set(struct config *config, const char *value)
{
	return config_value_read_path(config->guest, value);
}

static void guest_show(const struct config *config, char *text, size_t size)
{
	config_value_show_text(config->guest, text, size);
}

static const char *initrd_set(struct config *config, const char *value)
{
	if (*value != '\0')
		return config_value_read_path(config->initrd, value);
	config->initrd[0] = '\0';
	return NULL;
}

static void initrd_show(const struct config *config, char *text, size_t size)
{
	config_value_show_text(config->initrd, text, size);
}

static const char *cmdline_set(struct config *config, const char *value)
{
	size_t length = strlen(value);

	if (length + 1 > CONFIG_CMDLINE_SIZE)
		return "longer than the 2047 characters of a command line";
	memcpy(config->cmdline, value, length + 1);
	return NULL;
}

static void cmdline_show(const struct config *config, char *text, size_t size)
{
	config_value_show_text(config->cmdline, text, size);
}

static const char *memory_set(struct config *config, const char *value)
{
	uint64_t size;

	if (!config_value_read_size(value, &size))
		return "not a size (like 64M)";
	if (size < MEMORY_MIN || size > MEMORY_MAX)
		return "must be from 1M to 1024G";
	if (!is_aligned(size, PAGE_SIZE))
		return "must be a multiple of 4K";
	config->memory = size;
	return NULL;
}

static void memory_show(const struct config *config, char *text, size_t size)
{
	config_value_show_size(config->memory, text, size);
}

static const char *disk_set(struct config *config, const char *value)
{
	return config_value_read_path(config->disk, value);
}

static void disk_show(const struct config *config, char *text, size_t size)
{
	config_value_show_text(config->disk, text, size);
}

static const char *disk_mode_set(struct config *config, const char *value)
{
	int mode = config_value_find_choice(disk_modes, ARRAY_COUNT(disk_modes), value);

	if (mode < 0)
		return "must be rw, ro or snapshot";
	config->disk_mode = (enum ramdisk_mode)mode;
	return NULL;
}

static void disk_mode_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%s", disk_modes[config->disk_mode]);
}

static const char *disk_device_set(struct config *config, const char *value)
{
	int device = config_value_find_choice(disk_devices, ARRAY_COUNT(disk_devices), value);

	if (device < 0)
		return "must be svirtb, virtio or both";
	config->disk_device = (enum disk_device)device;
	return NULL;
}

static void disk_device_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%s", disk_devices[config->disk_device]);
}

static const char *disk_sync_set(struct config *config, const char *value)
{
	int sync = config_value_find_choice(disk_syncs, ARRAY_COUNT(disk_syncs), value);

	if (sync < 0)
		return "must be virtio (as virtio 1.2 demands) or exit (at the end of the run "
		       "only)";
	config->disk_sync = (enum disk_sync)sync;
	return NULL;
}

static void disk_sync_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%s", disk_syncs[config->disk_sync]);
}

static const char *entry_size_set(struct config *config, const char *value)
{
	if (strcmp(value, "28") == 0)
		config->svirtb_entry_size = SVIRTB_ENTRY_PACKED;
	else if (strcmp(value, "32") == 0)
		config->svirtb_entry_size = SVIRTB_ENTRY_UNPACKED;
	else
		return "must be 28 (packed, as specified) or 32 (as a compiler lays it out)";
	return NULL;
}

static void entry_size_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%u", config->svirtb_entry_size);
}

static const char *timeout_set(struct config *config, const char *value)
{
	uint64_t seconds;

	if (!config_value_read_number(&value, &seconds) || *value != '\0' || seconds > TIMEOUT_MAX)
		return "must be a number of seconds from 0 (none) to 1000000";
	config->timeout_seconds = (uint32_t)seconds;
	return NULL;
}

static void timeout_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%u", config->timeout_seconds);
}

static const char *pause_set(struct config *config, const char *value)
{
	int mode = config_value_find_choice(pause_modes, ARRAY_COUNT(pause_modes), value);

	if (mode < 0)
		return "must be auto, yes or no";
	config->pause = (enum pause_mode)mode;
	return NULL;
}

static void pause_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%s", pause_modes[config->pause]);
}

static const char *log_set(struct config *config, const char *value)
{
	int level = log_level_find(value);

	if (level < 0)
		return "must be error, warn, info, debug or trace";
	config->log_level = (enum log_level)level;
	return NULL;
}

static void log_show(const struct config *config, char *text, size_t size)
{
	format_text(text, size, "%s", log_level_name(config->log_level));
}

static const struct config_key config_keys[] = {
	{ "guest", guest_set, guest_show },
	{ "initrd", initrd_set, initrd_show },
	{ "cmdline", cmdline_set, cmdline_show },
	{ "memory", memory_set, memory_show },
	{ "disk", disk_set, disk_show },
	{ "disk.mode", disk_mode_set, disk_mode_show },
	{ "disk.device", disk_device_set, disk_device_show },
	{ "disk.sync", disk_sync_set, disk_sync_show },
	{ "svirtb.entry-size", entry_size_set, entry_size_show },
	{ "timeout", timeout_set, timeout_show },
	{ "pause", pause_set, pause_show },
	{ "log", log_set, log_show },
};
_Static_assert(ARRAY_COUNT(config_keys) == CONFIG_KEY_COUNT, "a number for each key");

void config_set_defaults(struct config *config)
{
	*config = (struct config){
		.guest = "\\guest.elf",
		.initrd = "",
		.cmdline = "",
		.memory = MEMORY_DEFAULT,
		.disk = "\\disk.img",
		.disk_mode = RAMDISK_READ_WRITE,
		.disk_device = DISK_DEVICE_BOTH,
		.disk_sync = DISK_SYNC_VIRTIO,
		.svirtb_entry_size = SVIRTB_ENTRY_PACKED,
		.timeout_seconds = 0,
		.pause = PAUSE_AUTO,
		.log_level = LOG_INFO,
		.check = false,
	};
}

int config_find_key(const char *name)
{
	for (unsigned int key = 0; key < CONFIG_KEY_COUNT; key++) {
		if (strcmp(config_keys[key].name, name) == 0)
			return (int)key;
	}
	return -1;
}

const char *config_key_name(unsigned int key)
{
	return config_keys[key].name;
}

const char *config_set_key(struct config *config, unsigned int key, const char *value)
{
	return config_keys[key].set(config, value);
}

void config_format_value(const struct config *config, unsigned int key, char *text, size_t size)
{
	config_keys[key].show(config, text, size);
}

void config_log(const struct config *config)
{
	char value[CONFIG_CMDLINE_SIZE + 2];

	for (unsigned int key = 0; key < CONFIG_KEY_COUNT; key++) {
		config_format_value(config, key, value, sizeof(value));
		log_info("config", "%s = %s", config_keys[key].name, value);
	}
}
