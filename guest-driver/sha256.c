/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 as FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2 have it. Called by the demo guest and the
 * test guests.
 */
#include "guest-driver/sha256.h"

#include "lib/string.h"

/* FIPS 180-4, 4.2.2. */
const uint32_t sha256_constants[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static uint32_t rotate_right(uint32_t value, unsigned int count)
{
	return value >> count | value << (32 - count);
}

static uint32_t word_read(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* The message schedule. FIPS 180-4, 6.2.2, step 1. */
static void schedule_fill(uint32_t schedule[64], const uint8_t *block)
{
	for (int t = 0; t < 16; t++)
		schedule[t] = word_read(block + 4 * t);
	for (int t = 16; t < 64; t++) {
		uint32_t a = schedule[t - 15], b = schedule[t - 2];

		schedule[t] = schedule[t - 16] + schedule[t - 7] +
			      (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) +
			      (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
	}
}

/* One block. FIPS 180-4, 6.2.2, steps 2 to 4; the letters are the standard's. */
static void take_block_in_c(uint32_t state[8], const uint8_t *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t schedule[64];

	schedule_fill(schedule, block);
	for (int t = 0; t < 64; t++) {
		uint32_t t1 = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
			      ((e & f) ^ (~e & g)) + sha256_constants[t] + schedule[t];
		uint32_t t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
			      ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static sha256_block_fn *block_take = take_block_in_c;

void sha256_use(sha256_block_fn *function)
{
	block_take = function;
}

void sha256_init(struct sha256 *hash)
{
	/* FIPS 180-4, 5.3.3. */
	*hash = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_update(struct sha256 *hash, const void *bytes, size_t size)
{
	const uint8_t *next = bytes;

	while (size > 0) {
		size_t used = hash->size % SHA256_BLOCK_SIZE;
		size_t count = SHA256_BLOCK_SIZE - used;

		if (count > size)
			count = size;
		memcpy(hash->block + used, next, count);
		hash->size += count;
		next += count;
		size -= count;
		if (used + count == SHA256_BLOCK_SIZE)
			block_take(hash->state, hash->block);
	}
}

/* FIPS 180-4, 5.1.1: a one bit, zeros, and the size in bits in the last eight bytes of a block. */
static void padding_add(struct sha256 *hash)
{
	static const uint8_t padding[SHA256_BLOCK_SIZE] = { 0x80 };
	uint64_t bits = hash->size * 8;
	size_t used = hash->size % SHA256_BLOCK_SIZE;
	size_t count = used < SHA256_BLOCK_SIZE - 8 ? SHA256_BLOCK_SIZE - 8 - used
						    : 2 * SHA256_BLOCK_SIZE - 8 - used;
	uint8_t size[8];

	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_update(hash, padding, count);
	sha256_update(hash, size, sizeof(size));
}

void sha256_finish(struct sha256 *hash, char text[SHA256_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	padding_add(hash);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++) {
		uint32_t byte = hash->state[i / 4] >> (24 - 8 * (i % 4));

		text[2 * i] = digits[byte >> 4 & 15];
		text[2 * i + 1] = digits[byte & 15];
	}
	text[SHA256_TEXT_SIZE - 1] = '\0';
}
