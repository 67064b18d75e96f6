/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of the decoded instructions. Flags are computed from operands and result rather
 * than taken from the host's processor, so that the same code runs in the image and in every test.
 */
#include "vmm/alu.h"

#include "lib/bits.h"

/* Both operands and the result are cut to width. */
struct calculation {
	uint64_t a;
	uint64_t b;
	uint64_t result;
	unsigned width;
};

/* SF, ZF and PF, which depend on the result alone. PF is set for an even number of low one bits. */
static uint64_t result_flags(const struct calculation *sum)
{
	uint64_t sign = sum->result >> (8 * sum->width - 1);
	unsigned nibble = (unsigned)(sum->result ^ sum->result >> 4) & 0xf;
	bool odd = 0x6996 >> nibble & 1; /* bit n: whether n has an odd number of one bits */

	return (sign ? RFLAGS_SF : 0) | (sum->result ? 0 : RFLAGS_ZF) | (odd ? 0 : RFLAGS_PF);
}

/* AF is the carry or borrow between bits 3 and 4, the same expression for both. */
static uint64_t adjust_flag(const struct calculation *sum)
{
	return (sum->a ^ sum->b ^ sum->result) & RFLAGS_AF;
}

static uint64_t add_flags(const struct calculation *sum)
{
	uint64_t overflow = (sum->a ^ sum->result) & (sum->b ^ sum->result);

	return result_flags(sum) | adjust_flag(sum) | (sum->result < sum->a ? RFLAGS_CF : 0) |
	       (overflow >> (8 * sum->width - 1) ? RFLAGS_OF : 0);
}

static uint64_t subtract_flags(const struct calculation *sum)
{
	uint64_t overflow = (sum->a ^ sum->b) & (sum->a ^ sum->result);

	return result_flags(sum) | adjust_flag(sum) | (sum->a < sum->b ? RFLAGS_CF : 0) |
	       (overflow >> (8 * sum->width - 1) ? RFLAGS_OF : 0);
}

uint64_t alu_execute(
	enum insn_operation operation, unsigned width, uint64_t a, uint64_t b, uint64_t *rflags)
{
	uint64_t mask = width_mask(width);
	struct calculation sum = { .a = a & mask, .b = b & mask, .width = width };
	uint64_t affected = RFLAGS_STATUS;
	uint64_t flags;

	switch (operation) {
	case INSN_ADD:
		sum.result = (sum.a + sum.b) & mask;
		flags = add_flags(&sum);
		break;
	case INSN_INC:
		sum.b = 1;
		sum.result = (sum.a + 1) & mask;
		flags = add_flags(&sum);
		affected = RFLAGS_STATUS & ~RFLAGS_CF;
		break;
	case INSN_SUB:
	case INSN_CMP:
		sum.result = (sum.a - sum.b) & mask;
		flags = subtract_flags(&sum);
		break;
	case INSN_DEC:
		sum.b = 1;
		sum.result = (sum.a - 1) & mask;
		flags = subtract_flags(&sum);
		affected = RFLAGS_STATUS & ~RFLAGS_CF;
		break;
	case INSN_NEG:
		sum.b = sum.a;
		sum.a = 0;
		sum.result = (0 - sum.b) & mask;
		flags = subtract_flags(&sum);
		break;
	case INSN_AND:
	case INSN_TEST:
		sum.result = sum.a & sum.b;
		flags = result_flags(&sum);
		break;
	case INSN_OR:
		sum.result = sum.a | sum.b;
		flags = result_flags(&sum);
		break;
	case INSN_XOR:
		sum.result = sum.a ^ sum.b;
		flags = result_flags(&sum);
		break;
	case INSN_NOT: return ~sum.a & mask;
	case INSN_MOVSX: return sign_extend(sum.b, width);
	default: return sum.b; /* MOV, MOVZX, XCHG */
	}
	*rflags = (*rflags & ~affected) | (flags & affected);
	return operation == INSN_CMP || operation == INSN_TEST ? a & mask : sum.result;
}
