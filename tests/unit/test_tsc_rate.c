/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of vmm/tsc_rate.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "vmm/tsc_rate.h"

#define MEASURED UINT64_C(2400000000)

static const struct {
	const char *name;
	struct cpuid_registers leaf;
	uint64_t rate;
} rows[] = {
	{ "no leaf", { 0 }, MEASURED },
	{ "the same", { .eax = 2, .ebx = 200, .ecx = 24000000 }, MEASURED },
	{ "a little more", { .eax = 2, .ebx = 201, .ecx = 24000000 }, 2412000000 },
	{ "a little less", { .eax = 1, .ebx = 99, .ecx = 24000000 + 1 }, 2376000099 },
	{ "1 % more", { .eax = 1, .ebx = 101, .ecx = 24000000 }, 2424000000 },
	{ "more than 1 % more", { .eax = 1, .ebx = 101, .ecx = 24000001 }, MEASURED },
	{ "more than 1 % less", { .eax = 1, .ebx = 98, .ecx = 24000000 }, MEASURED },
	{ "seventeen times", { .eax = 2, .ebx = 3400, .ecx = 24000000 }, MEASURED },
	{ "no denominator", { .eax = 0, .ebx = 200, .ecx = 24000000 }, MEASURED },
	{ "no numerator", { .eax = 2, .ebx = 0, .ecx = 24000000 }, MEASURED },
	{ "no crystal, as in Bochs", { .eax = 2, .ebx = 292, .ecx = 0 }, MEASURED },
	{ "as large as it gets", { .eax = 1, .ebx = ~0u, .ecx = ~0u }, MEASURED },
};

static void test_choice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t rate = tsc_rate_choose(MEASURED, &rows[i].leaf);

		if (rate != rows[i].rate)
			fail_msg("%s: %llu instead of %llu", rows[i].name, (unsigned long long)rate,
				(unsigned long long)rows[i].rate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests_name("tsc_rate", tests, NULL, NULL);
}
