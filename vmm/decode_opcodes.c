/* SPDX-License-Identifier: MIT */
/*
 * The tables of the decoder, one line for each opcode that it carries. SDM vol. 2D appendix A
 * "Opcode Map"; vol. 2A section 2.1.5 "Addressing-Mode Encoding of ModR/M and SIB Bytes". Left out
 * on purpose: 82, the twin of 80 that no assembler emits and that 64-bit code does not have.
 */
#include "vmm/decode_opcodes.h"

/* LAB 1 { tables, if you want some: vmm/decode_opcodes.h has their form */
/* An opcode's entry, by its operands; width is in bytes, 4 stands for the operand size. */
#define ENTRY(what, op, memory, register, memory_first, flag)                             \
	.kind = (what), .operation = (op), .width = (memory), .target_width = (register), \
	.memory_is_destination = (memory_first),                                          \
	.flags = (flag) | ((register) == 1 ? OPCODE_BYTE : 0)

#define MEMORY(op, bytes)                                                    \
	{                                                                    \
		ENTRY(OPCODE_MODRM, op, bytes, bytes, true, OPCODE_LOCKABLE) \
	}
#define MEMORY_REGISTER(op, bytes, flag)                          \
	{                                                         \
		ENTRY(OPCODE_MODRM, op, bytes, bytes, true, flag) \
	}
#define REGISTER_MEMORY(op, bytes)                              \
	{                                                       \
		ENTRY(OPCODE_MODRM, op, bytes, bytes, false, 0) \
	}
#define WIDENING(what, op, bytes)                                  \
	{                                                          \
		ENTRY(what, op, bytes, 4, false, OPCODE_OWN_WIDTH) \
	}
#define MEMORY_IMMEDIATE(op, bytes, size, flag)                                             \
	{                                                                                   \
		ENTRY(OPCODE_MODRM, op, bytes, bytes, true, flag), .has_immediate = true,   \
								   .immediate_size = (size) \
	}
#define OFFSET(bytes, to_memory)                                          \
	{                                                                 \
		ENTRY(OPCODE_MOFFS, INSN_MOV, bytes, bytes, to_memory, 0) \
	}

/* The four directions of an arithmetic operation. */
#define ARITHMETIC(first, op, flag)                              \
	[(first) + 0] = MEMORY_REGISTER(op, 1, flag),            \
		   [(first) + 1] = MEMORY_REGISTER(op, 4, flag), \
		   [(first) + 2] = REGISTER_MEMORY(op, 1), [(first) + 3] = REGISTER_MEMORY(op, 4)

#define GROUP(number)                                   \
	{                                               \
		.kind = OPCODE_GROUP, .group = (number) \
	}
#define PREFIX                        \
	{                             \
		.kind = OPCODE_PREFIX \
	}
#define PREFIXES_4(first)                                                       \
	[(first) + 0] = PREFIX, [(first) + 1] = PREFIX, [(first) + 2] = PREFIX, \
		   [(first) + 3] = PREFIX

/* By the opcode that has the group: 80 and 83 differ in their widths. */
enum { GROUP_80, GROUP_81, GROUP_83, GROUP_C6, GROUP_C7, GROUP_F6, GROUP_F7, GROUP_FE, GROUP_FF };

