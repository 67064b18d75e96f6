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
	int screen_sink;
	uint64_t hidden_since; /* log position at which the screens were switched off */

	/* While the guest has the input: what else reads the port, and its own functions. */
	EFI_EVENT input_event; /* null: there is none */
	SERIAL_IO_INTERFACE *serial;
	EFI_SERIAL_GET_CONTROL_BITS serial_get_control;
	EFI_SERIAL_READ serial_read;
};

/* Sets up the log: its ring, COM1, the screens. STATUS_NO_MEMORY: there is no ring. */
MUST_USE enum status console_open(struct console *console, struct firmware *firmware);

/* Around each time that the machine is ours. */
void console_hide_screens(struct console *console);
void console_show_screens(struct console *console);

/*
 * Between these two, what is typed on COM1 is the guest's also while the firmware has the machine
 * for a write-back, and none of it the firmware's own console's. In boot/console_input.c.
 */
void console_keep_input(struct console *console);
void console_leave_input(struct console *console);

/* Whether what has this handle is COM1 or on it. */
bool console_is_com1(struct firmware *firmware, EFI_HANDLE handle);

/*
 * Waits for a key, at most seconds, when somebody may stand before the machine: pause says so, or
 * (auto) a boot manager started us on a real machine.
 */
void console_pause(struct console *console, bool wait, unsigned int seconds);

#endif
