/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/config_parse.c: the file cafevisor.conf, and the exact text of every
 * complaint.
 */
#include "tests/unit/config_rows.h"

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

static enum status text_parse(struct config *config, const char *text, struct config_error *error)
{
	return file_parse(config, text, strlen(text), error);
}

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
	for (size_t i = 0; i < ARRAY_COUNT(good_files); i++)
		expect_good(&good_files[i], text_parse);
}

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

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_files); i++)
		expect_bad(&bad_files[i], text_parse);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_files),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_file_zero_byte),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_complaint),
	};

	return cmocka_run_group_tests_name("config_file", tests, NULL, NULL);
}