const struct opcode opcode_map[256] = {
	ARITHMETIC(0x00, INSN_ADD, OPCODE_LOCKABLE),
	ARITHMETIC(0x08, INSN_OR, OPCODE_LOCKABLE),
	ARITHMETIC(0x20, INSN_AND, OPCODE_LOCKABLE),
	ARITHMETIC(0x28, INSN_SUB, OPCODE_LOCKABLE),
	ARITHMETIC(0x30, INSN_XOR, OPCODE_LOCKABLE),
	ARITHMETIC(0x38, INSN_CMP, 0),
	[0x0f] = { .kind = OPCODE_ESCAPE },
	[0x26] = PREFIX,  /* ES */
	[0x2e] = PREFIX,  /* CS */
	[0x36] = PREFIX,  /* SS */
	[0x3e] = PREFIX,  /* DS */
	PREFIXES_4(0x40), /* REX, in 64-bit code */
	PREFIXES_4(0x44),
	PREFIXES_4(0x48),
	PREFIXES_4(0x4c),
	/*
	 * MOVSXD. Behind 66 the SDM and Intel's processors read 16 bits and disassemblers show 32.
	 * Taken as 32: what reaches the 16-bit register is the same, and no compiler emits it.
	 */
	[0x63] = WIDENING(OPCODE_MODRM_64, INSN_MOVSX, 4),
	[0x64] = PREFIX, /* FS */
	[0x65] = PREFIX, /* GS */
	[0x66] = PREFIX, /* operand size */
	[0x67] = PREFIX, /* address size */
	[0x80] = GROUP(GROUP_80),
	[0x81] = GROUP(GROUP_81),
	[0x83] = GROUP(GROUP_83),
	[0x84] = MEMORY_REGISTER(INSN_TEST, 1, 0),
	[0x85] = MEMORY_REGISTER(INSN_TEST, 4, 0),
	[0x86] = MEMORY_REGISTER(INSN_XCHG, 1, OPCODE_LOCKABLE),
	[0x87] = MEMORY_REGISTER(INSN_XCHG, 4, OPCODE_LOCKABLE),
	[0x88] = MEMORY_REGISTER(INSN_MOV, 1, 0),
	[0x89] = MEMORY_REGISTER(INSN_MOV, 4, 0),
	[0x8a] = REGISTER_MEMORY(INSN_MOV, 1),
	[0x8b] = REGISTER_MEMORY(INSN_MOV, 4),
	[0xa0] = OFFSET(1, false),
	[0xa1] = OFFSET(4, false),
	[0xa2] = OFFSET(1, true),
	[0xa3] = OFFSET(4, true),
	[0xc6] = GROUP(GROUP_C6),
	[0xc7] = GROUP(GROUP_C7),
	[0xf0] = PREFIX, /* LOCK */
	[0xf2] = PREFIX, /* REPNE */
	[0xf3] = PREFIX, /* REP */
	[0xf6] = GROUP(GROUP_F6),
	[0xf7] = GROUP(GROUP_F7),
	[0xfe] = GROUP(GROUP_FE),
	[0xff] = GROUP(GROUP_FF),
};

const struct opcode opcode_row_0f_b[16] = {
	[0x6] = WIDENING(OPCODE_MODRM, INSN_MOVZX, 1),
	[0x7] = WIDENING(OPCODE_MODRM, INSN_MOVZX, 2),
	[0xe] = WIDENING(OPCODE_MODRM, INSN_MOVSX, 1),
	[0xf] = WIDENING(OPCODE_MODRM, INSN_MOVSX, 2),
};

/* The SDM's group 1. */
#define ARITHMETIC_GROUP(width, size)                                           \
	{                                                                       \
		[0] = MEMORY_IMMEDIATE(INSN_ADD, width, size, OPCODE_LOCKABLE), \
		[1] = MEMORY_IMMEDIATE(INSN_OR, width, size, OPCODE_LOCKABLE),  \
		[4] = MEMORY_IMMEDIATE(INSN_AND, width, size, OPCODE_LOCKABLE), \
		[5] = MEMORY_IMMEDIATE(INSN_SUB, width, size, OPCODE_LOCKABLE), \
		[6] = MEMORY_IMMEDIATE(INSN_XOR, width, size, OPCODE_LOCKABLE), \
		[7] = MEMORY_IMMEDIATE(INSN_CMP, width, size, 0),               \
	}

/* Group 3. Its /1 is not in the SDM, but every processor executes it as /0. */
#define UNARY_GROUP(width)                                                                         \
	{                                                                                          \
		[0] = MEMORY_IMMEDIATE(INSN_TEST, width, width, 0),                                \
		[1] = MEMORY_IMMEDIATE(INSN_TEST, width, width, 0), [2] = MEMORY(INSN_NOT, width), \
		[3] = MEMORY(INSN_NEG, width),                                                     \
	}

