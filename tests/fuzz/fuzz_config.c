/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of boot/config_parse.c: any bytes as cafevisor.conf and as load options. A refusal
 * explains itself and changes nothing; what was taken, shown and read again comes out the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/config.h"
#include "tests/fuzz/fuzz.h"

static void expect_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	must(end != NULL);
	for (; text < end; text++)
		must((unsigned char)*text >= 0x20 || *text == '\t');
}

static void expect_sane(const struct config *config)
{
	expect_text(config->guest, sizeof(config->guest));
	expect_text(config->disk, sizeof(config->disk));
	expect_text(config->cmdline, sizeof(config->cmdline));
	must(config->guest[0] == '\\' && config->guest[1] != '\0');
	expect_text(config->initrd, sizeof(config->initrd));
	must(config->initrd[0] == '\0' || (config->initrd[0] == '\\' && config->initrd[1] != '\0'));
	must(config->disk[0] == '\\' && config->disk[1] != '\0');
	must(config->memory % 4096 == 0 && config->memory >= 1 << 20 &&
		config->memory <= 1ull << 40);
	must(config->svirtb_entry_size == 28 || config->svirtb_entry_size == 32);
	must(config->timeout_seconds <= 1000000);
	must(config->disk_mode <= RAMDISK_SNAPSHOT && config->pause <= PAUSE_NO);
	must(config->disk_device <= DISK_DEVICE_VIRTIO && config->disk_sync <= DISK_SYNC_EXIT);
	must(config->log_level < LOG_LEVEL_COUNT);
}

static void expect_same(const struct config *a, const struct config *b)
{
	must(strcmp(a->guest, b->guest) == 0 && strcmp(a->disk, b->disk) == 0);
	must(strcmp(a->initrd, b->initrd) == 0 && strcmp(a->cmdline, b->cmdline) == 0);
	must(a->memory == b->memory && a->disk_mode == b->disk_mode);
	must(a->disk_device == b->disk_device && a->disk_sync == b->disk_sync);
	must(a->svirtb_entry_size == b->svirtb_entry_size);
	must(a->timeout_seconds == b->timeout_seconds);
	must(a->pause == b->pause && a->log_level == b->log_level);
}

/* Shows config as a file, reads that file, and expects the same again. */
static void round_trip(const struct config *config)
{
	static char file[4 * CONFIG_CMDLINE_SIZE];
	char value[CONFIG_CMDLINE_SIZE + 2];
	struct config_error error;
	struct config again;
	size_t used = 0;

	for (unsigned int key = 0; key < CONFIG_KEY_COUNT; key++) {
		const char *parts[] = { config_key_name(key), "=", value, "\n" };

		config_format_value(config, key, value, sizeof(value));
		for (int i = 0; i < 4; i++) {
			memcpy(file + used, parts[i], strlen(parts[i]));
			used += strlen(parts[i]);
		}
	}
	config_set_defaults(&again);
	must(config_parse_file(&again, file, used, "again", &error) == STATUS_OK);
	expect_same(config, &again);
}

static void expect_result(
	enum status status, const struct config *config, const struct config_error *error)
{
	struct config defaults;

	expect_text(error->text, sizeof(error->text));
	expect_sane(config);
	must((error->text[0] != '\0') == (status != STATUS_OK));
	config_set_defaults(&defaults);
	if (status != STATUS_OK)
		expect_same(config, &defaults);
	else
		round_trip(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct config_error error;
	enum status status;
	char *options;

	memset(&error, 0xff, sizeof(error));
	config_set_defaults(&config);
	status = config_parse_file(&config, (const char *)data, size, "cafevisor.conf", &error);
	expect_result(status, &config, &error);

	options = must_alloc(size + 1);
	memcpy(options, data, size);
	options[size] = '\0';
	memset(&error, 0xff, sizeof(error));
	config_set_defaults(&config);
	status = config_parse_options(&config, options, &error);
	expect_result(status, &config, &error);
	free(options);
	return 0;
}
