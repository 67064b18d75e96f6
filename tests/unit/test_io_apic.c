/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/io_apic.c: its registers, edge and level lines, and level lines all the way
 * through a local APIC and back.
 */
#include "tests/unit/apic_board.h"

#include "devices/io_apic.h"
#include "devices/irq_line.h"

#define SELECT 0x00
#define WINDOW 0x10
#define EOI    0x40

#define LOGICAL    0x00800u
#define ACTIVE_LOW 0x02000u
#define REMOTE_IRR 0x04000u
#define LEVEL      0x08000u
#define MASKED     0x10000u
#define VECTOR     0x41u

struct wires {
	struct io_apic io;
	unsigned int sent;
	struct io_apic_message last;
};

static void record(void *context, const struct io_apic_message *message)
{
	struct wires *wires = context;

	wires->sent++;
	wires->last = *message;
}

static void wires_reset(struct wires *wires)
{
	memset(wires, 0xa5, sizeof(*wires));
	wires->sent = 0;
	io_apic_init(&wires->io, record, wires);
}

static uint32_t get(struct io_apic *io, uint32_t index)
{
	io_apic_ops.write(io, SELECT, 4, index);
	return (uint32_t)io_apic_ops.read(io, WINDOW, 4);
}

static void put(struct io_apic *io, uint32_t index, uint32_t value)
{
	io_apic_ops.write(io, SELECT, 4, index);
	io_apic_ops.write(io, WINDOW, 4, value);
}

static void put_entry(struct io_apic *io, unsigned int line, uint32_t high, uint32_t low)
{
	put(io, 0x11 + 2 * line, high);
	put(io, 0x10 + 2 * line, low);
}

static uint32_t get_entry(struct io_apic *io, unsigned int line)
{
	return get(io, 0x10 + 2 * line);
}

static void test_registers(void **state)
{
	static const struct {
		const char *name;
		uint32_t first, last, step;
		uint32_t reset, ones;
	} rows[] = {
		{ "ID", 0, 0, 1, 0, 0x0f000000 },
		{ "version", 1, 1, 1, 0x00170020, 0x00170020 },
		{ "arbitration follows the ID", 2, 2, 1, 0, 0 },
		{ "reserved", 3, 0xf, 1, 0, 0 },
		{ "entries, low half", 0x10, 0x3e, 2, 0x10000, 0x1afff },
		{ "entries, high half", 0x11, 0x3f, 2, 0, 0xff000000 },
		{ "reserved", 0x40, 0xff, 1, 0, 0 },
	};
	static struct wires wires;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		for (uint32_t index = rows[i].first; index <= rows[i].last; index += rows[i].step) {
			wires_reset(&wires);
			assert_int_equal(get(&wires.io, index), rows[i].reset);
			put(&wires.io, index, ~0u);
			assert_int_equal(get(&wires.io, index), rows[i].ones);
			assert_int_equal(io_apic_ops.read(&wires.io, SELECT, 4), index);
			assert_int_equal(wires.sent, 0);
		}
	}
	wires_reset(&wires);
	put(&wires.io, 0, 0x07000000);
	assert_int_equal(get(&wires.io, 2), 0x07000000);
	/* Only eight bits select. */
	assert_int_equal(get(&wires.io, 0xffffff01), 0x00170020);
}

static void test_widths(void **state)
{
	static struct wires wires;

	(void)state;
	wires_reset(&wires);
	put(&wires.io, 0, 0);
	for (uint64_t offset = 0; offset < IO_APIC_SIZE; offset++) {
		for (unsigned int width = 1; width <= 8; width *= 2) {
			bool there = offset == SELECT || offset == WINDOW || offset == EOI;

			if ((there && width == 4) || offset + width > IO_APIC_SIZE)
				continue;
			assert_int_equal(
				io_apic_ops.read(&wires.io, offset, width), width_mask(width));
			io_apic_ops.write(&wires.io, offset, width, width_mask(width));
		}
	}
	assert_int_equal(io_apic_ops.read(&wires.io, SELECT, 4), 0);
	assert_int_equal(io_apic_ops.read(&wires.io, WINDOW, 4), 0);
	assert_int_equal(io_apic_ops.read(&wires.io, EOI, 4), 0);
}

