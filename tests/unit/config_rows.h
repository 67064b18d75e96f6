/* SPDX-License-Identifier: MIT */
/*
 * Texts that configure a run and what becomes of them: a key's value, or a complaint and nothing
 * else. Shared by test_config_file.c and test_config_options.c.
 */
#ifndef TESTS_UNIT_CONFIG_ROWS_H
#define TESTS_UNIT_CONFIG_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/config.h"
#include "lib/bits.h"

#define KEYS                                                                        \
	"guest, initrd, cmdline, memory, disk, disk.mode, disk.device, disk.sync, " \
	"svirtb.entry-size, "                                                       \
	"timeout, pause, log"

/* A text that is taken, a key, and what it is then. */
struct good_row {
	const char *name, *text, *key, *wanted;
};

/* A text that is refused whole, and what is said. */
struct bad_row {
	const char *name, *text;
	enum status status;
	const char *error;
};

typedef enum status parse_fn(struct config *config, const char *text, struct config_error *error);

static inline void expect_config(
	const char *name, const struct config *got, const char *key, const char *wanted)
{
	char text[CONFIG_CMDLINE_SIZE + 2];
	int number = config_find_key(key);

	assert_true(number >= 0);
	config_format_value(got, (unsigned int)number, text, sizeof(text));
	if (strcmp(text, wanted) != 0)
		fail_msg("%s: %s is %s, not %s", name, key, text, wanted);
}

static inline void expect_good(const struct good_row *row, parse_fn *parse)
{
	struct config config;
	struct config_error error;

	config_set_defaults(&config);
	memset(&error, 'x', sizeof(error));
	if (parse(&config, row->text, &error) != STATUS_OK)
		fail_msg("%s: %s", row->name, error.text);
	assert_string_equal(error.text, "");
	expect_config(row->name, &config, row->key, row->wanted);
	assert_false(config.check);
}

static inline void expect_refused(const struct bad_row *row, enum status status,
	const struct config *config, const struct config_error *error)
{
	struct config untouched;

	config_set_defaults(&untouched);
	if (status != row->status)
		fail_msg("%s: status %d, not %d", row->name, (int)status, (int)row->status);
	if (strcmp(error->text, row->error) != 0)
		fail_msg("%s: says '%s', not '%s'", row->name, error->text, row->error);
	for (unsigned int key = 0; key < CONFIG_KEY_COUNT; key++) {
		char wanted[CONFIG_CMDLINE_SIZE + 2];

		config_format_value(&untouched, key, wanted, sizeof(wanted));
		expect_config(row->name, config, config_key_name(key), wanted);
	}
	assert_false(config->check);
}

static inline void expect_bad(const struct bad_row *row, parse_fn *parse)
{
	struct config config;
	struct config_error error;
	enum status status;

	config_set_defaults(&config);
	memset(&error, 'x', sizeof(error));
	status = parse(&config, row->text, &error);
	expect_refused(row, status, &config, &error);
}

/* 'cmdline=' and filling, size bytes in all, with an end of line behind it. */
static inline char *long_line(size_t size)
{
	char *text = malloc(size + 2);

	assert_non_null(text);
	memset(text, 'a', size);
	memcpy(text, "cmdline=", 8);
	text[size] = '\n';
	text[size + 1] = '\0';
	return text;
}

#endif
