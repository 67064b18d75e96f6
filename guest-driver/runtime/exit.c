/* SPDX-License-Identifier: MIT */
/*
 * The end of a run.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"

#define PORT_EXIT 0xf4 /* QEMU's isa-debug-exit, and Cafevisor's */

_Noreturn void runtime_exit(uint8_t status)
{
	port_write8(PORT_EXIT, status);
	runtime_halt();
}

_Noreturn void runtime_halt(void)
{
	for (;;)
		interrupts_off_and_halt();
}
