/* SPDX-License-Identifier: MIT */
/*
 * Where the log is seen: COM1 always, and the firmware's screens while the firmware is alive. What
 * was logged while the machine was ours is shown there after each give-back.
 */
#ifndef BOOT_CONSOLE_H
#define BOOT_CONSOLE_H

#include <stdint.h>

#include "boot/com1.h"
#include "boot/firmware.h"

#define CONSOLE_MAX_SCREENS 8
#define CONSOLE_RING_SIZE   (256 * 1024)

struct console {
	struct firmware *firmware;
	struct com1 com1;
	size_t screen_count;
	SIMPLE_TEXT_OUTPUT_INTERFACE *screens[CONSOLE_MAX_SCREENS];
	EFI_EVENT input_event; /* null: the input is the firmware's */
	int screen_sink;
	uint64_t hidden_since; /* log position at which the screens were switched off */
};

/* Sets up the log: its ring, COM1, the screens. STATUS_NO_MEMORY: there is no ring. */
MUST_USE enum status console_open(struct console *console, struct firmware *firmware);

/* Around each time that the machine is ours. */
void console_hide_screens(struct console *console);
void console_show_screens(struct console *console);

/*
 * Between these two, what is typed on COM1 is the guest's also while the firmware has the machine
 * for a write-back: the firmware's own console, which polls the port too, comes too late.
 */
void console_keep_input(struct console *console);
void console_leave_input(struct console *console);

/*
 * Waits for a key, at most seconds, when somebody may stand before the machine: pause says so, or
 * (auto) a boot manager started us on a real machine.
 */
void console_pause(struct console *console, bool wait, unsigned int seconds);

#endif
