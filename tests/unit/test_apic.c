/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic.c: priorities, nesting and ends of interrupts, messages, destinations,
 * errors, and a run of random steps beside a slow model.
 */
#include "tests/unit/apic_board.h"

#define STEPS 100000

/* Each class of request against each class of task priority, by both registers' edges. */
static void test_task_priority(void **state)
{
	static struct board board;

	(void)state;
	for (unsigned int task = 0; task < 256; task++) {
		for (unsigned int vector = 16; vector < 256; vector++) {
			bool passes = vector / 16 > task / 16;

			board_start(&board);
			reg_write(&board, APIC_TPR, task);
			apic_deliver(&board.apic, APIC_FIXED, (uint8_t)vector, false);
			assert_int_equal(apic_pending(&board.apic), passes ? (int)vector : -1);
			assert_int_equal(
				apic_held_back_class(&board.apic), passes ? 0 : vector / 16);
			assert_int_equal(reg_read(&board, APIC_PPR), task);
			/* The processor's TPR shadow lowers it, and nobody is told. */
			board.tpr = 0;
			assert_int_equal(apic_pending(&board.apic), vector);
		}
	}
}

/* A vector in service holds back its own class and those below. */
static void test_service_priority(void **state)
{
	static struct board board;

	(void)state;
	for (unsigned int first = 16; first < 256; first++) {
		for (unsigned int second = 16; second < 256; second++) {
			bool passes = second / 16 > first / 16;

			board_start(&board);
			apic_deliver(&board.apic, APIC_FIXED, (uint8_t)first, false);
			assert_int_equal(board_take(&board), first);
			apic_deliver(&board.apic, APIC_FIXED, (uint8_t)second, false);
			assert_int_equal(apic_pending(&board.apic), passes ? (int)second : -1);
			/* A lower task priority would not help. */
			assert_int_equal(apic_held_back_class(&board.apic), 0);
			assert_int_equal(reg_read(&board, APIC_PPR), first & 0xf0);
			reg_write(&board, APIC_EOI, 0);
			assert_int_equal(apic_pending(&board.apic), second);
		}
	}
}

static void test_processor_priority(void **state)
{
	static const struct {
		const char *name;
		uint8_t task, service, ppr;
		unsigned int held; /* with 0x55 requested */
	} rows[] = {
		{ "nothing", 0x00, 0, 0x00, 0 },
		{ "task only", 0x23, 0, 0x23, 0 },
		{ "service only", 0x00, 0x47, 0x40, 0 },
		{ "task above service", 0x53, 0x47, 0x53, 5 },
		{ "task below service", 0x33, 0x47, 0x40, 0 },
		{ "same class", 0x42, 0x47, 0x42, 0 },
		{ "both hold 0x55 back", 0x61, 0x5f, 0x61, 0 },
		{ "task in the class of the request", 0x50, 0x4f, 0x50, 5 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		if (rows[i].service != 0) {
			apic_deliver(&board.apic, APIC_FIXED, rows[i].service, false);
			assert_int_equal(board_take(&board), rows[i].service);
		}
		board.tpr = rows[i].task;
		apic_deliver(&board.apic, APIC_FIXED, 0x55, false);
		assert_int_equal(reg_read(&board, APIC_PPR), rows[i].ppr);
		assert_int_equal(apic_held_back_class(&board.apic), rows[i].held);
	}
}

/* Interrupts in interrupts: each end is that of the innermost. */
static void test_nesting(void **state)
{
	static const uint8_t vectors[] = { 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
	static struct board board;

	(void)state;
	board_start(&board);
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		apic_deliver(&board.apic, APIC_FIXED, vectors[i], false);
		assert_int_equal(board_take(&board), vectors[i]);
		/* The same again waits. */
		apic_deliver(&board.apic, APIC_FIXED, vectors[i], false);
		assert_int_equal(board_take(&board), -1);
	}
	for (size_t i = ARRAY_COUNT(vectors); i-- > 0;) {
		unsigned int part = vectors[i] / 32;
		uint32_t bit = 1u << (vectors[i] % 32);

		assert_int_equal(reg_read(&board, APIC_ISR + part) & bit, bit);
		assert_int_equal(reg_read(&board, APIC_IRR + part) & bit, bit);
		reg_write(&board, APIC_EOI, 0);
		assert_int_equal(reg_read(&board, APIC_ISR + part) & bit, 0);
		assert_int_equal(board_take(&board), vectors[i]);
		assert_int_equal(reg_read(&board, APIC_IRR + part) & bit, 0);
		reg_write(&board, APIC_EOI, 0);
	}
	assert_int_equal(board.apic.in_service, -1);
	assert_int_equal(board.ends, 0);
	/* One too many harms nothing. */
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(reg_read(&board, APIC_PPR), 0);
}

static void test_level(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	apic_deliver(&board.apic, APIC_FIXED, 0x61, true);
	assert_int_equal(reg_read(&board, APIC_TMR + 3), 2);
	assert_int_equal(board_take(&board), 0x61);
	board.raise_it = 2;
	for (unsigned int i = 0; i < 2; i++) {
		/* Still asserted: the end brings it back. */
		reg_write(&board, APIC_EOI, 0);
		assert_int_equal(board.ends, i + 1);
		assert_int_equal(board.ended, 0x61);
		assert_int_equal(board_take(&board), 0x61);
		assert_int_equal(board_take(&board), -1);
	}
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board.ends, 3);
	assert_int_equal(board_take(&board), -1);
	/* Nothing in service, nothing to end. */
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board.ends, 3);
	/* The same vector by an edge is no level any more. */
	apic_deliver(&board.apic, APIC_FIXED, 0x61, false);
	assert_int_equal(reg_read(&board, APIC_TMR + 3), 0);
	assert_int_equal(board_take(&board), 0x61);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board.ends, 3);
}

