/* SPDX-License-Identifier: MIT */
/*
 * Formatted print into a buffer, without floating point and without allocation. Called by the log
 * and by whoever builds a text (the result file, the tables at the end of a run).
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

/* No width or precision beyond this. */
#define NUMBER_MAX 10000

/* Where the text goes; length counts on after the buffer is full. */
struct output {
	char *buffer;
	size_t size;
	size_t length;
};

/* One conversion specification, taken apart. */
struct conversion {
	bool left;      /* '-' */
	bool zero;      /* '0' */
	bool alternate; /* '#' */
	int width;
	int precision; /* -1: none */
	int longs;     /* 0: int; 1: l or z; 2: ll */
	char letter;   /* 0: not one that is known */
};

static void output_char(struct output *output, char character)
{
	if (output->length < output->size)
		output->buffer[output->length] = character;
	output->length++;
}

static void output_text(struct output *output, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		output_char(output, text[i]);
}

static void output_fill(struct output *output, char character, int count)
{
	for (int i = 0; i < count; i++)
		output_char(output, character);
}

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* A decimal number, or '*' for one out of the arguments; clamped, so that none makes a loop
 * endless. */
static int parse_number(const char **format, va_list *arguments)
{
	int number = 0;

	if (**format == '*') {
		(*format)++;
		number = va_arg(*arguments, int);
		if (number < -NUMBER_MAX)
			return -NUMBER_MAX;
		return number < NUMBER_MAX ? number : NUMBER_MAX;
	}
	for (; is_digit(**format); (*format)++) {
		if (number < NUMBER_MAX / 10)
			number = number * 10 + (**format - '0');
	}
	return number;
}

static const char *parse_flags(struct conversion *conversion, const char *format)
{
	for (;; format++) {
		if (*format == '-')
			conversion->left = true;
		else if (*format == '0')
			conversion->zero = true;
		else if (*format == '#')
			conversion->alternate = true;
		else
			return format;
	}
}

/* Takes what follows the '%' apart; returns what follows the conversion. */
static const char *parse_conversion(
	struct conversion *conversion, const char *format, va_list *arguments)
{
	*conversion = (struct conversion){ .precision = -1 };
	format = parse_flags(conversion, format);
	conversion->width = parse_number(&format, arguments);
	if (*format == '.') {
		format++;
		conversion->precision = parse_number(&format, arguments);
	}
	if (conversion->width < 0) {
		conversion->left = true;
		conversion->width = -conversion->width;
	}
	if (*format == 'z') {
		conversion->longs = 1;
		format++;
	} else {
		for (; *format == 'l' && conversion->longs < 2; format++)
			conversion->longs++;
	}
	conversion->letter = *format;
	return *format == '\0' ? format : format + 1;
}

static void put_padded(
	struct output *output, const struct conversion *conversion, const char *text, size_t length)
{
	int padding = length < (size_t)conversion->width ? conversion->width - (int)length : 0;

	if (!conversion->left)
		output_fill(output, ' ', padding);
	output_text(output, text, length);
	if (conversion->left)
		output_fill(output, ' ', padding);
}

static void put_string(struct output *output, const struct conversion *conversion, const char *text)
{
	size_t length = 0;

	if (text == NULL)
		text = "(null)";
	while ((conversion->precision < 0 || length < (size_t)conversion->precision) &&
		text[length] != '\0')
		length++;
	put_padded(output, conversion, text, length);
}

/* The prefix ('-' or '0x'), zeros as the flag or the precision asks for, the digits. */
static void put_number(struct output *output, const struct conversion *conversion,
	const char *prefix, uint64_t value, unsigned int base)
{
	const char *letters = conversion->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[20];
	int first = (int)sizeof(digits);
	int count, zeros, padding;

	for (; value != 0; value /= base)
		digits[--first] = letters[value % base];
	if (first == (int)sizeof(digits) && conversion->precision != 0)
		digits[--first] = '0';
	count = (int)sizeof(digits) - first;
	zeros = conversion->precision - count;
	if (conversion->precision < 0 && conversion->zero && !conversion->left)
		zeros = conversion->width - count - (int)strlen(prefix);
	if (zeros < 0)
		zeros = 0;
	padding = conversion->width - count - zeros - (int)strlen(prefix);

	if (!conversion->left)
		output_fill(output, ' ', padding);
	output_text(output, prefix, strlen(prefix));
	output_fill(output, '0', zeros);
	output_text(output, digits + first, (size_t)count);
	if (conversion->left)
		output_fill(output, ' ', padding);
}

static void put_signed(struct output *output, const struct conversion *conversion, int64_t value)
{
	if (value < 0)
		put_number(output, conversion, "-", 0 - (uint64_t)value, 10);
	else
		put_number(output, conversion, "", (uint64_t)value, 10);
}

static void put_hexadecimal(
	struct output *output, const struct conversion *conversion, uint64_t value)
{
	const char *prefix = "";

	if (conversion->alternate && value != 0)
		prefix = conversion->letter == 'X' ? "0X" : "0x";
	put_number(output, conversion, prefix, value, 16);
}

static int64_t take_signed(const struct conversion *conversion, va_list *arguments)
{
	switch (conversion->longs) {
	case 0: return va_arg(*arguments, int);
	case 1: return va_arg(*arguments, long);
	default: return va_arg(*arguments, long long);
	}
}

static uint64_t take_unsigned(const struct conversion *conversion, va_list *arguments)
{
	switch (conversion->longs) {
	case 0: return va_arg(*arguments, unsigned int);
	case 1: return va_arg(*arguments, unsigned long);
	default: return va_arg(*arguments, unsigned long long);
	}
}

static bool is_integer(char letter)
{
	return letter == 'd' || letter == 'i' || letter == 'u' || letter == 'x' || letter == 'X';
}

/* Writes one conversion; false when it is not one that is known. */
static bool put_conversion(
	struct output *output, const struct conversion *conversion, va_list *arguments)
{
	char character;

	/* %ls and the like are C's too, but mean something else than %s. */
	if (conversion->longs != 0 && !is_integer(conversion->letter))
		return false;
	switch (conversion->letter) {
	case '%': output_char(output, '%'); return true;
	case 'c':
		character = (char)va_arg(*arguments, int);
		put_padded(output, conversion, &character, 1);
		return true;
	case 's': put_string(output, conversion, va_arg(*arguments, const char *)); return true;
	case 'd':
	case 'i': put_signed(output, conversion, take_signed(conversion, arguments)); return true;
	case 'u':
		put_number(output, conversion, "", take_unsigned(conversion, arguments), 10);
		return true;
	case 'x':
	case 'X':
		put_hexadecimal(output, conversion, take_unsigned(conversion, arguments));
		return true;
	case 'p':
		put_number(output, conversion, "0x",
			(uint64_t)(uintptr_t)va_arg(*arguments, void *), 16);
		return true;
	default: return false;
	}
}

size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
{
	struct output output = { .buffer = buffer, .size = size };
	struct conversion conversion;
	va_list rest;

	va_copy(rest, arguments);
	while (*format != '\0') {
		const char *start = format++;

		if (*start != '%') {
			output_char(&output, *start);
			continue;
		}
		format = parse_conversion(&conversion, format, &rest);
		if (!put_conversion(&output, &conversion, &rest)) {
			/* Which argument is the next is no longer known: nothing more is converted.
			 */
			output_text(&output, start, strlen(start));
			break;
		}
	}
	va_end(rest);
	if (size > 0)
		buffer[output.length < size ? output.length : size - 1] = '\0';
	return output.length;
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}
