/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/config_parse.c: the load options, and the exact text of every complaint.
 */
#include "tests/unit/config_rows.h"

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
	for (size_t i = 0; i < ARRAY_COUNT(good_options); i++)
		expect_good(&good_options[i], config_parse_options);
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
	for (size_t i = 0; i < ARRAY_COUNT(bad_options); i++)
		expect_bad(&bad_options[i], config_parse_options);
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
	assert_int_equal(
		config_parse_file(&config, text, sizeof(text) - 1, "cafevisor.conf", &error),
		STATUS_OK);
	assert_int_equal(config_parse_options(&config, "x memory=13M", &error), STATUS_OK);
	assert_true(config.memory == 13 * MIB);
	assert_int_equal(config.timeout_seconds, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_check_word),
		cmocka_unit_test(test_long_word),
		cmocka_unit_test(test_options_override_file),
	};

	return cmocka_run_group_tests_name("config_options", tests, NULL, NULL);
}
