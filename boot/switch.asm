; SPDX-License-Identifier: MIT
;
; The step over from the firmware's tables and stack to ours, and back.
;
;   uint64_t machine_switch(struct machine_frame *frame, uint64_t (*function)(void *), void *argument);
;   _Noreturn void machine_unwind(struct machine_frame *frame, uint64_t result);
;
; Interrupts are off. This code, the frame and both stacks are identity-mapped on both sides.
; 1. Save the callee-saved registers, selectors and descriptor-table registers of the firmware.
; 2. CET: shadow stacks know nothing of a stack switch. CR4.CET is cleared here and set again before
;    this function's own RET, at the same call depth; S_CET is kept, and SSP stays in the processor.
; 3. Our GDT, segments, task register, and our IDT at once: an NMI, which nothing holds off, finds
;    descriptors that do not belong together only in between. It can be used before our page tables
;    are in force: the firmware's map all of ours, but ours nothing of its. Then these and our stack.
; 4. function(argument), or an unwinding in the middle of it.
; 5. The same backwards: page tables first, IDT right behind the GDT. The firmware's task register
;    may be null, and LTR of a null selector faults: then ours stays (its TSS is never freed).

bits 64
default rel
section .text

%include "offsets.inc"

%define CR4_CET      23
%define MSR_S_CET    0x6a2
%define TSS_BUSY_BIT 41

global machine_switch:function hidden
global machine_unwind:function hidden

machine_switch:
	; 1
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rbx, rdi
	mov r12, rsi
	mov r13, rdx
	sgdt [rbx + FRAME_FIRMWARE_GDTR]
	sidt [rbx + FRAME_FIRMWARE_IDTR]
	mov [rbx + FRAME_FIRMWARE_CS], cs
	mov [rbx + FRAME_FIRMWARE_DS], ds
	mov [rbx + FRAME_FIRMWARE_ES], es
	mov [rbx + FRAME_FIRMWARE_FS], fs
	mov [rbx + FRAME_FIRMWARE_GS], gs
	mov [rbx + FRAME_FIRMWARE_SS], ss
	str [rbx + FRAME_FIRMWARE_TR]
	sldt [rbx + FRAME_FIRMWARE_LDTR]
	mov rax, cr3
	mov [rbx + FRAME_FIRMWARE_CR3], rax
	mov [rbx + FRAME_FIRMWARE_RSP], rsp

	; 2
	mov rax, cr4
	mov [rbx + FRAME_FIRMWARE_CR4], rax
	btr rax, CR4_CET
	jnc .without_cet
	mov cr4, rax
	mov ecx, MSR_S_CET
	rdmsr
	mov [rbx + FRAME_FIRMWARE_S_CET], eax
	mov [rbx + FRAME_FIRMWARE_S_CET + 4], edx
	xor eax, eax
	xor edx, edx
	wrmsr
.without_cet:

	; 3
	lgdt [rbx + FRAME_HOST_GDTR]
	lea rax, [.host_code]
	push FRAME_HOST_CODE
	push rax
	o64 retf
.host_code:
	mov eax, FRAME_HOST_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	lldt ax
	mov eax, FRAME_HOST_TSS
	ltr ax
	lidt [rbx + FRAME_HOST_IDTR]
	mov rax, [rbx + FRAME_HOST_CR3]
	mov rsp, [rbx + FRAME_HOST_RSP]
	mov cr3, rax

	; 4
	mov rdi, r13
	call r12

machine_back:
	; 5; the result stays in r14
	mov r14, rax
	mov rax, [rbx + FRAME_FIRMWARE_CR3]
	mov cr3, rax
	mov rsp, [rbx + FRAME_FIRMWARE_RSP]
	lgdt [rbx + FRAME_FIRMWARE_GDTR]
	movzx eax, word [rbx + FRAME_FIRMWARE_CS]
	push rax
	lea rax, [.firmware_code]
	push rax
	o64 retf
.firmware_code:
	lidt [rbx + FRAME_FIRMWARE_IDTR]
	mov eax, [rbx + FRAME_FIRMWARE_DS]
	mov ds, eax
	mov eax, [rbx + FRAME_FIRMWARE_ES]
	mov es, eax
	mov eax, [rbx + FRAME_FIRMWARE_FS]
	mov fs, eax
	mov eax, [rbx + FRAME_FIRMWARE_GS]
	mov gs, eax
	mov eax, [rbx + FRAME_FIRMWARE_SS]
	mov ss, eax
	lldt [rbx + FRAME_FIRMWARE_LDTR]
	call restore_task_register

	mov rax, [rbx + FRAME_FIRMWARE_CR4]
	bt rax, CR4_CET
	jnc .done
	mov eax, [rbx + FRAME_FIRMWARE_S_CET]
	mov edx, [rbx + FRAME_FIRMWARE_S_CET + 4]
	mov ecx, MSR_S_CET
	wrmsr
	mov rax, [rbx + FRAME_FIRMWARE_CR4]
	mov cr4, rax
.done:
	mov rax, r14
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

; Loads the firmware's task register again if it had one: a TSS descriptor within its GDT, whose busy
; bit must be cleared first. A selector that is left from an earlier start of ours fails the check.
restore_task_register:
	movzx eax, word [rbx + FRAME_FIRMWARE_TR]
	and eax, ~7
	jz .none
	lea ecx, [rax + 15]
	cmp cx, [rbx + FRAME_FIRMWARE_GDTR]
	ja .none
	add rax, [rbx + FRAME_FIRMWARE_GDTR + 2]
	mov rcx, [rax]
	shr rcx, 40
	and ecx, 0x9d			; present, not a code or data segment, type 9 or 11
	cmp ecx, 0x89
	jne .none
	btr qword [rax], TSS_BUSY_BIT
	ltr [rbx + FRAME_FIRMWARE_TR]
.none:
	ret

; Leaves function, wherever it is, with result as its value.
machine_unwind:
	mov rbx, rdi
	mov rax, rsi
	jmp machine_back

section .note.GNU-stack noalloc noexec nowrite progbits
