/* SPDX-License-Identifier: MIT */
/*
 * Finds keys and values in the two texts that configure a run: the lines of cafevisor.conf and the
 * words of the UEFI load options. Both are taken whole or not at all.
 */
#include "boot/config.h"

#include <stdarg.h>

#include "boot/config_value.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

#define SHOWN                 "%.80s%s" /* a text of the user's in a message: SHOWN_ARGUMENTS(text) */
#define SHOWN_ARGUMENTS(text) (text), strlen(text) > 80 ? "..." : ""

struct parser {
	struct config config; /* what the caller gets when all went well */
	struct config_error *error;
	const char *filename; /* null: the load options */
	unsigned int line;    /* 0 in the load options, where the last word for a key wins */
	unsigned int given[CONFIG_KEY_COUNT]; /* the line that set a key; 0: none yet */
};

__attribute__((format(printf, 3, 4))) static enum status parser_fail(
	struct parser *parser, enum status status, const char *format, ...)
{
	char *text = parser->error->text;
	size_t size = sizeof(parser->error->text);
	size_t used;
	va_list arguments;

	if (parser->filename != NULL)
		used = format_text(text, size, "%.100s:%u: ", parser->filename, parser->line);
	else
		used = format_text(text, size, "load options: ");
	va_start(arguments, format);
	format_text_va(text + used, size - used, format, arguments);
	va_end(arguments);
	return status;
}

static char *blank_skip(char *text)
{
	while (config_is_blank(*text))
		text++;
	return text;
}

/* Ends text before the blanks that close it. */
static void blank_trim(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && config_is_blank(text[length - 1]))
		text[--length] = '\0';
}

static char *char_find(char *text, char wanted)
{
	for (; *text != '\0'; text++) {
		if (*text == wanted)
			return text;
	}
	return NULL;
}

/* Keeps what could not be shown, or would forge a line, out of values and messages. */
static enum status text_check(struct parser *parser, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return parser_fail(parser, STATUS_BAD_VALUE,
				"byte 0x%02x at character %zu: only text may stand here", byte,
				i + 1);
	}
	return STATUS_OK;
}

static enum status key_unknown(struct parser *parser, const char *key, const char *value)
{
	char names[200];
	size_t used = 0;

	for (unsigned int i = 0; i < CONFIG_KEY_COUNT; i++)
		used += format_text(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ",
			config_key_name(i));
	return parser_fail(parser, STATUS_NOT_FOUND,
		SHOWN " = " SHOWN ": unknown key; there are %s", SHOWN_ARGUMENTS(key),
		SHOWN_ARGUMENTS(value), names);
}

static enum status key_set(struct parser *parser, const char *key, const char *value)
{
	int number = config_find_key(key);
	const char *why;

	if (number < 0)
		return key_unknown(parser, key, value);
	if (parser->given[number] != 0)
		return parser_fail(parser, STATUS_CONFLICT,
			"%s = " SHOWN ": line %u gives this key already; give it once", key,
			SHOWN_ARGUMENTS(value), parser->given[number]);
	parser->given[number] = parser->line;

	why = config_set_key(&parser->config, (unsigned int)number, value);
	if (why != NULL)
		return parser_fail(parser, STATUS_BAD_VALUE, "%s = " SHOWN ": %s", key,
			SHOWN_ARGUMENTS(value), why);
	return STATUS_OK;
}

/* Ends a line before its comment; a '#' in a value's quotes begins none. */
static void comment_cut(char *line)
{
	bool value = false;  /* behind the first '=' */
	bool begins = false; /* nothing but blanks of the value so far */
	bool quoted = false;

	for (char *c = line; *c != '\0'; c++) {
		if (*c == '"' && (quoted || begins)) {
			quoted = !quoted;
		} else if (*c == '#' && !quoted && (c == line || config_is_blank(c[-1]))) {
			*c = '\0';
			return;
		}
		begins = (*c == '=' && !value) || (begins && config_is_blank(*c));
		value = value || *c == '=';
	}
}

/* Takes the quotes off a value that begins with one. */
static enum status value_unquote(struct parser *parser, const char *key, char **value)
{
	char *end;

	if (**value != '"')
		return STATUS_OK;
	end = char_find(*value + 1, '"');
	if (end == NULL)
		return parser_fail(parser, STATUS_BAD_VALUE,
			SHOWN " = " SHOWN ": the closing quote is missing", SHOWN_ARGUMENTS(key),
			SHOWN_ARGUMENTS(*value));
	if (end[1] != '\0')
		return parser_fail(parser, STATUS_BAD_VALUE,
			SHOWN " = " SHOWN ": nothing may follow the closing quote",
			SHOWN_ARGUMENTS(key), SHOWN_ARGUMENTS(*value));
	*end = '\0';
	*value += 1;
	return STATUS_OK;
}

static enum status line_parse(struct parser *parser, char *line)
{
	enum status status;
	char *key, *value;

