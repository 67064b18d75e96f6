; SPDX-License-Identifier: MIT
;
; When an interrupt arrives: a handler whose first instruction reads the TSC. It changes rax and rdx,
; as whoever waits for it knows, and leaves the EOI to him.

bits 64
default rel

global bench_arrival
global bench_arrived

section .text.bench_arrival exec align=16

bench_arrival:
	rdtsc
	shl	rdx, 32
	or	rax, rdx
	mov	[bench_arrived], rax
	iretq

section .bss
	align	8
bench_arrived:
	resq	1