static void test_attention(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	board.attentions = 0;
	apic_deliver(&board.apic, APIC_FIXED, 0x61, false);
	assert_int_equal(board.attentions, 1);
	apic_deliver(&board.apic, APIC_FIXED, 0x61, false);
	assert_int_equal(board.attentions, 1); /* it is requested already */
	reg_write(&board, APIC_TPR, 0x70);
	assert_int_equal(board.attentions, 2); /* something waits for the priority to fall */
	reg_write(&board, APIC_TPR, 0);
	assert_int_equal(board.attentions, 3);
	assert_int_equal(board_take(&board), 0x61);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board.attentions, 3); /* nothing waits */
	apic_deliver(&board.apic, APIC_NMI, 0, false);
	assert_int_equal(board.attentions, 4);
	assert_true(apic_take_nmi(&board.apic));
	assert_false(apic_take_nmi(&board.apic));
	assert_int_equal(apic_pending(&board.apic), -1);
}

static void test_messages(void **state)
{
	static const struct {
		const char *name;
		uint64_t base;
		uint32_t svr;
		enum apic_delivery_mode mode;
		uint8_t vector;
		int pending;
		bool nmi;
		uint32_t error;
	} rows[] = {
		{ "fixed", BASE_XAPIC, 0x1ff, APIC_FIXED, 0x20, 0x20, false, 0 },
		{ "lowest priority", BASE_XAPIC, 0x1ff, APIC_LOWEST_PRIORITY, 0x20, 0x20, false,
			0 },
		{ "lowest vector", BASE_XAPIC, 0x1ff, APIC_FIXED, 16, 16, false, 0 },
		{ "highest vector", BASE_XAPIC, 0x1ff, APIC_FIXED, 255, 255, false, 0 },
		{ "illegal vector 15", BASE_XAPIC, 0x1ff, APIC_FIXED, 15, -1, false, 0x40 },
		{ "illegal vector 0", BASE_XAPIC, 0x1ff, APIC_LOWEST_PRIORITY, 0, -1, false, 0x40 },
		{ "NMI, any vector", BASE_XAPIC, 0x1ff, APIC_NMI, 0, -1, true, 0 },
		{ "SMI", BASE_XAPIC, 0x1ff, APIC_SMI, 0, -1, false, 0 },
		{ "INIT", BASE_XAPIC, 0x1ff, APIC_INIT, 0, -1, false, 0 },
		{ "start-up", BASE_XAPIC, 0x1ff, APIC_STARTUP, 0x20, -1, false, 0 },
		{ "ExtINT", BASE_XAPIC, 0x1ff, APIC_EXTINT, 0x20, -1, false, 0 },
		{ "software-disabled, fixed", BASE_XAPIC, 0xff, APIC_FIXED, 0x20, -1, false, 0 },
		{ "software-disabled, NMI", BASE_XAPIC, 0xff, APIC_NMI, 0, -1, true, 0 },
		{ "disabled, fixed", BASE_DISABLED, 0x1ff, APIC_FIXED, 0x20, -1, false, 0 },
		{ "disabled, NMI", BASE_DISABLED, 0x1ff, APIC_NMI, 0, -1, false, 0 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		reg_write(&board, APIC_SVR, rows[i].svr);
		assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, rows[i].base));
		apic_deliver(&board.apic, rows[i].mode, rows[i].vector, false);
		assert_int_equal(apic_pending(&board.apic), rows[i].pending);
		assert_int_equal(apic_take_nmi(&board.apic), rows[i].nmi);
		if (rows[i].base == BASE_XAPIC)
			assert_int_equal(board_errors(&board), rows[i].error);
	}
}