	comment_cut(line);
	key = blank_skip(line);
	blank_trim(key);
	if (*key == '\0')
		return STATUS_OK;

	value = char_find(key, '=');
	if (value == NULL || value == key)
		return parser_fail(parser, STATUS_BAD_VALUE,
			SHOWN ": not a line of the form key = value", SHOWN_ARGUMENTS(key));
	*value = '\0';
	value = blank_skip(value + 1);
	blank_trim(key);

	status = value_unquote(parser, key, &value);
	if (status != STATUS_OK)
		return status;
	return key_set(parser, key, value);
}

/* Parses the line at text, which ends before text + size; *used is its length with its end. */
static enum status line_take(struct parser *parser, const char *text, size_t size, size_t *used)
{
	char line[CONFIG_LINE_SIZE];
	enum status status;
	size_t length = 0;

	while (length < size && text[length] != '\n')
		length++;
	*used = length < size ? length + 1 : length;
	if (length > 0 && text[length - 1] == '\r')
		length--;
	if (length >= sizeof(line))
		return parser_fail(parser, STATUS_BAD_VALUE, "a line of %zu bytes; at most %u fit",
			length, CONFIG_LINE_SIZE - 1);

	status = text_check(parser, text, length);
	if (status != STATUS_OK)
		return status;
	memcpy(line, text, length);
	line[length] = '\0';
	return line_parse(parser, line);
}

enum status config_parse_file(struct config *config, const char *text, size_t size,
	const char *filename, struct config_error *error)
{
	struct parser parser = { .config = *config, .error = error, .filename = filename };
	size_t offset = 0;

	error->text[0] = '\0';
	parser.line = 1;
	if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return parser_fail(&parser, STATUS_BAD_VALUE,
			"the file is UTF-16; save it as UTF-8 or plain ASCII");
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		offset = 3;

	for (; offset < size; parser.line++) {
		size_t used;
		enum status status = line_take(&parser, text + offset, size - offset, &used);

		if (status != STATUS_OK)
			return status;
		offset += used;
	}
	*config = parser.config;
	return STATUS_OK;
}

/*
 * The word at *text without its quotes; *text is moved behind it. A quote may stand before the word
 * or behind its first '=' and ends at the next one.
 */
static enum status word_take(struct parser *parser, const char **text, char word[CONFIG_LINE_SIZE])
{
	const char *next = *text;
	bool begins = true, value = false, quoted = false, closed = false;
	size_t length = 0;

	for (; *next != '\0' && (quoted || !config_is_blank(*next)); next++) {
		char c = *next;

		if (length + 1 >= CONFIG_LINE_SIZE)
			return parser_fail(parser, STATUS_BAD_VALUE, "a word longer than %u bytes",
				CONFIG_LINE_SIZE - 1);
		word[length] = '\0';
		if (closed || (c == '"' && !quoted && !begins))
			return parser_fail(parser, STATUS_BAD_VALUE,
				SHOWN ": quotes go around a whole value or a whole word",
				SHOWN_ARGUMENTS(word));
		if (c == '"') {
			closed = quoted;
			quoted = !quoted;
			begins = false;
			continue;
		}
		begins = c == '=' && !value;
		value = value || c == '=';
		word[length++] = c;
	}
	word[length] = '\0';
	if (quoted)
		return parser_fail(parser, STATUS_BAD_VALUE, SHOWN ": the closing quote is missing",
			SHOWN_ARGUMENTS(word));
	*text = next;
	return STATUS_OK;
}

/* Whether the first word is what the shell started rather than an option. */
static bool word_is_program(const char *word)
{
	for (; *word != '\0' && *word != '='; word++) {
		if (*word == '\\' || *word == '/' || *word == ':')
			return true;
	}
	return *word == '\0';
}

static enum status word_parse(struct parser *parser, char *word, bool first)
{
	char *value;

	if (strcmp(word, "check") == 0) {
		parser->config.check = true;
		return STATUS_OK;
	}
	if (first && word_is_program(word))
		return STATUS_OK;
	value = char_find(word, '=');
	if (value == NULL || value == word)
		return parser_fail(parser, STATUS_BAD_VALUE,
			"'" SHOWN "': neither key=value nor the word check", SHOWN_ARGUMENTS(word));
	*value = '\0';
	return key_set(parser, word, value + 1);
}

enum status config_parse_options(
	struct config *config, const char *options, struct config_error *error)
{
	struct parser parser = { .config = *config, .error = error };
	char word[CONFIG_LINE_SIZE];
	bool first = true;
	enum status status;

	error->text[0] = '\0';
	status = text_check(&parser, options, strlen(options));
	while (status == STATUS_OK) {
		while (config_is_blank(*options))
			options++;
		if (*options == '\0')
			break;
		status = word_take(&parser, &options, word);
		if (status == STATUS_OK)
			status = word_parse(&parser, word, first);
		first = false;
	}
	if (status == STATUS_OK)
		*config = parser.config;
	return status;
}
