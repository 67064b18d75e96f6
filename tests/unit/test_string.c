/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of lib/string.c, which host builds otherwise leave out: its functions under other
 * names, against the C library's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define memcpy  image_memcpy
#define memmove image_memmove
#define memset  image_memset
#define memcmp  image_memcmp
#define strlen  image_strlen
#define strcmp  image_strcmp
#define strncmp image_strncmp
#undef LIB_STRING_H
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp

#include "lib/bits.h"

#define AREA 48

static void fill(uint8_t *area)
{
	for (int i = 0; i < AREA; i++)
		area[i] = (uint8_t)(i * 7 + 1);
}

/* Every place and size in a small area, overlaps both ways included. */
static void test_moves(void **state)
{
	uint8_t expected[AREA], area[AREA], other[AREA];

	(void)state;
	for (size_t to = 0; to < AREA; to++) {
		for (size_t from = 0; from < AREA; from++) {
			for (size_t size = 0; size <= AREA - (to > from ? to : from); size++) {
				fill(expected);
				fill(area);
				memmove(expected + to, expected + from, size);
				assert_ptr_equal(
					image_memmove(area + to, area + from, size), area + to);
				assert_memory_equal(area, expected, AREA);

				memset(expected, 0x5a, AREA);
				memset(other, 0x5a, AREA);
				memcpy(expected + to, area + from, size);
				assert_ptr_equal(
					image_memcpy(other + to, area + from, size), other + to);
				assert_memory_equal(other, expected, AREA);
			}
		}
	}
}

static void test_fills(void **state)
{
	static const int values[] = { 0, 0x7f, 0xff, 0x1a5, -1 };
	uint8_t expected[AREA], area[AREA];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		for (size_t to = 0; to < AREA; to++) {
			for (size_t size = 0; size <= AREA - to; size++) {
				fill(expected);
				fill(area);
				memset(expected + to, values[i], size);
				assert_ptr_equal(
					image_memset(area + to, values[i], size), area + to);
				assert_memory_equal(area, expected, AREA);
			}
		}
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_comparisons(void **state)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "abd", "b", "a\x80", "a\xff",
		"\xff", "abcdefgh", "abcdefgi" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		const char *a = texts[i];

		assert_int_equal(image_strlen(a), strlen(a));
		for (size_t j = 0; j < ARRAY_COUNT(texts); j++) {
			const char *b = texts[j];
			const size_t shorter = min_u64(strlen(a), strlen(b)) + 1;

			assert_int_equal(sign(image_strcmp(a, b)), sign(strcmp(a, b)));
			for (size_t size = 0; size < 12; size++)
				assert_int_equal(
					sign(image_strncmp(a, b, size)), sign(strncmp(a, b, size)));
			for (size_t size = 0; size <= shorter; size++)
				assert_int_equal(
					sign(image_memcmp(a, b, size)), sign(memcmp(a, b, size)));
		}
	}
	assert_int_equal(sign(image_memcmp("a\0b", "a\0c", 3)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_fills),
		cmocka_unit_test(test_comparisons),
	};

	return cmocka_run_group_tests_name("string", tests, NULL, NULL);
}
