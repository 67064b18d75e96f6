; SPDX-License-Identifier: MIT
;
; The host's trap stubs, 16 bytes each, and the way back from an NMI.
;
;   extern const uint8_t host_trap_stubs[32 * 16];
;   void host_unblock_nmi(void);
;
; 1. A stub pushes a zero where the processor pushes no error code, then its vector.
; 2. All general registers are pushed as struct trap_frame (vmm/host_tables.c) has them.
; 3. host_trap(frame) answers for an NMI only; everything is popped and IRET lets NMIs in again.

bits 64
default rel
section .text

extern host_trap
global host_trap_stubs:function hidden
global host_unblock_nmi:function hidden

; Vectors with an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX.
%define HAS_ERROR_CODE(v) ((1 << v) & 0x60227d00)

align 16
host_trap_stubs:
%assign vector 0
%rep 32
	align 16
%if HAS_ERROR_CODE(vector) == 0
	push 0
%endif
	push vector
	jmp near trap_common
%assign vector vector + 1
%endrep
	align 16

trap_common:
	push rax
	push rbx
	push rcx
	push rdx
	push rsi
	push rdi
	push rbp
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	cld
	mov rdi, rsp
	call host_trap
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop rbp
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rbx
	pop rax
	add rsp, 16
	iretq

; SDM vol. 3A 'Handling Multiple NMIs': NMIs stay blocked until the next IRET.
host_unblock_nmi:
	mov rax, rsp
	mov ecx, ss
	push rcx
	push rax
	pushfq
	mov ecx, cs
	push rcx
	lea rcx, [.unblocked]
	push rcx
	iretq
.unblocked:
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
