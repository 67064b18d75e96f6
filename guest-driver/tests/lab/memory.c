/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory from 4 MiB to its end: every page gets two numbers of its own, and only then
 * are all of them read. The device's page must be no memory. Word: pages=N, what is expected there.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/memory_map.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/lab/lab.h"

#define FIRST 0x400000ull
#define PAGE  4096ull

/* Where a page's two numbers lie; they depend on the page alone. */
static volatile uint32_t *place(uint64_t page, uint32_t which)
{
	return (volatile uint32_t *)(uintptr_t)(FIRST + page * PAGE + which * (PAGE - 4));
}

static uint32_t number(const struct lab *lab, uint64_t page, uint32_t which)
{
	struct lab local = { .state = lab->state + 2 * page + which };

	return (uint32_t)lab_random(&local);
}

bool lab_memory(struct lab *lab)
{
	const uint64_t pages = words_number(lab->cmdline, "pages=", 0);

	if (memory_map_end() != FIRST + pages * PAGE) {
		print("lab: memory ends at 0x%llx\n", (unsigned long long)memory_map_end());
		return false;
	}
	for (uint64_t page = 0; page < pages; page++) {
		*place(page, 0) = number(lab, page, 0);
		*place(page, 1) = number(lab, page, 1);
	}
	for (uint64_t page = 0; page < pages; page++) {
		lab_see(lab, *place(page, 0));
		lab_see(lab, *place(page, 1));
	}
	lab_see(lab, svirtb_register_read(SVIRTB_STATUS));
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_DRIVER_OK);
	svirtb_register_write(SVIRTB_QUEUE_SIZE, 12345);
	lab_see(lab, svirtb_register_read(SVIRTB_STATUS));
	lab_see(lab, svirtb_register_read(SVIRTB_QUEUE_SIZE));
	lab_see(lab, svirtb_register_read(SVIRTB_QUEUE_TAIL));
	return true;
}
