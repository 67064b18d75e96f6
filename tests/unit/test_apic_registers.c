/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic_registers.c: every register of the page and every MSR, what may be
 * written there, and the modes.
 */
#include "tests/unit/apic_board.h"

#define NONE     0x0badbadull
#define ALL_ONES 0xffffffffull

/* SDM vol. 3A 'Local APIC Register Address Map' and 'x2APIC Register Address Space'. */
struct row {
	const char *name;
	unsigned int first, last;
	bool page;      /* in the page of xAPIC mode */
	uint32_t reset; /* what the page reads (software-disabled, ID 0x12) */
	uint32_t kept;  /* which bits of a write of all ones can be read back */
	bool readable;  /* as MSR */
	bool writable;
	uint64_t x2_valid; /* which bits of a WRMSR may be set */
};

static const struct row rows[] = {
	{ "reserved", 0x00, 0x01, false, 0, 0, false, false, 0 },
	{ "ID", 0x02, 0x02, true, 0x12000000, 0, true, false, 0 },
	{ "version", 0x03, 0x03, true, 0x00050014, 0, true, false, 0 },
	{ "reserved", 0x04, 0x07, false, 0, 0, false, false, 0 },
	{ "TPR", 0x08, 0x08, true, 0, 0xff, true, true, 0xff },
	{ "APR", 0x09, 0x09, true, 0, 0, false, false, 0 },
	{ "PPR", 0x0a, 0x0a, true, 0, 0, true, false, 0 },
	{ "EOI", 0x0b, 0x0b, true, 0, 0, false, true, 0 },
	{ "remote read", 0x0c, 0x0c, true, 0, 0, false, false, 0 },
	{ "LDR", 0x0d, 0x0d, true, 0, 0xff000000, true, false, 0 },
	{ "DFR", 0x0e, 0x0e, true, 0xffffffff, 0xf0000000, false, false, 0 },
	{ "SVR", 0x0f, 0x0f, true, 0xff, 0x3ff, true, true, 0x3ff },
	{ "ISR, TMR, IRR", 0x10, 0x27, true, 0, 0, true, false, 0 },
	{ "ESR", 0x28, 0x28, true, 0, 0, true, true, 0 },
	{ "reserved", 0x29, 0x2e, false, 0, 0, false, false, 0 },
	{ "CMCI, absent", 0x2f, 0x2f, false, 0, 0, false, false, 0 },
	{ "ICR", 0x30, 0x30, true, 0, 0xccfff, true, true, 0xffffffff000cdfff },
	{ "ICR high", 0x31, 0x31, true, 0, 0xff000000, false, false, 0 },
	{ "LVT timer", 0x32, 0x32, true, 0x10000, 0x700ff, true, true, 0x710ff },
	{ "LVT thermal", 0x33, 0x33, true, 0x10000, 0x107ff, true, true, 0x117ff },
	{ "LVT performance", 0x34, 0x34, true, 0x10000, 0x107ff, true, true, 0x117ff },
	{ "LVT LINT0", 0x35, 0x35, true, 0x10000, 0x1a7ff, true, true, 0x1f7ff },
	{ "LVT LINT1", 0x36, 0x36, true, 0x10000, 0x1a7ff, true, true, 0x1f7ff },
	{ "LVT error", 0x37, 0x37, true, 0x10000, 0x100ff, true, true, 0x110ff },
	{ "initial count", 0x38, 0x38, true, 0, 0xffffffff, true, true, 0xffffffff },
	{ "current count", 0x39, 0x39, true, 0, 0, true, false, 0 },
	{ "reserved", 0x3a, 0x3d, false, 0, 0, false, false, 0 },
	{ "divide configuration", 0x3e, 0x3e, true, 0, 0xb, true, true, 0xb },
	{ "self IPI", 0x3f, 0x3f, false, 0, 0, false, true, 0xff },
	{ "reserved", 0x40, 0xff, false, 0, 0, false, false, 0 },
};

/* The rows leave nothing out. */
static void test_table_is_whole(void **state)
{
	unsigned int next = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(rows[i].first, next);
		next = rows[i].last + 1;
	}
	assert_int_equal(next, 0x100);
}

