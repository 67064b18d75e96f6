/* SPDX-License-Identifier: MIT */
/*
 * The window that shows memory or the device at one linear address, and the device behind it.
 */
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/mmio.h"

#define PAGES 2

static uint8_t ram[PAGES][PAGE] __attribute__((aligned(4096)));
static uint8_t code[PAGES][PAGE] __attribute__((aligned(4096)));

uint8_t *window_ram(unsigned int page)
{
	return ram[page];
}

uint8_t *window_code(unsigned int page)
{
	return code[page];
}

void window_show(unsigned int page, uint64_t physical)
{
	pages_map(WINDOW + page * PAGE, physical, PAGE_PRESENT | PAGE_WRITABLE);
	pages_map(WINDOW_HIGH + page * PAGE, physical, PAGE_PRESENT | PAGE_WRITABLE);
}

void window_hide(unsigned int page)
{
	pages_map(WINDOW + page * PAGE, 0, 0);
	pages_map(WINDOW_HIGH + page * PAGE, 0, 0);
}

void window_show_code(unsigned int page, uint64_t physical)
{
	pages_map(CODE_WINDOW + page * PAGE, physical, PAGE_PRESENT | PAGE_WRITABLE);
}

void window_init(void)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		window_show(page, (uintptr_t)ram[page]);
		window_show_code(page, (uintptr_t)code[page]);
	}
}

void window_set_device(const uint32_t cells[3])
{
	window_show(0, DEVICE_PAGE);
	if (svirtb_register_read(SVIRTB_STATUS) != SVIRTB_DRIVER_OK) {
		svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
		svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	}
	svirtb_register_write(SVIRTB_QUEUE_SIZE, cells[0]);
	svirtb_register_write(SVIRTB_QUEUE_ADDR_HI, cells[1]);
	svirtb_register_write(SVIRTB_QUEUE_ADDR_LO, cells[2]);
}

void window_get_device(uint32_t cells[3])
{
	window_show(0, DEVICE_PAGE);
	cells[0] = svirtb_register_read(SVIRTB_QUEUE_SIZE);
	cells[1] = svirtb_register_read(SVIRTB_QUEUE_ADDR_HI);
	cells[2] = svirtb_register_read(SVIRTB_QUEUE_ADDR_LO);
}
