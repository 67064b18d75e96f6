/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an input, taken one by one by the targets that make a sequence of steps out of them.
 * Where the input ends, a random sequence that depends on it goes on: short inputs also lead
 * somewhere.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *bytes;
	size_t left;
	uint64_t random; /* any number to begin with */
};

#define INPUT_EDGES 16u

uint8_t take_byte(struct input *input);

/* A number of so many bytes, at most 8, the lowest first. */
uint64_t take_raw(struct input *input, unsigned int bytes);

/* A small number, one near those that matter to the target, or any. */
uint64_t take_near(struct input *input, const uint64_t edges[INPUT_EDGES]);

#endif