static void check_page_register(const struct row *row, unsigned int index)
{
	static struct board board;

	board_reset(&board, 0x12);
	assert_int_equal(reg_read(&board, index), row->reset);
	assert_int_equal(board.apic.errors, row->page ? 0 : APIC_ERROR_REGISTER);
	board.apic.errors = 0;
	reg_write(&board, index, 0xffffffff);
	/* All ones in the ICR is an SMI, to nobody. */
	assert_int_equal(board.apic.errors, row->page ? 0 : APIC_ERROR_REGISTER);
	assert_int_equal(reg_read(&board, index),
		row->kept | (row->kept != 0 ? row->reset & ~row->kept : row->reset));
	board.apic.errors = 0;
	if (row->kept == 0)
		return;
	/* And off again; the entries stay masked in a software-disabled APIC. */
	reg_write(&board, index, 0);
	assert_int_equal(reg_read(&board, index),
		index >= 0x32 && index <= 0x37 ? 0x10000 : row->reset & ~row->kept);
}

static void test_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		for (unsigned int index = rows[i].first; index <= rows[i].last; index++)
			check_page_register(&rows[i], index);
	}
}

/* Only whole registers: anything else reads as ones, writes nothing and is no register error. */
static void test_page_widths(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	for (uint64_t offset = 0; offset < APIC_SIZE; offset++) {
		for (unsigned int width = 1; width <= 8; width *= 2) {
			if ((offset % 16 == 0 && width == 4) || offset + width > APIC_SIZE)
				continue;
			assert_int_equal(
				apic_ops.read(&board.apic, offset, width), width_mask(width));
			apic_ops.write(&board.apic, offset, width, 0x20 & width_mask(width));
		}
	}
	assert_int_equal(board.apic.svr, 0x1ff);
	assert_int_equal(board.tpr, 0);
	assert_int_equal(board.apic.icr, 0);
	assert_int_equal(board.apic.errors, 0);
	assert_int_equal(apic_pending(&board.apic), -1);
}

static bool x2_reads(struct board *board, unsigned int index, uint64_t *value)
{
	return apic_read_msr(&board->apic, MSR_APIC_X2_FIRST + index, value);
}

static bool x2_writes(struct board *board, unsigned int index, uint64_t value)
{
	return apic_write_msr(&board->apic, MSR_APIC_X2_FIRST + index, value);
}

/* In every mode; the row says what holds in x2APIC mode. */
static void check_x2_register(const struct row *row, unsigned int index, uint64_t base)
{
	static struct board board;
	bool x2 = base == BASE_X2APIC;
	uint64_t value = NONE;

	board_start(&board);
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, base));
	assert_int_equal(x2_reads(&board, index, &value), x2 && row->readable);
	assert_true((value == NONE) == !(x2 && row->readable));
	assert_int_equal(x2_writes(&board, index, 0), x2 && row->writable);
	for (unsigned int bit = 0; bit < 64; bit++) {
		bool valid = x2 && row->writable && (row->x2_valid & BIT(bit)) != 0;

		assert_int_equal(x2_writes(&board, index, BIT(bit)), valid);
	}
	assert_int_equal(x2_writes(&board, index, row->x2_valid), x2 && row->writable);
	assert_int_equal(x2_writes(&board, index, ~0ull), false);
}

static void test_x2_map(void **state)
{
	static const uint64_t bases[] = { BASE_X2APIC, BASE_XAPIC, BASE_DISABLED };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		for (unsigned int index = rows[i].first; index <= rows[i].last; index++) {
			for (size_t j = 0; j < ARRAY_COUNT(bases); j++)
				check_x2_register(&rows[i], index, bases[j]);
		}
	}
}

static uint64_t x2_value(struct board *board, unsigned int index)
{
	uint64_t value = NONE;

	assert_true(x2_reads(board, index, &value));
	return value;
}

