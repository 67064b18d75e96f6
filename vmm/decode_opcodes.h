/* SPDX-License-Identifier: MIT */
/*
 * The decoder's knowledge as data: what an opcode means, and which address a ModRM byte names.
 * Between vmm/decode.c, which follows these tables, and vmm/decode_opcodes.c, which holds them.
 */
#ifndef VMM_DECODE_OPCODES_H
#define VMM_DECODE_OPCODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/decode.h"

/* What a byte in the place of an opcode is. The last two are what the quick ways through take. */
enum opcode_kind {
	OPCODE_REFUSED,  /* not carried */
	OPCODE_PREFIX,   /* a legacy prefix, or REX */
	OPCODE_ESCAPE,   /* 0F: the opcode is the next byte */
	OPCODE_MOFFS,    /* the offset of the memory operand follows; the register is rAX */
	OPCODE_MODRM_64, /* OPCODE_MODRM in 64-bit code, something else outside it */
	OPCODE_MODRM,    /* a ModRM byte names the memory operand and the register */
	OPCODE_GROUP,    /* a ModRM byte, whose reg field picks the entry out of a group */
};

enum opcode_flag {
	OPCODE_LOCKABLE = 1,  /* LOCK may stand before it */
	OPCODE_BYTE = 2,      /* the register operand is one byte wide: no operand size */
	OPCODE_OWN_WIDTH = 4, /* the memory operand's width does not follow the operand size */
};

/* A width or an immediate_size of 4 stands for the operand size, but for OPCODE_OWN_WIDTH. */
struct opcode {
	enum insn_operation operation;
	uint8_t width;
	uint8_t target_width;
	bool memory_is_destination;
	bool has_immediate;
	uint8_t kind;  /* enum opcode_kind */
	uint8_t flags; /* enum opcode_flag */
	union {
		uint8_t immediate_size; /* 0, 1 or 4 */
		uint8_t group;          /* of OPCODE_GROUP */
	};
};

extern const struct opcode opcode_map[256];
extern const struct opcode opcode_groups[][8]; /* by group and ModRM.reg */

/* Row B of the opcodes behind 0F: 0F B0 to 0F BF. No other row has one that is carried. */
extern const struct opcode opcode_row_0f_b[16];

/* The memory operand that ModRM names, before SIB and REX. */
struct address_form {
	int8_t base;
	int8_t index;
	uint8_t scale;
	bool rip_relative;
	enum cpu_segment segment;
	uint8_t address_width;
	uint8_t displacement_size;
	bool has_sib;
};

/* By the code size that has this addressing, ModRM.rm and ModRM.mod (3 is a register: empty). */
extern const struct address_form address_forms[3][8][4];

/*
 * An entry begins with the fields that it shares with struct insn, in the same order, so that one
 * move of 8 bytes sets them all. Where the entry has its own fields, struct insn has others, which
 * must be set afterwards: high_byte, lock and reg; length.
 */
static inline void insn_copy_opcode(struct insn *insn, const struct opcode *opcode)
{
	__builtin_memcpy((uint8_t *)insn + offsetof(struct insn, operation), opcode, 8);
}

static inline void insn_copy_address(struct insn *insn, const struct address_form *form)
{
	__builtin_memcpy((uint8_t *)insn + offsetof(struct insn, base), form, 8);
}

#define ASSERT_SHARED(type, first, field)                                             \
	_Static_assert(offsetof(struct insn, field) - offsetof(struct insn, first) == \
			       offsetof(struct type, field),                          \
		#field " lies elsewhere in struct " #type)
ASSERT_SHARED(opcode, operation, width);
ASSERT_SHARED(opcode, operation, target_width);
ASSERT_SHARED(opcode, operation, memory_is_destination);
ASSERT_SHARED(opcode, operation, has_immediate);
ASSERT_SHARED(address_form, base, index);
ASSERT_SHARED(address_form, base, scale);
ASSERT_SHARED(address_form, base, rip_relative);
ASSERT_SHARED(address_form, base, segment);
ASSERT_SHARED(address_form, base, address_width);
_Static_assert(sizeof(struct opcode) == 8 && sizeof(struct address_form) == 8,
	"entries are copied as 8 bytes");
_Static_assert(offsetof(struct insn, base) == offsetof(struct insn, operation) + 8 &&
		       sizeof(struct insn) == offsetof(struct insn, base) + 8,
	"the two copies stay off what they do not share");

#endif
