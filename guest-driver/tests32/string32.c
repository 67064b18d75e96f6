/* SPDX-License-Identifier: MIT */
/*
 * OUTS and INS, alone and repeated, on ports that exit: both directions, 16- and 32-bit addresses,
 * page faults in the middle, single steps. The UART's scratch register keeps what was last written,
 * and its loop gives back each byte once. One part for each word; see the table at the end.
 */
#include "guest-driver/runtime/check.h"
#include "guest-driver/runtime/exceptions32.h"
#include "guest-driver/runtime/io.h"
#include "guest-driver/tests32/mmu.h"
#include "lib/string.h"

#define COM1       0x3f8
#define SCRATCH    (COM1 + 7)
#define FIFO       (COM1 + 2)
#define MODEM      (COM1 + 4)
#define MODEM_LOOP 0x10
#define NOBODY     0x2e0 /* a port without a device */

/* Registers before and after one string instruction. */
struct string_state {
	uint32_t esi, edi, ecx, edx;
};

/* string32.asm: each runs its instruction with these registers and stores them again. */
extern void string_outs8(struct string_state *state);
extern void string_outs32(struct string_state *state);
extern void string_outs8_once(struct string_state *state);
extern void string_outs8_down(struct string_state *state);
extern void string_outs8_16(struct string_state *state); /* FS:SI, CX */
extern void string_outs8_stepped(struct string_state *state);
extern void string_ins8(struct string_state *state);
extern void string_ins16_down(struct string_state *state);
extern void string_ins32(struct string_state *state);
extern void string_ins8_16(struct string_state *state); /* ES:DI, CX */

/* string32.asm: where FS:SI and ES:DI begin. */
extern void string_set_segment(uint32_t base);

static __attribute__((aligned(65536))) uint8_t buffer[65536];

static void check_state(uint8_t number, uint32_t index, uint32_t count, uint32_t expected_index,
	uint32_t expected_count)
{
	check_equal(number, "index afterwards", index, expected_index);
	check_equal(number, "count afterwards", count, expected_count);
}

