/* SPDX-License-Identifier: MIT */
/*
 * Reads and shows the values of a configuration: choices, numbers, sizes, paths, texts. Called by
 * the table of keys, config.c.
 */
#include "boot/config_value.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

int config_value_find_choice(const char *const *names, unsigned int count, const char *value)
{
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(names[i], value) == 0)
			return (int)i;
	}
	return -1;
}

bool config_value_read_number(const char **text, uint64_t *number)
{
	const char *digit = *text;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (__builtin_mul_overflow(*number, 10u, number) ||
			__builtin_add_overflow(*number, (uint64_t)(*digit - '0'), number))
			*number = UINT64_MAX;
	}
	if (digit == *text)
		return false;
	*text = digit;
	return true;
}

/* What the letter behind a size multiplies it by; 0 for none of the letters. */
static uint64_t size_unit(char letter)
{
	switch (letter) {
	case 'k':
	case 'K': return KIB;
	case 'm':
	case 'M': return MIB;
	case 'g':
	case 'G': return GIB;
	default: return 0;
	}
}

bool config_value_read_size(const char *text, uint64_t *size)
{
	uint64_t unit;

	if (!config_value_read_number(&text, size))
		return false;
	if (*text == '\0')
		return true;
	unit = size_unit(*text);
	if (unit == 0 || text[1] != '\0')
		return false;
	if (__builtin_mul_overflow(*size, unit, size))
		*size = UINT64_MAX;
	return true;
}

const char *config_value_read_path(char path[CONFIG_PATH_SIZE], const char *value)
{
	size_t length;

	while (*value == '/' || *value == '\\')
		value++;
	length = strlen(value);
	if (length == 0)
		return "names no file (like \\guest.elf)";
	if (length + 2 > CONFIG_PATH_SIZE)
		return "longer than the 255 characters of a path";

	path[0] = '\\';
	for (size_t i = 0; i <= length; i++)
		path[i + 1] = value[i] == '/' ? '\\' : value[i];
	return NULL;
}

void config_value_show_size(uint64_t value, char *text, size_t size)
{
	uint64_t unit = KIB;
	char letter = 'K';

	if (is_aligned(value, GIB)) {
		unit = GIB;
		letter = 'G';
	} else if (is_aligned(value, MIB)) {
		unit = MIB;
		letter = 'M';
	}
	format_text(text, size, "%llu%c", (unsigned long long)(value / unit), letter);
}

/* Whether the file takes this text without quotes; it cannot take a quote within quotes. */
static bool text_is_plain(const char *value)
{
	size_t length = strlen(value);
	bool plain = true;

	if (length == 0 || config_is_blank(value[0]) || config_is_blank(value[length - 1]))
		return false;
	for (; *value != '\0'; value++) {
		if (*value == '"')
			return true;
		plain = plain && *value != '#';
	}
	return plain;
}

void config_value_show_text(const char *value, char *text, size_t size)
{
	format_text(text, size, text_is_plain(value) ? "%s" : "\"%s\"", value);
}
