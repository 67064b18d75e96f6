/* SPDX-License-Identifier: MIT */
/*
 * Words 'name=1,2,3' of a test guest's command line: numbers in decimal, or in hexadecimal behind
 * 0x.
 */
#ifndef GUEST_DRIVER_TESTING_WORDS_H
#define GUEST_DRIVER_TESTING_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX_LENGTH 512 /* of a command line, with the terminating zero */

/* The words of the command line, one at a time: false at the end. *cmdline is moved on. */
bool words_next(const char **cmdline, char word[WORDS_MAX_LENGTH]);

/*
 * How many numbers stand behind name, which has the '=', in this word: at most count, into numbers.
 * 0 for another word, and for one that is not written as it should be.
 */
unsigned int words_numbers(
	const char *word, const char *name, uint64_t *numbers, unsigned int count);

/* The one number of the word with this name, or without such a word the other. */
uint64_t words_number(const char *cmdline, const char *name, uint64_t otherwise);

/* The words that have no '=': the groups of guest-driver/testing/check.h. */
void words_without_numbers(const char *cmdline, char words[WORDS_MAX_LENGTH]);

#endif
