/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/bus.c: registration, lookup, and what an access hands to a device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/bus.h"
#include "lib/bits.h"

/* Notes its last access; reads give more bits than any width has. */
struct probe {
	uint64_t offset;
	unsigned int width;
	uint64_t value;
};

static uint64_t probe_read(void *device, uint64_t offset, unsigned int width)
{
	struct probe *probe = device;

	*probe = (struct probe){ .offset = offset, .width = width };
	return 0x8877665544332211 & width_mask(width);
}

static void probe_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	struct probe *probe = device;

	*probe = (struct probe){ .offset = offset, .width = width, .value = value };
}

static const struct bus_ops probe_ops = { .read = probe_read, .write = probe_write };

static void test_register_refuses(void **state)
{
	static const struct {
		const char *name;
		uint64_t base, size;
		enum status wanted;
	} rows[] = {
		{ "empty", 0x5000, 0, STATUS_BAD_VALUE },
		{ "wraps by one", ~0ull - 0xfff, 0x1001, STATUS_BAD_VALUE },
		{ "wraps far", 0x8000, ~0ull, STATUS_BAD_VALUE },
		{ "the same", 0x1000, 0x1000, STATUS_CONFLICT },
		{ "within", 0x1800, 1, STATUS_CONFLICT },
		{ "around", 0x800, 0x4000, STATUS_CONFLICT },
		{ "over the first byte", 0xfff, 2, STATUS_CONFLICT },
		{ "over the last byte", 0x1fff, 2, STATUS_CONFLICT },
		{ "touches before", 0xfff, 1, STATUS_OK },
		{ "touches behind", 0x2000, 1, STATUS_OK },
		{ "at zero", 0, 0x1000, STATUS_OK },
		{ "at the end", ~0ull - 0xfff, 0xfff, STATUS_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bus bus = { 0 };
		struct probe probe;

		assert_int_equal(
			bus_register(&bus, "first", 0x1000, 0x1000, &probe_ops, &probe), STATUS_OK);
		if (bus_register(&bus, "second", rows[i].base, rows[i].size, &probe_ops, &probe) !=
			rows[i].wanted)
			fail_msg("%s", rows[i].name);
		assert_int_equal(bus.count, rows[i].wanted == STATUS_OK ? 2 : 1);
	}
}

static void test_register_until_full(void **state)
{
	struct bus bus = { 0 };
	struct probe probe;

	(void)state;
	for (uint64_t i = 0; i < BUS_MAX_REGIONS; i++)
		assert_int_equal(
			bus_register(&bus, "one", i * 16, 8, &probe_ops, &probe), STATUS_OK);
	assert_int_equal(
		bus_register(&bus, "more", 0x9000, 8, &probe_ops, &probe), STATUS_NO_MEMORY);
	assert_int_equal(bus.count, BUS_MAX_REGIONS);
	for (unsigned int i = 0; i < 2 * BUS_MAX_REGIONS; i++) {
		assert_ptr_equal(bus_find(&bus, i / 2 * 16 + 7), &bus.regions[i / 2]);
		assert_int_equal(bus.last, i / 2);
	}
}

/* In every order of lookups, since bus_find remembers the last region. */
static void test_find(void **state)
{
	static const struct {
		uint64_t address;
		const char *name; /* null: nobody */
	} rows[] = {
		{ 0, NULL },
		{ 0xfff, NULL },
		{ 0x1000, "low" },
		{ 0x1fff, "low" },
		{ 0x2000, NULL },
		{ 0x3000, "high" },
		{ 0x3007, "high" },
		{ 0x3008, "touch" },
		{ 0x300f, "touch" },
		{ 0x3010, NULL },
		{ ~0ull, NULL },
	};
	struct bus bus = { 0 };
	struct probe probe;

	(void)state;
	assert_null(bus_find(&bus, 0));
	assert_null(bus_find(&bus, 0x1000));
	assert_int_equal(bus_register(&bus, "high", 0x3000, 8, &probe_ops, &probe), STATUS_OK);
	assert_int_equal(bus_register(&bus, "touch", 0x3008, 8, &probe_ops, &probe), STATUS_OK);
	assert_int_equal(bus_register(&bus, "low", 0x1000, 0x1000, &probe_ops, &probe), STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(rows) * ARRAY_COUNT(rows); i++) {
		size_t pair[] = { i / ARRAY_COUNT(rows), i % ARRAY_COUNT(rows) };

		for (size_t k = 0; k < 2; k++) {
			struct bus_region *region = bus_find(&bus, rows[pair[k]].address);
			const char *name = region != NULL ? region->name : NULL;

			if ((name == NULL) != (rows[pair[k]].name == NULL) ||
				(name != NULL && strcmp(name, rows[pair[k]].name) != 0))
				fail_msg("0x%lx: %s", rows[pair[k]].address, name);
		}
	}
}

static void test_covers(void **state)
{
	static const struct {
		uint64_t address;
		unsigned int width;
		bool wanted;
	} rows[] = {
		{ 0x1000, 1, true },
		{ 0x1000, 8, true },
		{ 0x100f, 1, true },
		{ 0x100c, 4, true },
		{ 0x100d, 4, false },
		{ 0x100f, 2, false },
		{ 0x1010, 1, false },
		{ 0xfff, 1, false },
		{ 0xffe, 4, false },
		{ ~0ull, 8, false },
		{ 0, 1, false },
	};
	const struct bus_region region = { .base = 0x1000, .size = 0x10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (bus_region_covers(&region, rows[i].address, rows[i].width) != rows[i].wanted)
			fail_msg("0x%lx+%u", rows[i].address, rows[i].width);
	}
}

static void test_access(void **state)
{
	static const struct {
		unsigned int width;
		uint64_t read;
	} rows[] = {
		{ 1, 0x11 },
		{ 2, 0x2211 },
		{ 4, 0x44332211 },
		{ 8, 0x8877665544332211 },
	};
	struct bus bus = { 0 };
	struct bus_region *region;
	struct probe probe;

	(void)state;
	assert_int_equal(bus_register(&bus, "probe", 0x1000, 0x10, &probe_ops, &probe), STATUS_OK);
	region = bus_find(&bus, 0x1008);
	assert_non_null(region);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_true(bus_region_read(region, 0x1008, rows[i].width) == rows[i].read);
		assert_true(probe.offset == 8 && probe.width == rows[i].width);
		bus_region_write(region, 0x1004, rows[i].width, rows[i].read);
		assert_true(probe.offset == 4 && probe.width == rows[i].width);
		assert_true(probe.value == rows[i].read);
	}
	bus_region_write(region, 0x1000, 1, 0);
	assert_true(region->reads == 4);
	assert_true(region->writes == 5);
}

/* An access belongs to a region only if all of it does, whichever was found last. */
static void test_find_access(void **state)
{
	static const struct {
		uint64_t address;
		unsigned int width;
		bool found;
	} rows[] = {
		{ 0x1000, 8, true },
		{ 0x100c, 4, true },
		{ 0x100c, 8, false },
		{ 0x100f, 2, false },
		{ 0x0fff, 1, false },
		{ 0x0fff, 2, false },
		{ 0x1010, 1, false },
		{ 0x2000, 4, true },
		{ 0x2004, 1, false },
		{ 0x1000, 1, true },
		{ ~UINT64_C(0), 2, false },
	};
	struct bus bus = { 0 };

	(void)state;
	assert_null(bus_find_access(&bus, 0, 1));
	assert_int_equal(bus_register(&bus, "a", 0x1000, 0x10, &probe_ops, NULL), STATUS_OK);
	assert_int_equal(bus_register(&bus, "b", 0x2000, 4, &probe_ops, NULL), STATUS_OK);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(bus_find_access(&bus, rows[i].address, rows[i].width) != NULL,
			rows[i].found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_refuses),
		cmocka_unit_test(test_register_until_full),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_find_access),
	};

	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
