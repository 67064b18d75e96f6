/* SPDX-License-Identifier: MIT */
/*
 * Test guest: what stays in the processor while the hypervisor works. x87, SSE, AVX and AVX-512
 * registers over thousands of exits; they and all other registers over a give-back of the machine
 * to the firmware in mid-run; a hundred give-backs. The command line names groups of checks.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/fpu/fpu.h"

static const struct check_group groups[] = {
	{ "exits", fpu_test_exits },         /* 10,000 of them, a write-back in the middle */
	{ "registers", fpu_test_registers }, /* all but the vector registers, over a give-back */
	{ "givebacks", fpu_test_givebacks }, /* 100, a sector written before each */
};

int main(const char *cmdline)
{
	exceptions_init();
	return check_run(cmdline, groups, sizeof(groups) / sizeof(groups[0]));
}
