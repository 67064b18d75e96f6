/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4), for a guest that says what it read from its disk.
 */
#ifndef GUEST_DRIVER_SHA256_H
#define GUEST_DRIVER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK_SIZE  64
#define SHA256_DIGEST_SIZE 32
#define SHA256_TEXT_SIZE   (2 * SHA256_DIGEST_SIZE + 1)

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes taken so far */
	uint8_t block[SHA256_BLOCK_SIZE];
};

/* FIPS 180-4, 4.2.2. */
extern const uint32_t sha256_constants[64];

/* Takes a block from now on; for processors that can do it faster than C. FIPS 180-4, 6.2.2. */
typedef void sha256_block_fn(uint32_t state[8], const uint8_t *block);
void sha256_use(sha256_block_fn *function);

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *bytes, size_t size);

/* Ends the hash and writes it as 64 small hexadecimal digits and a zero byte. */
void sha256_finish(struct sha256 *hash, char text[SHA256_TEXT_SIZE]);

#endif
