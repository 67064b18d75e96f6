/* SPDX-License-Identifier: MIT */
/*
 * decode_insn, in the order in which the bytes lie: prefixes, opcode, ModRM and SIB, displacement,
 * immediate. Bytes are taken one after the other and never past the end that was given, so that a
 * shorter input cannot be answered otherwise than with 'truncated'. What opcodes and address forms
 * mean is data in vmm/decode_opcodes.c; what is done with the result is in vmm/decode_operands.c.
 */
#include "vmm/decode.h"

#include "lib/bits.h"
#include "vmm/decode_opcodes.h"
/* LAB 1 { for lab_not_implemented
 * #include "lib/lab.h"
 */
/* LAB 1 } */

/* LAB 1 { the helpers of decode_insn */
/*
 * Every access to a device comes through here. There are three ways: decode_insn takes what has no
 * prefix, decode_quick what has no prefix but REX, decode_slow takes all. The parts are inlined
 * into each, so that a question whose answer is constant on a way costs nothing there.
 */
#define INLINE      static inline __attribute__((always_inline))
#define NOINLINE    static __attribute__((noinline))
#define LIKELY(x)   __builtin_expect(x, 1)
#define UNLIKELY(x) __builtin_expect(x, 0)

/* What the quick ways ask for, and then need not count: REX, 0F, opcode, ModRM, SIB, 4 and 4. */
#define QUICK_MAX_LENGTH 13

enum {
	REX_B = 1, /* extends ModRM.rm or SIB.base */
	REX_X = 2, /* extends SIB.index */
	REX_R = 4, /* extends ModRM.reg */
	REX_W = 8, /* 64-bit operands */
};

/* The bytes that are left. */
struct code {
	const uint8_t *next;
	const uint8_t *end;
	bool is_enough; /* whatever follows: end is not set and not looked at */
};

struct prefixes {
	uint8_t rex; /* 0 for none */
	bool operand_size;
	bool address_size;
	bool lock;
	int8_t segment; /* the override, or -1 */
};

INLINE bool code_has(const struct code *code, unsigned size)
{
	return code->is_enough || (size_t)(code->end - code->next) >= size;
}

INLINE uint32_t code_take_32(struct code *code)
{
	const uint8_t *at = code->next;

	code->next += 4;
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The next 0, 1, 2, 4 or 8 bytes, little-endian, as a signed number. Asked only after code_has. */
INLINE int64_t code_take(struct code *code, unsigned size)
{
	if (UNLIKELY(size == 0))
		return 0;
	if (LIKELY(size == 1))
		return (int8_t)*code->next++;
	if (size == 2) {
		code->next += 2;
		return (int16_t)(code->next[-2] | code->next[-1] << 8);
	}

	uint32_t low = code_take_32(code);

	if (size == 4)
		return (int32_t)low;
	return (int64_t)(low | (uint64_t)code_take_32(code) << 32);
}

/* SDM vol. 1 "Operand Size and Address Size in 64-Bit Mode", tables 3-3 and 3-4. */
INLINE uint8_t operand_width(enum code_size mode, const struct prefixes *prefixes)
{
	if (prefixes->rex & REX_W)
		return 8;
	return prefixes->operand_size == (mode == CODE_16) ? 4 : 2;
}

INLINE uint8_t address_width(enum code_size mode, const struct prefixes *prefixes)
{
	if (mode == CODE_64)
		return prefixes->address_size ? 4 : 8;
	return prefixes->address_size == (mode == CODE_16) ? 4 : 2;
}

/* One prefix byte. The last of a group wins; a REX counts only right before the opcode. */
INLINE enum status decode_prefix(uint8_t byte, enum code_size mode, struct prefixes *prefixes)
{
	if ((byte & 0xf0) == 0x40) {
		prefixes->rex = byte;
		return mode == CODE_64 ? STATUS_OK
				       : STATUS_UNSUPPORTED; /* INC, DEC of a register */
	}
	prefixes->rex = 0;
	switch (byte) {
	case 0x66: prefixes->operand_size = true; break;
	case 0x67: prefixes->address_size = true; break;
	case 0xf0: prefixes->lock = true; break;
	case 0x64: prefixes->segment = SEG_FS; break;
	case 0x65: prefixes->segment = SEG_GS; break;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* In 64-bit code these are null prefixes: an FS or GS before them stays. */
		if (mode != CODE_64)
			prefixes->segment = byte >> 3 & 3;
		break;
	}
	return STATUS_OK;
}

/* The opcode behind 0F. Entry 0 of the row is one that is refused. */
INLINE const struct opcode *find_opcode_0f(uint8_t byte)
{
	return &opcode_row_0f_b[(byte & 0xf0) == 0xb0 ? byte & 0xf : 0];
}

/* What the opcode says of operation and operands. */
INLINE void decode_opcode(const struct opcode *opcode, uint8_t operand, struct insn *restrict insn)
{
	insn_copy_opcode(insn, opcode);
	insn->high_byte = false;
	insn->lock = false;
	insn->reg = 0;
	if (operand == 4 || (opcode->flags & OPCODE_BYTE))
		return;
	insn->target_width = operand;
	if (!(opcode->flags & OPCODE_OWN_WIDTH))
		insn->width = operand;
}

/* The register operand. Without REX the byte registers 4 to 7 are AH, CH, DH and BH. */
INLINE void decode_register(
	const struct opcode *opcode, unsigned modrm, unsigned rex, struct insn *restrict insn)
{
	bool upper_half = modrm & 0x20; /* ModRM.reg is 4 to 7 */

	if (UNLIKELY(opcode->flags & OPCODE_BYTE) && !rex && upper_half) {
		insn->reg = modrm >> 3 & 3;
		insn->high_byte = true;
		return;
	}
	insn->reg = (uint8_t)((modrm >> 3 & 7) | (rex & REX_R) << 1);
}

/* SDM vol. 2A table 2-3 "32-Bit Addressing Forms with the SIB Byte". */
INLINE enum status decode_sib(
	struct code *code, unsigned rex, unsigned *displacement_size, struct insn *restrict insn)
{
	if (!code_has(code, 1))
		return STATUS_TRUNCATED;

	unsigned sib = *code->next++;
	unsigned base = sib & 7;
	unsigned index = (sib >> 3 & 7) | (rex & REX_X) << 2;

	insn->scale = (uint8_t)(1 << (sib >> 6));
	if (index != 4)
		insn->index = (int8_t)index;
	if (base == 5 && *displacement_size == 0) {
		*displacement_size = 4; /* no base, whatever REX.B says */
		return STATUS_OK;
	}
	insn->base = (int8_t)base;
	if (base == REG_RSP || base == REG_RBP)
		insn->segment = SEG_SS;
	return STATUS_OK;
}

/* The memory operand that ModRM names. */
INLINE enum status decode_address(struct code *code, unsigned modrm, enum code_size mode,
	const struct prefixes *prefixes, struct insn *restrict insn)
{
	enum code_size addressing = mode;

	if (prefixes->address_size && mode != CODE_64)
		addressing = mode == CODE_16 ? CODE_32 : CODE_16;

	const struct address_form *form = &address_forms[addressing][modrm & 7][modrm >> 6];
	unsigned displacement_size = form->displacement_size;

	insn_copy_address(insn, form);
	if (UNLIKELY(form->has_sib)) {
		enum status status = decode_sib(code, prefixes->rex, &displacement_size, insn);

		if (status != STATUS_OK)
			return status;
	}
	if (prefixes->rex & REX_B) {
		insn->base |= 8; /* no base, -1, stays that */
		insn->segment = SEG_DS;
	}
	if (prefixes->segment >= 0)
		insn->segment = (enum cpu_segment)prefixes->segment;
	if (prefixes->address_size)
		insn->address_width = address_width(mode, prefixes);
	if (!code_has(code, displacement_size))
		return STATUS_TRUNCATED;
	insn->displacement = code_take(code, displacement_size);
	return STATUS_OK;
}

INLINE enum status decode_immediate(
	struct code *code, const struct opcode *opcode, uint8_t operand, struct insn *restrict insn)
{
	unsigned size = opcode->immediate_size;

	insn->immediate = 0;
	if (!size)
		return STATUS_OK;
	if (size == 4 && operand == 2)
		size = 2;
	if (!code_has(code, size))
		return STATUS_TRUNCATED;
	insn->immediate = (uint64_t)code_take(code, size);
	return STATUS_OK;
}

/* Behind an opcode of kind OPCODE_MODRM or OPCODE_GROUP. */
INLINE enum status decode_modrm(struct code *code, const struct opcode *opcode, enum code_size mode,
	const struct prefixes *prefixes, struct insn *restrict insn)
{
	uint8_t operand = operand_width(mode, prefixes);
	bool has_register = opcode->kind != OPCODE_GROUP;

	if (!code_has(code, 1))
		return STATUS_TRUNCATED;

	unsigned modrm = *code->next++;

	if (modrm >= 0xc0)
		return STATUS_UNSUPPORTED; /* no memory operand */
	if (!has_register)
		opcode = &opcode_groups[opcode->group][modrm >> 3 & 7];
	if (!has_register && opcode->kind == OPCODE_REFUSED)
		return STATUS_UNSUPPORTED;
	if (prefixes->lock && !(opcode->flags & OPCODE_LOCKABLE))
		return STATUS_UNSUPPORTED; /* #UD on the processor */

	decode_opcode(opcode, operand, insn);
	if (has_register)
		decode_register(opcode, modrm, prefixes->rex, insn);
	if (prefixes->lock)
		insn->lock = true;

	enum status status = decode_address(code, modrm, mode, prefixes, insn);

	if (status != STATUS_OK)
		return status;
	return decode_immediate(code, opcode, operand, insn);
}

/* Behind A0 to A3: the offset, as wide as an address. */
INLINE enum status decode_moffs(struct code *code, const struct opcode *opcode, enum code_size mode,
	const struct prefixes *prefixes, struct insn *restrict insn)
{
	static const struct address_form form = {
		.base = -1, .index = -1, .scale = 1, .segment = SEG_DS
	};
	uint8_t size = address_width(mode, prefixes);

	if (prefixes->lock)
		return STATUS_UNSUPPORTED; /* #UD on the processor */
	decode_opcode(opcode, operand_width(mode, prefixes), insn);
	insn_copy_address(insn, &form);
	insn->address_width = size;
	insn->immediate = 0;
	if (prefixes->segment >= 0)
		insn->segment = (enum cpu_segment)prefixes->segment;
	if (!code_has(code, size))
		return STATUS_TRUNCATED;
	insn->displacement = (int64_t)((uint64_t)code_take(code, size) & width_mask(size));
	return STATUS_OK;
}

/* Any prefixes, any opcode. */
INLINE enum status decode_any(struct code *code, enum code_size mode, struct insn *restrict insn)
{
	struct prefixes prefixes = { .segment = -1 };
	const struct opcode *opcode;

	for (;;) {
		if (!code_has(code, 1))
			return STATUS_TRUNCATED;

		uint8_t byte = *code->next++;

		opcode = &opcode_map[byte];
		if (opcode->kind != OPCODE_PREFIX)
			break;
		if (decode_prefix(byte, mode, &prefixes) != STATUS_OK)
			return STATUS_UNSUPPORTED;
	}
	if (opcode->kind == OPCODE_ESCAPE) {
		if (!code_has(code, 1))
			return STATUS_TRUNCATED;
		opcode = find_opcode_0f(*code->next++);
	}
	if (opcode->kind == OPCODE_REFUSED || (opcode->kind == OPCODE_MODRM_64 && mode != CODE_64))
		return STATUS_UNSUPPORTED;
	if (opcode->kind == OPCODE_MOFFS)
		return decode_moffs(code, opcode, mode, &prefixes, insn);
	return decode_modrm(code, opcode, mode, &prefixes, insn);
}

NOINLINE enum status decode_slow(
	const uint8_t *bytes, unsigned count, enum code_size mode, struct insn *restrict insn)
{
	unsigned limit = count < INSN_MAX_LENGTH ? count : INSN_MAX_LENGTH;
	struct code code = { .next = bytes, .end = bytes + limit };
	enum status status = decode_any(&code, mode, insn);

	if (status == STATUS_TRUNCATED && count >= INSN_MAX_LENGTH)
		return STATUS_UNSUPPORTED; /* longer than 15 bytes: #GP on the processor */
	insn->length = (uint8_t)(code.next - bytes);
	return status;
}

/* What nearly all 64-bit code is made of: perhaps REX, perhaps 0F, an opcode with ModRM. */
NOINLINE enum status decode_quick(const uint8_t *bytes, unsigned count, struct insn *restrict insn)
{
	struct prefixes prefixes = { .segment = -1 };
	struct code code = { .next = bytes, .is_enough = true };
	const struct opcode *opcode;

	if ((*code.next & 0xf0) == 0x40)
		prefixes.rex = *code.next++;
	opcode = &opcode_map[*code.next++];
	if (opcode->kind == OPCODE_ESCAPE)
		opcode = find_opcode_0f(*code.next++);
	if (opcode->kind < OPCODE_MODRM)
		return decode_slow(bytes, count, CODE_64, insn);

	enum status status = decode_modrm(&code, opcode, CODE_64, &prefixes, insn);

	insn->length = (uint8_t)(code.next - bytes);
	return status;
}
/* LAB 1 } */

enum status decode_insn(
	const uint8_t *bytes, unsigned count, enum code_size mode, struct insn *restrict insn)
{
	/* LAB 1 { steps 1 to 5: decode
	 * lab_not_implemented(1, "step 1, decode_insn in vmm/decode.c");
	 * (void)bytes;
	 * (void)count;
	 * (void)mode;
	 * (void)insn;
	 * return STATUS_UNSUPPORTED;
	 */
	static const struct prefixes none = { .segment = -1 };

	if (count < QUICK_MAX_LENGTH || mode == CODE_16)
		return decode_slow(bytes, count, mode, insn);

	struct code code = { .next = bytes + 1, .is_enough = true };
	const struct opcode *opcode = &opcode_map[*bytes];

	if (UNLIKELY(opcode->kind < OPCODE_MODRM))
		return mode == CODE_64 ? decode_quick(bytes, count, insn)
				       : decode_slow(bytes, count, mode, insn);

	enum status status = decode_modrm(&code, opcode, mode, &none, insn);

	insn->length = (uint8_t)(code.next - bytes);
	return status;
	/* LAB 1 } */
}