static void test_destinations(void **state)
{
	static const struct {
		const char *name;
		bool x2;
		uint32_t id, ldr, dfr, destination;
		bool logical, matches;
	} rows[] = {
		{ "physical", false, 3, 0, ~0u, 3, false, true },
		{ "physical, other", false, 3, 0, ~0u, 2, false, false },
		{ "physical, broadcast", false, 3, 0, ~0u, 0xff, false, true },
		{ "physical, 32-bit broadcast", false, 3, 0, ~0u, ~0u, false, true },
		{ "flat", false, 3, 0x05000000, ~0u, 0x04, true, true },
		{ "flat, both", false, 3, 0x05000000, ~0u, 0x07, true, true },
		{ "flat, other", false, 3, 0x05000000, ~0u, 0x0a, true, false },
		{ "flat, LDR 0", false, 3, 0, ~0u, 0x01, true, false },
		{ "flat, broadcast", false, 3, 0, ~0u, 0xff, true, true },
		{ "cluster", false, 3, 0x25000000, 0x0fffffff, 0x24, true, true },
		{ "cluster, other bit", false, 3, 0x25000000, 0x0fffffff, 0x2a, true, false },
		{ "cluster, other cluster", false, 3, 0x25000000, 0x0fffffff, 0x34, true, false },
		{ "cluster, broadcast", false, 3, 0x25000000, 0x0fffffff, 0xff, true, true },
		{ "no such model", false, 3, 0x25000000, 0x7fffffff, 0x25, true, false },
		{ "x2 physical", true, 0x12345, 0, 0, 0x12345, false, true },
		{ "x2 physical, low bits only", true, 0x12345, 0, 0, 0x45, false, false },
		{ "x2 physical, broadcast", true, 0x12345, 0, 0, ~0u, false, true },
		{ "x2 physical, the I/O APIC's broadcast", true, 0x12345, 0, 0, 0xff, false, true },
		{ "x2 logical", true, 0x12345, 0, 0, 0x12340020, true, true },
		{ "x2 logical, several", true, 0x12345, 0, 0, 0x1234ffff, true, true },
		{ "x2 logical, other", true, 0x12345, 0, 0, 0x12340040, true, false },
		{ "x2 logical, other cluster", true, 0x12345, 0, 0, 0x12350020, true, false },
		{ "x2 logical, broadcast", true, 0x12345, 0, 0, ~0u, true, true },
		{ "x2 logical, 8 bits", true, 2, 0, 0, 0xff, true, true },
		{ "x2 logical, 8 bits, not in them", true, 9, 0, 0, 0xff, true, false },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_reset(&board, rows[i].id);
		if (rows[i].x2)
			assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_X2APIC));
		reg_write(&board, APIC_LDR, rows[i].ldr);
		reg_write(&board, APIC_DFR, rows[i].dfr);
		assert_int_equal(apic_matches(&board.apic, rows[i].destination, rows[i].logical),
			rows[i].matches);
	}
}

