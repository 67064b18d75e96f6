/* SPDX-License-Identifier: MIT */
/*
 * The end for broken invariants of our own (never for what a guest or a user did): the reason is
 * logged, then the hook leaves, by giving the machine back to the firmware.
 */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

/* Must not return. */
typedef void panic_hook_fn(void *context);

void panic_set_hook(panic_hook_fn *hook, void *context);

/* 'module: what, value'. Without a hook, or if it returns, the processor spins here for ever. */
_Noreturn void panic(const char *module, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
