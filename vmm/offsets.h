/* SPDX-License-Identifier: MIT */
/*
 * Offsets for the assembly, generated from the C structures, so that the two cannot drift apart:
 * the Makefile compiles an offsets.c to assembly and turns the lines marked here into offsets.inc.
 */
#ifndef VMM_OFFSETS_H
#define VMM_OFFSETS_H

#include <stddef.h>

#define OFFSET(name, type, member) CONSTANT(name, offsetof(type, member))
#define CONSTANT(name, value)      __asm__ volatile("#define_offset " #name " %c0" : : "i"(value))

void offsets_generate(void);

#endif
