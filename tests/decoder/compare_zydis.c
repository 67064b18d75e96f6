/* SPDX-License-Identifier: MIT */
/*
 * The decoder against Zydis, over every form: which strings of bytes are compared stands here, how
 * two readings are compared in tests/decoder/agreement.c. Without arguments, what make test runs;
 * with --full, every combination of prefixes besides. Exit status 1 after a disagreement.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/bits.h"
#include "tests/decoder/agreement.h"

#define SEED              0x20240229cafe0000ull
#define RANDOM_STRINGS    20000000u
#define PREFIX_STRINGS    5000000u
#define MAX_DISAGREEMENTS 20

/* The opcodes of the list, all with ModRM; the four MOVs without are moffs_opcodes. */
static const uint8_t listed_opcodes[] = {
	0x00,
	0x01,
	0x02,
	0x03,
	0x08,
	0x09,
	0x0a,
	0x0b,
	0x20,
	0x21,
	0x22,
	0x23,
	0x28,
	0x29,
	0x2a,
	0x2b,
	0x30,
	0x31,
	0x32,
	0x33,
	0x38,
	0x39,
	0x3a,
	0x3b,
	0x63,
	0x80,
	0x81,
	0x83,
	0x84,
	0x85,
	0x86,
	0x87,
	0x88,
	0x89,
	0x8a,
	0x8b,
	0xc6,
	0xc7,
	0xf6,
	0xf7,
	0xfe,
	0xff,
};
static const uint8_t listed_opcodes_0f[] = { 0xb6, 0xb7, 0xbe, 0xbf };
static const uint8_t moffs_opcodes[] = { 0xa0, 0xa1, 0xa2, 0xa3 };

static const uint8_t all_prefixes[] = {
	0x26,
	0x2e,
	0x36,
	0x3e,
	0x64,
	0x65,
	0x66,
	0x67,
	0xf0,
	0xf2,
	0xf3,
};
static const uint8_t segment_prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

/* A string as it is put together; what is not set yet is random. */
struct text {
	uint8_t bytes[INSN_MAX_LENGTH + 8];
	unsigned length;
	enum code_size mode;
};

static uint64_t random_state = SEED;
static struct agreement_counts counts;

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 2685821657736338717ull;
}

static void check(const struct text *text)
{
	if (counts.disagreements < MAX_DISAGREEMENTS)
		agreement_check(text->bytes, text->mode, &counts);
}

static void text_begin(struct text *text, enum code_size mode)
{
	uint64_t words[2] = { next_random(), next_random() };

	memcpy(text->bytes, words, INSN_MAX_LENGTH);
	text->length = 0;
	text->mode = mode;
}

static void text_add(struct text *text, unsigned byte)
{
	text->bytes[text->length++] = (uint8_t)byte;
}

/* Every ModRM, and every SIB where the mode may take that byte for one; what follows is random. */
static void check_every_modrm(const struct text *start, bool every_sib)
{
	for (unsigned modrm = 0; modrm < 256; modrm++) {
		bool has_sib = every_sib && modrm < 0xc0 && (modrm & 7) == 4;

		for (unsigned sib = 0; sib < (has_sib ? 256 : 1); sib++) {
			struct text text;

			text_begin(&text, start->mode);
			memcpy(text.bytes, start->bytes, start->length);
			text.length = start->length;
			text_add(&text, modrm);
			if (has_sib)
				text_add(&text, sib);
			check(&text);
		}
	}
}

/* Every listed opcode behind these prefixes. */
static void check_listed(enum code_size mode, const uint8_t *prefixes, unsigned count)
{
	bool address_size = memchr(prefixes, 0x67, count) != NULL;
	bool every_sib = mode == CODE_64 || address_size == (mode == CODE_16);
	struct text start = { .mode = mode, .length = count };

	memcpy(start.bytes, prefixes, count);
	for (unsigned i = 0; i < ARRAY_COUNT(listed_opcodes); i++) {
		start.length = count;
		text_add(&start, listed_opcodes[i]);
		check_every_modrm(&start, every_sib);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(listed_opcodes_0f); i++) {
		start.length = count;
		text_add(&start, 0x0f);
		text_add(&start, listed_opcodes_0f[i]);
		check_every_modrm(&start, every_sib);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(moffs_opcodes); i++) {
		start.length = count;
		text_add(&start, moffs_opcodes[i]);
		check_every_modrm(&start, false);
	}
}

/* No prefix, each one alone, each REX alone, and 66 67 REX.W. */
static void check_single_prefixes(enum code_size mode)
{
	static const uint8_t widest[] = { 0x66, 0x67, 0x48 };

	check_listed(mode, widest, 0);
	for (unsigned i = 0; i < ARRAY_COUNT(all_prefixes); i++)
		check_listed(mode, &all_prefixes[i], 1);
	if (mode != CODE_64)
		return;
	for (unsigned rex = 0x40; rex < 0x50; rex++)
		check_listed(mode, &(uint8_t){ (uint8_t)rex }, 1);
	check_listed(mode, widest, 3);
}

