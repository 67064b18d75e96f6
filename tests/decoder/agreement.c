/* SPDX-License-Identifier: MIT */
/*
 * What Zydis reads is translated into our terms field by field. Which forms our decoder must know
 * is decided from Zydis's mnemonic and kinds of operands alone, never from our opcode table.
 */
#include "tests/decoder/agreement.h"

#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "tests/unit/insn_text.h"

/* Fields end here; what follows in struct insn is padding. */
#define INSN_FIELDS (offsetof(struct insn, length) + 1)

/* One instruction as Zydis sees it. */
struct reading {
	ZydisDecoderContext context;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	const ZydisDecodedOperand *memory; /* the first memory operand, or null */
	const ZydisDecodedOperand *other;  /* the explicit operand beside it, or null */
	bool memory_is_first;
};

static ZydisDecoder decoders[3];
static uint64_t registers[REG_COUNT];
static ZydisRegisterContext zydis_registers;
static uint64_t instruction_address;

static const struct {
	ZydisMnemonic mnemonic;
	enum insn_operation operation;
} operations[] = {
	{ ZYDIS_MNEMONIC_MOV, INSN_MOV },
	{ ZYDIS_MNEMONIC_MOVZX, INSN_MOVZX },
	{ ZYDIS_MNEMONIC_MOVSX, INSN_MOVSX },
	{ ZYDIS_MNEMONIC_MOVSXD, INSN_MOVSX },
	{ ZYDIS_MNEMONIC_CMP, INSN_CMP },
	{ ZYDIS_MNEMONIC_TEST, INSN_TEST },
	{ ZYDIS_MNEMONIC_ADD, INSN_ADD },
	{ ZYDIS_MNEMONIC_OR, INSN_OR },
	{ ZYDIS_MNEMONIC_AND, INSN_AND },
	{ ZYDIS_MNEMONIC_SUB, INSN_SUB },
	{ ZYDIS_MNEMONIC_XOR, INSN_XOR },
	{ ZYDIS_MNEMONIC_XCHG, INSN_XCHG },
	{ ZYDIS_MNEMONIC_INC, INSN_INC },
	{ ZYDIS_MNEMONIC_DEC, INSN_DEC },
	{ ZYDIS_MNEMONIC_NOT, INSN_NOT },
	{ ZYDIS_MNEMONIC_NEG, INSN_NEG },
};