static void test_messages(void **state)
{
	static const struct {
		const char *name;
		uint32_t high, low;
		unsigned int sent; /* by a line that rises */
		struct io_apic_message message;
	} rows[] = {
		{ "edge", 0x12000000, 0x41, 1, { 0x12, false, APIC_FIXED, 0x41, false } },
		{ "edge, logical", 0xff000000, LOGICAL | 0x41, 1,
			{ 0xff, true, APIC_FIXED, 0x41, false } },
		{ "level", 0, LEVEL | 0xfe, 1, { 0, false, APIC_FIXED, 0xfe, true } },
		{ "level, lowest priority", 0, LEVEL | 0x1fe, 1,
			{ 0, false, APIC_LOWEST_PRIORITY, 0xfe, true } },
		{ "active low is as high", 0, ACTIVE_LOW | 0x41, 1,
			{ 0, false, APIC_FIXED, 0x41, false } },
		{ "NMI", 0, 0x400, 1, { 0, false, APIC_NMI, 0, false } },
		{ "NMI is edge", 0, LEVEL | 0x400, 1, { 0, false, APIC_NMI, 0, false } },
		{ "SMI", 0, 0x200, 0, { 0 } },
		{ "INIT", 0, 0x500, 0, { 0 } },
		{ "INIT, level", 0, LEVEL | 0x500, 0, { 0 } },
		{ "ExtINT", 0, 0x700, 0, { 0 } },
		{ "reserved mode", 0, 0x341, 0, { 0 } },
		{ "masked edge", 0, MASKED | 0x41, 0, { 0 } },
		{ "masked level", 0, MASKED | LEVEL | 0x41, 0, { 0 } },
	};
	static struct wires wires;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (unsigned int line = 0; line < IO_APIC_LINES; line++) {
			const struct io_apic_message *message = &rows[i].message;
			struct irq_line wire = { io_apic_set_line, &wires.io, line };

			if (line == 0)
				print_message("%s\n", rows[i].name);
			wires_reset(&wires);
			put_entry(&wires.io, line, rows[i].high, rows[i].low);
			irq_line_set(&wire, true);
			irq_line_set(&wire, true);
			assert_int_equal(wires.sent, rows[i].sent);
			assert_int_equal(get_entry(&wires.io, line),
				rows[i].low | (message->level ? REMOTE_IRR : 0));
			if (wires.sent == 0)
				continue;
			assert_int_equal(wires.last.destination, message->destination);
			assert_int_equal(wires.last.logical, message->logical);
			assert_int_equal(wires.last.mode, message->mode);
			assert_int_equal(wires.last.vector, message->vector);
			assert_int_equal(wires.last.level, message->level);
		}
	}
}

/* What is done to one line, one letter a step, and how many messages have gone after each. */
static void test_sequences(void **state)
{
	static const struct {
		const char *name;
		uint32_t entry;
		const char *steps; /* see the switch */
		const char *sent;
	} rows[] = {
		{ "edge: each rise is one", 0, "ADAAD", "11222" },
		{ "edge: an end says nothing", 0, "ANNDA", "11112" },
		{ "edge: masked, it is lost", 0, "MADUDA", "000001" },
		{ "edge: masked and still up, it is lost", 0, "MAUADA", "000001" },
		{ "edge: masked in between", 0, "AMDUA", "11112" },
		{ "level: once until the end", LEVEL, "AAADAA", "111111" },
		{ "level: the end sends again", LEVEL, "ANNN", "1234" },
		{ "level: the end of another", LEVEL, "AOO", "111" },
		{ "level: gone before the end", LEVEL, "ADNN", "1111" },
		{ "level: gone and back before the end", LEVEL, "ADAN", "1112" },
		{ "level: after the end", LEVEL, "ADNA", "1112" },
		{ "level: masked, it waits", LEVEL, "MAAU", "0001" },
		{ "level: masked and gone", LEVEL, "MADUA", "00001" },
		{ "level: masked on its way", LEVEL, "AMUN", "1112" },
		{ "level: ended while masked", LEVEL, "AMNAU", "11112" },
		{ "level: unmasked twice", LEVEL, "AUU", "111" },
		{ "level made edge forgets it", LEVEL, "AEL", "112" },
		{ "level made edge, gone", LEVEL, "ADEL", "1111" },
		{ "edge made level while up", 0, "ALN", "123" },
	};
	static struct wires wires;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint32_t entry = rows[i].entry | VECTOR;

		print_message("%s\n", rows[i].name);
		wires_reset(&wires);
		put_entry(&wires.io, 5, 0, entry);
		for (const char *step = rows[i].steps; *step != 0; step++) {
			switch (*step) {
			case 'A': io_apic_set_line(&wires.io, 5, true); break;
			case 'D': io_apic_set_line(&wires.io, 5, false); break;
			case 'M': entry |= MASKED; break;
			case 'U': entry &= ~MASKED; break;
			case 'E': entry &= ~LEVEL; break;
			case 'L': entry |= LEVEL; break;
			case 'N': io_apic_end_of_interrupt(&wires.io, VECTOR); break;
			case 'O': io_apic_ops.write(&wires.io, EOI, 4, VECTOR + 1); break;
			default: fail(); break;
			}
			if (strchr("MUEL", *step) != NULL)
				put(&wires.io, 0x10 + 2 * 5, entry);
			assert_int_equal(wires.sent, rows[i].sent[step - rows[i].steps] - '0');
		}
	}
}