static void test_x2_values(void **state)
{
	static struct board board;

	(void)state;
	board_start_x2(&board, 0x12345);
	assert_int_equal(x2_value(&board, APIC_ID), 0x12345);
	assert_int_equal(x2_value(&board, APIC_LDR), 0x12340020);
	assert_int_equal(x2_value(&board, APIC_VERSION), 0x00050014);
	assert_true(x2_writes(&board, APIC_TPR, 0x35));
	assert_int_equal(board.tpr, 0x35);
	assert_int_equal(x2_value(&board, APIC_PPR), 0x35);
	/* The ICR is one of 64 bits, and the destination of 32. */
	assert_true(x2_writes(&board, APIC_ICR_LOW, 0x1234500001041));
	assert_int_equal(x2_value(&board, APIC_ICR_LOW), 0x1234500000041);
	assert_int_equal(apic_pending(&board.apic), 0x41);
	assert_true(x2_writes(&board, APIC_ICR_LOW, 0x4500000042));
	assert_int_equal(apic_pending(&board.apic), 0x41);
	assert_true(x2_writes(&board, APIC_ICR_LOW, 0x1234002000000843));
	assert_int_equal(apic_pending(&board.apic), 0x43);
	assert_true(x2_writes(&board, APIC_ICR_LOW, 0x0000000000044844));
	assert_int_equal(board_take(&board), 0x44);
	assert_int_equal(x2_value(&board, APIC_ISR + 2), 1u << 4);
	assert_true(x2_writes(&board, APIC_SELF_IPI, 0xe5));
	assert_int_equal(x2_value(&board, APIC_IRR + 7), 1u << 5);
	assert_int_equal(board_take(&board), 0xe5);
	assert_true(x2_writes(&board, APIC_EOI, 0));
	assert_true(x2_writes(&board, APIC_EOI, 0));
	assert_int_equal(apic_pending(&board.apic), 0x43);
	assert_true(x2_writes(&board, APIC_SELF_IPI, 0x0f));
	assert_true(x2_writes(&board, APIC_ESR, 0));
	assert_int_equal(x2_value(&board, APIC_ESR), 0x60);
}

/* What was xAPIC's page is nobody's in the other modes. */
static void test_page_of_other_modes(void **state)
{
	static const uint64_t bases[] = { BASE_X2APIC, BASE_DISABLED };
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
		board_start(&board);
		assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, bases[i]));
		for (unsigned int index = 0; index < 0x100; index++) {
			uint32_t svr = board.apic.svr;

			assert_int_equal(reg_read(&board, index), ALL_ONES);
			reg_write(&board, index, 0x44020); /* in the ICR: to self */
			assert_int_equal(board.apic.svr, svr);
		}
		assert_int_equal(board.apic.errors, 0);
		assert_int_equal(board.tpr, 0);
		assert_int_equal(board.apic.request, -1);
	}
}

static void test_modes(void **state)
{
	static const struct {
		const char *name;
		uint64_t from, to;
		bool allowed;
	} changes[] = {
		{ "xAPIC to x2APIC", BASE_XAPIC, BASE_X2APIC, true },
		{ "xAPIC to disabled", BASE_XAPIC, BASE_DISABLED, true },
		{ "xAPIC again", BASE_XAPIC, BASE_XAPIC, true },
		{ "x2APIC again", BASE_X2APIC, BASE_X2APIC, true },
		{ "x2APIC to xAPIC", BASE_X2APIC, BASE_XAPIC, false },
		{ "x2APIC to disabled", BASE_X2APIC, BASE_DISABLED, true },
		{ "disabled to xAPIC", BASE_DISABLED, BASE_XAPIC, true },
		{ "disabled to x2APIC", BASE_DISABLED, BASE_X2APIC, false },
		{ "disabled again", BASE_DISABLED, BASE_DISABLED, true },
		{ "x2APIC but disabled", BASE_XAPIC, BASE_DISABLED | APIC_BASE_X2, false },
		{ "disabled but x2APIC", BASE_DISABLED, BASE_DISABLED | APIC_BASE_X2, false },
		{ "x2APIC without enable", BASE_X2APIC, BASE_DISABLED | APIC_BASE_X2, false },
		{ "BSP off", BASE_XAPIC, BASE_XAPIC & ~APIC_BASE_BSP, true },
		{ "another base", BASE_XAPIC, BASE_XAPIC + 0x1000, false },
		{ "base 0", BASE_XAPIC, APIC_BASE_ENABLED, false },
		{ "base above 4 GiB", BASE_XAPIC, BASE_XAPIC | BIT(36), false },
		{ "reserved bit 0", BASE_XAPIC, BASE_XAPIC | BIT(0), false },
		{ "reserved bit 9", BASE_XAPIC, BASE_XAPIC | BIT(9), false },
		{ "reserved bit 63", BASE_XAPIC, BASE_XAPIC | BIT(63), false },
	};
	static struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
		uint64_t value = NONE;

		print_message("%s\n", changes[i].name);
		board_reset(&board, 0);
		assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, changes[i].from));
		assert_int_equal(apic_write_msr(&board.apic, MSR_APIC_BASE, changes[i].to),
			changes[i].allowed);
		assert_true(apic_read_msr(&board.apic, MSR_APIC_BASE, &value));
		assert_int_equal(value, changes[i].allowed ? changes[i].to : changes[i].from);
	}
}

