/* SPDX-License-Identifier: MIT */
/*
 * Takes bytes and numbers off an input, see input.h.
 */
#include "tests/fuzz/input.h"

uint8_t take_byte(struct input *input)
{
	input->random = input->random * 6364136223846793005ull + 1442695040888963407ull;
	if (input->left == 0)
		return (uint8_t)(input->random >> 56);
	input->left--;
	input->random ^= *input->bytes;
	return *input->bytes++;
}

uint64_t take_raw(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)take_byte(input) << (8 * i);
	return value;
}

uint64_t take_near(struct input *input, const uint64_t edges[INPUT_EDGES])
{
	const uint8_t kind = take_byte(input);

	if (kind < 0x40)
		return kind;
	if (kind < 0x80)
		return take_raw(input, 2) & 0x3fff;
	if (kind < 0xf0)
		return edges[kind % INPUT_EDGES] + (uint64_t)((int8_t)take_byte(input) / 8);
	return take_raw(input, 8);
}
