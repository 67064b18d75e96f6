; SPDX-License-Identifier: MIT
;
; The parts of long32.c that are not 32-bit C: 16- and 64-bit code in IA-32e mode, and an exception
; there. Results go to long_found, in the order that is noted beside each.

DEVICE     equ 0xcafe0000
SIZE       equ 4
ADDR_LO    equ 12
RESET      equ 2

CR0_CD     equ 1 << 30
CR0_PG     equ 1 << 31
CR4_PCIDE  equ 1 << 17
GP_VECTOR  equ 13

FLAT_CODE  equ 0x08
FLAT_DATA  equ 0x10
CODE_16    equ 0x18
CODE_64    equ 0x20

global long_found
global long_gdt
global long_idt
global long_load
global long_code_16_segment
global long_code_16
global long_code_64
global long_gp_handler
global long_load_task

%define FOUND(n) long_found + 4 * (n)

section .text

bits 32
; void long_load(void): this GDT, and an IDT for IA-32e mode, which has a gate for #GP only.
long_load:
	lgdt	[gdt_pointer]
	mov	eax, gp_handler
	mov	[long_idt + GP_VECTOR * 16], ax
	mov	word [long_idt + GP_VECTOR * 16 + 2], CODE_64
	mov	word [long_idt + GP_VECTOR * 16 + 4], 0x8e00
	shr	eax, 16
	mov	[long_idt + GP_VECTOR * 16 + 6], ax
	lidt	[idt_pointer]
	ret

; void long_load_task(uint32_t selector)
long_load_task:
	ltr	[esp + 4]
	ret

; void long_code_16(uint32_t window): 16-bit code in compatibility mode, the device at window.
long_code_16:
	push	ebx
	mov	ebx, [esp + 8]
	call	CODE_16:0
	pop	ebx
	ret

bits 16
long_code_16_segment:
	mov	dword [ebx], RESET
	mov	eax, [ebx]
	mov	[dword FOUND(0)], eax           ; 0: magic
	mov	dword [ebx], 0
	mov	eax, 0x31415926
	mov	[ebx + SIZE], eax
	xor	eax, eax
	mov	eax, [ebx + SIZE]
	mov	[dword FOUND(1)], eax           ; 1: 0x31415926
	o32 retf

bits 32
; void long_code_64(uint32_t window): 64-bit code and back to compatibility mode. Writes of CR0 that
; would leave paging are #GPs there, whether they exit or not; the handler moves RIP to r15.
long_code_64:
	pushad
	mov	ebx, [esp + 36]
	jmp	CODE_64:.inside
bits 64
default abs
.inside:
	mov	ecx, ebx
	mov	r9, rcx
	shl	r9, 1                           ; an index with REX.X
	sub	r9, rcx
	sub	r9, rcx
	mov	r8, rcx
	mov	dword [r8], RESET
	mov	r10d, [r8 + r9]
	mov	[FOUND(0)], r10d                ; 0: magic
	mov	dword [r8], 0
	mov	r11d, 0x27182818
	mov	[r8 + SIZE], r11d
	mov	rax, -1
	mov	eax, [r8 + SIZE]
	shr	rax, 1                          ; the upper half must be clear
	mov	[FOUND(1)], eax                 ; 1: 0x27182818 >> 1

	xor	r14, r14
	lea	r15, [rel .first]
	mov	rax, cr0
	btr	rax, 31
	mov	cr0, rax
.first:
	lea	r15, [rel .second]
	mov	rax, cr0
	btr	rax, 31
	bts	rax, 30
	mov	cr0, rax                        ; exits
.second:
	lea	r15, [rel .third]
	mov	rax, cr0
	bts	rax, 30
	bts	rax, 32
	mov	cr0, rax                        ; exits
.third:
	mov	[FOUND(2)], r14d                ; 2: three #GPs
	mov	rax, cr0
	shr	rax, 30
	mov	[FOUND(3)], eax                 ; 3: PG without CD
	; CD by itself, and paging stays.
	mov	rax, cr0
	bts	rax, 30
	mov	cr0, rax
	mov	eax, [r8 + SIZE]
	mov	[FOUND(4)], eax                 ; 4: 0x27182818
	mov	rax, cr0
	btr	rax, 30
	mov	cr0, rax
	; With PCIDE paging cannot be left from any code.
	mov	rax, cr4
	bts	rax, 17
	lea	r15, [rel .no_pcid]
	mov	cr4, rax
	mov	dword [FOUND(5)], 1             ; 5: PCIDE could be set
.no_pcid:
	push	FLAT_CODE
	lea	rax, [rel .compatible]
	push	rax
	o64 retf
bits 32
.compatible:
	cmp	dword [FOUND(5)], 1
	jne	.end
	xor	edx, edx                        ; counts in r14, which is not reachable here
	mov	eax, cr0
	and	eax, ~CR0_PG
	or	eax, CR0_CD
	mov	dword [resume], .pcid_refused
	mov	cr0, eax                        ; exits
	mov	edx, 1
.pcid_refused:
	mov	dword [resume], 0
	mov	[FOUND(6)], edx                 ; 6: 0
	mov	eax, cr4
	and	eax, ~CR4_PCIDE
	mov	cr4, eax
.end:
	popad
	ret

; #GP in IA-32e mode: goes on at resume if that is set, else at r15.
bits 64
gp_handler:
	inc	r14
	add	rsp, 8
	mov	[saved_rax], rax
	mov	eax, [resume]
	test	eax, eax
	jnz	.set
	mov	rax, r15
.set:
	mov	[rsp], rax
	mov	rax, [saved_rax]
	iretq

bits 32
section .data
align 8
long_gdt:
	dq	0
	dq	0x00cf9b000000ffff      ; FLAT_CODE
	dq	0x00cf93000000ffff      ; FLAT_DATA
	dq	0x00009b000000ffff      ; CODE_16, base set by long32.c
	dq	0x00af9b000000ffff      ; CODE_64
	dq	0x000081000000002b      ; TASK_16, set by long32.c: a TSS of the 80286
	dq	0x0000890000000067      ; TASK_32, set by long32.c
gdt_pointer:
	dw	gdt_pointer - long_gdt - 1
	dd	long_gdt
idt_pointer:
	dw	16 * 16 - 1
	dd	long_idt

section .bss
align 16
long_idt:
	resb	16 * 16
saved_rax:
	resq	1
resume:
	resd	1
long_found:
	resd	8
