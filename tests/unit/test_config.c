/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/config.c and boot/config_value.c: the keys, their values before anybody has
 * set them, and how they are shown. The texts that set them are in test_config_file.c and
 * test_config_options.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/config.h"
#include "lib/bits.h"

static void test_defaults(void **state)
{
	struct config config;

	(void)state;
	memset(&config, 0xa5, sizeof(config));
	config_set_defaults(&config);
	assert_string_equal(config.guest, "\\guest.elf");
	assert_string_equal(config.cmdline, "");
	assert_true(config.memory == 64 * MIB);
	assert_string_equal(config.disk, "\\disk.img");
	assert_int_equal(config.disk_mode, RAMDISK_READ_WRITE);
	assert_int_equal(config.svirtb_entry_size, 28);
	assert_int_equal(config.timeout_seconds, 0);
	assert_int_equal(config.pause, PAUSE_AUTO);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_false(config.check);
}

static void test_long_paths(void **state)
{
	char path[260];
	struct config config;

	(void)state;
	config_set_defaults(&config);
	memset(path, 'p', sizeof(path));
	path[254] = '\0';
	assert_null(config_set_key(&config, 0, path));
	assert_int_equal(strlen(config.guest), 255);
	memset(path, 'p', sizeof(path));
	path[255] = '\0';
	assert_string_equal(
		config_set_key(&config, 0, path), "longer than the 255 characters of a path");
	path[0] = '/';
	assert_null(config_set_key(&config, 0, path));
}

static void log_collect(void *context, const char *bytes, size_t size)
{
	char *text = context;
	size_t used = strlen(text);

	assert_true(used + size < 4096);
	memcpy(text + used, bytes, size);
	text[used + size] = '\0';
}

static void test_log(void **state)
{
	static const char *const wanted[] = {
		"[config] guest = \\guest.elf",
		"[config] initrd = ",
		"[config] cmdline = \" words for the guest\"",
		"[config] memory = 64M",
		"[config] disk = \\disk.img",
		"[config] disk.mode = rw",
		"[config] disk.device = both",
		"[config] disk.sync = virtio",
		"[config] svirtb.entry-size = 28",
		"[config] timeout = 0",
		"[config] pause = auto",
		"[config] log = info",
	};
	static char text[4096];
	struct config config;
	int sink;

	(void)state;
	config_set_defaults(&config);
	assert_null(config_set_key(&config, 2, " words for the guest"));
	sink = log_add_sink(log_collect, text);
	assert_true(sink >= 0);
	config_log(&config);
	log_switch_sink(sink, false);
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("'%s' is missing in:\n%s", wanted[i], text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