static void test_ipis(void **state)
{
	static const struct {
		const char *name;
		uint32_t high, low;
		int pending;
		bool nmi;
		uint32_t errors;
	} rows[] = {
		{ "to this one", 0x00000000, 0x00004030, 0x30, false, 0 },
		{ "to another", 0x01000000, 0x00004030, -1, false, 0 },
		{ "to all", 0xff000000, 0x00004030, 0x30, false, 0 },
		{ "logical", 0x01000000, 0x00004830, 0x30, false, 0 },
		{ "logical, another", 0x02000000, 0x00004830, -1, false, 0 },
		{ "self, destination ignored", 0x01000000, 0x00044030, 0x30, false, 0 },
		{ "all", 0x01000000, 0x00084030, 0x30, false, 0 },
		{ "all but self", 0x00000000, 0x000c4030, -1, false, 0 },
		{ "lowest priority", 0x00000000, 0x00004130, 0x30, false, 0 },
		{ "trigger mode counts not", 0x00000000, 0x0000c030, 0x30, false, 0 },
		{ "NMI", 0x00000000, 0x00004400, -1, true, 0 },
		{ "NMI to another", 0x01000000, 0x00004400, -1, false, 0 },
		{ "NMI to all but self", 0x00000000, 0x000c4400, -1, false, 0 },
		{ "INIT to others", 0x00000000, 0x000c4500, -1, false, 0 },
		{ "INIT de-assert", 0x00000000, 0x00088500, -1, false, 0 },
		{ "start-up", 0x00000000, 0x00004608, -1, false, 0 },
		{ "SMI", 0x00000000, 0x00044200, -1, false, 0 },
		{ "illegal vector to self", 0x00000000, 0x0004400f, -1, false, 0x60 },
		{ "illegal vector to another", 0x01000000, 0x0000400f, -1, false, 0x20 },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		board_start(&board);
		reg_write(&board, APIC_LDR, 0x01000000);
		reg_write(&board, APIC_ICR_HIGH, rows[i].high | 0x00ffffff);
		reg_write(&board, APIC_ICR_LOW, rows[i].low | 0xfff33000 /* not writable */);
		assert_int_equal(reg_read(&board, APIC_ICR_LOW), rows[i].low);
		assert_int_equal(reg_read(&board, APIC_ICR_HIGH), rows[i].high);
		assert_int_equal(apic_pending(&board.apic), rows[i].pending);
		assert_int_equal(apic_take_nmi(&board.apic), rows[i].nmi);
		assert_int_equal(board_errors(&board), rows[i].errors);
		/* It ends like an edge. */
		if (board_take(&board) >= 0)
			reg_write(&board, APIC_EOI, 0);
		assert_int_equal(board.ends, 0);
	}
}

/* SDM 'Local APIC State After It Has Been Software Disabled'. */
static void test_software_disabled(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	for (unsigned int i = 0; i < APIC_LVT_COUNT; i++) {
		reg_write(&board, APIC_LVT + i, 0x40 + i);
		assert_int_equal(reg_read(&board, APIC_LVT + i), 0x40 + i);
	}
	apic_deliver(&board.apic, APIC_FIXED, 0x20, false);
	assert_int_equal(board_take(&board), 0x20);
	apic_deliver(&board.apic, APIC_FIXED, 0x31, true);
	reg_write(&board, APIC_SVR, 0x0ff);
	for (unsigned int i = 0; i < APIC_LVT_COUNT; i++) {
		assert_int_equal(reg_read(&board, APIC_LVT + i), 0x10040 + i);
		reg_write(&board, APIC_LVT + i, 0x50 + i);
		assert_int_equal(reg_read(&board, APIC_LVT + i), 0x10050 + i);
	}
	/* What was requested before is still there, what comes now is not. */
	apic_deliver(&board.apic, APIC_FIXED, 0x99, true);
	reg_write(&board, APIC_ICR_LOW, 0x44098);
	assert_int_equal(board_take(&board), 0x31);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board.ended, 0x31);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(apic_pending(&board.apic), -1);
	reg_write(&board, APIC_SVR, 0x1ff);
	assert_int_equal(reg_read(&board, APIC_LVT + 5), 0x10055); /* the guest unmasks */
}

static void test_errors(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	reg_write(&board, APIC_LVT + APIC_LVT_ERROR, 0xfe);
	assert_int_equal(reg_read(&board, 0x04), 0); /* reserved */
	assert_int_equal(board_take(&board), 0xfe);
	assert_int_equal(reg_read(&board, APIC_ESR), 0); /* before the write */
	/* Once, until the ESR is written. */
	apic_deliver(&board.apic, APIC_FIXED, 3, false);
	reg_write(&board, APIC_EOI, 0);
	assert_int_equal(board_take(&board), -1);
	reg_write(&board, APIC_ESR, 0x12345);
	assert_int_equal(reg_read(&board, APIC_ESR), 0xc0);
	assert_int_equal(reg_read(&board, APIC_ESR), 0xc0); /* a read changes nothing */
	reg_write(&board, APIC_ESR, 0);
	assert_int_equal(reg_read(&board, APIC_ESR), 0);
	/* An error interrupt with an illegal vector is an error itself, and ends there. */
	reg_write(&board, APIC_LVT + APIC_LVT_ERROR, 0x07);
	reg_write(&board, 0x2f, 0); /* no CMCI entry */
	assert_int_equal(board_take(&board), -1);
	assert_int_equal(board_errors(&board), 0xc0);
}

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
		cmocka_unit_test(test_task_priority),
		cmocka_unit_test(test_service_priority),
		cmocka_unit_test(test_processor_priority),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_attention),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_ipis),
		cmocka_unit_test(test_software_disabled),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_random_steps),
	};

	return cmocka_run_group_tests_name("apic", tests, NULL, NULL);
}
