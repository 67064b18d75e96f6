/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/config.c and boot/config_parse.c: the file, the load options, every key, and
 * the exact text of every complaint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/config.h"
#include "lib/bits.h"

#define FILENAME "cafevisor.conf"

/* Parses a copy without a terminating zero, so that the sanitizer sees a read behind the end. */
static enum status file_parse(
	struct config *config, const char *text, size_t size, struct config_error *error)
{
	char *copy = malloc(size != 0 ? size : 1);
	enum status status;

	assert_non_null(copy);
	memcpy(copy, text, size);
	memset(error, 'x', sizeof(*error));
	status = config_parse_file(config, copy, size, FILENAME, error);
	free(copy);
	return status;
}

static void expect_config(
	const char *name, const struct config *got, const char *key, const char *wanted)
{
	char text[CONFIG_CMDLINE_SIZE + 2];
	int number = config_find_key(key);

	assert_true(number >= 0);
	config_format_value(got, (unsigned int)number, text, sizeof(text));
	if (strcmp(text, wanted) != 0)
		fail_msg("%s: %s is %s, not %s", name, key, text, wanted);
}

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

struct good_row {
	const char *name, *text, *key, *wanted;
};

static const struct good_row good_files[] = {
	{ "empty file", "", "memory", "64M" },
	{ "plain", "memory = 12M\n", "memory", "12M" },
	{ "no blanks", "memory=12M\n", "memory", "12M" },
	{ "many blanks", " \t memory \t = \t 12M \t \n", "memory", "12M" },
	{ "no end of line", "memory = 12M", "memory", "12M" },
	{ "CRLF", "# x\r\nmemory = 12M\r\n", "memory", "12M" },
	{ "CR at the end of the file", "memory = 12M\r", "memory", "12M" },
	{ "byte order mark", "\xef\xbb\xbfmemory = 12M\n", "memory", "12M" },
	{ "only a byte order mark", "\xef\xbb\xbf", "memory", "64M" },
	{ "comment line", "#memory = 12M\n  # memory = 13M\nmemory = 14M", "memory", "14M" },
	{ "comment behind a value", "memory = 12M # = \"x\n", "memory", "12M" },
	{ "comment behind a tab", "memory = 12M\t#x\n", "memory", "12M" },
	{ "second line", "timeout = 1\nmemory = 12M\n", "memory", "12M" },
	{ "bytes", "memory = 1048576\n", "memory", "1M" },
	{ "kilobytes", "memory = 1028K\n", "memory", "1028K" },
	{ "small letters", "memory = 2g\n", "memory", "2G" },
	{ "most memory", "memory = 1024G\n", "memory", "1024G" },
	{ "least memory", "memory = 1024k\n", "memory", "1M" },
	{ "guest", "guest = \\dir\\g.elf\n", "guest", "\\dir\\g.elf" },
	{ "slashes", "guest = dir/g.elf\n", "guest", "\\dir\\g.elf" },
	{ "leading slashes", "guest = //g.elf\n", "guest", "\\g.elf" },
	{ "initrd", "initrd = dir/i.img\n", "initrd", "\\dir\\i.img" },
	{ "no initrd", "initrd =\n", "initrd", "\"\"" },
	{ "blank in a path", "guest = my guest.elf\n", "guest", "\\my guest.elf" },
	{ "cmdline with =", "cmdline = a=b c=\"d\"\n", "cmdline", "a=b c=\"d\"" },
	{ "cmdline quoted", "cmdline = \" a # b \"  # c\n", "cmdline", "\" a # b \"" },
	{ "cmdline with # inside a word", "cmdline = a#b\n", "cmdline", "\"a#b\"" },
	{ "cmdline cut at #", "cmdline = a \"b # c\"\n", "cmdline", "a \"b" },
	{ "quote behind a second =", "cmdline = a= \"b # c\"\n", "cmdline", "a= \"b" },
	{ "cmdline empty", "cmdline =\n", "cmdline", "\"\"" },
	{ "cmdline empty with comment", "cmdline = # x\n", "cmdline", "\"\"" },
	{ "cmdline quoted empty", "cmdline = \"\"\n", "cmdline", "\"\"" },
	{ "cmdline in UTF-8", "cmdline = caf\xc3\xa9\n", "cmdline", "caf\xc3\xa9" },
	{ "disk", "disk = d\n", "disk", "\\d" },
	{ "rw", "disk.mode = rw\n", "disk.mode", "rw" },
	{ "ro", "disk.mode = ro\n", "disk.mode", "ro" },
	{ "snapshot", "disk.mode = snapshot\n", "disk.mode", "snapshot" },
	{ "both devices", "disk.device = both\n", "disk.device", "both" },
	{ "svirtb only", "disk.device = svirtb\n", "disk.device", "svirtb" },
	{ "virtio only", "disk.device = virtio\n", "disk.device", "virtio" },
	{ "sync as specified", "disk.sync = virtio\n", "disk.sync", "virtio" },
	{ "sync at exit", "disk.sync = exit\n", "disk.sync", "exit" },
	{ "entry size 28", "svirtb.entry-size = 28\n", "svirtb.entry-size", "28" },
	{ "entry size 32", "svirtb.entry-size = 32\n", "svirtb.entry-size", "32" },
	{ "timeout", "timeout = 1000000\n", "timeout", "1000000" },
	{ "pause auto", "pause = auto\n", "pause", "auto" },
	{ "pause yes", "pause = yes\n", "pause", "yes" },
	{ "pause no", "pause = no\n", "pause", "no" },
	{ "log error", "log = error\n", "log", "error" },
	{ "log trace", "log = trace\n", "log", "trace" },
};

