/* SPDX-License-Identifier: MIT */
/*
 * Every instruction that is carried, with every register and the prefixes that change it, on a
 * register of the device that in DRIVER_OK keeps what is written; and widths and offsets that the
 * device does not take.
 */
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/tests/mmio/encode.h"
#include "guest-driver/tests/mmio/mmio.h"

#define ROUNDS 2

static const struct operand at_rbx = { .base = RBX, .index = -1 };

static bool try_form(
	const struct form *form, const struct prefixes *with, unsigned int reg, unsigned int offset)
{
	struct trial trial = trial_random(offset, form_width(form, with));

	if (random_number() % 4 == 0)
		trial.start.registers[reg] = trial.value;
	trial.start.registers[RBX] = WINDOW + offset;
	trial.size = form_encode(trial.code, form, with, &at_rbx, reg,
		random_number() % 4 == 0 ? (uint32_t)trial.value : (uint32_t)random_edge());
	return trial_agrees_with_device(&trial, with->name);
}

static bool try_registers(const struct form *form, const struct prefixes *with)
{
	for (unsigned int reg = 0; reg < 16; reg++) {
		for (unsigned int round = 0; round < ROUNDS && form_exists(form, with, reg);
			round++) {
			if (!try_form(form, with, reg, DEVICE_CELL))
				return false;
		}
	}
	return true;
}

void mmio_test_forms(void)
{
	for (unsigned int i = 0; i < form_count; i++) {
		check_begin("%s", forms[i].name);
		for (unsigned int j = 0; j < prefix_count; j++) {
			if (!try_registers(&forms[i], &prefixes[j]))
				break;
		}
	}
}

/* At every offset that touches the registers: where an access is none of theirs, all ones. */
static void try_offsets(const struct form *form, const struct prefixes *with)
{
	check_begin("%s, %s, offsets 4 to 15", form->name, with->name);
	for (unsigned int offset = 4; offset < 16; offset++) {
		const unsigned int reg = (unsigned int)random_number() % 8;

		if (form_exists(form, with, reg) && !try_form(form, with, reg, offset))
			return;
	}
}

/* The rest of the page reads 0, the start state MAGIC; reads only. */
static void try_constant(unsigned int offset, uint32_t value)
{
	static const struct prefixes none = { .name = "a constant register" };

	check_begin("reads of 0x%x at 0x%x", value, offset);
	for (unsigned int i = 0; i < form_count; i++) {
		struct trial trial = trial_random(offset, 4);

		if (form_width(&forms[i], &none) != 4 || !(forms[i].flags & FORM_READS))
			continue;
		trial.value = value;
		trial.start.registers[RBX] = WINDOW + offset;
		trial.size = form_encode(trial.code, &forms[i], &none, &at_rbx, RDX, value);
		if (!trial_agrees(&trial, DEVICE_PAGE, forms[i].name))
			return;
	}
}

void mmio_test_widths(void)
{
	static const struct form load = { "mov r, m", 0x8b, 0, FORM_READS, 0, 0 };
	static const struct form store = { "mov m, r", 0x89, 0, 0, 0, 0 };
	static const struct form byte_load = { "mov r8, m8", 0x8a, 0, FORM_BYTE, 0, 0 };
	static const struct form byte_store = { "mov m8, r8", 0x88, 0, FORM_BYTE, 0, 0 };
	static const struct form add = { "add m, r", 0x01, 0, FORM_LOCK, 0, 0 };
	static const struct form *const tried[] = { &load, &store, &byte_load, &byte_store, &add };

	for (unsigned int i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		for (unsigned int j = 0; j < prefix_count; j++)
			try_offsets(tried[i], &prefixes[j]);
	}
	window_show(0, DEVICE_PAGE);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
	try_constant(SVIRTB_STATUS, SVIRTB_MAGIC);
	try_constant(SVIRTB_QUEUE_SIZE, 0);
	try_constant(SVIRTB_QUEUE_TAIL, 0);
	try_constant(0x18, 0);
	try_constant(PAGE - 4, 0);
}
