/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 by the processor's own instructions, for test guests that hash megabytes.
 */
#ifndef GUEST_DRIVER_TESTING_SHA256_NI_H
#define GUEST_DRIVER_TESTING_SHA256_NI_H

#include <stdbool.h>
#include <stdint.h>

/* Has guest-driver/sha256.c use them, and switches SSE on, where the processor has them. */
bool sha256_ni_use(void);

/* Of sha256_ni.asm. */
void sha256_ni_take_block(uint32_t state[8], const uint8_t *block);

#endif
