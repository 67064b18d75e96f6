/* SPDX-License-Identifier: MIT */
/*
 * Makes machine code: every form of the instructions that may access a device, with any prefixes
 * and any memory operand. Called by the groups of checks of the mmio guest. SDM vol. 2A chapter 2.
 */
#ifndef GUEST_DRIVER_TESTS_MMIO_ENCODE_H
#define GUEST_DRIVER_TESTS_MMIO_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REX   0x40
#define REX_W 0x48

enum form_flags {
	FORM_0F = 1,       /* 0F stands before the opcode */
	FORM_BYTE = 2,     /* both operands are bytes */
	FORM_WIDENING = 4, /* memory_width says how wide the memory operand is */
	FORM_GROUP = 8,    /* ModRM.reg is part of the opcode */
	FORM_LOCK = 16,    /* LOCK may stand before it */
	FORM_READS = 32,   /* memory stays as it is */
};

struct form {
	const char *name;
	uint8_t opcode;
	uint8_t digit; /* ModRM.reg with FORM_GROUP */
	uint8_t flags;
	uint8_t immediate;    /* bytes: 0, 1, or 4 for the operand's width, 4 at most */
	uint8_t memory_width; /* with FORM_WIDENING */
};

struct prefixes {
	const char *name;
	uint8_t bytes[3]; /* legacy ones, ended by 0 */
	uint8_t rex;      /* 0 for none; its register bits are added */
	bool operand_size;
	bool lock;
};

/* A memory operand; base and index are register numbers or -1. */
struct operand {
	int8_t base, index;
	uint8_t shift;             /* log2 of the scale */
	uint8_t displacement_size; /* 0, 1 or 4; what the form needs besides is added */
	int32_t displacement;
	bool rip_relative;
	bool address_size; /* with 67 */
	uint8_t segment;   /* an override prefix, or 0 */
};

extern const struct form forms[];
extern const unsigned int form_count;
extern const struct prefixes prefixes[];
extern const unsigned int prefix_count;

/* Bytes of the memory operand. */
unsigned int form_width(const struct form *form, const struct prefixes *prefixes);

/* Whether the form exists with these prefixes and this register operand (0 to 15). */
bool form_exists(const struct form *form, const struct prefixes *prefixes, unsigned int reg);

/* Writes the instruction and returns its size, at most 15. */
size_t form_encode(uint8_t *code, const struct form *form, const struct prefixes *prefixes,
	const struct operand *operand, unsigned int reg, uint32_t immediate);

#endif
