/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/uart.c: scripts of port accesses, as drivers do them, on a UART that sits
 * on a port bus, with what it sends and what its interrupt line does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "devices/uart.h"
#include "lib/bits.h"

struct board {
	struct bus ports;
	struct uart uart;
	char sent[256];
	size_t sent_count;
	char line[64]; /* '+' and '-' as the interrupt line changes */
	size_t line_count;
};

static void put(void *context, uint8_t byte)
{
	struct board *board = context;

	assert_true(board->sent_count + 1 < sizeof(board->sent));
	board->sent[board->sent_count++] = (char)byte;
	board->sent[board->sent_count] = '\0';
}

static void raise_line(void *context, bool level)
{
	struct board *board = context;

	assert_true(board->line_count + 1 < sizeof(board->line));
	board->line[board->line_count++] = level ? '+' : '-';
	board->line[board->line_count] = '\0';
}

static void make_board(struct board *board)
{
	*board = (struct board){ 0 };
	uart_init(&board->uart, put, raise_line, board);
	assert_int_equal(bus_register(&board->ports, "COM1", UART_COM1_BASE, UART_PORTS, &uart_ops,
				 &board->uart),
		STATUS_OK);
}

static uint64_t in(struct board *board, unsigned int port, unsigned int width)
{
	return bus_region_read(
		bus_find(&board->ports, UART_COM1_BASE), UART_COM1_BASE + port, width);
}

static void out(struct board *board, unsigned int port, unsigned int width, uint64_t value)
{
	bus_region_write(
		bus_find(&board->ports, UART_COM1_BASE), UART_COM1_BASE + port, width, value);
}

/*
 * A script is words: 'w1=02' writes a byte to port 1, 'r2=c1' expects one from port 2, '<41' has a
 * byte arrive, '+' and '-' expect the interrupt line to have changed, once, since the word before.
 */
static void run_word(struct board *board, const char *name, const char *word)
{
	unsigned int port = 0;
	unsigned int value = 0;
	uint64_t got;

	if (word[0] == '+' || word[0] == '-') {
		if (board->line_count != 1 || board->line[0] != word[0])
			fail_msg("%s: at %s: line '%s'", name, word, board->line);
		board->line_count = 0;
		board->line[0] = '\0';
		return;
	}
	if (board->line_count != 0)
		fail_msg("%s: before %s: line '%s'", name, word, board->line);
	if (sscanf(word, "<%x", &value) == 1) {
		uart_receive(&board->uart, (uint8_t)value);
	} else if (sscanf(word, "w%u=%x", &port, &value) == 2) {
		out(board, port, 1, value);
	} else if (sscanf(word, "r%u=%x", &port, &value) == 2) {
		got = in(board, port, 1);
		if (got != value)
			fail_msg("%s: at %s: got %02lx", name, word, got);
	} else {
		fail_msg("%s: word '%s'", name, word);
	}
}

static void run_script(struct board *board, const char *name, const char *script)
{
	char words[512];

	assert_true(strlen(script) < sizeof(words));
	strcpy(words, script);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		run_word(board, name, word);
	if (board->line_count != 0)
		fail_msg("%s: at the end: line '%s'", name, board->line);
}