static void test_state_over_modes(void **state)
{
	static struct board board;

	(void)state;
	board_start(&board);
	reg_write(&board, APIC_ICR_HIGH, 0x77000000);
	reg_write(&board, APIC_LVT, 0x20055);
	reg_write(&board, APIC_INITIAL_COUNT, 100);
	apic_deliver(&board.apic, APIC_FIXED, 0x66, true);
	apic_deliver(&board.apic, APIC_FIXED, 0x77, true);
	assert_int_equal(board_take(&board), 0x77);
	apic_deliver(&board.apic, APIC_NMI, 0, false);
	reg_write(&board, APIC_TPR, 0x20);
	/* To x2APIC everything stays but the destination. */
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_X2APIC));
	assert_int_equal(x2_value(&board, APIC_ICR_LOW), 0);
	assert_int_equal(x2_value(&board, APIC_LVT), 0x20055);
	assert_int_equal(x2_value(&board, APIC_SVR), 0x1ff);
	assert_int_equal(x2_value(&board, APIC_PPR), 0x70);
	assert_int_equal(apic_deadline(&board.apic), 200);
	assert_true(x2_writes(&board, APIC_EOI, 0));
	assert_int_equal(board.ended, 0x77);
	assert_int_equal(apic_pending(&board.apic), 0x66);
	/* Disabled, it forgets all. */
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_DISABLED));
	assert_int_equal(apic_pending(&board.apic), -1);
	assert_false(apic_take_nmi(&board.apic));
	assert_int_equal(apic_deadline(&board.apic), APIC_NO_DEADLINE);
	assert_int_equal(board.tpr, 0);
	assert_true(apic_write_msr(&board.apic, MSR_APIC_BASE, BASE_XAPIC));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint32_t reset = rows[i].first == APIC_ID ? 0 : rows[i].reset;

		assert_int_equal(reg_read(&board, rows[i].first), reset);
	}
}

/* MSRs that are not the APIC's are refused. */
static void test_other_msrs(void **state)
{
	static const uint32_t msrs[] = { 0, 0x1a, 0x1c, 0x6df, 0x6e1, 0x7ff, 0x900, 0xc0000080,
		~0u };
	static struct board board;

	(void)state;
	board_start_x2(&board, 0);
	for (size_t i = 0; i < ARRAY_COUNT(msrs); i++) {
		uint64_t value = NONE;

		assert_false(apic_read_msr(&board.apic, msrs[i], &value));
		assert_false(apic_write_msr(&board.apic, msrs[i], 0));
		assert_int_equal(value, NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_whole),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_page_widths),
		cmocka_unit_test(test_x2_map),
		cmocka_unit_test(test_x2_values),
		cmocka_unit_test(test_page_of_other_modes),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_state_over_modes),
		cmocka_unit_test(test_other_msrs),
	};

	return cmocka_run_group_tests_name("apic_registers", tests, NULL, NULL);
}
