/* SPDX-License-Identifier: MIT */
/*
 * The text of a result file: key=value lines, and a line for each difference, numbered.
 */
#ifndef TESTS_BOOT_EFI_REPORT_H
#define TESTS_BOOT_EFI_REPORT_H

#include <stdint.h>

#define REPORT_SIZE 16384u

struct report {
	char text[REPORT_SIZE];
	uint64_t length;
	uint64_t differences;
};

static inline void report_text(struct report *report, const char *text)
{
	for (; *text != 0 && report->length < REPORT_SIZE; text++)
		report->text[report->length++] = *text;
}

static inline void report_digits(struct report *report, uint64_t value, unsigned int base)
{
	char digits[20 + 1];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	report_text(report, digits + at);
}

/* name=value, in decimal. */
static inline void report_number(struct report *report, const char *name, uint64_t value)
{
	report_text(report, name);
	report_text(report, "=");
	report_digits(report, value, 10);
	report_text(report, "\n");
}

static inline void report_change(
	struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, name);
	report_text(report, ", before 0x");
	report_digits(report, before, 16);
	report_text(report, ", after 0x");
	report_digits(report, after, 16);
	report_text(report, "\n");
}

/* difference.N=name, before 0x..., after 0x... */
static inline void report_difference(
	struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, "difference.");
	report_digits(report, ++report->differences, 10);
	report_text(report, "=");
	report_change(report, name, before, after);
}

/* What may change: allowed=name, before 0x..., after 0x... */
static inline void report_allowed(
	struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, "allowed=");
	report_change(report, name, before, after);
}

#endif
