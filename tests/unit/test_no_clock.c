/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/no_clock.c: whoever asks clocks that are not there is not kept waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices/no_clock.h"

static uint64_t in(struct bus *ports, uint64_t port)
{
	struct bus_region *region = bus_find_access(ports, port, 1);

	assert_non_null(region);
	return bus_region_read(region, port, 1);
}

static void out(struct bus *ports, uint64_t port, uint64_t value)
{
	struct bus_region *region = bus_find_access(ports, port, 1);

	assert_non_null(region);
	bus_region_write(region, port, 1, value);
}

static void make_ports(struct bus *ports)
{
	*ports = (struct bus){ 0 };
	assert_int_equal(
		bus_register(ports, "no PIT", NO_PIT_PORT, NO_PIT_PORTS, &no_clock_ops, NULL),
		STATUS_OK);
	assert_int_equal(
		bus_register(ports, "no RTC", NO_RTC_PORT, NO_RTC_PORTS, &no_clock_ops, NULL),
		STATUS_OK);
}

/* A register of the clock never has bit 7, UIP, and keeps nothing. */
static void test_no_update_in_progress(void **state)
{
	struct bus ports;

	(void)state;
	make_ports(&ports);
	for (unsigned int index = 0; index < 0x100; index++) {
		out(&ports, 0x70, index);
		assert_int_equal(in(&ports, 0x71), 0);
		out(&ports, 0x71, 0xff);
		assert_int_equal(in(&ports, 0x71), 0);
	}
	assert_null(bus_find_access(&ports, 0x6f, 1));
	assert_null(bus_find_access(&ports, 0x72, 1));
}

/* A counter that was set to all ones does not read so. */
static void test_no_counter(void **state)
{
	struct bus ports;

	(void)state;
	make_ports(&ports);
	for (uint64_t port = 0x40; port <= 0x42; port++) {
		out(&ports, 0x43, (port - 0x40) << 6 | 0x30);
		out(&ports, port, 0xff);
		out(&ports, port, 0xff);
		assert_int_equal(in(&ports, port), 0);
		assert_int_equal(in(&ports, port), 0);
	}
	assert_null(bus_find_access(&ports, 0x3f, 1));
	assert_null(bus_find_access(&ports, 0x44, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_update_in_progress),
		cmocka_unit_test(test_no_counter),
	};

	return cmocka_run_group_tests_name("no_clock", tests, NULL, NULL);
}
