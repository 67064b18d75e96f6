/* SPDX-License-Identifier: MIT */
/*
 * Test guest: the processor that a guest sees. What CPUID shows works and what it hides does not;
 * control registers and MSRs read as they were written; what a processor refuses is refused. The
 * command line names groups of checks.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/cpu/cpu.h"

static const struct check_group groups[] = {
	{ "cpuid", cpu_test_cpuid },
	{ "cr0", cpu_test_cr0 },
	{ "cr4", cpu_test_cr4 },
	{ "cr8", cpu_test_cr8 },
	{ "xcr0", cpu_test_xcr0 },
	{ "efer", cpu_test_efer },
	{ "msrs", cpu_test_msrs },
	{ "instructions", cpu_test_instructions },
};

int main(const char *cmdline)
{
	exceptions_init();
	return check_run(cmdline, groups, sizeof(groups) / sizeof(groups[0]));
}
