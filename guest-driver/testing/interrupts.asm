; SPDX-License-Identifier: MIT
;
; The gates' side of the interrupts of a test guest: a stub of 16 bytes for each vector from 32 on,
; and the way to
;	void interrupts_handle(const struct interrupt_frame *frame);
; and back. It runs on the stack that it finds.

bits 64

extern interrupts_handle

section .text.interrupts exec align=16

global interrupts_stubs
interrupts_stubs:
%assign vector 32
%rep 224
	align	16
	push	vector
	jmp	enter_handler
	%assign vector vector + 1
%endrep

	align	16
enter_handler:
	; 1. What C may change. Vector and the processor's frame lie behind it.
	push	rax
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	push	rbp

	; 2. C.
	cld
	lea	rdi, [rsp + 10 * 8]
	mov	rbp, rsp
	and	rsp, -16
	call	interrupts_handle
	mov	rsp, rbp

	; 3. Back, over the vector.
	pop	rbp
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, 8
	iretq