/* The EOI register is another way to say it, and one vector may be several lines'. */
static void test_end_by_register(void **state)
{
	static struct wires wires;

	(void)state;
	wires_reset(&wires);
	for (unsigned int line = 0; line < IO_APIC_LINES; line++) {
		put_entry(&wires.io, line, 0, LEVEL | (line < 20 ? VECTOR : VECTOR + 1));
		io_apic_set_line(&wires.io, line, true);
	}
	assert_int_equal(wires.sent, 24);
	io_apic_set_line(&wires.io, 0, false);
	io_apic_ops.write(&wires.io, EOI, 4, 0xffffff00 | VECTOR);
	assert_int_equal(wires.sent, 24 + 19);
	assert_int_equal(get_entry(&wires.io, 0), LEVEL | VECTOR);
	assert_int_equal(get_entry(&wires.io, 19), REMOTE_IRR | LEVEL | VECTOR);
	assert_int_equal(get_entry(&wires.io, 20), REMOTE_IRR | LEVEL | (VECTOR + 1));
	/* Remote IRR cannot be written. */
	put(&wires.io, 0x10, REMOTE_IRR | LEVEL | VECTOR);
	assert_int_equal(get_entry(&wires.io, 0), LEVEL | VECTOR);
	put(&wires.io, 0x10 + 2 * 20, LEVEL | (VECTOR + 1));
	assert_int_equal(get_entry(&wires.io, 20), REMOTE_IRR | LEVEL | (VECTOR + 1));
}

/* Lines that do not exist are nowhere, and a line without a controller leads nowhere. */
static void test_no_such_line(void **state)
{
	static const unsigned int lines[] = { 24, 25, 31, 32, 63, 64, ~0u };
	static const struct irq_line nowhere;
	static struct wires wires;

	(void)state;
	wires_reset(&wires);
	for (unsigned int line = 0; line < IO_APIC_LINES; line++)
		put_entry(&wires.io, line, 0, VECTOR);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		io_apic_set_line(&wires.io, lines[i], true);
	irq_line_set(&nowhere, true);
	assert_int_equal(wires.sent, 0);
	assert_int_equal(wires.io.lines, 0);
}

/* An I/O APIC and a local APIC joined, as vmm/ joins them. */
struct machine {
	struct apic apic;
	struct io_apic io;
	uint32_t tpr;
};

static void machine_send(void *context, const struct io_apic_message *message)
{
	struct machine *machine = context;

	if (apic_matches(&machine->apic, message->destination, message->logical))
		apic_deliver(&machine->apic, message->mode, message->vector, message->level);
}

static void machine_end(void *context, uint8_t vector)
{
	io_apic_end_of_interrupt(&((struct machine *)context)->io, vector);
}

static void machine_attention(void *context)
{
	(void)context;
}

static uint64_t machine_now(void *context)
{
	(void)context;
	return 0;
}

static void machine_start(struct machine *machine)
{
	struct apic_host host = { machine_now, machine_attention, machine_end, machine };

	apic_init(&machine->apic, 0, &machine->tpr, host);
	io_apic_init(&machine->io, machine_send, machine);
	apic_ops.write(&machine->apic, 0xf0, 4, 0x1ff);
}

static int machine_take(struct machine *machine)
{
	int vector = apic_pending(&machine->apic);

	if (vector >= 0)
		apic_accept(&machine->apic, (uint8_t)vector);
	return vector;
}

static void test_level_round_trip(void **state)
{
	static struct machine machine;

	(void)state;
	machine_start(&machine);
	put_entry(&machine.io, 16, 0, LEVEL | 0x61);
	io_apic_set_line(&machine.io, 16, true);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(machine_take(&machine), 0x61);
		assert_int_equal(machine_take(&machine), -1);
		apic_ops.write(&machine.apic, 0xb0, 4, 0);
	}
	/* It came once more with the last end; then it falls, and that was all. */
	io_apic_set_line(&machine.io, 16, false);
	assert_int_equal(machine_take(&machine), 0x61);
	apic_ops.write(&machine.apic, 0xb0, 4, 0);
	assert_int_equal(machine_take(&machine), -1);
	/* An interrupt of a higher class ends first, and is not the level one's end. */
	io_apic_set_line(&machine.io, 16, true);
	assert_int_equal(machine_take(&machine), 0x61);
	apic_deliver(&machine.apic, APIC_FIXED, 0x81, false);
	assert_int_equal(machine_take(&machine), 0x81);
	apic_ops.write(&machine.apic, 0xb0, 4, 0);
	assert_int_equal(get_entry(&machine.io, 16), REMOTE_IRR | LEVEL | 0x61);
	io_apic_set_line(&machine.io, 16, false);
	apic_ops.write(&machine.apic, 0xb0, 4, 0);
	assert_int_equal(get_entry(&machine.io, 16), LEVEL | 0x61);
	assert_int_equal(machine_take(&machine), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_end_by_register),
		cmocka_unit_test(test_no_such_line),
		cmocka_unit_test(test_level_round_trip),
	};

	return cmocka_run_group_tests_name("io_apic", tests, NULL, NULL);
}
