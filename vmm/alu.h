/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of the decoded instructions: a result, and RFLAGS as the processor leaves them.
 * Called by whoever carries an instruction out. Pure.
 */
#ifndef VMM_ALU_H
#define VMM_ALU_H

#include <stdint.h>

#include "vmm/decode.h"

/* The status flags. SDM vol. 1 "EFLAGS Register", "Status Flags". */
enum rflags_status {
	RFLAGS_CF = 1 << 0,
	RFLAGS_PF = 1 << 2,
	RFLAGS_AF = 1 << 4,
	RFLAGS_ZF = 1 << 6,
	RFLAGS_SF = 1 << 7,
	RFLAGS_OF = 1 << 11,
};
#define RFLAGS_STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/*
 * a is the first operand (the destination), b the second; width is the memory operand's in bytes,
 * and what a and b hold above it does not count. Returns what the destination then holds, zero
 * above width but for MOVSX: there b sign-extended from width to 64 bits. MOV, MOVZX and XCHG
 * return b; CMP and TEST return a; INC, DEC, NOT and NEG do not look at b.
 *
 * rflags: arithmetic and logic set the status flags and leave the other bits. INC and DEC leave CF;
 * NOT, XCHG and the moves leave all. AF after AND, OR, XOR and TEST, which the SDM leaves
 * undefined, is cleared, as Intel's and AMD's processors do.
 * SDM vol. 2, the 'Flags Affected' of each instruction.
 */
uint64_t alu_execute(
	enum insn_operation operation, unsigned width, uint64_t a, uint64_t b, uint64_t *rflags);

#endif
