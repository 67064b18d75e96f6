/* SPDX-License-Identifier: MIT */
/*
 * Accesses to the device page that are not aligned 32-bit ones: they read all ones and write
 * nothing, anywhere in it; and the part of the page where there are no registers.
 */
#include "guest-driver/tests/svirtb_hostile/hostile.h"

#define PAGE_BYTES    4096u
#define REGISTERS_END 0x18u
#define RING_ADDRESS  ((uint64_t)(uintptr_t)hostile_ring)

/* One MOV of this width, which the compiler would be free to take apart. */
static uint64_t read_width(uint64_t address, unsigned int width)
{
	uint64_t value = 0;

	switch (width) {
	case 1: __asm__ volatile("movb (%1), %b0" : "+r"(value) : "r"(address) : "memory"); break;
	case 2: __asm__ volatile("movw (%1), %w0" : "+r"(value) : "r"(address) : "memory"); break;
	case 4: __asm__ volatile("movl (%1), %k0" : "+r"(value) : "r"(address) : "memory"); break;
	default: __asm__ volatile("movq (%1), %0" : "+r"(value) : "r"(address) : "memory");
	}
	return value;
}

static void write_width(uint64_t address, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1: __asm__ volatile("movb %b0, (%1)" : : "r"(value), "r"(address) : "memory"); break;
	case 2: __asm__ volatile("movw %w0, (%1)" : : "r"(value), "r"(address) : "memory"); break;
	case 4: __asm__ volatile("movl %k0, (%1)" : : "r"(value), "r"(address) : "memory"); break;
	default: __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(address) : "memory");
	}
}

static uint64_t all_ones(unsigned int width)
{
	return width == 8 ? ~0ull : (1ull << (8 * width)) - 1;
}

/* Offsets where something could be hit: the registers, and the page's end. */
static bool is_interesting(uint32_t offset)
{
	return offset <= REGISTERS_END + 8 || offset >= PAGE_BYTES - 8;
}

/* In DRIVER_OK, where a write that got through would show. */
static void test_width(unsigned int width)
{
	struct registers before;

	check_begin("accesses of %u bytes", width);
	hostile_configure(RING_ADDRESS, RING_ENTRIES);
	before = registers_read();
	for (uint32_t offset = 0; offset + width <= PAGE_BYTES; offset++) {
		if (!is_interesting(offset) || (width == 4 && offset % 4 == 0))
			continue;
		check_equal("value read", read_width(DEVICE_PAGE + offset, width), all_ones(width));
		write_width(DEVICE_PAGE + offset, width, SVIRTB_RESET);
		write_width(DEVICE_PAGE + offset, width, ~0ull);
	}
	registers_check(before);
	hostile_recover();
}

/* In READY, with a ring whose first entry would show, the doorbell in pieces. */
static void test_narrow_doorbell(void)
{
	struct registers before;

	check_begin("a doorbell that is no 32-bit write");
	hostile_put(hostile_ring, 0, (uintptr_t)hostile_source, 512, 8, SVIRTB_WRITE);
	hostile_source[0] = (uint8_t)~hostile_image[8 * 512];
	hostile_start(RING_ADDRESS, RING_ENTRIES);
	before = registers_read();
	write_width(DEVICE_PAGE + SVIRTB_QUEUE_HEAD, 1, 1);
	write_width(DEVICE_PAGE + SVIRTB_QUEUE_HEAD, 2, 1);
	write_width(DEVICE_PAGE + SVIRTB_QUEUE_HEAD, 8, 1);
	write_width(DEVICE_PAGE + SVIRTB_QUEUE_ADDR_LO, 8, 1ull << 32);
	write_width(DEVICE_PAGE + SVIRTB_QUEUE_HEAD - 1, 4, 0x100);
	registers_check(before);
	hostile_recover();
}

static void test_rest_of_page(void)
{
	struct registers before;

	check_begin("the page behind the registers");
	hostile_configure(RING_ADDRESS, RING_ENTRIES);
	before = registers_read();
	for (uint32_t offset = REGISTERS_END; offset < PAGE_BYTES; offset += 4) {
		write_width(DEVICE_PAGE + offset, 4, 0x5a5a5a5a);
		check_equal("value read", read_width(DEVICE_PAGE + offset, 4), 0);
	}
	registers_check(before);
	hostile_recover();
}

void hostile_test_accesses(void)
{
	test_width(1);
	test_width(2);
	test_width(4);
	test_width(8);
	test_narrow_doorbell();
	test_rest_of_page();
}
