/* SPDX-License-Identifier: MIT */
/*
 * The kinds of values that a configuration has: how the text of one is read, and how one is shown
 * so that the file takes it back. Called by the table of keys, config.c, which knows the limits.
 */
#ifndef BOOT_CONFIG_VALUE_H
#define BOOT_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/config.h"

/* What the file and the load options pass over around a value. */
static inline bool config_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The index of value among the names, or -1. */
int config_value_find_choice(const char *const *names, unsigned int count, const char *value);

/*
 * The decimal number at *text, which is moved behind its digits. False where there is no digit; a
 * number of more than 64 bits comes out as the largest, which every limit refuses.
 */
bool config_value_read_number(const char **text, uint64_t *number);

/*
 * A whole text as a size in bytes: a number, and perhaps one of the letters K, M, G. False where it
 * is none; one of more than 64 bits comes out as the largest.
 */
bool config_value_read_size(const char *text, uint64_t *size);

/*
 * A path as the firmware's file protocol wants it: from the root, with backslashes. Null when value
 * was taken, else what is wrong with it, and path is as it was.
 */
MUST_USE const char *config_value_read_path(char path[CONFIG_PATH_SIZE], const char *value);

/* With the largest letter that divides it; it is a multiple of 1 KiB. */
void config_value_show_size(uint64_t value, char *text, size_t size);

/* Quoted only where the file could not take it as it is; then it has no quote of its own. */
void config_value_show_text(const char *value, char *text, size_t size);

#endif
