/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic.c: priorities, nesting and ends of interrupts. What comes and goes as
 * a message is in test_apic_messages.c; test_apic_model.c does all of it at random.
 */
#include "tests/unit/apic_board.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_priority),
		cmocka_unit_test(test_service_priority),
		cmocka_unit_test(test_processor_priority),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_attention),
	};

	return cmocka_run_group_tests_name("apic", tests, NULL, NULL);
}
