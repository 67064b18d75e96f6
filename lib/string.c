/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions of the image; gcc calls some of them by itself. Copies and fills are
 * string instructions, which touch general registers only: the guest's vector registers stay as
 * they are. Not built for host tests, which take the C library's.
 */
#include "lib/string.h"

#include <stdint.h>

/* gcc recognises these loops as the very functions that they are, and would make them call
 * themselves. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

/* Word by word, then the rest; SDM vol. 2B, 'MOVS', 'STOS'. Guests use this in 32-bit code, too. */
#ifdef __x86_64__
#define MOVE_WORDS "rep movsq"
#define FILL_WORDS "rep stosq"
#else
#define MOVE_WORDS "rep movsl"
#define FILL_WORDS "rep stosl"
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *at = to;
	size_t count = size / sizeof(size_t);

	__asm__ volatile(MOVE_WORDS : "+D"(at), "+S"(from), "+c"(count) : : "memory");
	count = size % sizeof(size_t);
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t size)
{
	void *at = to;
	const size_t pattern = (uint8_t)value * (~(size_t)0 / 0xff);
	size_t count = size / sizeof(size_t);

	__asm__ volatile(FILL_WORDS : "+D"(at), "+c"(count) : "a"(pattern) : "memory");
	count = size % sizeof(size_t);
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
	return to;
}

/*
 * Only a move to a higher, overlapping address needs to run backwards. It is a plain loop, since a
 * string instruction would need the direction flag set, and an NMI may arrive while it is.
 */
AS_WRITTEN void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	if ((uintptr_t)to - (uintptr_t)from >= size)
		return memcpy(to, from, size);
	while (size-- > 0)
		target[size] = source[size];
	return to;
}

AS_WRITTEN int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a;
	const uint8_t *right = b;

	for (size_t i = 0; i < size; i++) {
		if (left[i] != right[i])
			return left[i] - right[i];
	}
	return 0;
}

AS_WRITTEN size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

AS_WRITTEN int strncmp(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (a[i] != b[i] || a[i] == '\0')
			return (uint8_t)a[i] - (uint8_t)b[i];
	}
	return 0;
}

AS_WRITTEN int strcmp(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}
