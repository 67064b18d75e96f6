/* SPDX-License-Identifier: MIT */
/*
 * vmm/alu.c against the processor that the test runs on: each operation is executed natively with
 * the same operands and flags, at every width, for all pairs of edge values and for random ones.
 * AF after AND, OR, XOR and TEST is left out of that: the SDM leaves it undefined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "vmm/alu.h"

#define RANDOM_PAIRS 20000 /* for each operation and width: 1.2 million in all */

static const unsigned widths[] = { 1, 2, 4, 8 };

static const uint64_t edges[] = {
	0,
	1,
	2,
	7,
	8,
	0xf,
	0x10,
	0x7e,
	0x7f,
	0x80,
	0x81,
	0xfe,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0x8001,
	0xffff,
	0x10000,
	0x7fffffff,
	0x80000000,
	0x80000001,
	0xffffffff,
	0x100000000,
	0x7fffffffffffffff,
	0x8000000000000000,
	0x8000000000000001,
	0xfffffffffffffff0,
	0xffffffffffffffff,
	0x0123456789abcdef,
	0xaaaaaaaaaaaaaaaa,
	0x5555555555555555,
};

/* The undefined flags of an operation. */
static uint64_t undefined_flags(enum insn_operation operation)
{
	switch (operation) {
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_TEST: return RFLAGS_AF;
	default: return 0;
	}
}

static uint64_t next_random(void)
{
	static uint64_t state = 0xcafe0000u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

#ifdef __x86_64__
/*
 * Executes one instruction on x and y with the status flags of *flags, and leaves the flags after
 * it there. The stack pointer first steps over the red zone, which is the compiler's.
 */
#define EXECUTE(instruction, x, y, flags)                                  \
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"                      \
			 "push %[f]\n\t"                                   \
			 "popf\n\t" instruction "\n\t"                     \
			 "pushf\n\t"                                       \
			 "pop %[f]\n\t"                                    \
			 "lea 128(%%rsp), %%rsp"                           \
			 : [a] "+&q"(x), [b] "+&q"(y), [f] "+&r"(*(flags)) \
			 :                                                 \
			 : "cc", "memory")

/* One operation at one width. The size of the operands decides that of the instruction. */
#define DEFINE_NATIVE(type, bits)                                                                 \
	static uint64_t native_##bits(                                                            \
		enum insn_operation operation, uint64_t wide_a, uint64_t wide_b, uint64_t *flags) \
	{                                                                                         \
		type a = (type)wide_a;                                                            \
		type b = (type)wide_b;                                                            \
                                                                                                  \
		switch (operation) {                                                              \
		case INSN_MOV: EXECUTE("mov %[b], %[a]", a, b, flags); break;                     \
		case INSN_CMP: EXECUTE("cmp %[b], %[a]", a, b, flags); break;                     \
		case INSN_TEST: EXECUTE("test %[b], %[a]", a, b, flags); break;                   \
		case INSN_ADD: EXECUTE("add %[b], %[a]", a, b, flags); break;                     \
		case INSN_OR: EXECUTE("or %[b], %[a]", a, b, flags); break;                       \
		case INSN_AND: EXECUTE("and %[b], %[a]", a, b, flags); break;                     \
		case INSN_SUB: EXECUTE("sub %[b], %[a]", a, b, flags); break;                     \
		case INSN_XOR: EXECUTE("xor %[b], %[a]", a, b, flags); break;                     \
		case INSN_XCHG: EXECUTE("xchg %[b], %[a]", a, b, flags); break;                   \
		case INSN_INC: EXECUTE("inc %[a]", a, b, flags); break;                           \
		case INSN_DEC: EXECUTE("dec %[a]", a, b, flags); break;                           \
		case INSN_NOT: EXECUTE("not %[a]", a, b, flags); break;                           \
		case INSN_NEG: EXECUTE("neg %[a]", a, b, flags); break;                           \
		default: fail_msg("no native operation %d", (int)operation);                      \
		}                                                                                 \
		return a;                                                                         \
	}

DEFINE_NATIVE(uint8_t, 8)
DEFINE_NATIVE(uint16_t, 16)
DEFINE_NATIVE(uint32_t, 32)
DEFINE_NATIVE(uint64_t, 64)

/* MOVZX and MOVSX, from width into all 64 bits. */
static uint64_t native_widen(bool is_signed, unsigned width, uint64_t b, uint64_t *flags)
{
	uint64_t a = 0;

	switch (width | (is_signed ? 0x10u : 0)) {
	case 0x01: EXECUTE("movzbq %b[b], %[a]", a, b, flags); break;
	case 0x02: EXECUTE("movzwq %w[b], %[a]", a, b, flags); break;
	case 0x04: EXECUTE("movl %k[b], %k[a]", a, b, flags); break;
	case 0x11: EXECUTE("movsbq %b[b], %[a]", a, b, flags); break;
	case 0x12: EXECUTE("movswq %w[b], %[a]", a, b, flags); break;
	case 0x14: EXECUTE("movslq %k[b], %[a]", a, b, flags); break;
	default: EXECUTE("movq %[b], %[a]", a, b, flags); break;
	}
	return a;
}

