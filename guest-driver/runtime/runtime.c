/* SPDX-License-Identifier: MIT */
/*
 * From the assembly start to main: the console, the command line, and the end of the run.
 */
#include "guest-driver/runtime/runtime.h"

#include "lib/string.h"

static const struct start_info *start_info;

const struct start_info *runtime_info(void)
{
	return start_info;
}

static const char *command_line(void)
{
	if (start_info == NULL || start_info->cmdline_paddr == 0)
		return "";
	return (const char *)(uintptr_t)start_info->cmdline_paddr;
}

bool runtime_has_word(const char *cmdline, const char *word)
{
	size_t length = strlen(word);

	while (*cmdline != '\0') {
		size_t next = 0;

		while (cmdline[next] != '\0' && cmdline[next] != ' ')
			next++;
		if (next == length && strncmp(cmdline, word, length) == 0)
			return true;
		cmdline += next;
		while (*cmdline == ' ')
			cmdline++;
	}
	return false;
}

_Noreturn void runtime_start(const struct start_info *info)
{
	if (info != NULL && info->magic == START_INFO_MAGIC)
		start_info = info;
	console_init();
	runtime_exit((uint8_t)main(command_line()));
}
