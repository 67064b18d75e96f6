/* SPDX-License-Identifier: MIT */
/*
 * Accesses that begin in one page and end in the next, one of them or both without memory: reads
 * give all ones, writes change nothing, and the guest's own page faults come first.
 */
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/encode.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define NOBODY 0xd0000000ull
#define RAM(i) ((uintptr_t)window_ram(i))
#define FILL   0x5a

/* Runs code with rbx = WINDOW + offset. */
static struct execution run_at(const struct trial *trial)
{
	struct execution run = trial->start;

	memcpy(window_code(0), trial->code, trial->size);
	execution_write_jump(window_code(0) + trial->size);
	if (trial->step)
		run.rflags |= RFLAGS_TF;
	execution_run(&run);
	return run;
}

/* Bytes of memory on both sides of the boundary; the rest is looked at now and then. */
#define NEAR 32

static bool memory_is_untouched(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		if (window_ram(0)[i] != FILL)
			return false;
	}
	return true;
}

/* The same instruction on memory that holds ones says how registers and flags have to be. */
static bool try_form(const struct form *form, const struct prefixes *with, unsigned int offset,
	const uint64_t pages[2])
{
	static const struct operand at_rbx = { .base = RBX, .index = -1 };
	struct trial trial = trial_random(offset, form_width(form, with));
	struct execution wanted, found;
	bool agree = true;

	trial.start.registers[RBX] = WINDOW + offset;
	trial.size = form_encode(trial.code, form, with, &at_rbx, RDX, (uint32_t)random_edge());
	for (unsigned int i = 0; i < 2; i++)
		window_show(i, RAM(i));
	memset(window_ram(0) + PAGE - NEAR, 0xff, 2 * NEAR);
	wanted = run_at(&trial);
	memset(window_ram(0) + PAGE - NEAR, FILL, 2 * NEAR);
	for (unsigned int i = 0; i < 2; i++)
		window_show(i, pages[i]);
	found = run_at(&trial);
	for (unsigned int i = 0; i < 16; i++)
		agree &= check_equal("a register", found.registers[i], wanted.registers[i]);
	agree &= check_equal("rflags", found.rflags, wanted.rflags);
	agree &= check_equal("vector", found.exception.vector, wanted.exception.vector);
	return check_true("the memory beside stays as it is",
		       memory_is_untouched(PAGE - NEAR, PAGE + NEAR)) &&
	       agree;
}

/* Every form and every offset at which it crosses. */
static void try_pages(const char *name, uint64_t first, uint64_t second)
{
	const uint64_t pages[2] = { first, second };
	const uint32_t cells[3] = { 0x01020304, 0x05060708, 0x090a0b0c };
	uint32_t cells_after[3];

	check_begin("%s", name);
	memset(window_ram(0), FILL, 2 * PAGE);
	window_set_device(cells);
	for (unsigned int i = 0; i < form_count; i++) {
		for (unsigned int j = 0; j < prefix_count; j++) {
			const unsigned int width = form_width(&forms[i], &prefixes[j]);

			for (unsigned int before = 1; before < width; before++) {
				if (form_exists(&forms[i], &prefixes[j], 0) &&
					!try_form(&forms[i], &prefixes[j], PAGE - before, pages))
					return;
			}
		}
	}
	check_true("all the memory stays as it is", memory_is_untouched(0, 2 * PAGE));
	window_get_device(cells_after);
	for (unsigned int i = 0; i < 3; i++)
		check_equal("a register of the device", cells_after[i], cells[i]);
	check_equal("its status", svirtb_register_read(SVIRTB_STATUS), SVIRTB_DRIVER_OK);
}

/* One page without memory, the other one not to be had: it is that page's fault. */
static void try_fault(
	const char *name, bool store, unsigned int bad_page, uint64_t bits, uint64_t error_code)
{
	struct execution run = execution_at(CODE_WINDOW);
	const uint8_t code[] = { (uint8_t)(store ? 0x89 : 0x8b), 0x13 }; /* mov with edx, [rbx] */

	check_begin("%s", name);
	window_show(1 - bad_page, DEVICE_PAGE);
	pages_map(WINDOW + bad_page * PAGE, RAM(bad_page), bits);
	memset(window_ram(0), FILL, 2 * PAGE);
	memcpy(window_code(0), code, sizeof(code));
	run.registers[RBX] = WINDOW + PAGE - 2;
	execution_run(&run);
	check_equal("vector", run.exception.vector, VECTOR_PF);
	check_equal("error code", run.exception.error_code, error_code);
	check_equal("where it points", run.exception.rip, CODE_WINDOW);
	check_equal("CR2", run.exception.cr2, bad_page == 0 ? WINDOW + PAGE - 2 : WINDOW + PAGE);
	check_true("the memory beside stays as it is", memory_is_untouched(0, 2 * PAGE));
}

void mmio_test_straddling(void)
{
	try_pages("from memory into the device page", RAM(0), DEVICE_PAGE);
	try_pages("from the device page into memory", DEVICE_PAGE, RAM(1));
	try_pages("from nowhere into the device page", NOBODY, DEVICE_PAGE);
	try_pages("from the device page into nowhere", DEVICE_PAGE, DEVICE_PAGE + PAGE);
	try_pages("from the device page into itself", DEVICE_PAGE, DEVICE_PAGE);
	try_pages("from memory into nowhere", RAM(0), NOBODY);
	try_pages("from nowhere into memory", NOBODY, RAM(1));

	try_fault("a read into a page that is not present", false, 1, 0, 0);
	try_fault("a write into a page that is not present", true, 1, 0, 2);
	try_fault("a read from a page that is not present", false, 0, 0, 0);
	cpu_write_cr0(cpu_read_cr0() | CR0_WP);
	try_fault("a write into a read-only page", true, 1, PAGE_PRESENT, 3);
	try_fault("a write from a read-only page", true, 0, PAGE_PRESENT, 3);
	cpu_write_cr0(cpu_read_cr0() & ~CR0_WP);
	window_show(0, RAM(0));
	window_show(1, RAM(1));
}
