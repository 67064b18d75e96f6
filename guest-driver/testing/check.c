/* SPDX-License-Identifier: MIT */
/*
 * Counting and reporting checks. Called by the test guests.
 */
#include "guest-driver/testing/check.h"

#include <stdarg.h>

#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "lib/format.h"
#include "lib/string.h"

#define REPORTS_MAX 40 /* later failures are only counted */

static struct {
	char name[160];
	unsigned int number; /* of the check that runs */
	unsigned int first_failed;
	unsigned int failures;
	bool failed; /* this check */
} state;

void check_begin(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_text_va(state.name, sizeof(state.name), format, arguments);
	va_end(arguments);
	state.number++;
	state.failed = false;
}

static void note_failure(void)
{
	state.failures++;
	state.failed = true;
	if (state.first_failed == 0)
		state.first_failed =
			state.number < CHECK_MAX_NUMBER ? state.number : CHECK_MAX_NUMBER;
}

bool check_equal(const char *what, uint64_t found, uint64_t expected)
{
	if (found == expected)
		return true;
	note_failure();
	if (state.failures <= REPORTS_MAX)
		print("check %u (%s): %s: expected 0x%llx, found 0x%llx\n", state.number,
			state.name, what, (unsigned long long)expected, (unsigned long long)found);
	return false;
}

bool check_true(const char *what, bool holds)
{
	if (holds)
		return true;
	note_failure();
	if (state.failures <= REPORTS_MAX)
		print("check %u (%s): %s: expected to hold, but does not\n", state.number,
			state.name, what);
	return false;
}

void check_skip(const char *reason)
{
	print("skipped: %s\n", reason);
}

static void run_group(const struct check_group *group)
{
	const unsigned int before = state.number, failures_before = state.failures;
	const uint64_t start = tsc_read();

	group->run();
	print("%s: %u checks, %u failures, %llu thousand ticks\n", group->word,
		state.number - before, state.failures - failures_before,
		(unsigned long long)((tsc_read() - start) / 1000));
}

/* Whether every word of the command line names a group. */
static bool words_are_known(const char *cmdline, const struct check_group *groups, size_t count)
{
	for (const char *word = cmdline; *word != '\0';) {
		bool known = false;
		size_t length = 0;

		while (word[length] != '\0' && word[length] != ' ')
			length++;
		for (size_t i = 0; i < count; i++)
			known = known || (strlen(groups[i].word) == length &&
						 strncmp(word, groups[i].word, length) == 0);
		if (!known && length != 0)
			return false;
		word += length;
		while (*word == ' ')
			word++;
	}
	return true;
}

int check_run(const char *cmdline, const struct check_group *groups, size_t count)
{
	if (!words_are_known(cmdline, groups, count)) {
		print("\"%s\" has a word that names no group of checks\n", cmdline);
		return CHECK_STATUS_UNKNOWN;
	}
	for (size_t i = 0; i < count; i++) {
		if (*cmdline == '\0' || runtime_has_word(cmdline, groups[i].word))
			run_group(&groups[i]);
	}
	print("%u checks, %u failures\n", state.number, state.failures);
	return (int)state.first_failed;
}
