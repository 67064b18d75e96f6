/* SPDX-License-Identifier: MIT */
/*
 * What test guests end with: 0 when all is as it should be, else the number of the first check that
 * failed, 1 to 99, after a line that says what was found instead.
 */
#ifndef GUEST_DRIVER_RUNTIME_CHECK_H
#define GUEST_DRIVER_RUNTIME_CHECK_H

#include <stdint.h>

#include "guest-driver/runtime/runtime.h"

static inline void check_equal(uint8_t number, const char *what, uint64_t found, uint64_t expected)
{
	if (found == expected)
		return;
	print("check %u failed: %s: expected 0x%llx, found 0x%llx\n", number, what,
		(unsigned long long)expected, (unsigned long long)found);
	runtime_exit(number);
}

/* A part of a test guest that a word of the command line asks for. */
struct check_part {
	const char *word;
	void (*run)(void);
};

/* Runs the parts whose words are there, in the table's order, and returns main's value. */
static inline int check_run_parts(
	const char *cmdline, const struct check_part *parts, unsigned int count)
{
	unsigned int ran = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (!runtime_has_word(cmdline, parts[i].word))
			continue;
		parts[i].run();
		print("%s: passed\n", parts[i].word);
		ran++;
	}
	if (ran != 0)
		return 0;
	print("no part of this guest is named by '%s'; there are:\n", cmdline);
	for (unsigned int i = 0; i < count; i++)
		print("  %s\n", parts[i].word);
	return 97;
}

#endif
