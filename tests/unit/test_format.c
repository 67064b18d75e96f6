/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of lib/format.c: every conversion against the C library's snprintf, in a buffer of
 * every size around the text's; and where we differ from it on purpose.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "lib/format.h"

#define TEXT_MAX 256

/* Prints with both into buffers of exactly size bytes; format and arguments are the same. */
static void compare_sizes(const char *format, ...)
{
	char expected[TEXT_MAX];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	for (size_t size = 0; size < (size_t)length + 3; size++) {
		char *buffer = malloc(size + 1);
		size_t result;

		assert_non_null(buffer);
		memset(buffer, '#', size + 1);
		va_start(arguments, format);
		result = format_text_va(buffer, size, format, arguments);
		va_end(arguments);
		if (result != (size_t)length)
			fail_msg("\"%s\": length %zu, not %d", format, result, length);
		if (size > 0 && (strncmp(buffer, expected, size - 1) != 0 ||
					buffer[min_u64(size - 1, result)] != '\0'))
			fail_msg("\"%s\" in %zu bytes: \"%s\", not \"%s\"", format, size, buffer,
				expected);
		if (buffer[size] != '#')
			fail_msg("\"%s\": wrote beyond %zu bytes", format, size);
		free(buffer);
	}
}

static void test_int(void **state)
{
	static const char *const formats[] = { "%d", "%i", "%u", "%x", "%X", "%5d|", "%-5d|",
		"%05d|", "%2d", "%08x", "%-8x|", "%#x", "%#X", "%#10x|", "%-#10x|", "%#010x|",
		"%.3d", "%.0d|", "%8.3d|", "%-8.3d|", "%.12u", "a%db", "%%%d%%", "%-05d|", "%09d" };
	static const int values[] = { 0, 1, -1, 9, 10, 42, -42, 99999, 0x1234abcd, INT_MAX,
		INT_MIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(values); j++)
			compare_sizes(formats[i], values[j]);
	}
}

static void test_long(void **state)
{
	static const char *const formats[] = { "%ld", "%li", "%lu", "%lx", "%lX", "%lld", "%llu",
		"%llx", "%llX", "%zu", "%zx", "%zd", "%20ld|", "%-20lx|", "%020lx|", "%#lx",
		"%#018llx", "%018lx" };
	static const long values[] = { 0, 1, -1, 0x123456789abcdef, LONG_MAX, LONG_MIN };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(values); j++)
			compare_sizes(formats[i], values[j]);
	}
}

static void test_string(void **state)
{
	static const char *const formats[] = { "%s", "%5s|", "%-5s|", "%.3s", "%.0s|", "%8.3s|",
		"%-8.3s|", "%.100s", "[%s]", "%10s" };
	static const char *const values[] = { "", "a", "abc", "abcdef", "%d", "with space" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(values); j++)
			compare_sizes(formats[i], values[j]);
	}
}

static void test_mixed(void **state)
{
	static const char unterminated[3] = { 'a', 'b', 'c' };

	(void)state;
	compare_sizes("");
	compare_sizes("plain text");
	compare_sizes("%%");
	compare_sizes("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	compare_sizes(
		"%s: entry %u: buffer %#lx+%lu %s", "svirtb", 3u, 0x7ffff000l, 8192l, "outside");
	compare_sizes("%d %ld %u %s %zu %x", -1, -2l, 3u, "four", (size_t)5, 6u);
	compare_sizes("%*d|%-*d|%*d|", 6, 1, 6, 2, -6, 3);
	compare_sizes("%.*s|%.*s|%*.*s|", 2, "abc", -1, "abc", 5, 1, "abc");
	compare_sizes("%.*s", 3, unterminated);
	compare_sizes("%p", (void *)0x1234abcdef0);
	compare_sizes("%20p|%-20p|", (void *)0x1000, (void *)0x2000);
}

/* format_text without the compiler's own opinion of the arguments. */
static size_t print(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}

/* What the C library leaves undefined, or does in a way that is not ours. */
static void test_own_rules(void **state)
{
	char text[64];
	char *large = malloc(20000);

	(void)state;
	print(text, sizeof(text), "%s %p", (const char *)NULL, (void *)NULL);
	assert_string_equal(text, "(null) 0x0");
	assert_non_null(large);
	assert_int_equal(print(large, 20000, "%*d", INT_MAX, 1), 10000);
	assert_int_equal(print(large, 20000, "%*d", INT_MIN, 1), 10000);
	assert_int_equal(format_text(text, sizeof(text), "%d-%s", 5, "x"), 3);
	assert_string_equal(text, "5-x");
	free(large);
}

/* A conversion that is not known, and all after it: what its argument is nobody knows. */
static void test_unknown(void **state)
{
	static const struct {
		const char *format, *text;
	} rows[] = {
		{ "%d %q %d", "7 %q %d" },
		{ "%d%", "7%" },
		{ "%d %5", "7 %5" },
		{ "%d %ls %s", "7 %ls %s" },
		{ "%d %hd", "7 %hd" },
		{ "%d %lc %lp", "7 %lc %lp" },
		{ "%zld", "%zld" },
		{ "%lllx", "%lllx" },
		{ "%d %f %s", "7 %f %s" },
		{ "%d %n", "7 %n" },
		{ "%99999999999999999999z", "%99999999999999999999z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[64];

		print(text, sizeof(text), rows[i].format, 7, 8);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("\"%s\": \"%s\", not \"%s\"", rows[i].format, text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
