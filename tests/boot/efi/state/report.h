/* SPDX-License-Identifier: MIT */
/*
 * The text of a result file: key=value lines, and a line for each difference, numbered.
 * Called by state.c and compare.c. What does not fit is left out.
 */
#ifndef TESTS_BOOT_EFI_STATE_REPORT_H
#define TESTS_BOOT_EFI_STATE_REPORT_H

#include <stdint.h>

#define REPORT_SIZE 16384u

struct report {
	char text[REPORT_SIZE];
	uint64_t length;
	uint64_t differences;
};

void report_text(struct report *report, const char *text);
void report_digits(struct report *report, uint64_t value, unsigned int base);

/* name=value, in decimal. */
void report_number(struct report *report, const char *name, uint64_t value);

/* difference.N=name, before 0x..., after 0x... */
void report_difference(struct report *report, const char *name, uint64_t before, uint64_t after);

/* What may change: allowed=name, before 0x..., after 0x... */
void report_allowed(struct report *report, const char *name, uint64_t before, uint64_t after);

#endif