static void test_scripts(void **state)
{
	static const struct {
		const char *name;
		const char *script;
		const char *sent;
	} rows[] = {
		{ "power-on", "r0=00 r1=00 r2=01 r3=03 r4=00 r5=60 r6=b0 r7=00", "" },
		{ "sends", "w0=48 r5=60 w0=69 r5=60 w0=0a", "Hi\n" },
		{ "DLAB: the divisor hides data and IER",
			"w1=0f w3=83 w0=0c w1=01 r0=0c r1=01 r3=83 w3=03 r1=0f r0=00 w0=41", "A" },
		{ "scratch", "w7=5a r7=5a w7=a5 r7=a5 r5=60", "" },
		{ "LSR and MSR are read-only", "w5=00 r5=60 w6=00 r6=b0", "" },
		{ "IER keeps four bits, MCR five", "w1=ff r1=0f w4=ff r4=1f w4=e7 r4=07", "" },
		{ "FIFOs show in IIR", "w2=c7 r2=c1 w2=00 r2=01", "" },
		{ "receives one byte without FIFOs", "<41 r5=61 r0=41 r5=60 r0=00", "" },
		{ "overruns without FIFOs: the newer stays",
			"<41 <42 r5=63 r5=61 r0=42 r5=60 r0=00", "" },
		{ "a received byte interrupts", "w4=08 w1=01 <41 + r2=04 r2=04 r0=41 - r2=01", "" },
		{ "no OUT2, no interrupt", "w1=01 <41 r2=04 w4=08 + w4=00 - r0=41", "" },
		{ "no IER, no interrupt", "w4=08 <41 r2=01 r0=41", "" },
		{ "below the trigger: time-out; at it: received",
			"w2=41 w4=08 w1=01 <41 + r2=cc <42 <43 r2=cc <44 r2=c4 r0=41 r2=cc r0=42 "
			"r0=43 r0=44 - r2=c1",
			"" },
		{ "trigger 14",
			"w2=c1 w1=01 <01 <02 <03 <04 <05 <06 <07 <08 <09 <0a <0b <0c <0d "
			"r2=cc <0e r2=c4",
			"" },
		{ "sixteen bytes, the next is lost and reported",
			"w2=01 w4=08 w1=05 <00 + <01 <02 <03 <04 <05 <06 <07 <08 <09 <0a <0b <0c "
			"<0d <0e <0f r2=c4 <10 r2=c6 r5=63 r2=c4 r0=00 <11 r0=01 r0=02 r0=03 r0=04 "
			"r0=05 r0=06 r0=07 r0=08 r0=09 r0=0a r0=0b r0=0c r0=0d r0=0e r0=0f r5=61 "
			"r0=11 - r5=60",
			"" },
		{ "clearing the receiver", "w2=01 <41 <42 w2=03 r5=60 <43 r0=43", "" },
		{ "switching FIFOs empties them", "w2=01 <41 <42 w2=00 r5=60 <43 w2=01 r5=60", "" },
		{ "empty transmitter: when switched on, by IIR once",
			"w4=08 w1=02 + r2=02 - r2=01 w0=41 + r2=02 - w1=00 w1=02 + w1=00 -", "A" },
		{ "empty transmitter: written as on when it was on",
			"w4=08 w1=02 + r2=02 - w1=02 r2=01", "" },
		{ "an overrun without its IER bit is silent",
			"w4=08 w1=02 + r2=02 - <41 <42 r2=01 r5=63", "" },
		{ "modem changes add up until they are read", "w4=11 w4=13 r6=39 r6=30", "" },
		{ "reading another source leaves the transmitter's",
			"w4=08 w1=03 + <41 r2=04 r0=41 r2=02 - r2=01", "" },
		{ "loopback: what is sent comes back, nothing leaves",
			"w4=10 w0=41 r5=61 r0=41 <42 r5=60 w4=00 w0=43", "C" },
		{ "loopback: modem lines, Linux's test", "w4=1a r6=92 r6=90 w4=00 r6=b2", "" },
		{ "loopback: each line",
			"w4=10 r6=0b w4=11 r6=22 w4=12 r6=13 w4=14 r6=41 w4=18 r6=8c w4=10 r6=08 "
			"w4=00 r6=bb",
			"" },
		{ "modem status interrupts after loopback",
			"w1=08 w4=10 w4=08 + r2=00 r6=bb - r2=01", "" },
		{ "no interrupt out of loopback", "w4=18 w1=02 r2=02 r2=01", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct board board;

		make_board(&board);
		run_script(&board, rows[i].name, rows[i].script);
		if (strcmp(board.sent, rows[i].sent) != 0)
			fail_msg("%s: sent '%s'", rows[i].name, board.sent);
	}
}

/* A wide access is its bytes in order of ports, as the ISA bus splits it. */
static void test_wide_access(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	assert_true(in(&board, UART_LCR, 2) == 0x0003);
	assert_true(in(&board, UART_MCR, 4) == 0x00b06000);
	out(&board, UART_LCR, 2, 0x0b83);
	assert_int_equal(board.uart.lcr, 0x83);
	assert_int_equal(board.uart.mcr, 0x0b);
	out(&board, UART_DATA, 4, 0x03c10201);
	assert_int_equal(board.uart.divisor, 0x0201);
	assert_true(board.uart.fifos);
	assert_int_equal(board.uart.trigger, 14);
	assert_int_equal(board.uart.lcr, 0x03);
	out(&board, UART_DATA, 2, 0x0041);
	assert_string_equal(board.sent, "A");
}

static void test_room(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	assert_int_equal(uart_room(&board.uart), 1);
	uart_receive(&board.uart, 1);
	assert_int_equal(uart_room(&board.uart), 0);
	out(&board, UART_FCR, 1, UART_FCR_ENABLE);
	for (unsigned int left = UART_FIFO_SIZE; left > 0; left--) {
		assert_int_equal(uart_room(&board.uart), left);
		uart_receive(&board.uart, (uint8_t)left);
	}
	assert_int_equal(uart_room(&board.uart), 0);
	assert_false(board.uart.overrun);
}

/* Whoever has input keeps it until the receiver is on its line again. */
static void test_room_in_loopback(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	out(&board, UART_FCR, 1, UART_FCR_ENABLE);
	out(&board, UART_MCR, 1, UART_MCR_LOOP);
	assert_int_equal(uart_room(&board.uart), 0);
	out(&board, UART_MCR, 1, UART_MCR_OUT2);
	assert_int_equal(uart_room(&board.uart), UART_FIFO_SIZE);
}

/* Round the FIFO's end many times, without an interrupt line. */
static void test_long_input(void **state)
{
	struct board board;

	(void)state;
	make_board(&board);
	board.uart.raise = NULL;
	out(&board, UART_FCR, 1, UART_FCR_ENABLE);
	out(&board, UART_IER, 1, UART_IER_RECEIVED);
	out(&board, UART_MCR, 1, UART_MCR_OUT2);
	for (unsigned int i = 0; i < 1000; i++) {
		uart_receive(&board.uart, (uint8_t)i);
		uart_receive(&board.uart, (uint8_t)~i);
		uart_receive(&board.uart, 0x55);
		assert_true(in(&board, UART_DATA, 1) == (uint8_t)i);
		assert_true(in(&board, UART_DATA, 1) == (uint8_t)~i);
		assert_true(in(&board, UART_DATA, 1) == 0x55);
		assert_true(in(&board, UART_LSR, 1) == 0x60);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_wide_access),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_in_loopback),
		cmocka_unit_test(test_long_input),
	};

	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
