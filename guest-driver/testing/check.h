/* SPDX-License-Identifier: MIT */
/*
 * What the test guests count and say: checks with numbers. The number of the first that failed is
 * the run's status; each one that fails prints what was expected and what was found.
 */
#ifndef GUEST_DRIVER_TESTING_CHECK_H
#define GUEST_DRIVER_TESTING_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_MAX_NUMBER     96 /* later checks share it */
#define CHECK_STATUS_UNKNOWN 97 /* the command line has a word that names no group */

/* A group of checks, and the word of the command line that asks for it. */
struct check_group {
	const char *word;
	void (*run)(void);
};

/*
 * Runs the groups that the command line names, all of them where it is empty. The status for main
 * to return: 0 when all checks held, else the number of the first that did not.
 */
int check_run(const char *cmdline, const struct check_group *groups, size_t count);

/* Begins the next check: all comparisons up to the next one are part of it. */
void check_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Part of a check; what says which value it is. They return whether it held. */
bool check_equal(const char *what, uint64_t found, uint64_t expected);
bool check_true(const char *what, bool holds);

/* Says why a check, or a group, is left out on this processor. */
void check_skip(const char *reason);

#endif
