; SPDX-License-Identifier: MIT
;
; The gates' side of the exceptions of a test guest: 32 stubs of 16 bytes each, which make the frame
; the same for all vectors, and the way to
;	void exceptions_handle(struct exception_frame *frame);
; and back into what the frame then says.

bits 64

extern exceptions_handle

section .text.exceptions exec align=16

global exceptions_stubs
exceptions_stubs:
%assign vector 0
%rep 32
	align	16
	; #DF, #TS, #NP, #SS, #GP, #PF, #AC and #CP push an error code.
	%if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	push	0
	%endif
	push	vector
	jmp	enter_handler
	%assign vector vector + 1
%endrep

	align	16
enter_handler:
	; 1. The registers in encoding order, rax lowest.
	push	r15
	push	r14
	push	r13
	push	r12
	push	r11
	push	r10
	push	r9
	push	r8
	push	rdi
	push	rsi
	push	rbp
	push	0                       ; rsp is in the processor's part
	push	rbx
	push	rdx
	push	rcx
	push	rax

	; 2. C; the stack's alignment is not C's concern here.
	cld
	mov	rdi, rsp
	mov	rbp, rsp
	and	rsp, -16
	call	exceptions_handle
	mov	rsp, rbp

	; 3. Back, over vector and error code.
	pop	rax
	pop	rcx
	pop	rdx
	pop	rbx
	add	rsp, 8
	pop	rbp
	pop	rsi
	pop	rdi
	pop	r8
	pop	r9
	pop	r10
	pop	r11
	pop	r12
	pop	r13
	pop	r14
	pop	r15
	add	rsp, 16
	iretq
