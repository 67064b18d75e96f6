; SPDX-License-Identifier: MIT
;
; Into a run and out of it.
;	void execution_enter(struct execution *execution);
; 1. Save what C needs kept, and where its stack is.
; 2. Load the registers. IRETQ takes RIP, the segments, RFLAGS and RSP in one go, so that a trap flag
;    counts for the first instruction of the code and for nothing before it.
; 3. The code, or the exception handler for it, jumps to execution_done: nothing but MOV may come
;    before the flags are stored.

bits 64
default abs

REGISTERS equ 0
FLAGS     equ 16 * 8
ENTRY     equ 17 * 8
CODE      equ 18 * 8
STACK     equ 19 * 8

section .text.execution exec align=16

global execution_enter
execution_enter:
	; 1
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[c_stack], rsp
	mov	[execution_current], rdi

	; 2
	push	qword [rdi + STACK]
	push	qword [rdi + REGISTERS + 4 * 8]
	push	qword [rdi + FLAGS]
	push	qword [rdi + CODE]
	push	qword [rdi + ENTRY]
	mov	rax, [rdi]
	mov	rcx, [rdi + 1 * 8]
	mov	rdx, [rdi + 2 * 8]
	mov	rbx, [rdi + 3 * 8]
	mov	rbp, [rdi + 5 * 8]
	mov	rsi, [rdi + 6 * 8]
	mov	r8, [rdi + 8 * 8]
	mov	r9, [rdi + 9 * 8]
	mov	r10, [rdi + 10 * 8]
	mov	r11, [rdi + 11 * 8]
	mov	r12, [rdi + 12 * 8]
	mov	r13, [rdi + 13 * 8]
	mov	r14, [rdi + 14 * 8]
	mov	r15, [rdi + 15 * 8]
	mov	rdi, [rdi + 7 * 8]
	iretq

global execution_done
execution_done:
	; 3
	mov	[kept_rax], rax
	mov	rax, [execution_current]
	mov	[rax + 1 * 8], rcx
	mov	[rax + 2 * 8], rdx
	mov	[rax + 3 * 8], rbx
	mov	[rax + 4 * 8], rsp
	mov	[rax + 5 * 8], rbp
	mov	[rax + 6 * 8], rsi
	mov	[rax + 7 * 8], rdi
	mov	[rax + 8 * 8], r8
	mov	[rax + 9 * 8], r9
	mov	[rax + 10 * 8], r10
	mov	[rax + 11 * 8], r11
	mov	[rax + 12 * 8], r12
	mov	[rax + 13 * 8], r13
	mov	[rax + 14 * 8], r14
	mov	[rax + 15 * 8], r15
	mov	rcx, [kept_rax]
	mov	[rax], rcx
	mov	rsp, [c_stack]
	pushfq
	pop	qword [rax + FLAGS]
	cld
	mov	qword [execution_current], 0
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret

section .bss.execution nobits alloc write align=8
global execution_current
execution_current:
	resq	1
c_stack:
	resq	1
kept_rax:
	resq	1
