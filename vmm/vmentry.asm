; SPDX-License-Identifier: MIT
;
; The one way into the guest and back.
;
;   uint64_t vmx_run(struct vcpu *vcpu);
;   0: vcpu_answer_exit wants to leave; 1: VMfailInvalid, 2: VMfailValid, there was no entry
;
; 1. Save what the C side needs kept; on the host's stack lie a flag (launched) and the vcpu's
;    address. The VMCS learns where that is: RSP is the same at every exit of this run.
; 2. Load the guest's registers; VMLAUNCH the first time after a VMCLEAR, else VMRESUME.
; 3. At the exit the processor comes to vmx_exit with RSP as in 1 and the guest's registers: store
;    them in encoding order, so that a register number out of an instruction is an array index.
; 4. vcpu_answer_exit(vcpu) says whether to go on with 2.
; Guest RSP, RIP and RFLAGS live in the VMCS; vector and FPU registers stay where they are.

bits 64
default rel
section .text

%include "offsets.inc"

%define REGISTER(n) VCPU_REGISTERS + 8 * n

extern vcpu_answer_exit
global vmx_run:function hidden
global vmx_exit:function hidden

vmx_run:
	; 1
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push 0
	push rdi
	mov eax, FIELD_HOST_RSP
	vmwrite rax, rsp

.enter:
	; 2
	cmp byte [rsp + 8], 0
	mov rax, [rdi + REGISTER(0)]
	mov rcx, [rdi + REGISTER(1)]
	mov rdx, [rdi + REGISTER(2)]
	mov rbx, [rdi + REGISTER(3)]
	mov rbp, [rdi + REGISTER(5)]
	mov rsi, [rdi + REGISTER(6)]
	mov r8, [rdi + REGISTER(8)]
	mov r9, [rdi + REGISTER(9)]
	mov r10, [rdi + REGISTER(10)]
	mov r11, [rdi + REGISTER(11)]
	mov r12, [rdi + REGISTER(12)]
	mov r13, [rdi + REGISTER(13)]
	mov r14, [rdi + REGISTER(14)]
	mov r15, [rdi + REGISTER(15)]
	mov rdi, [rdi + REGISTER(7)]
	je .launch
	vmresume
	jmp .failed
.launch:
	mov byte [rsp + 8], 1
	vmlaunch
.failed:
	; ZF: VMfailValid, an error number is in the VMCS; CF: VMfailInvalid, there is no VMCS.
	setz al
	movzx eax, al
	inc eax
	jmp leave

vmx_exit:
	; 3
	xchg rdi, [rsp]
	mov [rdi + REGISTER(0)], rax
	mov [rdi + REGISTER(1)], rcx
	mov [rdi + REGISTER(2)], rdx
	mov [rdi + REGISTER(3)], rbx
	mov [rdi + REGISTER(5)], rbp
	mov [rdi + REGISTER(6)], rsi
	mov [rdi + REGISTER(8)], r8
	mov [rdi + REGISTER(9)], r9
	mov [rdi + REGISTER(10)], r10
	mov [rdi + REGISTER(11)], r11
	mov [rdi + REGISTER(12)], r12
	mov [rdi + REGISTER(13)], r13
	mov [rdi + REGISTER(14)], r14
	mov [rdi + REGISTER(15)], r15
	pop qword [rdi + REGISTER(7)]
	push rdi
	; 4
	call vcpu_answer_exit
	mov rdi, [rsp]
	test eax, eax
	jz vmx_run.enter
	xor eax, eax

leave:
	add rsp, 16
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