static void test_good_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_files); i++) {
		const struct good_row *row = &good_files[i];
		struct config config;
		struct config_error error;

		config_set_defaults(&config);
		if (file_parse(&config, row->text, strlen(row->text), &error) != STATUS_OK)
			fail_msg("%s: %s", row->name, error.text);
		expect_config(row->name, &config, row->key, row->wanted);
	}
}

struct bad_row {
	const char *name, *text;
	enum status status;
	const char *error;
};

#define KEYS                                                                        \
	"guest, initrd, cmdline, memory, disk, disk.mode, disk.device, disk.sync, " \
	"svirtb.entry-size, "                                                       \
	"timeout, pause, log"

static const struct bad_row bad_files[] = {
	{ "no size", "# a\n\nmemory = 12Q\n", STATUS_BAD_VALUE,
		FILENAME ":3: memory = 12Q: not a size (like 64M)" },
	{ "two letters", "memory = 12MB", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 12MB: not a size (like 64M)" },
	{ "negative", "memory = -12M", STATUS_BAD_VALUE,
		FILENAME ":1: memory = -12M: not a size (like 64M)" },
	{ "no digit", "memory = M", STATUS_BAD_VALUE,
		FILENAME ":1: memory = M: not a size (like 64M)" },
	{ "no value", "memory =", STATUS_BAD_VALUE,
		FILENAME ":1: memory = : not a size (like 64M)" },
	{ "hexadecimal", "memory = 0x100000", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 0x100000: not a size (like 64M)" },
	{ "too small", "memory = 1020K", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 1020K: must be from 1M to 1024G" },
	{ "zero", "memory = 0", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 0: must be from 1M to 1024G" },
	{ "too large", "memory = 1025G", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 1025G: must be from 1M to 1024G" },
	{ "2^64 + 1M by its unit", "memory = 17592186044417M", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 17592186044417M: must be from 1M to 1024G" },
	{ "2^64 + 1M by its digits", "memory = 18446744073710600192", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 18446744073710600192: must be from 1M to 1024G" },
	{ "not a multiple", "memory = 1025K", STATUS_BAD_VALUE,
		FILENAME ":1: memory = 1025K: must be a multiple of 4K" },
	{ "no guest", "guest =", STATUS_BAD_VALUE,
		FILENAME ":1: guest = : names no file (like \\guest.elf)" },
	{ "only slashes", "disk = //", STATUS_BAD_VALUE,
		FILENAME ":1: disk = //: names no file (like \\guest.elf)" },
	{ "mode", "disk.mode = RW", STATUS_BAD_VALUE,
		FILENAME ":1: disk.mode = RW: must be rw, ro or snapshot" },
	{ "device", "disk.device = ide", STATUS_BAD_VALUE,
		FILENAME ":1: disk.device = ide: must be svirtb, virtio or both" },
	{ "sync", "disk.sync = never", STATUS_BAD_VALUE,
		FILENAME ":1: disk.sync = never: must be virtio (as virtio 1.2 demands) or exit "
			 "(at the end of the run only)" },
	{ "entry size", "svirtb.entry-size = 24", STATUS_BAD_VALUE,
		FILENAME
		":1: svirtb.entry-size = 24: must be 28 (packed, as specified) or 32 (as a "
		"compiler lays it out)" },
	{ "timeout too large", "timeout = 1000001", STATUS_BAD_VALUE,
		FILENAME ":1: timeout = 1000001: must be a number of seconds from 0 (none) to "
			 "1000000" },
	{ "timeout with a unit", "timeout = 5s", STATUS_BAD_VALUE,
		FILENAME ":1: timeout = 5s: must be a number of seconds from 0 (none) to 1000000" },
	{ "timeout wraps", "timeout = 18446744073709551617", STATUS_BAD_VALUE,
		FILENAME ":1: timeout = 18446744073709551617: must be a number of seconds from 0 "
			 "(none) to 1000000" },
	{ "pause", "pause = maybe", STATUS_BAD_VALUE,
		FILENAME ":1: pause = maybe: must be auto, yes or no" },
	{ "log", "log = 3", STATUS_BAD_VALUE,
		FILENAME ":1: log = 3: must be error, warn, info, debug or trace" },
	{ "unknown key", "memroy = 12M", STATUS_NOT_FOUND,
		FILENAME ":1: memroy = 12M: unknown key; there are " KEYS },
	{ "capital key", "Memory = 12M", STATUS_NOT_FOUND,
		FILENAME ":1: Memory = 12M: unknown key; there are " KEYS },
	{ "no =", "timeout = 1\nmemory 12M", STATUS_BAD_VALUE,
		FILENAME ":2: memory 12M: not a line of the form key = value" },
	{ "check is no line", "check", STATUS_BAD_VALUE,
		FILENAME ":1: check: not a line of the form key = value" },
	{ "no key", " = 12M", STATUS_BAD_VALUE,
		FILENAME ":1: = 12M: not a line of the form key = value" },
	{ "twice", "log = info\n\nlog = debug", STATUS_CONFLICT,
		FILENAME ":3: log = debug: line 1 gives this key already; give it once" },
	{ "open quote", "cmdline = \"a b", STATUS_BAD_VALUE,
		FILENAME ":1: cmdline = \"a b: the closing quote is missing" },
	{ "open quote hides the comment", "cmdline = \"a # b", STATUS_BAD_VALUE,
		FILENAME ":1: cmdline = \"a # b: the closing quote is missing" },
	{ "text behind a quote", "cmdline = \"a\" b", STATUS_BAD_VALUE,
		FILENAME ":1: cmdline = \"a\" b: nothing may follow the closing quote" },
	{ "escape byte", "cmdline = \x1b[2J", STATUS_BAD_VALUE,
		FILENAME ":1: byte 0x1b at character 11: only text may stand here" },
	{ "CR inside", "cmdline = a\rb", STATUS_BAD_VALUE,
		FILENAME ":1: byte 0x0d at character 12: only text may stand here" },
	{ "delete", "\x7f", STATUS_BAD_VALUE,
		FILENAME ":1: byte 0x7f at character 1: only text may stand here" },
	{ "UTF-16", "\xff\xfem", STATUS_BAD_VALUE,
		FILENAME ":1: the file is UTF-16; save it as UTF-8 or plain ASCII" },
	{ "UTF-16 the other way", "\xfe\xffm", STATUS_BAD_VALUE,
		FILENAME ":1: the file is UTF-16; save it as UTF-8 or plain ASCII" },
};

static void expect_refused(const struct bad_row *row, enum status status,
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

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_files); i++) {
		const struct bad_row *row = &bad_files[i];
		struct config config;
		struct config_error error;
		enum status status;

		config_set_defaults(&config);
		status = file_parse(&config, row->text, strlen(row->text), &error);
		expect_refused(row, status, &config, &error);
	}
}

static void test_file_zero_byte(void **state)
{
	static const char text[] = "timeout = 1\nmem\0ory = 12M\n";
	static const struct bad_row row = { "zero byte", text, STATUS_BAD_VALUE,
		FILENAME ":2: byte 0x00 at character 4: only text may stand here" };
	struct config config;
	struct config_error error;
	enum status status;

	(void)state;
	config_set_defaults(&config);
	status = file_parse(&config, text, sizeof(text) - 1, &error);
	expect_refused(&row, status, &config, &error);
}

/* 'cmdline=' and filling, size bytes in all, with an end of line behind it. */
static char *long_line(size_t size)
{
	char *text = malloc(size + 2);

	assert_non_null(text);
	memset(text, 'a', size);
	memcpy(text, "cmdline=", 8);
	text[size] = '\n';
	text[size + 1] = '\0';
	return text;
}

static void expect_long_line(size_t size, const char *wanted)
{
	char *text = long_line(size);
	struct config config;
	struct config_error error;
	enum status status;

	config_set_defaults(&config);
	status = file_parse(&config, text, size + 1, &error);
	if (wanted == NULL) {
		assert_int_equal(status, STATUS_OK);
		assert_int_equal(strlen(config.cmdline), size - 8);
		assert_string_equal(error.text, "");
	} else {
		assert_int_equal(status, STATUS_BAD_VALUE);
		assert_non_null(strstr(error.text, wanted));
	}
	free(text);
}

static void test_long_lines(void **state)
{
	(void)state;
	expect_long_line(8 + 2047, NULL);
	expect_long_line(8 + 2048, "...: longer than the 2047 characters of a command line");
	expect_long_line(4095, "...: longer than the 2047 characters of a command line");
	expect_long_line(4096, FILENAME ":1: a line of 4096 bytes; at most 4095 fit");
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

/* The longest of everything in one complaint still fits, cut, and ends. */
static void test_long_complaint(void **state)
{
	char name[300], text[1000];
	struct config config;
	struct config_error error;

	(void)state;
	config_set_defaults(&config);
	memset(name, 'n', sizeof(name));
	name[299] = '\0';
	memset(text, 'k', sizeof(text));
	text[500] = '=';
	assert_int_equal(
		config_parse_file(&config, text, sizeof(text), name, &error), STATUS_NOT_FOUND);
	assert_non_null(strstr(error.text, "k...: unknown key; there are guest"));
	assert_non_null(strstr(error.text, "pause, log"));
}

static const struct good_row good_options[] = {
	{ "empty", "", "memory", "64M" },
	{ "blanks", " \t ", "memory", "64M" },
	{ "only the program", "cafevisor.efi", "memory", "64M" },
	{ "program and key", "cafevisor.efi memory=12M", "memory", "12M" },
	{ "no program", "memory=12M", "memory", "12M" },
	{ "program with a path", "FS0:\\EFI\\cafevisor.efi memory=12M", "memory", "12M" },
	{ "program with an = in its path", "FS0:\\a=b\\cafevisor.efi memory=12M", "memory", "12M" },
	{ "quoted program", "\"FS0:\\my files\\cafevisor.efi\" memory=12M", "memory", "12M" },
	{ "blanks between", "  cafevisor.efi \t  memory=12M  ", "memory", "12M" },
	{ "two keys", "memory=12M timeout=9", "timeout", "9" },
	{ "last one wins", "memory=12M memory=13M", "memory", "13M" },
	{ "quoted value", "cmdline=\"a b\" memory=12M", "cmdline", "a b" },
	{ "quoted value and another", "cmdline=\"a b\" memory=12M", "memory", "12M" },
	{ "quoted word", "x \"cmdline=a b\" memory=12M", "cmdline", "a b" },
	{ "quoted first word", "\"cmdline=a b\" memory=12M", "cmdline", "a b" },
	{ "= in a value", "cmdline=a=b", "cmdline", "a=b" },
	{ "# in a value", "cmdline=#1", "cmdline", "\"#1\"" },
	{ "quoted blanks", "cmdline=\"  a  \"", "cmdline", "\"  a  \"" },
	{ "empty value", "cmdline=", "cmdline", "\"\"" },
	{ "empty quoted value", "cmdline=\"\" log=warn", "log", "warn" },
	{ "slashes", "guest=a/b", "guest", "\\a\\b" },
};

static void test_good_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good_options); i++) {
		const struct good_row *row = &good_options[i];
		struct config config;
		struct config_error error;

		config_set_defaults(&config);
		if (config_parse_options(&config, row->text, &error) != STATUS_OK)
			fail_msg("%s: %s", row->name, error.text);
		expect_config(row->name, &config, row->key, row->wanted);
		assert_false(config.check);
		assert_string_equal(error.text, "");
	}
}

static const struct bad_row bad_options[] = {
	{ "bad value", "cafevisor.efi memory=12Q", STATUS_BAD_VALUE,
		"load options: memory = 12Q: not a size (like 64M)" },
	{ "bad value first", "memory=12Q", STATUS_BAD_VALUE,
		"load options: memory = 12Q: not a size (like 64M)" },
	{ "good then bad", "timeout=3 check memory=12Q", STATUS_BAD_VALUE,
		"load options: memory = 12Q: not a size (like 64M)" },
	{ "unknown key", "x memroy=1M", STATUS_NOT_FOUND,
		"load options: memroy = 1M: unknown key; there are " KEYS },
	{ "second word", "cafevisor.efi help", STATUS_BAD_VALUE,
		"load options: 'help': neither key=value nor the word check" },
	{ "a path is no option", "cafevisor.efi \\a=b", STATUS_NOT_FOUND,
		"load options: \\a = b: unknown key; there are " KEYS },
	{ "no key", "x =5", STATUS_BAD_VALUE,
		"load options: '=5': neither key=value nor the word check" },
	{ "empty quotes", "x \"\"", STATUS_BAD_VALUE,
		"load options: '': neither key=value nor the word check" },
	{ "blanks around =", "x memory = 5M", STATUS_BAD_VALUE,
		"load options: 'memory': neither key=value nor the word check" },
	{ "open quote", "x cmdline=\"a b", STATUS_BAD_VALUE,
		"load options: cmdline=a b: the closing quote is missing" },
	{ "quote inside", "x cmdline=a\"b c\"", STATUS_BAD_VALUE,
		"load options: cmdline=a: quotes go around a whole value or a whole word" },
	{ "quote behind a second =", "x cmdline=a=\"b c\"", STATUS_BAD_VALUE,
		"load options: cmdline=a=: quotes go around a whole value or a whole word" },
	{ "text behind a quote", "x cmdline=\"a\"b", STATUS_BAD_VALUE,
		"load options: cmdline=a: quotes go around a whole value or a whole word" },
	{ "quote behind a quote", "x cmdline=\"a\"\"b\"", STATUS_BAD_VALUE,
		"load options: cmdline=a: quotes go around a whole value or a whole word" },
	{ "control character", "x cmdline=a\nb", STATUS_BAD_VALUE,
		"load options: byte 0x0a at character 12: only text may stand here" },
};

static void test_bad_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_options); i++) {
		const struct bad_row *row = &bad_options[i];
		struct config config;
		struct config_error error;
		enum status status;

		config_set_defaults(&config);
		memset(&error, 'x', sizeof(error));
		status = config_parse_options(&config, row->text, &error);
		expect_refused(row, status, &config, &error);
	}
}

