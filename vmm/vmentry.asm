; SPDX-License-Identifier: MIT
;
; The one way into the guest and back.
;
;   uint64_t vmx_enter(struct vcpu *vcpu);      0: VM exit; 1: VMfailInvalid; 2: VMfailValid
;
; 1. Save what the C side needs kept, and the vcpu's address, on the host's stack.
; 2. Tell the VMCS where that stack is, if it does not know yet.
; 3. Load the guest's registers; VMLAUNCH the first time after a VMCLEAR, else VMRESUME.
; 4. At the exit the processor comes to vmx_exit with RSP as in 2 and the guest's registers: store
;    them in encoding order, so that a register number out of an instruction is an array index.
; Guest RSP, RIP and RFLAGS live in the VMCS; vector and FPU registers stay where they are.

bits 64
default rel
section .text

%include "offsets.inc"

%define REGISTER(n) VCPU_REGISTERS + 8 * n

global vmx_enter:function hidden
global vmx_exit:function hidden

vmx_enter:
	; 1
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push rdi
	; 2
	cmp [rdi + VCPU_HOST_RSP], rsp
	je .stack_known
	mov [rdi + VCPU_HOST_RSP], rsp
	mov eax, FIELD_HOST_RSP
	vmwrite rax, rsp
.stack_known:
	; 3
	cmp qword [rdi + VCPU_LAUNCHED], 0
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
	vmlaunch
.failed:
	; ZF: VMfailValid, an error number is in the VMCS; CF: VMfailInvalid, there is no VMCS.
	setz al
	movzx eax, al
	inc eax
	pop rdi
	jmp leave

vmx_exit:
	; 4
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
	mov qword [rdi + VCPU_LAUNCHED], 1
	xor eax, eax

leave:
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
