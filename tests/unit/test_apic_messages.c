/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/apic.c: messages, destinations, inter-processor interrupts, an APIC that
 * software has disabled, and errors.
 */
#include "tests/unit/apic_board.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_ipis),
		cmocka_unit_test(test_software_disabled),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("apic messages", tests, NULL, NULL);
}
