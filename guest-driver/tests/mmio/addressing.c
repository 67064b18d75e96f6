/* SPDX-License-Identifier: MIT */
/*
 * Memory operands: every base and index with every scale and displacement, 32-bit addresses,
 * RIP-relative ones, segment overrides; and the offsets of A0 to A3. Registers hold whatever makes
 * the operand lie at the device's register.
 */
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/mmio/encode.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define SEGMENT_FS 0x64
#define SEGMENT_GS 0x65

static const struct prefixes plain = { .name = "no prefix" };
static const struct form load = { "mov r, m", 0x8b, 0, FORM_READS, 0, 0 };
static const struct form store = { "mov m, r", 0x89, 0, 0, 0, 0 };
static const struct form store_immediate = { "mov m, i", 0xc7, 0, FORM_GROUP, 4, 0 };
static const struct form compare = { "cmp m, i8", 0x83, 7, FORM_GROUP | FORM_READS, 1, 0 };
static const struct form *const tried[] = { &load, &store, &store_immediate, &compare };

/*
 * Gives base and index values that make the operand's offset target. False: none of this
 * displacement's do.
 */
static bool solve(struct operand *operand, uint64_t target, uint64_t registers[16])
{
	const uint64_t mask = operand->address_size ? 0xffffffff : ~0ull;
	const uint64_t scale = 1ull << operand->shift;
	uint64_t rest = (target - (uint64_t)(int64_t)operand->displacement) & mask;
	uint64_t factor = scale, junk = operand->address_size ? random_number() << 32 : 0;

	if (operand->base >= 0 && operand->base != operand->index) {
		if (operand->index >= 0)
			rest -= registers[operand->index] * scale;
		registers[operand->base] = (rest & mask) | junk;
		return true;
	}
	if (operand->base < 0 && operand->index < 0)
		return rest == 0;
	if (operand->base >= 0)
		factor += 1;
	/* What the division leaves goes into the displacement. */
	if (rest % factor != 0 && operand->displacement_size != 4 && operand->base >= 0)
		return false;
	if (rest % factor > (uint64_t)(INT32_MAX - (int64_t)operand->displacement))
		return false;
	operand->displacement += (int32_t)(rest % factor);
	registers[operand->index] = rest / factor | junk;
	return true;
}

static bool try_operand(struct operand operand, uint64_t target)
{
	const struct form *form = tried[random_number() % 4];
	const unsigned int reg = form->flags & FORM_GROUP ? 0 : (unsigned int)random_number() % 16;
	struct trial trial = trial_random(DEVICE_CELL, 4);
	uint64_t junk = random_number();

	if (operand.displacement_size == 0)
		operand.displacement = 0;
	if (!solve(&operand, target, trial.start.registers))
		return true;
	trial.size = form_encode(
		trial.code, form, &plain, &operand, reg, (uint32_t)(junk & 1 ? trial.value : junk));
	return trial_agrees_with_device(&trial, form->name);
}

/* All scales and displacements of one base and index; -1 for none. */
static bool try_registers(int base, int index, bool address_size, uint8_t segment, uint64_t target)
{
	static const uint8_t sizes[] = { 0, 1, 4 };

	for (unsigned int i = 0; i < 4 * sizeof(sizes); i++) {
		struct operand operand = {
			.base = (int8_t)base,
			.index = (int8_t)index,
			.shift = (uint8_t)(i % 4),
			.displacement_size = base < 0 ? 4 : sizes[i / 4],
			.displacement = (int8_t)random_number(),
			.address_size = address_size,
			.segment = segment,
		};

		if ((base & 7) == 5 && operand.displacement_size == 0)
			continue;
		if (operand.displacement_size == 4)
			operand.displacement = (int32_t)random_number();
		if (!try_operand(operand, target))
			return false;
	}
	return true;
}

/* With a segment, which is added to what any of them gives, two indices stand for all. */
static void try_all_registers(bool address_size, uint8_t segment, uint64_t target)
{
	for (int base = -1; base < 16; base++) {
		check_begin("base %d, %s addresses, override 0x%x", base,
			address_size ? "32-bit" : "64-bit", segment);
		for (int index = -1; index < 16; index++) {
			if (index == RSP || (base < 0 && index < 0) ||
				(segment != 0 && index > RAX))
				continue;
			if (!try_registers(base, index, address_size, segment, target))
				return;
		}
	}
}

/* [disp32] with neither base nor index: sign-extended, or 32 bits wide. */
static void try_absolute(bool address_size)
{
	const struct operand operand = {
		.base = -1,
		.index = -1,
		.displacement_size = 4,
		.displacement = (int32_t)(WINDOW + DEVICE_CELL),
		.address_size = address_size,
	};

	check_begin("[disp32], %s addresses", address_size ? "32-bit" : "64-bit");
	for (unsigned int i = 0; i < 16; i++) {
		if (!try_operand(operand, (address_size ? WINDOW : WINDOW_HIGH) + DEVICE_CELL))
			return;
	}
}