static uint64_t native_execute(
	enum insn_operation operation, unsigned width, uint64_t a, uint64_t b, uint64_t *flags)
{
	if (operation == INSN_MOVZX || operation == INSN_MOVSX)
		return native_widen(operation == INSN_MOVSX, width, b, flags);
	switch (width) {
	case 1: return native_8(operation, a, b, flags);
	case 2: return native_16(operation, a, b, flags);
	case 4: return native_32(operation, a, b, flags);
	default: return native_64(operation, a, b, flags);
	}
}

/* The flags of this thread, without those that an instruction under test sets. */
static uint64_t other_flags(void)
{
	uint64_t a = 0;
	uint64_t b = 0;
	uint64_t flags = 0x202;

	EXECUTE("", a, b, &flags);
	return flags & ~(uint64_t)RFLAGS_STATUS;
}

static void check_natively(
	enum insn_operation operation, unsigned width, uint64_t a, uint64_t b, uint64_t status)
{
	uint64_t others = other_flags();
	uint64_t expected_flags = others | status;
	uint64_t flags = others | status;
	uint64_t expected = native_execute(operation, width, a, b, &expected_flags);
	uint64_t result = alu_execute(operation, width, a, b, &flags);

	if (result != expected)
		fail_msg("%s, width %u, 0x%llx and 0x%llx: 0x%llx, not 0x%llx",
			insn_operation_name(operation), width, (unsigned long long)a,
			(unsigned long long)b, (unsigned long long)result,
			(unsigned long long)expected);
	if ((flags ^ expected_flags) & ~undefined_flags(operation))
		fail_msg("%s, width %u, 0x%llx and 0x%llx, flags before 0x%llx: flags 0x%llx, "
			 "not 0x%llx",
			insn_operation_name(operation), width, (unsigned long long)a,
			(unsigned long long)b, (unsigned long long)(others | status),
			(unsigned long long)flags, (unsigned long long)expected_flags);
}

static void test_edge_values_as_the_processor(void **state)
{
	(void)state;
	for (unsigned op = 0; op < INSN_OPERATION_COUNT; op++) {
		for (unsigned pair = 0; pair < ARRAY_COUNT(edges) * ARRAY_COUNT(edges); pair++) {
			uint64_t a = edges[pair / ARRAY_COUNT(edges)];
			uint64_t b = edges[pair % ARRAY_COUNT(edges)];

			for (unsigned w = 0; w < ARRAY_COUNT(widths); w++) {
				check_natively((enum insn_operation)op, widths[w], a, b, 0);
				check_natively(
					(enum insn_operation)op, widths[w], a, b, RFLAGS_STATUS);
			}
		}
	}
}

static void test_random_values_as_the_processor(void **state)
{
	(void)state;
	for (unsigned op = 0; op < INSN_OPERATION_COUNT; op++) {
		for (unsigned i = 0; i < RANDOM_PAIRS * ARRAY_COUNT(widths); i++) {
			unsigned width = widths[i % ARRAY_COUNT(widths)];
			uint64_t a = next_random();
			uint64_t b = next_random();

			check_natively((enum insn_operation)op, width, a, b,
				next_random() & RFLAGS_STATUS);
		}
	}
}
#endif

/* What the SDM leaves undefined is the same in every run: cleared. */
static void test_logic_clears_af(void **state)
{
	static const enum insn_operation logic[] = { INSN_AND, INSN_OR, INSN_XOR, INSN_TEST };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(logic); i++) {
		uint64_t flags = RFLAGS_AF;

		alu_execute(logic[i], 4, 0xff, 0xff, &flags);
		assert_int_equal(flags & RFLAGS_AF, 0);
	}
}

/* Neither what lies above the status flags nor between them is touched. */
static void test_other_flags_stay(void **state)
{
	(void)state;
	for (unsigned op = 0; op < INSN_OPERATION_COUNT; op++) {
		uint64_t zeros = 0;
		uint64_t ones = ~0ull;

		alu_execute((enum insn_operation)op, 4, 0x80000000, 0x80000001, &zeros);
		alu_execute((enum insn_operation)op, 4, 0x80000000, 0x80000001, &ones);
		assert_int_equal(zeros & ~(uint64_t)RFLAGS_STATUS, 0);
		assert_int_equal(ones | RFLAGS_STATUS, ~0ull);
	}
}

/* What the operands hold above the width changes nothing. */
static void test_bits_above_the_width_do_not_matter(void **state)
{
	(void)state;
	for (unsigned op = 0; op < INSN_OPERATION_COUNT; op++) {
		for (unsigned w = 0; w < ARRAY_COUNT(widths); w++) {
			uint64_t mask = width_mask(widths[w]);
			uint64_t a = next_random();
			uint64_t b = next_random();
			uint64_t flags = 0;
			uint64_t clean_flags = 0;
			uint64_t result =
				alu_execute((enum insn_operation)op, widths[w], a, b, &flags);
			uint64_t clean_result = alu_execute((enum insn_operation)op, widths[w],
				a & mask, b & mask, &clean_flags);

			assert_int_equal(result, clean_result);
			assert_int_equal(flags, clean_flags);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_edge_values_as_the_processor),
		cmocka_unit_test(test_random_values_as_the_processor),
#endif
		cmocka_unit_test(test_logic_clears_af),
		cmocka_unit_test(test_other_flags_stay),
		cmocka_unit_test(test_bits_above_the_width_do_not_matter),
	};

	return cmocka_run_group_tests_name("alu", tests, NULL, NULL);
}
