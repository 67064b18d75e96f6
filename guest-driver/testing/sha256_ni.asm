; SPDX-License-Identifier: MIT
; SHA-256 by the instructions that are made for it, a tenth of what guest-driver/sha256.c takes.
; Called by guest-driver/sha256.c, once sha256_ni_use() has told it so.
; SDM vol. 2B, "SHA256RNDS2", "SHA256MSG1", "SHA256MSG2".
default rel
bits 64

extern sha256_constants

section .rodata
align 16
big_endian: db 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12

section .text

%define ABEF xmm1
%define CDGH xmm2
%define TEMP xmm7

; Four rounds with the words of group %1, which are in %3; out of those of the group before, in %2,
; and of the next, in %4, grow the words of later groups.
%macro four_rounds 4
%if %1 < 4
	movdqu %3, [rsi + 16 * %1]
	pshufb %3, [big_endian]
%endif
	movdqu xmm0, [rdx + 16 * %1]
	paddd xmm0, %3
	sha256rnds2 CDGH, ABEF, xmm0
%if %1 >= 3 && %1 <= 14
	movdqa TEMP, %3
	palignr TEMP, %2, 4
	paddd %4, TEMP
	sha256msg2 %4, %3
%endif
	pshufd xmm0, xmm0, 0x0e
	sha256rnds2 ABEF, CDGH, xmm0
%if %1 >= 1 && %1 <= 12
	sha256msg1 %2, %3
%endif
%endmacro

; void sha256_ni_take_block(uint32_t state[8], const uint8_t *block);
global sha256_ni_take_block
sha256_ni_take_block:
	lea rdx, [sha256_constants]
	; 1. From the words a to h to the order of the instructions.
	movdqu TEMP, [rdi]
	movdqu CDGH, [rdi + 16]
	pshufd TEMP, TEMP, 0xb1
	pshufd CDGH, CDGH, 0x1b
	movdqa ABEF, TEMP
	palignr ABEF, CDGH, 8
	pblendw CDGH, TEMP, 0xf0
	movdqa xmm8, ABEF
	movdqa xmm9, CDGH
	; 2. The 64 rounds.
%assign group 0
%rep 4
	four_rounds group, xmm6, xmm3, xmm4
%assign group group + 1
	four_rounds group, xmm3, xmm4, xmm5
%assign group group + 1
	four_rounds group, xmm4, xmm5, xmm6
%assign group group + 1
	four_rounds group, xmm5, xmm6, xmm3
%assign group group + 1
%endrep
	; 3. Onto the state from before, and back into its order.
	paddd ABEF, xmm8
	paddd CDGH, xmm9
	pshufd ABEF, ABEF, 0x1b
	pshufd CDGH, CDGH, 0xb1
	movdqa TEMP, ABEF
	pblendw ABEF, CDGH, 0xf0
	palignr CDGH, TEMP, 8
	movdqu [rdi], ABEF
	movdqu [rdi + 16], CDGH
	ret
