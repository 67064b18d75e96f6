; SPDX-License-Identifier: MIT
;
; The assembly side of the exceptions of 32-bit guests: a stub for each vector, and a call that an
; exception can leave.
;	uint32_t exception32_try(void (*function)(void *argument), void *argument);
;	_Noreturn void exception32_unwind(uint32_t vector);
; The stack segment is flat wherever an exception may come.

bits 32

FLAT_DATA      equ 0x10                 ; EXCEPTION32_DATA
EXCEPTION_NONE equ 256

; Vectors for which the processor pushes an error code: 8, 10 to 14, 17 and 21.
%define HAS_ERROR_CODE(vector) (0x227d00 >> (vector) & 1)

extern exception32_dispatch
global exception32_stubs
global exception32_try_esp
global exception32_try
global exception32_unwind

section .text

%assign vector 0
%rep 32
stub_%+vector:
%if HAS_ERROR_CODE(vector) == 0
	push	dword 0
%endif
	push	dword vector
	jmp	any_exception
%assign vector vector + 1
%endrep

; The rest of struct exception32, flat segments for the C side, and back if that returns.
any_exception:
	pushad
	push	ds
	push	es
	mov	eax, FLAT_DATA
	mov	ds, eax
	mov	es, eax
	cld
	mov	eax, esp
	push	eax
	call	exception32_dispatch
	add	esp, 4
	pop	es
	pop	ds
	popad
	add	esp, 8
	iret

exception32_try:
	push	ebp
	push	ebx
	push	esi
	push	edi
	mov	eax, [esp + 20]
	mov	ecx, [esp + 24]
	mov	[exception32_try_esp], esp
	push	ecx
	call	eax
	add	esp, 4
	mov	eax, EXCEPTION_NONE
leave_try:
	mov	dword [exception32_try_esp], 0
	pop	edi
	pop	esi
	pop	ebx
	pop	ebp
	ret

exception32_unwind:
	mov	eax, [esp + 4]
	mov	ecx, FLAT_DATA
	mov	ss, ecx
	mov	esp, [exception32_try_esp]
	xor	ecx, ecx
	mov	fs, ecx
	mov	gs, ecx
	jmp	leave_try

section .rodata
align 4
exception32_stubs:
%assign vector 0
%rep 32
	dd	stub_%+vector
%assign vector vector + 1
%endrep

section .bss
align 4
exception32_try_esp:
	resd	1
