/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction means for registers: where its memory operand lies, what its register
 * operand holds, how a result gets there. Called by whoever carries an instruction out. Pure.
 */
#include "lib/bits.h"
#include "vmm/decode.h"

uint64_t insn_effective_offset(
	const struct insn *insn, const uint64_t registers[REG_COUNT], uint64_t next_rip)
{
	uint64_t offset = (uint64_t)insn->displacement;

	if (insn->base >= 0)
		offset += registers[insn->base];
	if (insn->index >= 0)
		offset += registers[insn->index] * insn->scale;
	if (insn->rip_relative)
		offset += next_rip;
	if (insn->address_width == 8)
		return offset;
	return offset & width_mask(insn->address_width);
}

uint64_t insn_read_register(const struct insn *insn, const uint64_t registers[REG_COUNT])
{
	uint64_t value = registers[insn->reg];

	if (insn->high_byte)
		value >>= 8;
	return value & width_mask(insn->target_width);
}

void insn_write_register(const struct insn *insn, uint64_t registers[REG_COUNT], uint64_t value)
{
	uint64_t mask = width_mask(insn->target_width);
	uint64_t *target = &registers[insn->reg];

	value &= mask;
	if (insn->target_width >= 4) {
		*target = value;
		return;
	}
	if (insn->high_byte) {
		mask <<= 8;
		value <<= 8;
	}
	*target = (*target & ~mask) | value;
}

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
