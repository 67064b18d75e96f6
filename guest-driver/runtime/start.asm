; SPDX-License-Identifier: MIT
;
; Where a 64-bit guest begins: the PVH note that loaders look for, and the way from 32-bit protected
; mode without paging to long mode with the first 4 GiB mapped to themselves. Ends in
;	_Noreturn void runtime_start(const struct start_info *info);
; PVH state at the start: flat 32-bit segments, paging and interrupts off, ebx = start info, memory
; beyond the file's bytes zero. Xen, docs/misc/pvh.pandoc.

CR0_PG          equ 1 << 31
CR4_PAE         equ 1 << 5
MSR_EFER        equ 0xc0000080
EFER_LME        equ 1 << 8
PAGE_PRESENT    equ 1 << 0
PAGE_WRITE      equ 1 << 1
PAGE_WRITE_THRU equ 1 << 3
PAGE_NO_CACHE   equ 1 << 4
PAGE_LARGE      equ 1 << 7
LARGE_PAGES     equ 2048                ; of 2 MiB each: 4 GiB
DEVICE_PAGES    equ 1536                ; the first of them that is a device's, not memory: 3 GiB
STACK_SIZE      equ 64 * 1024

extern runtime_start

section .note.pvh note alloc noexec nowrite align=4
	dd	4                       ; bytes of the name
	dd	8                       ; bytes of the descriptor: QEMU reads 8 from a 64-bit ELF
	dd	18                      ; XEN_ELFNOTE_PHYS32_ENTRY
	db	"Xen", 0
	dq	start

section .text.start exec align=16

bits 32
global start
start:
	; 1. A stack; what %ebx says is kept in edi, where the first argument goes.
	cli
	cld
	mov	esp, stack_top
	mov	edi, ebx

	; 2. Four page directories, one behind the other, with 2 MiB pages: address = page * 2 MiB.
	xor	ecx, ecx
.large_page:
	mov	eax, ecx
	shl	eax, 21
	or	eax, PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE
	cmp	ecx, DEVICE_PAGES
	jb	.is_memory
	or	eax, PAGE_NO_CACHE | PAGE_WRITE_THRU
.is_memory:
	mov	[page_directories + ecx * 8], eax
	inc	ecx
	cmp	ecx, LARGE_PAGES
	jb	.large_page

	; 3. The two levels above them.
	mov	eax, page_directories + PAGE_PRESENT + PAGE_WRITE
	xor	ecx, ecx
.directory:
	mov	[page_pointers + ecx * 8], eax
	add	eax, 4096
	inc	ecx
	cmp	ecx, 4
	jb	.directory
	mov	dword [page_top], page_pointers + PAGE_PRESENT + PAGE_WRITE

	; 4. PAE, the top table, long mode, paging, in this order. SDM, "Initializing IA-32e Mode".
	mov	eax, cr4
	or	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, page_top
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME
	wrmsr
	mov	eax, cr0
	or	eax, CR0_PG
	mov	cr0, eax

	; 5. A 64-bit code segment.
	lgdt	[gdt_pointer]
	jmp	gdt_code - gdt:.long_mode

bits 64
.long_mode:
	mov	eax, gdt_data - gdt
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax

	; 6. C. A call leaves the stack as the ABI wants it; the upper halves may hold anything yet.
	mov	esp, stack_top
	mov	edi, edi
	xor	ebp, ebp
	call	runtime_start
	ud2

section .rodata.start align=8
gdt:
	dq	0
gdt_code:
	dq	0x00af9b000000ffff      ; code, 64-bit, ring 0, accessed
gdt_data:
	dq	0x00cf93000000ffff      ; data, writable, ring 0, accessed
gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dq	gdt

section .bss.start nobits alloc write align=4096
global page_top, page_pointers, page_directories ; for guest-driver/testing/pages.c
page_top:
	resb	4096
page_pointers:
	resb	4096
page_directories:
	resb	4 * 4096
stack:
	resb	STACK_SIZE
stack_top:
