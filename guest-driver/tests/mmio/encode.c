/* SPDX-License-Identifier: MIT */
/*
 * The instructions and their encoding.
 */
#include "guest-driver/tests/mmio/encode.h"

#include "lib/string.h"

/* The four directions of an arithmetic operation. */
#define ARITHMETIC(name, first, memory_first)                                     \
	{ name " m8, r8", first, 0, FORM_BYTE | (memory_first), 0, 0 },           \
		{ name " m, r", (first) + 1, 0, (memory_first), 0, 0 },           \
		{ name " r8, m8", (first) + 2, 0, FORM_BYTE | FORM_READS, 0, 0 }, \
	{                                                                         \
		name " r, m", (first) + 3, 0, FORM_READS, 0, 0                    \
	}
#define IMMEDIATE(name, digit, flag)                                            \
	{ name " m8, i8", 0x80, digit, FORM_GROUP | FORM_BYTE | (flag), 1, 0 }, \
		{ name " m, i", 0x81, digit, FORM_GROUP | (flag), 4, 0 },       \
	{                                                                       \
		name " m, i8", 0x83, digit, FORM_GROUP | (flag), 1, 0           \
	}
#define UNARY(name, opcode, digit)                                               \
	{ name " m8", opcode, digit, FORM_GROUP | FORM_BYTE | FORM_LOCK, 0, 0 }, \
	{                                                                        \
		name " m", (opcode) + 1, digit, FORM_GROUP | FORM_LOCK, 0, 0     \
	}

const struct form forms[] = {
	{ "mov m8, r8", 0x88, 0, FORM_BYTE, 0, 0 },
	{ "mov m, r", 0x89, 0, 0, 0, 0 },
	{ "mov r8, m8", 0x8a, 0, FORM_BYTE | FORM_READS, 0, 0 },
	{ "mov r, m", 0x8b, 0, FORM_READS, 0, 0 },
	{ "mov m8, i8", 0xc6, 0, FORM_GROUP | FORM_BYTE, 1, 0 },
	{ "mov m, i", 0xc7, 0, FORM_GROUP, 4, 0 },
	{ "movzx r, m8", 0xb6, 0, FORM_0F | FORM_WIDENING | FORM_READS, 0, 1 },
	{ "movzx r, m16", 0xb7, 0, FORM_0F | FORM_WIDENING | FORM_READS, 0, 2 },
	{ "movsx r, m8", 0xbe, 0, FORM_0F | FORM_WIDENING | FORM_READS, 0, 1 },
	{ "movsx r, m16", 0xbf, 0, FORM_0F | FORM_WIDENING | FORM_READS, 0, 2 },
	{ "movsxd r, m32", 0x63, 0, FORM_WIDENING | FORM_READS, 0, 4 },
	ARITHMETIC("add", 0x00, FORM_LOCK),
	ARITHMETIC("or", 0x08, FORM_LOCK),
	ARITHMETIC("and", 0x20, FORM_LOCK),
	ARITHMETIC("sub", 0x28, FORM_LOCK),
	ARITHMETIC("xor", 0x30, FORM_LOCK),
	ARITHMETIC("cmp", 0x38, FORM_READS),
	IMMEDIATE("add", 0, FORM_LOCK),
	IMMEDIATE("or", 1, FORM_LOCK),
	IMMEDIATE("and", 4, FORM_LOCK),
	IMMEDIATE("sub", 5, FORM_LOCK),
	IMMEDIATE("xor", 6, FORM_LOCK),
	IMMEDIATE("cmp", 7, FORM_READS),
	{ "test m8, r8", 0x84, 0, FORM_BYTE | FORM_READS, 0, 0 },
	{ "test m, r", 0x85, 0, FORM_READS, 0, 0 },
	{ "test m8, i8", 0xf6, 0, FORM_GROUP | FORM_BYTE | FORM_READS, 1, 0 },
	{ "test m, i", 0xf7, 0, FORM_GROUP | FORM_READS, 4, 0 },
	{ "xchg m8, r8", 0x86, 0, FORM_BYTE | FORM_LOCK, 0, 0 },
	{ "xchg m, r", 0x87, 0, FORM_LOCK, 0, 0 },
	UNARY("inc", 0xfe, 0),
	UNARY("dec", 0xfe, 1),
	UNARY("not", 0xf6, 2),
	UNARY("neg", 0xf6, 3),
};
const unsigned int form_count = sizeof(forms) / sizeof(forms[0]);