/*
 * One combination out of the product of the prefixes, by its number: 66, 67, LOCK, none or F2 or
 * F3, none or a segment, none or a REX.
 */
static void check_combination(enum code_size mode, unsigned number)
{
	uint8_t prefixes[6];
	unsigned count = 0;
	unsigned segment;

	if (number & 1)
		prefixes[count++] = 0x66;
	if (number & 2)
		prefixes[count++] = 0x67;
	if (number & 4)
		prefixes[count++] = 0xf0;
	number /= 8;
	if (number % 3)
		prefixes[count++] = (uint8_t)(0xf1 + number % 3);
	number /= 3;
	segment = number % 7;
	if (segment)
		prefixes[count++] = segment_prefixes[segment - 1];
	number /= 7;
	if (number)
		prefixes[count++] = (uint8_t)(0x3f + number);
	check_listed(mode, prefixes, count);
}

static void check_every_combination(enum code_size mode)
{
	unsigned combinations = 8 * 3 * 7 * (mode == CODE_64 ? 17 : 1);

	for (unsigned number = 0; number < combinations; number++)
		check_combination(mode, number);
}

/* Every opcode of the maps, listed or not, with every ModRM and no prefix. */
static void check_every_opcode(enum code_size mode)
{
	static const struct {
		unsigned length;
		uint8_t bytes[2];
	} maps[] = { { 0, { 0 } }, { 1, { 0x0f } }, { 2, { 0x0f, 0x38 } }, { 2, { 0x0f, 0x3a } } };

	for (unsigned map = 0; map < ARRAY_COUNT(maps); map++) {
		for (unsigned opcode = 0; opcode < 256; opcode++) {
			struct text start = { .mode = mode };

			for (unsigned i = 0; i < maps[map].length; i++)
				text_add(&start, maps[map].bytes[i]);
			text_add(&start, opcode);
			check_every_modrm(&start, false);
		}
	}
}

static void check_random_strings(void)
{
	for (unsigned i = 0; i < RANDOM_STRINGS; i++) {
		struct text text;

		text_begin(&text, (enum code_size)(i % 3));
		check(&text);
	}
}

/* Up to 14 prefixes in any order, REX among them, then a listed opcode: the limit of 15 too. */
static void check_random_prefixes(void)
{
	for (unsigned i = 0; i < PREFIX_STRINGS; i++) {
		uint64_t choice = next_random();
		unsigned prefixes = choice % 4 ? choice >> 2 & 3 : choice >> 2 & 15;
		struct text text;

		text_begin(&text, (enum code_size)(i % 3));
		for (unsigned p = 0; p < prefixes; p++) {
			uint64_t which = next_random();

			if (text.mode == CODE_64 && which % 3 == 0)
				text_add(&text, 0x40 + (which >> 8 & 15));
			else
				text_add(&text,
					all_prefixes[(which >> 8) % ARRAY_COUNT(all_prefixes)]);
		}
		text_add(&text, listed_opcodes[(choice >> 8) % ARRAY_COUNT(listed_opcodes)]);
		check(&text);
	}
}

static void report(const char *part, const struct agreement_counts *before)
{
	printf("%-34s %11" PRIu64 " strings %11" PRIu64 " accepted %11" PRIu64 " listed\n", part,
		counts.strings - before->strings, counts.accepted - before->accepted,
		counts.listed - before->listed);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool full = argc == 2 && !strcmp(argv[1], "--full");
	static const char *const names[3] = { "16-bit", "32-bit", "64-bit" };
	struct agreement_counts before;
	char part[64];

	if (argc > 2 || (argc == 2 && !full)) {
		fprintf(stderr, "usage: compare_zydis [--full]\n");
		return 2;
	}
	agreement_init(SEED);
	for (unsigned mode = 0; mode < 3; mode++) {
		before = counts;
		check_single_prefixes((enum code_size)mode);
		snprintf(part, sizeof(part), "%s: listed opcodes", names[mode]);
		report(part, &before);

		before = counts;
		check_every_opcode((enum code_size)mode);
		snprintf(part, sizeof(part), "%s: every opcode", names[mode]);
		report(part, &before);

		before = counts;
		if (full)
			check_every_combination((enum code_size)mode);
		snprintf(part, sizeof(part), "%s: every combination of prefixes", names[mode]);
		if (full)
			report(part, &before);
	}
	before = counts;
	check_random_strings();
	report("random strings", &before);
	before = counts;
	check_random_prefixes();
	report("random prefixes", &before);

	if (counts.disagreements == MAX_DISAGREEMENTS)
		printf("stopped after %d disagreements\n", MAX_DISAGREEMENTS);
	printf("decoder against Zydis: %" PRIu64 " strings, %" PRIu64 " accepted, %" PRIu64
	       " disagreements\n",
		counts.strings, counts.accepted, counts.disagreements);
	return counts.disagreements != 0;
}
