/* SPDX-License-Identifier: MIT */
/*
 * The panic: log and leave.
 */
#include "lib/panic.h"

#include <stdarg.h>
#include <stddef.h>

#include "lib/format.h"
#include "lib/log.h"

static struct {
	panic_hook_fn *hook;
	void *context;
} panic_state;

void panic_set_hook(panic_hook_fn *hook, void *context)
{
	panic_state.hook = hook;
	panic_state.context = context;
}

_Noreturn void panic(const char *module, const char *format, ...)
{
	char text[192];
	va_list arguments;
	panic_hook_fn *hook = panic_state.hook;

	va_start(arguments, format);
	format_text_va(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_error(module, "panic: %s", text);
	/* A second panic on the way out must not come back here. */
	panic_state.hook = NULL;
	if (hook != NULL)
		hook(panic_state.context);
	for (;;)
		__asm__ volatile("pause");
}
