/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder: bytes and a code size in, a plain struct out. It knows the instructions
 * that read or write memory through a general register or an immediate, as compilers emit them for
 * device registers; everything else is refused. Called by the EPT-violation handler. Pure.
 */
#ifndef VMM_DECODE_H
#define VMM_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"
#include "lib/status.h"

/* SDM vol. 2A 2.3.11 "AVX Instruction Length": no instruction is longer. */
#define INSN_MAX_LENGTH 15

/* The general registers in the order in which instructions encode them. */
enum cpu_register {
	REG_RAX,
	REG_RCX,
	REG_RDX,
	REG_RBX,
	REG_RSP,
	REG_RBP,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_COUNT
};

/* The segment registers in encoding order. One byte each, like the operations: see struct insn. */
enum __attribute__((packed)) cpu_segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

/* What CS.L and CS.D say: the default widths of operands and addresses. */
enum code_size { CODE_16, CODE_32, CODE_64 };

enum __attribute__((packed)) insn_operation {
	INSN_MOV,
	INSN_MOVZX,
	INSN_MOVSX, /* MOVSXD too */
	INSN_CMP,
	INSN_TEST,
	INSN_ADD,
	INSN_OR,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_XCHG,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_OPERATION_COUNT
};

/*
 * One instruction with a memory operand, and beside it a register, an immediate, or nothing
 * (INC, DEC, NOT, NEG). The order of the fields is that of the decoder's tables.
 */
struct insn {
	uint64_t immediate;   /* sign-extended from its encoded width to 64 bits; 0 without one */
	int64_t displacement; /* sign-extended; for A0-A3 the whole offset, zero-extended */

	enum insn_operation operation;
	uint8_t width;              /* of the memory operand, in bytes: 1, 2, 4, 8 */
	uint8_t target_width;       /* of the register operand; differs for MOVZX and MOVSX only */
	bool memory_is_destination; /* the memory operand is the first one (CMP, TEST: not written)
				     */
	bool has_immediate;         /* the second operand is the immediate, not the register */
	bool high_byte; /* the register is AH, CH, DH or BH: bits 8 to 15 of reg 0 to 3 */
	bool lock;      /* a LOCK prefix stood before it, where it may stand */
	uint8_t reg;    /* the register operand's number; 0 when there is none */

	int8_t base;              /* a register number, or -1 */
	int8_t index;             /* a register number, or -1 */
	uint8_t scale;            /* 1, 2, 4 or 8 */
	bool rip_relative;        /* the displacement counts from the next instruction */
	enum cpu_segment segment; /* the effective one: override, else SS for an rSP or rBP base */
	uint8_t address_width;    /* 2, 4 or 8: the offset is cut to that many bytes */
	uint8_t length;           /* of the whole instruction, in bytes: 2 to 15 */
};

/*
 * Decodes the instruction that begins at bytes, of which count may be read (more than 15 are never
 * looked at). STATUS_TRUNCATED: it goes on behind count bytes, and count is below 15.
 * STATUS_UNSUPPORTED: not one that is carried here, no memory operand, a LOCK prefix that raises
 * #UD, or longer than 15 bytes. What insn holds after an error is not defined.
 *
 * Carried are, in 16-, 32- and 64-bit code, with every prefix and addressing form:
 *   MOV    88-8B, A0-A3, C6 /0, C7 /0        MOVZX  0F B6, 0F B7
 *   CMP    38-3B, 80 81 83 /7                MOVSX  0F BE, 0F BF, 63 (64-bit code only)
 *   TEST   84, 85, F6 F7 /0 and its twin /1  XCHG   86, 87
 *   ADD    00-03, 80 81 83 /0                SUB    28-2B, 80 81 83 /5
 *   OR     08-0B, 80 81 83 /1                XOR    30-33, 80 81 83 /6
 *   AND    20-23, 80 81 83 /4                INC, DEC  FE FF /0 /1    NOT, NEG  F6 F7 /2 /3
 * F2 and F3 before them change nothing but the length: they are HLE hints at most.
 * SDM vol. 2A chapter 2 "Instruction Format", vol. 2D appendix A "Opcode Map".
 */
MUST_USE enum status decode_insn(
	const uint8_t *bytes, unsigned count, enum code_size mode, struct insn *insn);

/*
 * The offset of the memory operand in its segment, before the segment's base is added, cut to the
 * address width. next_rip is RIP behind the instruction. SDM vol. 1 "Specifying an Offset".
 */
static inline uint64_t insn_effective_offset(
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

/* The register operand, zero-extended from target_width. */
static inline uint64_t insn_read_register(
	const struct insn *insn, const uint64_t registers[REG_COUNT])
{
	uint64_t value = registers[insn->reg];

	if (insn->high_byte)
		value >>= 8;
	return value & width_mask(insn->target_width);
}

/*
 * Puts the low target_width bytes of value into the register operand: 4 bytes clear the upper half,
 * 1 and 2 leave the rest as it is. SDM vol. 1 "General-Purpose Registers in 64-Bit Mode".
 */
static inline void insn_write_register(
	const struct insn *insn, uint64_t registers[REG_COUNT], uint64_t value)
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

/* Whether the instruction reads, and whether it writes, its memory operand. */
bool insn_reads_memory(const struct insn *insn);
bool insn_writes_memory(const struct insn *insn);

/* "mov", "cmp", ... for messages; "?" for a number that is none. */
const char *insn_operation_name(enum insn_operation operation);

#endif
