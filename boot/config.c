/* SPDX-License-Identifier: MIT */
/*
 * The table of configuration keys: for each its name, how a value is read and how it is shown.
 * config_parse.c finds keys and values in a text and sets them here.
 */
#include "boot/config.h"

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

static int choice_find(const char *const *names, unsigned int count, const char *value)
{
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(names[i], value) == 0)
			return (int)i;
	}
	return -1;
}

/*
 * The decimal number at *text, which is moved behind its digits. False where there is no digit; a
 * number of more than 64 bits comes out as the largest, which every limit refuses.
 */
static bool number_read(const char **text, uint64_t *number)
{
	const char *digit = *text;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (__builtin_mul_overflow(*number, 10u, number) ||
			__builtin_add_overflow(*number, (uint64_t)(*digit - '0'), number))
			*number = UINT64_MAX;
	}
	if (digit == *text)
		return false;
	*text = digit;
	return true;
}

/* What the letter behind a size multiplies it by; 0 for none of the letters. */
static uint64_t size_unit(char letter)
{
	switch (letter) {
	case 'k':
	case 'K': return KIB;
	case 'm':
	case 'M': return MIB;
	case 'g':
	case 'G': return GIB;
	default: return 0;
	}
}

static bool size_read(const char *text, uint64_t *size)
{
	uint64_t unit;

	if (!number_read(&text, size))
		return false;
	if (*text == '\0')
		return true;
	unit = size_unit(*text);
	if (unit == 0 || text[1] != '\0')
		return false;
	if (__builtin_mul_overflow(*size, unit, size))
		*size = UINT64_MAX;
	return true;
}

/* A path as the firmware's file protocol wants it: from the root, with backslashes. */
static const char *path_set(char path[CONFIG_PATH_SIZE], const char *value)
{
	size_t length;

	while (*value == '/' || *value == '\\')
		value++;
	length = strlen(value);
	if (length == 0)
		return "names no file (like \\guest.elf)";
	if (length + 2 > CONFIG_PATH_SIZE)
		return "longer than the 255 characters of a path";

	path[0] = '\\';
	for (size_t i = 0; i <= length; i++)
		path[i + 1] = value[i];
	for (size_t i = 0; i <= length; i++) {
		if (path[i] == '/')
			path[i] = '\\';
	}
	return NULL;
}

/* Quoted only where the file could not take it as it is; then it has no quote of its own. */
static void text_show(const char *value, char *text, size_t size)
{
	size_t length = strlen(value);
	bool plain = length != 0;

	for (size_t i = 0; i < length; i++) {
		if (value[i] == '"') {
			plain = true;
			break;
		}
		if (value[i] == '#')
			plain = false;
	}
	if (length != 0 && (value[0] == ' ' || value[0] == '\t' || value[length - 1] == ' ' ||
				   value[length - 1] == '\t'))
		plain = false;
	format_text(text, size, plain ? "%s" : "\"%s\"", value);
}

static const char *guest_set(struct config *config, const char *value)
{
	return path_set(config->guest, value);
}

static void guest_show(const struct config *config, char *text, size_t size)
{
	text_show(config->guest, text, size);
}

static const char *initrd_set(struct config *config, const char *value)
{
	if (*value != '\0')
		return path_set(config->initrd, value);
	config->initrd[0] = '\0';
	return NULL;
}

static void initrd_show(const struct config *config, char *text, size_t size)
{
	text_show(config->initrd, text, size);
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
	text_show(config->cmdline, text, size);
}

static const char *memory_set(struct config *config, const char *value)
{
	uint64_t size;

	if (!size_read(value, &size))
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
	uint64_t unit = KIB;
	char letter = 'K';

	if (is_aligned(config->memory, GIB)) {
		unit = GIB;
		letter = 'G';
	} else if (is_aligned(config->memory, MIB)) {
		unit = MIB;
		letter = 'M';
	}
	format_text(text, size, "%llu%c", (unsigned long long)(config->memory / unit), letter);
}

static const char *disk_set(struct config *config, const char *value)
{
	return path_set(config->disk, value);
}

static void disk_show(const struct config *config, char *text, size_t size)
{
	text_show(config->disk, text, size);
}

static const char *disk_mode_set(struct config *config, const char *value)
{
	int mode = choice_find(disk_modes, ARRAY_COUNT(disk_modes), value);

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
	int device = choice_find(disk_devices, ARRAY_COUNT(disk_devices), value);

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
	int sync = choice_find(disk_syncs, ARRAY_COUNT(disk_syncs), value);

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

	if (!number_read(&value, &seconds) || *value != '\0' || seconds > TIMEOUT_MAX)
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
	int mode = choice_find(pause_modes, ARRAY_COUNT(pause_modes), value);

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
