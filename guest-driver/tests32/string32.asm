; SPDX-License-Identifier: MIT
;
; The string instructions of string32.c, each a function
;	void name(struct string_state *state);
; that loads ESI, EDI, ECX and EDX, executes one instruction, and stores them again.

bits 32

STATE_ESI equ 0
STATE_EDI equ 4
STATE_ECX equ 8
STATE_EDX equ 12

STRING_SEGMENT equ 0x18
TRAP_FLAG      equ 0x100

section .text

%macro BEGIN 1
global %1
%1:
	push	ebp
	push	ebx
	push	esi
	push	edi
	mov	ebp, [esp + 20]
	mov	esi, [ebp + STATE_ESI]
	mov	edi, [ebp + STATE_EDI]
	mov	ecx, [ebp + STATE_ECX]
	mov	edx, [ebp + STATE_EDX]
%endmacro

%macro END 0
	cld
	mov	[ebp + STATE_ESI], esi
	mov	[ebp + STATE_EDI], edi
	mov	[ebp + STATE_ECX], ecx
	mov	[ebp + STATE_EDX], edx
	pop	edi
	pop	esi
	pop	ebx
	pop	ebp
	ret
%endmacro

BEGIN string_outs8
	rep outsb
END

BEGIN string_outs32
	rep outsd
END

BEGIN string_outs8_once
	outsb
END

BEGIN string_outs8_down
	std
	rep outsb
END

BEGIN string_outs8_16
	mov	eax, STRING_SEGMENT
	mov	fs, eax
	db	0x64, 0x67, 0xf3, 0x6e  ; fs a16 rep outsb
	xor	eax, eax
	mov	fs, eax
END

BEGIN string_ins8
	rep insb
END

BEGIN string_ins16_down
	std
	rep insw
END

BEGIN string_ins32
	rep insd
END

BEGIN string_ins8_16
	mov	eax, STRING_SEGMENT
	mov	es, eax
	db	0x67, 0xf3, 0x6c        ; a16 rep insb
	mov	eax, ds
	mov	es, eax
END

BEGIN string_outs8_stepped
	pushfd
	pop	ebx
	mov	eax, ebx
	or	eax, TRAP_FLAG
	push	eax
	popfd                           ; the first trap comes after what follows
global string_stepped_instruction
string_stepped_instruction:
	rep outsb
	push	ebx
	popfd
END

; void string_set_segment(uint32_t base);
global string_set_segment
string_set_segment:
	mov	eax, [esp + 4]
	mov	[string_descriptor + 2], ax
	shr	eax, 16
	mov	[string_descriptor + 4], al
	mov	[string_descriptor + 7], ah
	lgdt	[gdt_pointer]
	ret

section .data
align 8
gdt:
	dq	0
	dq	0x00cf9b000000ffff      ; the runtime's code and data
	dq	0x00cf93000000ffff
string_descriptor:
	dq	0x000093000000ffff      ; data, writable, 64 KiB
gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dd	gdt