void agreement_init(uint64_t seed)
{
	static const struct {
		ZydisMachineMode mode;
		ZydisStackWidth stack;
	} modes[3] = {
		[CODE_16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
		[CODE_32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
		[CODE_64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
	};

	for (unsigned mode = 0; mode < ARRAY_COUNT(modes); mode++) {
		if (ZYAN_FAILED(ZydisDecoderInit(
			    &decoders[mode], modes[mode].mode, modes[mode].stack))) {
			fprintf(stderr, "compare_zydis: Zydis does not start\n");
			exit(2);
		}
	}
	instruction_address = seed | BIT(63);
	for (unsigned reg = 0; reg < REG_COUNT; reg++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		registers[reg] = seed ^ seed << 31;
		zydis_registers.values[ZYDIS_REGISTER_RAX + reg] = registers[reg];
		zydis_registers.values[ZYDIS_REGISTER_EAX + reg] = (uint32_t)registers[reg];
		zydis_registers.values[ZYDIS_REGISTER_AX + reg] = (uint16_t)registers[reg];
	}
}

static bool find_operation(ZydisMnemonic mnemonic, enum insn_operation *operation)
{
	for (unsigned i = 0; i < ARRAY_COUNT(operations); i++) {
		if (operations[i].mnemonic != mnemonic)
			continue;
		*operation = operations[i].operation;
		return true;
	}
	return false;
}

static bool is_general_register(const ZydisDecodedOperand *operand)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(operand->reg.value);

	return class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
}

/*
 * SIB with mod 0 and base 5 has no base but a displacement, and REX.B does not change that (SDM
 * vol. 2A table 2-5). Zydis 4.0 knows it for 64-bit addresses; where 67 makes them 32 bits wide it
 * shows r13d. test_sib_without_base_ignores_rex_b (tests/unit/) asks the processor: no base.
 */
static void correct_base(const ZydisDecodedInstruction *insn, ZydisDecodedOperand *memory)
{
	if (insn->address_width != 32 || insn->raw.modrm.mod != 0 || insn->raw.modrm.rm != 4 ||
		insn->raw.sib.base != 5 || memory->mem.base != ZYDIS_REGISTER_R13D)
		return;
	memory->mem.base = ZYDIS_REGISTER_NONE;
	memory->mem.disp.has_displacement = true;
	memory->mem.disp.value = insn->raw.disp.value;
}

static bool read_operands(const ZydisDecoder *decoder, struct reading *reading)
{
	if (ZYAN_FAILED(ZydisDecoderDecodeOperands(decoder, &reading->context, &reading->insn,
		    reading->operands, reading->insn.operand_count)))
		return false;
	reading->memory = NULL;
	reading->other = NULL;
	reading->memory_is_first = false;
	for (unsigned i = 0; i < reading->insn.operand_count_visible; i++) {
		ZydisDecodedOperand *operand = &reading->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY) {
			reading->other = operand;
			continue;
		}
		correct_base(&reading->insn, operand);
		reading->memory = operand;
		reading->memory_is_first = i == 0;
	}
	return true;
}

/* The forms of the list: these mnemonics, memory, and a general register or an immediate.
 */
static bool is_listed(const struct reading *reading)
{
	enum insn_operation operation;

	if (reading->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY || !reading->memory ||
		reading->memory->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
		reading->insn.operand_count_visible > 2 ||
		!find_operation(reading->insn.mnemonic, &operation))
		return false;
	/* 82, the twin of 80, is not in the list. */
	if (reading->insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && reading->insn.opcode == 0x82)
		return false;
	if (!reading->other || reading->other->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return true;
	return reading->other->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       is_general_register(reading->other);
}

static bool same_register(const struct insn *insn, ZydisRegister reg)
{
	static const ZydisRegister first[9] = {
		[2] = ZYDIS_REGISTER_AX, [4] = ZYDIS_REGISTER_EAX, [8] = ZYDIS_REGISTER_RAX
	};
	/* Zydis numbers AL CL DL BL AH CH DH BH SPL BPL SIL DIL R8B ... */
	unsigned byte_register = insn->high_byte  ? insn->reg + 4u
				 : insn->reg >= 4 ? insn->reg + 4u
						  : insn->reg;

	if (insn->high_byte && (insn->target_width != 1 || insn->reg > 3))
		return false;
	if (insn->target_width == 1)
		return reg == ZYDIS_REGISTER_AL + byte_register;
	return reg == first[insn->target_width] + insn->reg;
}

/* The second operand: an immediate, a register, or none. */
static const char *compare_other(const struct insn *insn, const struct reading *reading)
{
	const ZydisDecodedOperand *other = reading->other;
	bool is_immediate = other && other->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	if (insn->has_immediate != is_immediate)
		return "immediate or not";
	if (!other || is_immediate) {
		uint64_t expected = is_immediate ? other->imm.value.u : 0;

		if (insn->immediate != sign_extend(expected, insn->width))
			return "immediate";
		return insn->reg || insn->high_byte ? "register without one" : NULL;
	}
	if (other->size != 8 * insn->target_width)
		return "register's width";
	return same_register(insn, other->reg.value) ? NULL : "register";
}

static const char *compare_memory(const struct insn *insn, const struct reading *reading)
{
	const ZydisDecodedOperand *memory = reading->memory;
	uint64_t expected;
	uint64_t offset =
		insn_effective_offset(insn, registers, instruction_address + reading->insn.length);

	if (memory->size != 8 * insn->width)
		return "memory operand's width";
	if (reading->memory_is_first != insn->memory_is_destination)
		return "direction";
	if (!(memory->actions & ZYDIS_OPERAND_ACTION_MASK_READ) == insn_reads_memory(insn))
		return "memory is read or not";
	if (!(memory->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == insn_writes_memory(insn))
		return "memory is written or not";
	if (memory->mem.segment != (ZydisRegister)(ZYDIS_REGISTER_ES + insn->segment))
		return "segment";
	if (reading->insn.address_width != 8 * insn->address_width)
		return "address width";
	if (ZYAN_FAILED(ZydisCalcAbsoluteAddressEx(
		    &reading->insn, memory, instruction_address, &zydis_registers, &expected)))
		return "Zydis knows no address";
	return offset == expected ? NULL : "effective address";
}

/* Null, or in what the readings of an instruction that both accept differ. */
static const char *compare_fields(const struct insn *insn, const struct reading *reading)
{
	enum insn_operation operation;
	const char *difference;

	if (!is_listed(reading))
		return "it is no form of the list";
	if (insn->length != reading->insn.length)
		return "length";
	if (!find_operation(reading->insn.mnemonic, &operation) || operation != insn->operation)
		return "operation";
	if (insn->lock != ((reading->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0))
		return "LOCK";
	difference = compare_memory(insn, reading);
	return difference ? difference : compare_other(insn, reading);
}

/* With no byte more than the instruction has, the reading is the same; with one less, there is
 * none. */
static const char *compare_lengths(
	const uint8_t *bytes, enum code_size mode, const struct insn *insn)
{
	struct insn exact;

	if (decode_insn(bytes, insn->length, mode, &exact) != STATUS_OK ||
		memcmp(&exact, insn, INSN_FIELDS))
		return "its exact bytes alone are read differently";
	if (decode_insn(bytes, insn->length - 1u, mode, &exact) != STATUS_TRUNCATED)
		return "one byte less is not 'truncated'";
	return NULL;
}

static void print_disagreement(const uint8_t *bytes, enum code_size mode, enum status status,
	const struct insn *insn, const ZydisDecodedInstruction *zydis, const char *difference)
{
	static const unsigned bits[3] = { 16, 32, 64 };
	char text[INSN_TEXT_SIZE];
	ZydisDisassembledInstruction shown;

	printf("%u-bit:", bits[mode]);
	for (unsigned i = 0; i < INSN_MAX_LENGTH; i++)
		printf(" %02x", bytes[i]);
	printf("\n  they differ in: %s\n", difference);
	snprintf(text, sizeof(text), "refused");
	if (zydis && ZYAN_SUCCESS(ZydisDisassembleIntel(decoders[mode].machine_mode,
			     instruction_address, bytes, INSN_MAX_LENGTH, &shown)))
		snprintf(text, sizeof(text), "%s (%u bytes)", shown.text, shown.info.length);
	printf("  Zydis: %s\n", text);
	if (status == STATUS_OK)
		insn_text(insn, text);
	else
		snprintf(text, sizeof(text), "%s", status_text(status));
	printf("  ours:  %s", text);
	if (status == STATUS_OK)
		printf(" (%u bytes, offset %" PRIx64 ")", insn->length,
			insn_effective_offset(insn, registers, instruction_address + insn->length));
	printf("\n");
}

bool agreement_check(
	const uint8_t bytes[INSN_MAX_LENGTH], enum code_size mode, struct agreement_counts *counts)
{
	struct reading reading;
	struct insn insn;
	enum insn_operation operation;
	enum status status = decode_insn(bytes, INSN_MAX_LENGTH, mode, &insn);
	bool valid = ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
		&decoders[mode], &reading.context, bytes, INSN_MAX_LENGTH, &reading.insn));
	bool named = valid && find_operation(reading.insn.mnemonic, &operation);
	const char *difference = NULL;
	bool listed;

	if (named && !read_operands(&decoders[mode], &reading))
		named = false;
	listed = named && is_listed(&reading);
	counts->strings++;
	counts->accepted += status == STATUS_OK;
	counts->listed += listed;

	if (status == STATUS_OK && !named)
		difference = "ours accepts it";
	else if (status == STATUS_OK)
		difference = compare_fields(&insn, &reading);
	else if (listed)
		difference = "ours refuses it";
	else if (status != STATUS_UNSUPPORTED)
		difference = "the status for 15 bytes";
	if (status == STATUS_OK && !difference)
		difference = compare_lengths(bytes, mode, &insn);
	if (!difference)
		return true;

	counts->disagreements++;
	print_disagreement(bytes, mode, status, &insn, valid ? &reading.insn : NULL, difference);
	return false;
}