const struct opcode opcode_groups[][8] = {
	[GROUP_80] = ARITHMETIC_GROUP(1, 1),
	[GROUP_81] = ARITHMETIC_GROUP(4, 4),
	[GROUP_83] = ARITHMETIC_GROUP(4, 1),
	[GROUP_C6] = { [0] = MEMORY_IMMEDIATE(INSN_MOV, 1, 1, 0) },
	[GROUP_C7] = { [0] = MEMORY_IMMEDIATE(INSN_MOV, 4, 4, 0) },
	[GROUP_F6] = UNARY_GROUP(1),
	[GROUP_F7] = UNARY_GROUP(4),
	[GROUP_FE] = { [0] = MEMORY(INSN_INC, 1), [1] = MEMORY(INSN_DEC, 1) },
	[GROUP_FF] = { [0] = MEMORY(INSN_INC, 4), [1] = MEMORY(INSN_DEC, 4) },
};

/* ModRM.mod from 0 to 2: no displacement, one of 8 bits, one of 16 or 32 bits. */
#define FORM(base, index, segment, width, size)                    \
	{                                                          \
		base, index, 1, false, segment, width, size, false \
	}
#define FORM_SIB(width, size)                               \
	{                                                   \
		-1, -1, 1, false, SEG_DS, width, size, true \
	}
#define FORM_NO_BASE(rip_relative, width, size)                     \
	{                                                           \
		-1, -1, 1, rip_relative, SEG_DS, width, size, false \
	}

#define FORMS_16(base, index, segment)                                              \
	{                                                                           \
		FORM(base, index, segment, 2, 0), FORM(base, index, segment, 2, 1), \
			FORM(base, index, segment, 2, 2)                            \
	}
#define FORMS_32(base, width)                                                       \
	{                                                                           \
		FORM(base, -1, SEG_DS, width, 0), FORM(base, -1, SEG_DS, width, 1), \
			FORM(base, -1, SEG_DS, width, 4)                            \
	}
#define FORMS_SIB(width)                                                   \
	{                                                                  \
		FORM_SIB(width, 0), FORM_SIB(width, 1), FORM_SIB(width, 4) \
	}
/* Without a displacement there is no base here, but a displacement all the same. */
#define FORMS_BP(rip_relative, width, size)                                                   \
	{                                                                                     \
		FORM_NO_BASE(rip_relative, width, size), FORM(REG_RBP, -1, SEG_SS, width, 1), \
			FORM(REG_RBP, -1, SEG_SS, width, size)                                \
	}

/* ModRM.rm from 0 to 7. SDM vol. 2A tables 2-1, 2-2, and 2-7 "RIP-Relative Addressing". */
const struct address_form address_forms[3][8][4] = {
	[CODE_16] = {
		FORMS_16(REG_RBX, REG_RSI, SEG_DS),
		FORMS_16(REG_RBX, REG_RDI, SEG_DS),
		FORMS_16(REG_RBP, REG_RSI, SEG_SS),
		FORMS_16(REG_RBP, REG_RDI, SEG_SS),
		FORMS_16(REG_RSI, -1, SEG_DS),
		FORMS_16(REG_RDI, -1, SEG_DS),
		FORMS_BP(false, 2, 2),
		FORMS_16(REG_RBX, -1, SEG_DS),
	},
	[CODE_32] = {
		FORMS_32(REG_RAX, 4),
		FORMS_32(REG_RCX, 4),
		FORMS_32(REG_RDX, 4),
		FORMS_32(REG_RBX, 4),
		FORMS_SIB(4),
		FORMS_BP(false, 4, 4),
		FORMS_32(REG_RSI, 4),
		FORMS_32(REG_RDI, 4),
	},
	[CODE_64] = {
		FORMS_32(REG_RAX, 8),
		FORMS_32(REG_RCX, 8),
		FORMS_32(REG_RDX, 8),
		FORMS_32(REG_RBX, 8),
		FORMS_SIB(8),
		FORMS_BP(true, 8, 4),
		FORMS_32(REG_RSI, 8),
		FORMS_32(REG_RDI, 8),
	},
};
/* LAB 1 } */
