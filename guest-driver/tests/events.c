/* SPDX-License-Identifier: MIT */
/*
 * Test guest: events around instructions that exit. Single steps, breakpoints, the shadow of MOV
 * SS and STI, RFLAGS.RF, and exceptions of every kind must come as if there were no hypervisor. The
 * command line names groups of checks.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/events/events.h"

static const struct check_group groups[] = {
	{ "stepping", events_test_stepping },       /* TF over everything that exits */
	{ "shadow", events_test_shadow },           /* MOV SS and STI before it */
	{ "breakpoints", events_test_breakpoints }, /* DR0-3, RF, GD */
	{ "exceptions", events_test_exceptions },   /* int3, int1, #GP, #AC */
	{ "ring3", events_test_ring3 },             /* what ring 3 may not */
};

int main(const char *cmdline)
{
	exceptions_init();
	return check_run(cmdline, groups, sizeof(groups) / sizeof(groups[0]));
}