static void fill(void)
{
	for (uint32_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (uint8_t)(i * 7 + i / 256);
}

static void part_out(void)
{
	const uint32_t start = address_of(buffer);
	struct string_state s = { .esi = start, .ecx = 10, .edx = SCRATCH };

	fill();
	string_outs8(&s);
	check_state(1, s.esi, s.ecx, start + 10, 0);
	check_equal(2, "the last byte", port_read8(SCRATCH), buffer[9]);

	s = (struct string_state){ .esi = start + 100, .ecx = 5, .edx = SCRATCH };
	string_outs8_down(&s);
	check_state(3, s.esi, s.ecx, start + 95, 0);
	check_equal(4, "the last byte downwards", port_read8(SCRATCH), buffer[96]);

	s = (struct string_state){ .esi = start + 200, .ecx = 77, .edx = SCRATCH };
	string_outs8_once(&s);
	check_state(5, s.esi, s.ecx, start + 201, 77);
	check_equal(6, "the only byte", port_read8(SCRATCH), buffer[200]);

	s = (struct string_state){ .esi = start + 300, .ecx = 0, .edx = SCRATCH };
	string_outs8(&s);
	check_state(7, s.esi, s.ecx, start + 300, 0);
	check_equal(8, "after no byte", port_read8(SCRATCH), buffer[200]);

	s = (struct string_state){ .esi = start, .ecx = 3, .edx = NOBODY };
	string_outs32(&s);
	check_state(9, s.esi, s.ecx, start + 12, 0);
}

/* SI and CX are 16 bits wide and wrap; the upper halves stay. */
static void part_out_16(void)
{
	struct string_state s = { .esi = 0x1234fffd, .ecx = 0x56780005, .edx = SCRATCH };

	fill();
	string_set_segment(address_of(buffer));
	string_outs8_16(&s);
	check_state(1, s.esi, s.ecx, 0x12340002, 0x56780000);
	check_equal(2, "the last byte", port_read8(SCRATCH), buffer[1]);
	s = (struct string_state){ .esi = 0x12340005, .ecx = 0x56780000, .edx = SCRATCH };
	string_outs8_16(&s);
	check_state(3, s.esi, s.ecx, 0x12340005, 0x56780000);
}

/* Text from the last character to the first and back, on the console. */
static void part_console(void)
{
	static const char backwards[] = "\n.desserts ,STUO PER yb detnirP";
	const uint32_t length = sizeof(backwards) - 1;
	struct string_state s = {
		.esi = address_of(backwards) + length - 1, .ecx = length, .edx = COM1
	};

	string_outs8_down(&s);
	check_state(1, s.esi, s.ecx, address_of(backwards) - 1, 0);
}

static void part_in(void)
{
	const uint32_t start = address_of(buffer);
	struct string_state s = { .edi = start + 16, .ecx = 8, .edx = SCRATCH };

	memset(buffer, 0x11, 64);
	port_write8(SCRATCH, 0x5a);
	string_ins8(&s);
	check_state(1, s.edi, s.ecx, start + 24, 0);
	for (uint32_t i = 0; i < 64; i++)
		check_equal(2, "a byte", buffer[i], i >= 16 && i < 24 ? 0x5a : 0x11);

	s = (struct string_state){ .edi = start + 40, .ecx = 2, .edx = NOBODY };
	string_ins16_down(&s);
	check_state(3, s.edi, s.ecx, start + 36, 0);
	for (uint32_t i = 32; i < 64; i++)
		check_equal(4, "a byte of two words", buffer[i], i >= 38 && i < 42 ? 0xff : 0x11);

	memset(buffer, 0x11, 64);
	s = (struct string_state){ .edi = start + 8, .ecx = 2, .edx = NOBODY };
	string_ins32(&s);
	check_state(5, s.edi, s.ecx, start + 16, 0);
	for (uint32_t i = 0; i < 64; i++)
		check_equal(
			6, "a byte of two doublewords", buffer[i], i >= 8 && i < 16 ? 0xff : 0x11);
}

static void part_in_16(void)
{
	struct string_state s = { .edi = 0xabcdfffe, .ecx = 0x56780004, .edx = SCRATCH };

	memset(buffer, 0x11, sizeof(buffer));
	port_write8(SCRATCH, 0xa5);
	string_set_segment(address_of(buffer));
	string_ins8_16(&s);
	check_state(1, s.edi, s.ecx, 0xabcd0002, 0x56780000);
	for (uint32_t i = 0; i < sizeof(buffer); i++)
		check_equal(2, "a byte", buffer[i], i < 2 || i >= 0xfffe ? 0xa5 : 0x11);
}

/* 32-bit paging: 4 MiB pages, the buffer's by a table, of which pages 2 and up are as said. */
static __attribute__((aligned(4096))) uint32_t directory[1024], table[1024];

static struct {
	uint32_t count, address, error, ecx, index;
} faults;

static void paging_on(uint32_t later_pages)
{
	const uint32_t base = address_of(buffer) & ~0x3fffffu;

	for (uint32_t i = 0; i < 1024; i++) {
		directory[i] = i << 22 | PAGE_READY | PAGE_LARGE;
		table[i] = base | i << 12 | PAGE_READY;
	}
	for (uint32_t at = 2 * 4096; at < sizeof(buffer); at += 4096)
		table[(address_of(buffer) + at - base) >> 12] =
			(address_of(buffer) + at) | later_pages;
	directory[base >> 22] = address_of(table) | PAGE_READY;
	cr4_write(CR4_PSE);
	cr3_write(address_of(directory));
	cr0_write(cr0_read() | CR0_PG | CR0_WP);
	memset(&faults, 0, sizeof(faults));
}

static void paging_off(void)
{
	exception32_set_hook(NULL);
	cr0_write(cr0_read() & ~(CR0_PG | CR0_WP));
	cr4_write(0);
}

/* Makes the page ready that a string instruction wants, and lets it go on. */
static bool supply_page(struct exception32 *frame)
{
	if (frame->vector != 14)
		return false;
	faults.count++;
	faults.address = exception32_cr2;
	faults.error = frame->error;
	faults.ecx = frame->ecx;
	faults.index = frame->edi >= address_of(buffer) ? frame->edi : frame->esi;
	table[exception32_cr2 >> 12 & 0x3ff] |= PAGE_READY;
	page_invalidate(exception32_cr2);
	return true;
}

static void check_fault(
	uint8_t number, uint32_t count, uint32_t address, uint32_t error, uint32_t ecx)
{
	check_equal(number, "page faults", faults.count, count);
	check_equal(number, "CR2 of the last", faults.address, address);
	check_equal(number, "its error code", faults.error, error);
	check_equal(number, "its ECX", faults.ecx, ecx);
	check_equal(number, "its ESI or EDI", faults.index, address);
}

static void part_out_fault(void)
{
	const uint32_t middle = address_of(buffer) + 2 * 4096;
	struct string_state s = { .esi = middle - 3, .ecx = 6, .edx = SCRATCH };

	fill();
	paging_on(0);
	exception32_set_hook(supply_page);
	string_outs8(&s);
	check_state(1, s.esi, s.ecx, middle + 3, 0);
	check_fault(2, 1, middle, 0, 3);
	check_equal(3, "the last byte", port_read8(SCRATCH), buffer[2 * 4096 + 2]);

	/* A doubleword that begins in one page and ends in the next. */
	s = (struct string_state){ .esi = middle + 4096 - 2, .ecx = 1, .edx = NOBODY };
	string_outs32(&s);
	check_state(4, s.esi, s.ecx, middle + 4096 + 2, 0);
	check_equal(5, "page faults in all", faults.count, 2);
	check_equal(6, "CR2 of the second", faults.address, middle + 4096);
	paging_off();
}

/* What the UART loops back comes once: a byte that is read before a fault would be lost. */
static void check_in_fault(uint8_t first, uint32_t later_pages, uint32_t error)
{
	const uint32_t middle = address_of(buffer) + 2 * 4096;
	struct string_state s = { .edi = middle - 3, .ecx = 6, .edx = COM1 };

	memset(buffer, 0, sizeof(buffer));
	paging_on(later_pages);
	exception32_set_hook(supply_page);
	port_write8(FIFO, 7);
	port_write8(MODEM, MODEM_LOOP);
	for (uint8_t byte = 1; byte <= 8; byte++)
		port_write8(COM1, byte);
	string_ins8(&s);
	port_write8(FIFO, 7);
	port_write8(MODEM, 3);
	check_state(first, s.edi, s.ecx, middle + 3, 0);
	check_fault((uint8_t)(first + 1), 1, middle, error, 3);
	for (uint32_t i = 0; i < 6; i++)
		check_equal((uint8_t)(first + 2), "a byte out of the loop",
			buffer[2 * 4096 - 3 + i], i + 1);
	paging_off();
}

static void part_in_fault(void)
{
	check_in_fault(1, 0, PAGE_WRITABLE);
	check_in_fault(11, PAGE_PRESENT, PAGE_PRESENT | PAGE_WRITABLE);
}

static struct {
	uint32_t count, ecx[8], esi[8], eip[8];
} steps;

static bool count_step(struct exception32 *frame)
{
	if (frame->vector != 1)
		return false;
	if (steps.count < 8) {
		steps.ecx[steps.count] = frame->ecx;
		steps.esi[steps.count] = frame->esi;
		steps.eip[steps.count] = frame->eip;
	}
	steps.count++;
	return true;
}

/* Single steps: a trap after each repetition. SDM vol. 2B, 'REP', and vol. 3B, 'Single-Step'. */
static void part_step(void)
{
	extern const uint8_t string_stepped_instruction[];
	const uint32_t start = address_of(buffer);
	const uint32_t eip = address_of(string_stepped_instruction);
	struct string_state s = { .esi = start, .ecx = 3, .edx = SCRATCH };

	fill();
	memset(&steps, 0, sizeof(steps));
	exception32_set_hook(count_step);
	string_outs8_stepped(&s);
	exception32_set_hook(NULL);
	check_state(1, s.esi, s.ecx, start + 3, 0);
	/* Three, and two for the instructions that clear TF. */
	check_equal(5, "steps", steps.count, 5);
	for (uint32_t i = 0; i < 3; i++) {
		check_equal(2, "ECX at a step", steps.ecx[i], 2 - i);
		check_equal(3, "ESI at a step", steps.esi[i], start + 1 + i);
		check_equal(4, "EIP at a step", steps.eip[i], i < 2 ? eip : eip + 2);
	}
}

int main(const char *cmdline)
{
	static const struct check_part parts[] = {
		{ "out", part_out },
		{ "out-16", part_out_16 },
		{ "console", part_console },
		{ "in", part_in },
		{ "in-16", part_in_16 },
		{ "out-fault", part_out_fault },
		{ "in-fault", part_in_fault },
		{ "step", part_step },
	};

	exceptions32_load();
	return check_run_parts(cmdline, parts, sizeof(parts) / sizeof(parts[0]));
}
