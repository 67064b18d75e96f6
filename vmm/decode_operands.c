/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction does with its memory operand, and what it is called. Called by whoever
 * carries an instruction out. Pure.
 */
#include "vmm/decode.h"

bool insn_reads_memory(const struct insn *insn)
{
	return insn->operation != INSN_MOV || !insn->memory_is_destination;
}

bool insn_writes_memory(const struct insn *insn)
{
	return insn->memory_is_destination && insn->operation != INSN_CMP &&
	       insn->operation != INSN_TEST;
}

const char *insn_operation_name(enum insn_operation operation)
{
	static const char names[INSN_OPERATION_COUNT][6] = {
		[INSN_MOV] = "mov",
		[INSN_MOVZX] = "movzx",
		[INSN_MOVSX] = "movsx",
		[INSN_CMP] = "cmp",
		[INSN_TEST] = "test",
		[INSN_ADD] = "add",
		[INSN_OR] = "or",
		[INSN_AND] = "and",
		[INSN_SUB] = "sub",
		[INSN_XOR] = "xor",
		[INSN_XCHG] = "xchg",
		[INSN_INC] = "inc",
		[INSN_DEC] = "dec",
		[INSN_NOT] = "not",
		[INSN_NEG] = "neg",
	};

	return (unsigned)operation < INSN_OPERATION_COUNT ? names[operation] : "?";
}
