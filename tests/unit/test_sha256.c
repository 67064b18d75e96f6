/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of guest-driver/sha256.c, the guest's own hash: the standard's examples, and files of
 * many sizes against what sha256sum says. The guest's source is compiled into this test, since it
 * is no part of the hypervisor.
 */
#define _POSIX_C_SOURCE 200809L /* mkstemp, popen */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest-driver/sha256.c"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Hashes size bytes in pieces of at most step. */
static void hash_in_steps(
	const uint8_t *bytes, size_t size, size_t step, char text[SHA256_TEXT_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	for (size_t at = 0; at < size; at += step)
		sha256_update(&hash, bytes + at, size - at < step ? size - at : step);
	memset(text, 'x', SHA256_TEXT_SIZE);
	sha256_finish(&hash, text);
}

struct example {
	const char *text, *digest;
};

/* FIPS 180-4's examples (NIST, "Examples with Intermediate Values"), and the empty text. */
static const struct example examples[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		const uint8_t *bytes = (const uint8_t *)examples[i].text;
		char text[SHA256_TEXT_SIZE];

		hash_in_steps(bytes, strlen(examples[i].text), 1000, text);
		assert_string_equal(text, examples[i].digest);
	}
}

/* What sha256sum says about these bytes in a file. */
static void ask_sha256sum(const uint8_t *bytes, size_t size, char text[SHA256_TEXT_SIZE])
{
	char name[] = "/tmp/test_sha256.XXXXXX", command[100];
	int file = mkstemp(name);
	FILE *answer;

	assert_true(file >= 0);
	assert_true(write(file, bytes, size) == (ssize_t)size);
	close(file);
	snprintf(command, sizeof(command), "sha256sum %s", name);
	answer = popen(command, "r");
	assert_non_null(answer);
	assert_non_null(fgets(text, SHA256_TEXT_SIZE, answer));
	pclose(answer);
	unlink(name);
}

static void test_against_sha256sum(void **state)
{
	static const size_t sizes[] = { 0, 1, 3, 4, 31, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127,
		128, 129, 511, 4096, 100003, 1048577 };
	static const size_t steps[] = { 1, 63, 64, 65, 4096, 2000000 };
	static uint8_t bytes[1048577];
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		random = random * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(random >> 24);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char wanted[SHA256_TEXT_SIZE];

		ask_sha256sum(bytes, sizes[i], wanted);
		for (size_t j = 0; j < COUNT(steps); j++) {
			char text[SHA256_TEXT_SIZE];

			hash_in_steps(bytes, sizes[i], steps[j], text);
			if (strcmp(text, wanted) != 0)
				fail_msg("%zu bytes by %zu: %s, not %s", sizes[i], steps[j], text,
					wanted);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_against_sha256sum),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
