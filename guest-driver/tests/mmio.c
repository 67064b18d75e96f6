/* SPDX-License-Identifier: MIT */
/*
 * Test guest: instructions on the device page. Each is executed there and on ordinary memory that
 * holds what the device answers, at the same linear address; registers, flags, memory and the
 * guest's page-table entry must then be equal. The command line names groups of checks.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/mmio/mmio.h"

static const struct check_group groups[] = {
	{ "forms", mmio_test_forms },           /* opcodes, prefixes, registers, flags */
	{ "addressing", mmio_test_addressing }, /* ModRM, SIB, RIP-relative, 67, FS and GS */
	{ "offsets", mmio_test_offsets },       /* A0-A3 */
	{ "widths", mmio_test_widths },         /* what the device takes, and what it does not */
	{ "refused", mmio_test_refused },       /* instructions that are not carried */
	{ "unmapped", mmio_test_unmapped },     /* where nobody lives */
	{ "straddling", mmio_test_straddling }, /* into, out of and beside the device page */
	{ "mappings", mmio_test_mappings },     /* aliases, protection, PCID, stale translations */
	{ "fetching", mmio_test_fetching },     /* instructions at the end of a page */
};

int main(const char *cmdline)
{
	exceptions_init();
	window_init();
	return check_run(cmdline, groups, sizeof(groups) / sizeof(groups[0]));
}