/* The displacement counts from the end of the instruction, behind its immediate. */
static void try_rip_relative(bool address_size)
{
	check_begin("[rip + disp32], %s addresses", address_size ? "32-bit" : "64-bit");
	for (unsigned int i = 0; i < 64; i++) {
		struct operand operand = { .base = -1,
			.index = -1,
			.rip_relative = true,
			.displacement_size = 4,
			.address_size = address_size };
		const struct form *form = tried[i % 4];
		struct trial trial = trial_random(DEVICE_CELL, 4);
		const unsigned int reg = form->flags & FORM_GROUP ? 0 : i / 4;
		const uint32_t immediate = (uint32_t)random_edge();

		trial.size = form_encode(trial.code, form, &plain, &operand, reg, immediate);
		operand.displacement = (int32_t)(WINDOW + DEVICE_CELL - (CODE_WINDOW + trial.size));
		form_encode(trial.code, form, &plain, &operand, reg, immediate);
		if (!trial_agrees_with_device(&trial, form->name))
			return;
	}
}

/* An override that counts in 64-bit code moves the operand by the segment's base. */
static void try_segment(uint8_t segment, uint32_t msr)
{
	const uint64_t kept = cpu_read_msr(msr);
	const uint64_t far = random_number() >> 20;
	const uint64_t near = random_number() % WINDOW;

	cpu_write_msr(msr, far);
	try_all_registers(false, segment, WINDOW + DEVICE_CELL - far);
	cpu_write_msr(msr, near);
	try_all_registers(true, segment, WINDOW + DEVICE_CELL - near);
	cpu_write_msr(msr, kept);
}

void mmio_test_addressing(void)
{
	static const uint8_t null_overrides[] = { 0x26, 0x2e, 0x36, 0x3e };

	try_absolute(false);
	try_absolute(true);
	try_rip_relative(false);
	try_rip_relative(true);
	for (unsigned int i = 0; i < sizeof(null_overrides); i++) {
		check_begin("override 0x%x, which is none", null_overrides[i]);
		for (int base = 0; base < 16; base++)
			try_registers(base, -1, false, null_overrides[i], WINDOW + DEVICE_CELL);
	}
	try_all_registers(false, 0, WINDOW + DEVICE_CELL);
	try_all_registers(true, 0, WINDOW + DEVICE_CELL);
	try_segment(SEGMENT_FS, MSR_IA32_FS_BASE);
	try_segment(SEGMENT_GS, MSR_IA32_GS_BASE);
}

/* A0 to A3: the offset stands in the instruction, 8 bytes of it, or 4 behind 67. */
static bool try_offset(const struct prefixes *with, uint8_t opcode, bool address_size,
	uint8_t segment, uint64_t base)
{
	const unsigned int wide = with->rex & 8 ? 8 : with->operand_size ? 2 : 4;
	struct trial trial = trial_random(DEVICE_CELL, opcode & 1 ? wide : 1);
	const uint64_t target = WINDOW + DEVICE_CELL - base;
	uint8_t *at = trial.code;

	for (unsigned int i = 0; i < sizeof(with->bytes) && with->bytes[i] != 0; i++)
		*at++ = with->bytes[i];
	if (segment != 0)
		*at++ = segment;
	if (address_size)
		*at++ = 0x67;
	if (with->rex != 0)
		*at++ = with->rex;
	*at++ = opcode;
	memcpy(at, &target, address_size ? 4 : 8);
	at += address_size ? 4 : 8;
	trial.size = (size_t)(at - trial.code);
	return trial_agrees_with_device(&trial, with->name);
}

void mmio_test_offsets(void)
{
	const uint64_t near = random_number() % WINDOW;

	cpu_write_msr(MSR_IA32_FS_BASE, near);
	for (unsigned int i = 0; i < 4 * 4; i++) {
		const uint8_t opcode = (uint8_t)(0xa0 + i % 4);
		const bool address_size = (i & 4) != 0, override = (i & 8) != 0;

		check_begin("opcode 0x%x, %s%s", opcode, address_size ? "67 " : "",
			override ? "FS" : "");
		for (unsigned int j = 0; j < prefix_count; j++) {
			if (!prefixes[j].lock &&
				!try_offset(&prefixes[j], opcode, address_size,
					override ? SEGMENT_FS : 0, override ? near : 0))
				break;
		}
	}
	cpu_write_msr(MSR_IA32_FS_BASE, 0);
}
