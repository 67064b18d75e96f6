; SPDX-License-Identifier: MIT
;
; Where a guest begins that stays in 32-bit protected mode without paging: the PVH note, a stack,
; segments of its own, and
;	_Noreturn void runtime_start(const struct start_info *info);
; PVH state at the start: flat 32-bit segments, paging and interrupts off, ebx = start info, memory
; beyond the file's bytes zero. Xen, docs/misc/pvh.pandoc.

STACK_SIZE equ 64 * 1024

extern runtime_start

section .note.pvh note alloc noexec nowrite align=4
	dd	4                       ; bytes of the name
	dd	4                       ; bytes of the descriptor
	dd	18                      ; XEN_ELFNOTE_PHYS32_ENTRY
	db	"Xen", 0
	dd	start

section .text.start exec align=16

bits 32
global start
start:
	; 1. Segments whose descriptors are ours: the loader's may not exist in memory.
	cli
	cld
	lgdt	[gdt_pointer]
	jmp	gdt_code - gdt:.own_code
.own_code:
	mov	eax, gdt_data - gdt
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax

	; 2. C. The stack is aligned to 16 bytes where the argument lies, as the ABI wants it.
	mov	esp, stack_top - 16
	mov	[esp], ebx
	xor	ebp, ebp
	call	runtime_start
	ud2

section .rodata.start align=8
gdt:
	dq	0
gdt_code:
	dq	0x00cf9b000000ffff      ; code, 32-bit, flat, ring 0, accessed
gdt_data:
	dq	0x00cf93000000ffff      ; data, writable, flat, ring 0, accessed
gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dd	gdt

section .bss.start nobits alloc write align=16
stack:
	resb	STACK_SIZE
stack_top:
