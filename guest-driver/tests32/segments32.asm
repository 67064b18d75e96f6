; SPDX-License-Identifier: MIT
;
; What segments32.c lets run in other segments, other code sizes, real mode and virtual-8086 mode:
; register accesses whose results go to segments_found, in the order that is noted beside each.

DEVICE   equ 0xcafe0000
STATUS   equ 0
SIZE     equ 4
ADDR_HI  equ 8
ADDR_LO  equ 12
RESET    equ 2
SCRATCH  equ 0x3ff

CR0_PE   equ 1 << 0
CR0_CD   equ 1 << 30
CR0_PG   equ 1 << 31

; Selectors; segments32.c knows those that it sets bases of.
FLAT_CODE  equ 0x08
FLAT_DATA  equ 0x10
CODE_16    equ 0x18
DATA_LESS  equ 0x20                     ; 4 KiB less than the device's address
DATA_SMALL equ 0x28                     ; the device's page
DATA_WRAP  equ 0x30                     ; reaches the device by an offset that wraps around
CODE_16_END equ 0x38
CODE_32_WRAP equ 0x40
CODE_32_L  equ 0x48
CODE_REAL  equ 0x50
DATA_REAL  equ 0x58

; Where real-mode and virtual-8086 code is copied to: segment 0x6000.
LOW_SEGMENT equ 0x6000
LOW_STACK   equ 0xf000

global segments_found
global segments_gdt
global segments_load
global segments_code_16
global segments_bases
global segments_far_call
global segments_l_bit
global segments_l_bit_paging
global segments_real
global segments_real_cr0
global segments_v86
global segments_task_call
global segments_task_jump
global segments_task_return
global segments_load_task
global low_start
global low_end
global low_v86
global low_v86_end

%define FOUND(n) segments_found + 4 * (n)

section .text

bits 32
; void segments_load(void): this GDT; the flat segments are where they were.
segments_load:
	lgdt	[gdt_pointer]
	ret

; void segments_far_call(uint32_t offset, uint16_t selector, uint32_t address): with ebx = address
; and edx = SCRATCH; what is left in eax is found 0.
segments_far_call:
	push	ebx
	mov	ebx, [esp + 16]
	mov	edx, SCRATCH
	call	far [esp + 8]
	mov	[FOUND(0)], eax
	pop	ebx
	ret

; void segments_code_16(void): 16-bit protected mode.
segments_code_16:
	pushad
	push	ds
	push	es
	call	CODE_16:code_16 - code_16_segment
	pop	es
	pop	ds
	popad
	ret

bits 16
global code_16_segment
code_16_segment:
	nop
code_16:
	; Operands and addresses of 32 bits, by 66 and 67.
	mov	ebx, DEVICE
	mov	dword [ebx], RESET
	mov	eax, [ebx]
	mov	[es:dword FOUND(0)], eax        ; 0: magic
	mov	dword [ebx], 0
	mov	eax, 0x11223344
	mov	[ebx + SIZE], eax
	mov	eax, [dword DEVICE + SIZE]
	mov	[es:dword FOUND(1)], eax        ; 1: 0x11223344
	mov	eax, 0x55667788
	mov	[dword DEVICE + ADDR_LO], eax
	mov	esi, 4
	mov	ecx, [ebx + esi * 2 + 4]
	mov	[es:dword FOUND(2)], ecx        ; 2: 0x55667788
	; 16 bits: the device refuses them, and the register's upper half stays.
	mov	eax, 0xabcd0000
	mov	ax, [ebx + SIZE]
	mov	[es:dword FOUND(3)], eax        ; 3: 0xabcdffff
	; Addresses of 16 bits, in a segment that begins where the device does.
	mov	ax, DATA_SMALL
	mov	ds, ax
	mov	bx, 2
	mov	si, 2
	mov	eax, [bx + si]
	mov	[es:dword FOUND(4)], eax        ; 4: 0x11223344
	mov	dword [SIZE], 0x99aabbcc
	mov	eax, [SIZE]
	mov	[es:dword FOUND(5)], eax        ; 5: 0x99aabbcc
	; The offset wraps at 64 KiB; the upper halves of the registers do not count.
	mov	ebx, 0x7777fffc
	mov	esi, 0x66660004
	mov	eax, [bx + si + 4]
	mov	[es:dword FOUND(6)], eax        ; 6: 0x99aabbcc
	mov	di, SIZE
	mov	dword [di - 4], RESET
	mov	eax, [di - 4]
	mov	[es:dword FOUND(7)], eax        ; 7: magic
	o32 retf

bits 32
; void segments_bases(void): 32-bit code, segments with bases.
segments_bases:
	pushad
	push	ds
	mov	eax, DATA_LESS
	mov	ds, eax
	mov	dword [0x1000], RESET
	mov	eax, [0x1000]
	mov	[es:FOUND(0)], eax              ; 0: magic
	mov	dword [0x1000], 0
	mov	ecx, 0x1004
	mov	dword [ecx], 0x10203040
	mov	eax, [ecx]
	mov	[es:FOUND(1)], eax              ; 1: 0x10203040
	; The stack's segment is what EBP means.
	mov	edx, ss
	mov	ecx, DATA_LESS
	mov	ebp, 0x1000
	mov	ss, ecx
	mov	eax, [ebp + SIZE]
	mov	ss, edx
	mov	[es:FOUND(2)], eax              ; 2: 0x10203040
	pop	ds
	; FS, by 32- and 16-bit addresses.
	mov	eax, DATA_SMALL
	mov	fs, eax
	mov	eax, [fs:SIZE]
	mov	[FOUND(3)], eax                 ; 3: 0x10203040
	mov	ebx, 0xffff0002
	mov	esi, 0xffff0002
	mov	eax, [fs:bx + si]
	mov	[FOUND(4)], eax                 ; 4: 0x10203040
	mov	dword [fs:bx + si], 0x50607080
	; GS and an offset whose sum wraps at 4 GiB.
	mov	eax, DATA_WRAP
	mov	gs, eax
	mov	ecx, 0xf0000000
	mov	eax, [gs:ecx + SIZE]
	mov	[FOUND(5)], eax                 ; 5: 0x50607080
	mov	eax, [gs:0xf0000004]
	mov	[FOUND(6)], eax                 ; 6: 0x50607080
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	popad
	ret

; void segments_l_bit(void): 32-bit code in a segment with the L bit. In 64-bit code 8B 05 would be
; relative to RIP, and A1 eight bytes longer.
segments_l_bit:
	jmp	CODE_32_L:.inside
.inside:
	mov	dword [DEVICE], RESET
	db	0x8b, 0x05
	dd	DEVICE
	mov	[FOUND(0)], eax                 ; 0: magic
	xor	eax, eax
	db	0xa1
	dd	DEVICE
	mov	[FOUND(1)], eax                 ; 1: magic
	jmp	FLAT_CODE:.back
.back:
	ret

; void segments_l_bit_paging(void): CR0.PG set and cleared there, by writes that exit.
segments_l_bit_paging:
	jmp	CODE_32_L:.inside
.inside:
	mov	eax, cr0
	or	eax, CR0_PG | CR0_CD
	mov	cr0, eax
	mov	edx, [DEVICE]
	mov	[FOUND(2)], edx                 ; 2: magic
	mov	eax, cr0
	and	eax, ~(CR0_PG | CR0_CD)
	mov	cr0, eax
	mov	edx, cr0
	mov	[FOUND(3)], edx                 ; 3: without PG
	jmp	FLAT_CODE:.back
.back:
	ret

; void segments_real(void): through 16-bit protected mode into real mode, data segments keeping
; limits of 4 GiB, and back. segments_real_cr0 is xored into CR0 on both ways.
segments_real:
	pushad
	mov	[saved_esp], esp
	lidt	[real_idt]
	jmp	CODE_REAL:low_protected - low_start

real_back:
	mov	eax, FLAT_DATA
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	mov	esp, [saved_esp]
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	popad
	ret

; void segments_v86(uint32_t eip): into virtual-8086 mode, data in segment 0x2000. Ends in an
; exception.
segments_v86:
	mov	eax, [esp + 4]
	push	0                               ; GS
	push	0
	push	0x2000                          ; DS
	push	0
	push	LOW_SEGMENT                     ; SS
	push	LOW_STACK
	push	1 << 17 | 1 << 1                ; EFLAGS: VM
	push	LOW_SEGMENT
	push	eax
	iret

; void segments_load_task(uint16_t selector)
segments_load_task:
	ltr	[esp + 4]
	ret

; void segments_task_call(uint32_t offset, uint16_t selector), segments_task_jump likewise
segments_task_call:
	call	far [esp + 4]
	ret
segments_task_jump:
	jmp	far [esp + 4]

; void segments_task_return(void): IRET with NT goes to the task of TR's back link.
segments_task_return:
	pushfd
	or	dword [esp], 1 << 14
	popfd
	iret

section .rodata

; All that lies at LOW_SEGMENT:0. The first bytes are where IP wraps to.
bits 16
align 16
low_start:
	jmp	low_wrapped

; 16-bit protected mode: limits of 4 GiB for real mode, then that.
low_protected:
	mov	ax, FLAT_DATA
	mov	ds, ax
	mov	es, ax
	mov	eax, cr0
	and	al, 0xff & ~CR0_PE
	xor	eax, [dword segments_real_cr0]
	mov	bx, DATA_REAL
	mov	ss, bx
	mov	cr0, eax
	jmp	LOW_SEGMENT:low_real - low_start

low_real:
	xor	ax, ax
	mov	ds, ax
	mov	es, ax
	mov	ax, LOW_SEGMENT
	mov	ss, ax
	mov	sp, LOW_STACK
	mov	eax, cr0
	mov	[dword FOUND(0)], eax           ; 0: CR0 in real mode
	mov	ebx, DEVICE
	mov	dword [ebx], RESET
	mov	eax, [ebx]
	mov	[dword FOUND(1)], eax           ; 1: magic
	mov	dword [ebx], 0
	mov	eax, 0x0badcafe
	mov	[dword DEVICE + SIZE], eax
	xor	eax, eax
	mov	eax, [ebx + SIZE]
	mov	[dword FOUND(2)], eax           ; 2: 0x0badcafe
	; Exits by instructions.
	mov	eax, 0x40000000
	cpuid
	mov	[dword FOUND(3)], ebx           ; 3: the hypervisor's signature
	mov	dx, SCRATCH
	mov	al, 0x77
	out	dx, al
	xor	eax, eax
	in	al, dx
	mov	[dword FOUND(4)], eax           ; 4: 0x77
	mov	ax, LOW_SEGMENT
	mov	ds, ax
	mov	esi, 0x12340000 + low_bytes - low_start
	mov	ecx, 0x12340003
	rep outsb
	xor	ax, ax
	mov	ds, ax
	sub	esi, low_bytes - low_start
	mov	[dword FOUND(5)], esi           ; 5: 0x12340003
	mov	[dword FOUND(6)], ecx           ; 6: 0x12340000
	xor	eax, eax
	in	al, dx
	mov	[dword FOUND(7)], eax           ; 7: 0x33
	; Faults are delivered as real mode does: by the vector table, without an error code.
	mov	word [6 * 4], low_undefined - low_start
	mov	word [6 * 4 + 2], LOW_SEGMENT
	mov	word [13 * 4], low_protection - low_start
	mov	word [13 * 4 + 2], LOW_SEGMENT
	xor	edi, edi
	mov	esi, DEVICE
	a32 lodsd                               ; 3 bytes, and no instruction for devices
	mov	ecx, 0x12345678
	rdmsr                                   ; 2 bytes
	mov	[dword FOUND(8)], edi           ; 8: 0x101
	mov	ax, sp
	mov	[dword FOUND(9)], ax            ; 9: LOW_STACK
	; Four bytes that end where the segment does.
	mov	ebx, DEVICE
	mov	eax, 0xffffffff
	jmp	LOW_SEGMENT:0xfffc
low_wrapped:
	mov	[dword FOUND(10)], eax          ; 10: 0, DRIVER_OK
	mov	dword [ebx], RESET
	mov	eax, cr0
	or	al, CR0_PE
	xor	eax, [dword segments_real_cr0]
	mov	cr0, eax
	jmp	dword FLAT_CODE:real_back

low_undefined:
	push	bp
	mov	bp, sp
	add	word [bp + 2], 3
	inc	edi
	pop	bp
	iret
low_protection:
	push	bp
	mov	bp, sp
	add	word [bp + 2], 2
	add	edi, 0x100
	pop	bp
	iret
low_bytes:
	db	0x11, 0x22, 0x33

; Virtual-8086 mode: the device is mapped at DS:0.
low_v86:
	mov	dword [STATUS], RESET
	mov	eax, [STATUS]                   ; eax: magic
	mov	dword [STATUS], 0
	mov	bx, SIZE
	mov	dword [bx], 0x13572468
	mov	ecx, [bx]                       ; ecx: 0x13572468
	mov	ebx, ADDR_LO
	mov	dword [ebx], 0x24681357
	mov	edx, [ebx]                      ; edx: 0x24681357
	mov	dword [STATUS], RESET
low_v86_end:
	hlt
low_end:

section .data
align 8
segments_gdt:
	dq	0
	dq	0x00cf9b000000ffff      ; FLAT_CODE
	dq	0x00cf93000000ffff      ; FLAT_DATA
	dq	0x00009b000000ffff      ; CODE_16
	dq	0xcacf93fdf000ffff      ; DATA_LESS
	dq	0xca0093fe00000fff      ; DATA_SMALL
	dq	0xdacf93fe0000ffff      ; DATA_WRAP
	dq	0x00009b000000ffff      ; CODE_16_END
	dq	0x00cf9b000000ffff      ; CODE_32_WRAP
	dq	0x00ef9b000000ffff      ; CODE_32_L
	dq	0x00009b060000ffff      ; CODE_REAL
	dq	0x000093060000ffff      ; DATA_REAL
	dq	0x0000890000000067      ; TASK, set by segments32.c
	dq	0x0000890000000067      ; OTHER_TASK
gdt_pointer:
	dw	gdt_pointer - segments_gdt - 1
	dd	segments_gdt
real_idt:
	dw	0x3ff
	dd	0

section .bss
align 4
segments_found:
	resd	16
segments_real_cr0:
	resd	1
saved_esp:
	resd	1