const struct prefixes prefixes[] = {
	{ "no prefix", { 0 }, 0, false, false },
	{ "66", { 0x66 }, 0, true, false },
	{ "REX", { 0 }, REX, false, false },
	{ "REX.W", { 0 }, REX_W, false, false },
	{ "66 REX.W", { 0x66 }, REX_W, true, false },
	{ "66 REX", { 0x66 }, REX, true, false },
	{ "LOCK", { 0xf0 }, 0, false, true },
	{ "66 LOCK", { 0x66, 0xf0 }, 0, true, true },
	{ "F2", { 0xf2 }, 0, false, false },
	{ "F3 REX", { 0xf3 }, REX, false, false },
};
const unsigned int prefix_count = sizeof(prefixes) / sizeof(prefixes[0]);

static unsigned int operand_width(const struct form *form, const struct prefixes *with)
{
	if (form->flags & FORM_BYTE)
		return 1;
	if ((with->rex & REX_W) == REX_W)
		return 8;
	return with->operand_size ? 2 : 4;
}

unsigned int form_width(const struct form *form, const struct prefixes *with)
{
	if (form->flags & FORM_WIDENING)
		return form->memory_width;
	return operand_width(form, with);
}

bool form_exists(const struct form *form, const struct prefixes *with, unsigned int reg)
{
	if (with->lock && !(form->flags & FORM_LOCK))
		return false;
	/* 66 63 reads 16 bits on some processors and 32 on others. */
	if (form->opcode == 0x63 && operand_width(form, with) == 2)
		return false;
	if (form->flags & FORM_GROUP)
		return reg == 0;
	return reg < 8 || with->rex != 0;
}

static uint8_t *put(uint8_t *at, uint32_t value, unsigned int size)
{
	memcpy(at, &value, size);
	return at + size;
}

/* ModRM, SIB and displacement. */
static uint8_t *put_operand(uint8_t *at, const struct operand *operand, unsigned int reg)
{
	const unsigned int field = (reg & 7) << 3;
	const unsigned int base = (unsigned int)operand->base & 7;
	const bool has_base = operand->base >= 0;
	const bool sib = !operand->rip_relative && (operand->index >= 0 || !has_base || base == 4);
	unsigned int size = operand->displacement_size;
	unsigned int mod = size == 0 ? 0 : size == 1 ? 1 : 2;

	if (has_base && base == 5 && size == 0) {
		size = 1;
		mod = 1;
	}
	if (!has_base) {
		size = 4;
		mod = 0;
	}
	*at++ = (uint8_t)(mod << 6 | field | (sib ? 4 : has_base ? base : 5));
	if (sib)
		*at++ = (uint8_t)(operand->shift << 6 |
				  ((operand->index >= 0 ? (unsigned int)operand->index & 7 : 4)
					  << 3) |
				  (has_base ? base : 5));
	return put(at, (uint32_t)operand->displacement, size);
}

size_t form_encode(uint8_t *code, const struct form *form, const struct prefixes *with,
	const struct operand *operand, unsigned int reg, uint32_t immediate)
{
	const unsigned int width = operand_width(form, with);
	unsigned int rex = with->rex;
	uint8_t *at = code;

	for (unsigned int i = 0; i < sizeof(with->bytes) && with->bytes[i] != 0; i++)
		*at++ = with->bytes[i];
	if (operand->segment != 0)
		*at++ = operand->segment;
	if (operand->address_size)
		*at++ = 0x67;
	if (reg >= 8)
		rex |= REX | 4;
	if (operand->index >= 8)
		rex |= REX | 2;
	if (operand->base >= 8)
		rex |= REX | 1;
	if (rex != 0)
		*at++ = (uint8_t)rex;
	if (form->flags & FORM_0F)
		*at++ = 0x0f;
	*at++ = form->opcode;
	at = put_operand(at, operand, form->flags & FORM_GROUP ? form->digit : reg);
	if (form->immediate == 4)
		at = put(at, immediate, width < 4 ? width : 4);
	else
		at = put(at, immediate, form->immediate);
	return (size_t)(at - code);
}