static void test_check_word(void **state)
{
	static const char *const texts[] = { "check", "cafevisor.efi check", "\"check\"",
		"memory=1M check", "check memory=1M", "check check" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct config config;
		struct config_error error;

		config_set_defaults(&config);
		assert_int_equal(config_parse_options(&config, texts[i], &error), STATUS_OK);
		if (!config.check)
			fail_msg("'%s' does not check", texts[i]);
	}
}

static void test_long_word(void **state)
{
	char *text = long_line(4096);
	struct config config;
	struct config_error error;

	(void)state;
	config_set_defaults(&config);
	text[4096] = '\0';
	assert_int_equal(config_parse_options(&config, text, &error), STATUS_BAD_VALUE);
	assert_string_equal(error.text, "load options: a word longer than 4095 bytes");
	text[8 + 2047] = '\0';
	assert_int_equal(config_parse_options(&config, text, &error), STATUS_OK);
	assert_int_equal(strlen(config.cmdline), 2047);
	free(text);
}

static void test_options_override_file(void **state)
{
	static const char text[] = "memory = 12M\ntimeout = 7\n";
	struct config config;
	struct config_error error;

	(void)state;
	config_set_defaults(&config);
	assert_int_equal(file_parse(&config, text, sizeof(text) - 1, &error), STATUS_OK);
	assert_int_equal(config_parse_options(&config, "x memory=13M", &error), STATUS_OK);
	assert_true(config.memory == 13 * MIB);
	assert_int_equal(config.timeout_seconds, 7);
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
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_good_files),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_file_zero_byte),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_long_complaint),
		cmocka_unit_test(test_good_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_check_word),
		cmocka_unit_test(test_long_word),
		cmocka_unit_test(test_options_override_file),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
