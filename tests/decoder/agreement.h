/* SPDX-License-Identifier: MIT */
/*
 * One string of bytes, read by our decoder and by Zydis: do the two agree? Called for each string
 * by the enumeration in tests/decoder/compare_zydis.c.
 */
#ifndef TESTS_DECODER_AGREEMENT_H
#define TESTS_DECODER_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/decode.h"

struct agreement_counts {
	uint64_t strings;
	uint64_t accepted; /* by our decoder, so compared in every respect */
	uint64_t listed;   /* what Zydis shows is a form that our decoder must know */
	uint64_t disagreements;
};

/* Sets up Zydis for the three modes, and the values of the registers. Exits if it cannot. */
void agreement_init(uint64_t seed);

/*
 * Compares the readings of 15 bytes and counts. false: they disagree, and it was printed with the
 * bytes and both readings.
 */
bool agreement_check(
	const uint8_t bytes[INSN_MAX_LENGTH], enum code_size mode, struct agreement_counts *counts);

#endif
