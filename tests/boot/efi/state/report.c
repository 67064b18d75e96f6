/* SPDX-License-Identifier: MIT */
/*
 * Puts the text of a result file together, see report.h.
 */
#include "tests/boot/efi/state/report.h"

void report_text(struct report *report, const char *text)
{
	for (; *text != 0 && report->length < REPORT_SIZE; text++)
		report->text[report->length++] = *text;
}

void report_digits(struct report *report, uint64_t value, unsigned int base)
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

void report_number(struct report *report, const char *name, uint64_t value)
{
	report_text(report, name);
	report_text(report, "=");
	report_digits(report, value, 10);
	report_text(report, "\n");
}

static void report_change(struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, name);
	report_text(report, ", before 0x");
	report_digits(report, before, 16);
	report_text(report, ", after 0x");
	report_digits(report, after, 16);
	report_text(report, "\n");
}

void report_difference(struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, "difference.");
	report_digits(report, ++report->differences, 10);
	report_text(report, "=");
	report_change(report, name, before, after);
}

void report_allowed(struct report *report, const char *name, uint64_t before, uint64_t after)
{
	report_text(report, "allowed=");
	report_change(report, name, before, after);
}
