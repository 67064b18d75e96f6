/* SPDX-License-Identifier: MIT */
/*
 * What the assignments' guest is made of: numbers that the grader makes as well, and a digest of
 * all that was seen. tests/lab/guest.py is the other side of each of its functions.
 */
#ifndef GUEST_DRIVER_TESTS_LAB_H
#define GUEST_DRIVER_TESTS_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/sha256.h"

struct lab {
	const char *cmdline;
	uint64_t state;     /* of the random numbers */
	struct sha256 seen; /* everything that the guest read */
};

/* splitmix64, and a number below limit out of it. */
uint64_t lab_random(struct lab *lab);
uint32_t lab_below(struct lab *lab, uint32_t limit);

/* Random bytes, 8 from one number. */
void lab_fill(struct lab *lab, void *buffer, uint32_t size);

/* Notes a number as 4 bytes. */
void lab_see(struct lab *lab, uint32_t value);

/* The groups, by assignment. False: it could not go on, and said so. */
bool lab_forms(struct lab *lab);
bool lab_memory(struct lab *lab);
bool lab_svirtb(struct lab *lab);
bool lab_virtio(struct lab *lab);

#endif
