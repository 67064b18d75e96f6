/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of the decoder: any bytes, any number of them, in each mode. Nothing is read past the
 * end, what is accepted lies within its limits, and an answer once given stays with more bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/alu.h"
#include "vmm/decode.h"

#define MAX_BYTES 24

static bool is_width(unsigned width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

static void check_fields(const struct insn *insn, unsigned count, enum code_size mode)
{
	int registers = mode == CODE_64 ? REG_COUNT : 8;

	must(insn->length >= 2 && insn->length <= count && insn->length <= INSN_MAX_LENGTH);
	must(insn->operation < INSN_OPERATION_COUNT);
	must(is_width(insn->width) && is_width(insn->target_width));
	must(insn->width == insn->target_width || insn->operation == INSN_MOVZX ||
		insn->operation == INSN_MOVSX);
	must(insn->reg < registers && (!insn->high_byte || insn->reg < 4));
	must(insn->base >= -1 && insn->base < registers);
	must(insn->index >= -1 && insn->index < registers && insn->index != REG_RSP);
	must(is_width(insn->scale));
	must(is_width(insn->address_width) && insn->address_width != 1);
	must(insn->segment <= SEG_GS);
	must(!insn->rip_relative || (mode == CODE_64 && insn->base < 0 && insn->index < 0));
	must(insn->has_immediate || !insn->immediate);
	must(!insn->has_immediate || insn->memory_is_destination);
	must(!insn->lock || insn_writes_memory(insn));
	must(insn_reads_memory(insn) || insn_writes_memory(insn));
	if (mode != CODE_64)
		must(insn->width < 8 && insn->address_width < 8);
}

/* Carries it out on registers, so that the sanitizers see every shift and index. */
static void use(const struct insn *insn, uint64_t seed)
{
	uint64_t registers[REG_COUNT];
	uint64_t flags = seed;
	uint64_t result;

	for (unsigned i = 0; i < REG_COUNT; i++)
		registers[i] = seed * (i + 1);
	result = insn_effective_offset(insn, registers, seed);
	if (insn->address_width < 8)
		must(result >> 8 * insn->address_width == 0);
	result = alu_execute(
		insn->operation, insn->width, result, insn_read_register(insn, registers), &flags);
	insn_write_register(insn, registers, result);
}

/* Reads the first count bytes out of a block that ends with them. */
static enum status decode_exact(
	const uint8_t *bytes, unsigned count, enum code_size mode, struct insn *insn)
{
	uint8_t *block = must_alloc(count ? count : 1);
	enum status status;

	memcpy(block, bytes, count);
	status = decode_insn(block, count, mode, insn);
	free(block);
	return status;
}

static void check_every_length(const uint8_t *bytes, unsigned size, enum code_size mode)
{
	enum status previous = STATUS_TRUNCATED;
	struct insn first;

	for (unsigned count = 0; count <= size; count++) {
		struct insn insn;
		enum status status = decode_exact(bytes, count, mode, &insn);

		must(status == STATUS_OK || status == STATUS_TRUNCATED ||
			status == STATUS_UNSUPPORTED);
		must(previous == STATUS_TRUNCATED || status == previous);
		must(status != STATUS_TRUNCATED || count < INSN_MAX_LENGTH);
		if (status == STATUS_OK) {
			check_fields(&insn, count, mode);
			use(&insn, insn.immediate ^ bytes[0] * 0x0101010101010101ull);
		}
		if (status == STATUS_OK && previous == STATUS_TRUNCATED) {
			first = insn;
			must(insn.length == count);
		}
		if (status == STATUS_OK)
			must(!memcmp(&insn, &first, offsetof(struct insn, length) + 1));
		previous = status;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count = size < MAX_BYTES ? (unsigned)size : MAX_BYTES;

	check_every_length(data, count, CODE_16);
	check_every_length(data, count, CODE_32);
	check_every_length(data, count, CODE_64);
	return 0;
}
