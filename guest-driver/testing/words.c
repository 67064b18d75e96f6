/* SPDX-License-Identifier: MIT */
/*
 * Numbers out of the command line. Called by the test guests.
 */
#include "guest-driver/testing/words.h"

#include "lib/format.h"
#include "lib/string.h"

bool words_next(const char **cmdline, char word[WORDS_MAX_LENGTH])
{
	size_t length = 0;

	while (**cmdline == ' ')
		(*cmdline)++;
	for (; **cmdline != '\0' && **cmdline != ' '; (*cmdline)++) {
		if (length + 1 < WORDS_MAX_LENGTH)
			word[length++] = **cmdline;
	}
	word[length] = '\0';
	return length != 0;
}

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 16;
}

static bool number_read(const char **text, uint64_t *number)
{
	const unsigned int base = strncmp(*text, "0x", 2) == 0 ? 16 : 10;
	const char *first = *text + (base == 16 ? 2 : 0);
	const char *at = first;

	for (*number = 0; digit_of(*at) < base; at++)
		*number = *number * base + digit_of(*at);
	*text = at;
	return at != first;
}

unsigned int words_numbers(
	const char *word, const char *name, uint64_t *numbers, unsigned int count)
{
	unsigned int found = 0;

	if (strncmp(word, name, strlen(name)) != 0)
		return 0;
	word += strlen(name);
	while (found < count && number_read(&word, &numbers[found])) {
		found++;
		if (*word != ',')
			break;
		word++;
	}
	return *word == '\0' ? found : 0;
}

uint64_t words_number(const char *cmdline, const char *name, uint64_t otherwise)
{
	char word[WORDS_MAX_LENGTH];
	uint64_t number;

	while (words_next(&cmdline, word)) {
		if (words_numbers(word, name, &number, 1) == 1)
			return number;
	}
	return otherwise;
}

void words_without_numbers(const char *cmdline, char words[WORDS_MAX_LENGTH])
{
	char word[WORDS_MAX_LENGTH];
	size_t length = 0;

	words[0] = '\0';
	while (words_next(&cmdline, word)) {
		bool has_number = false;

		for (const char *c = word; *c != '\0'; c++)
			has_number = has_number || *c == '=';
		if (!has_number && length < WORDS_MAX_LENGTH)
			length +=
				format_text(words + length, WORDS_MAX_LENGTH - length, "%s ", word);
	}
}
