/* SPDX-License-Identifier: MIT */
/*
 * The few memory and string functions of the C library that freestanding code needs (and that gcc
 * calls by itself). In the image they come from lib/string.c, as rep movs and rep stos, so that no
 * vector register is ever touched; host tests take the C library's.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);

#endif
