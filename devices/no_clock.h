/* SPDX-License-Identifier: MIT */
/*
 * The ports of two clocks that a PC has and a guest has not: the interval timer (8254) and the
 * real-time clock. Called by the port bus.
 */
#ifndef DEVICES_NO_CLOCK_H
#define DEVICES_NO_CLOCK_H

#include "devices/bus.h"

#define NO_PIT_PORT  0x40u
#define NO_PIT_PORTS 4u
#define NO_RTC_PORT  0x70u
#define NO_RTC_PORTS 2u

/*
 * Reads are 0, writes are lost. All ones, which absent ports read as, look like clocks that work: a
 * counter that stands at 0xff, which Linux reads 100,000 times to see it change; and register A
 * with UIP set, an update whose end Linux awaits for a second. It does so even where ACPI says that
 * there are no such clocks. MC146818 data sheet, "Register A".
 */
extern const struct bus_ops no_clock_ops;

#endif
