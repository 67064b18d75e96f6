/* SPDX-License-Identifier: MIT */
/*
 * A run of random steps of devices/apic.c beside a slow model.
 */
#include "tests/unit/apic_board.h"

#define STEPS 100000

/* The slow model: bytes in place of bits, and everything looked for anew. */
struct model {
	bool irr[256], isr[256], tmr[256];
	uint8_t task;
};

static int model_highest(const bool *map)
{
	int highest = -1;

	for (int vector = 0; vector < 256; vector++) {
		if (map[vector])
			highest = vector;
	}
	return highest;
}

static int model_class(const struct model *model)
{
	int service = model_highest(model->isr) / 16;

	return service > model->task / 16 ? service : model->task / 16;
}

static int model_pending(const struct model *model)
{
	int request = model_highest(model->irr);

	return request >= 0 && request / 16 > model_class(model) ? request : -1;
}

static unsigned int model_held_back(const struct model *model)
{
	int request = model_highest(model->irr) / 16;

	if (model_pending(model) >= 0 || request <= model_highest(model->isr) / 16)
		return 0;
	return (unsigned int)request;
}

static void compare_maps(struct board *board, unsigned int index, const bool *map)
{
	for (unsigned int part = 0; part < 8; part++) {
		uint32_t expected = 0;

		for (unsigned int bit = 0; bit < 32; bit++)
			expected |= (uint32_t)map[32 * part + bit] << bit;
		assert_int_equal(reg_read(board, index + part), expected);
	}
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void model_step(struct board *board, struct model *model, uint64_t *seed)
{
	uint32_t random = next_random(seed);
	uint8_t vector = (uint8_t)(random >> 8 | (random & 0x10000 ? 0 : 0xc0));
	bool level = (random & 0x20000) != 0;
	unsigned int ends = board->ends;
	int taken;

	switch (random % 8) {
	case 0:
	case 1:
	case 2:
		apic_deliver(&board->apic, APIC_FIXED, vector, level);
		if (vector < 16)
			break;
		model->irr[vector] = true;
		model->tmr[vector] = level;
		break;
	case 3:
		reg_write(board, APIC_ICR_LOW, 0x44000u | vector);
		if (vector < 16)
			break;
		model->irr[vector] = true;
		model->tmr[vector] = false;
		break;
	case 4:
		model->task = (uint8_t)(random >> 8 & (random >> 18));
		if (random & 0x20000)
			board->tpr = model->task;
		else
			reg_write(board, APIC_TPR, model->task);
		break;
	case 5:
	case 6:
		taken = model_pending(model);
		assert_int_equal(board_take(board), taken);
		if (taken < 0)
			break;
		model->irr[taken] = false;
		model->isr[taken] = true;
		break;
	default:
		taken = model_highest(model->isr);
		reg_write(board, APIC_EOI, random);
		if (taken < 0)
			break;
		model->isr[taken] = false;
		assert_int_equal(board->ends, ends + model->tmr[taken]);
		if (model->tmr[taken])
			assert_int_equal(board->ended, taken);
		break;
	}
}

static void test_random_steps(void **state)
{
	static struct board board;
	static struct model model;
	uint64_t seed = 1;
	unsigned int nested = 0;

	(void)state;
	board_start(&board);
	for (unsigned int step = 0; step < STEPS; step++) {
		uint32_t task;

		model_step(&board, &model, &seed);
		task = model.task;
		assert_int_equal(apic_pending(&board.apic), model_pending(&model));
		assert_int_equal(apic_held_back_class(&board.apic), model_held_back(&model));
		assert_int_equal(reg_read(&board, APIC_PPR),
			(int)task / 16 == model_class(&model) ? task
							      : (unsigned)model_class(&model) * 16);
		nested += model_highest(model.isr) / 16 > 8;
		if (step % 16 != 0)
			continue;
		compare_maps(&board, APIC_IRR, model.irr);
		compare_maps(&board, APIC_ISR, model.isr);
		compare_maps(&board, APIC_TMR, model.tmr);
	}
	/* The walk went where things happen. */
	assert_in_range(nested, STEPS / 10, STEPS);
	assert_in_range(board.ends, STEPS / 100, STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_steps),
	};

	return cmocka_run_group_tests_name("apic model", tests, NULL, NULL);
}
