/* SPDX-License-Identifier: MIT */
/*
 * The pure part of vmm/guest_cpuid.h: which XCR0 components are carried of those offered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/guest_cpuid.h"

#define LEGACY (XCR0_X87 | XCR0_SSE)
#define MPX    (BIT(3) | BIT(4))
#define PKRU   BIT(9)
#define AMX    (BIT(17) | BIT(18))

static const struct {
	const char *name;
	uint64_t offered, carried;
} rows[] = {
	{ "x87 and SSE", LEGACY, LEGACY },
	{ "AVX", LEGACY | XCR0_AVX, LEGACY | XCR0_AVX },
	{ "AVX without SSE", XCR0_X87 | XCR0_AVX, XCR0_X87 },
	{ "AVX-512", LEGACY | XCR0_AVX | XCR0_AVX512, LEGACY | XCR0_AVX | XCR0_AVX512 },
	{ "AVX-512 without opmask", LEGACY | XCR0_AVX | XCR0_ZMM_HI256 | XCR0_HI16_ZMM,
		LEGACY | XCR0_AVX },
	{ "AVX-512 without ZMM_Hi256", LEGACY | XCR0_AVX | XCR0_OPMASK | XCR0_HI16_ZMM,
		LEGACY | XCR0_AVX },
	{ "AVX-512 without Hi16_ZMM", LEGACY | XCR0_AVX | XCR0_OPMASK | XCR0_ZMM_HI256,
		LEGACY | XCR0_AVX },
	{ "AVX-512 without AVX", LEGACY | XCR0_AVX512, LEGACY },
	{ "what is not carried", LEGACY | MPX | XCR0_AVX | PKRU | AMX, LEGACY | XCR0_AVX },
};

static void test_xcr0_carried(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const uint64_t carried = xcr0_carried(rows[i].offered);

		if (carried != rows[i].carried)
			fail_msg("%s: 0x%llx instead of 0x%llx", rows[i].name,
				(unsigned long long)carried, (unsigned long long)rows[i].carried);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xcr0_carried),
	};

	return cmocka_run_group_tests_name("guest_cpuid", tests, NULL, NULL);
}
