/* SPDX-License-Identifier: MIT */
/*
 * A decoded instruction as text, 'lock add dword ss:[rbp+rcx*4-8], edx': each field of struct insn
 * but the length shows in it. For the decoder's tests and for the comparison with Zydis.
 */
#ifndef TESTS_UNIT_INSN_TEXT_H
#define TESTS_UNIT_INSN_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "vmm/decode.h"

#define INSN_TEXT_SIZE 128

/* A register's name at a width in bytes; '?' for what is none. */
static inline void insn_text_register(char *text, size_t size, int reg, unsigned width, bool high)
{
	static const char *const words[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
	static const char *const bytes[] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil" };
	static const char *const highs[] = { "ah", "ch", "dh", "bh" };
	static const char *const before[] = { [2] = "", [4] = "e", [8] = "r" };
	static const char *const behind[] = { [1] = "b", [2] = "w", [4] = "d", [8] = "" };

	if (reg < 0 || reg >= REG_COUNT || (high && (width != 1 || reg > 3)))
		snprintf(text, size, "?");
	else if (reg >= 8)
		snprintf(text, size, "r%d%s", reg, behind[width]);
	else if (width == 1)
		snprintf(text, size, "%s", high ? highs[reg] : bytes[reg]);
	else
		snprintf(text, size, "%s%s", before[width], words[reg]);
}

/* A number with its sign, in hexadecimal. */
static inline void insn_text_number(char *text, size_t size, const char *plus, int64_t value)
{
	unsigned long long number = (unsigned long long)value;

	snprintf(text, size, "%s%llx", value < 0 ? "-" : plus, value < 0 ? 0 - number : number);
}

/* 'dword ds:[rax+rcx*4+8]'; 'abs32', by the address width, where no register takes part. */
static inline void insn_text_memory(const struct insn *insn, char *text, size_t size)
{
	static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs" };
	static const char *const widths[] = {
		[1] = "byte", [2] = "word", [4] = "dword", [8] = "qword"
	};
	char base[8] = "";
	char index[8] = "";
	char scale[8] = "";
	char displacement[24] = "";

	if (insn->base >= 0)
		insn_text_register(base, sizeof(base), insn->base, insn->address_width, false);
	else if (insn->rip_relative)
		snprintf(base, sizeof(base), insn->address_width == 8 ? "rip" : "eip");
	else if (insn->index < 0)
		snprintf(base, sizeof(base), "abs%u", 8u * insn->address_width);
	if (insn->index >= 0) {
		insn_text_register(index, sizeof(index), insn->index, insn->address_width, false);
		snprintf(scale, sizeof(scale), "*%u", insn->scale);
	}
	if (insn->displacement)
		insn_text_number(displacement, sizeof(displacement), "+", insn->displacement);
	snprintf(text, size, "%s %s:[%s%s%s%s%s]", widths[insn->width], segments[insn->segment],
		base, *base && *index ? "+" : "", index, scale, displacement);
}

static inline void insn_text(const struct insn *insn, char text[INSN_TEXT_SIZE])
{
	bool has_register = !insn->has_immediate && insn->operation < INSN_INC;
	const char *name = insn_operation_name(insn->operation);
	const char *lock = insn->lock ? "lock " : "";
	char memory[64];
	char other[24] = "";

	insn_text_memory(insn, memory, sizeof(memory));
	if (insn->has_immediate)
		insn_text_number(other, sizeof(other), "", (int64_t)insn->immediate);
	if (has_register)
		insn_text_register(
			other, sizeof(other), insn->reg, insn->target_width, insn->high_byte);
	if (!*other)
		snprintf(text, INSN_TEXT_SIZE, "%s%s %s", lock, name, memory);
	else if (insn->memory_is_destination)
		snprintf(text, INSN_TEXT_SIZE, "%s%s %s, %s", lock, name, memory, other);
	else
		snprintf(text, INSN_TEXT_SIZE, "%s%s %s, %s", lock, name, other, memory);
}

#endif
