/* SPDX-License-Identifier: MIT */
/*
 * vmm/decode.c: each form once, with the encoding in hexadecimal and the instruction as insn_text()
 * writes it, in which every field of struct insn shows. tests/decoder/ compares the whole space of
 * encodings with Zydis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "tests/unit/insn_text.h"
#include "vmm/decode.h"

struct form {
	const char *name;
	enum code_size mode;
	const char *bytes;
	const char *text;
};

static const struct form forms[] = {
	/* The 32-bit volatile accesses of a compiler. */
	{ "89 store", CODE_64, "89 08", "mov dword ds:[rax], ecx" },
	{ "89 store disp8", CODE_64, "89 48 08", "mov dword ds:[rax+8], ecx" },
	{ "89 store negative disp8", CODE_64, "89 48 f8", "mov dword ds:[rax-8], ecx" },
	{ "89 store disp32", CODE_64, "89 8b 10 00 fe ca", "mov dword ds:[rbx-3501fff0], ecx" },
	{ "8b load", CODE_64, "8b 47 14", "mov eax, dword ds:[rdi+14]" },
	{ "c7 store immediate", CODE_64, "c7 00 76 69 72 74", "mov dword ds:[rax], 74726976" },
	{ "c7 negative immediate", CODE_64, "c7 00 ff ff ff ff", "mov dword ds:[rax], -1" },
	{ "a1 load", CODE_32, "a1 10 00 fe ca", "mov eax, dword ds:[abs32+cafe0010]" },
	{ "a3 store", CODE_32, "a3 10 00 fe ca", "mov dword ds:[abs32+cafe0010], eax" },
	{ "89 absolute", CODE_32, "89 15 10 00 fe ca", "mov dword ds:[abs32-3501fff0], edx" },
	{ "8b in 32-bit code", CODE_32, "8b 4e 0c", "mov ecx, dword ds:[esi+c]" },
	{ "c7 in 32-bit code", CODE_32, "c7 46 04 01 00 00 00", "mov dword ds:[esi+4], 1" },

	/* 8, 16 and 64 bits. */
	{ "88 store byte", CODE_64, "88 08", "mov byte ds:[rax], cl" },
	{ "8a load byte", CODE_64, "8a 18", "mov bl, byte ds:[rax]" },
	{ "c6 byte immediate", CODE_64, "c6 40 01 80", "mov byte ds:[rax+1], -80" },
	{ "66 89 store word", CODE_64, "66 89 08", "mov word ds:[rax], cx" },
	{ "66 8b load word", CODE_32, "66 8b 08", "mov cx, word ds:[eax]" },
	{ "66 c7 word immediate", CODE_64, "66 c7 00 00 80", "mov word ds:[rax], -8000" },
	{ "89 in 16-bit code", CODE_16, "89 07", "mov word ds:[bx], ax" },
	{ "66 89 in 16-bit code", CODE_16, "66 89 07", "mov dword ds:[bx], eax" },
	{ "66 c7 in 16-bit code", CODE_16, "66 c7 07 78 56 34 12", "mov dword ds:[bx], 12345678" },
	{ "rex.w 89", CODE_64, "48 89 08", "mov qword ds:[rax], rcx" },
	{ "rex.w 8b", CODE_64, "48 8b 08", "mov rcx, qword ds:[rax]" },
	{ "rex.w c7 extends its sign", CODE_64, "48 c7 00 00 00 00 80",
		"mov qword ds:[rax], -80000000" },
	{ "rex.w beats 66", CODE_64, "66 48 8b 08", "mov rcx, qword ds:[rax]" },
	{ "rex.w beats 66, immediate", CODE_64, "66 48 c7 00 01 00 00 00",
		"mov qword ds:[rax], 1" },

	{ "66 88 is a byte all the same", CODE_64, "66 88 08", "mov byte ds:[rax], cl" },
	{ "rex.w 88 is a byte all the same", CODE_64, "48 88 08", "mov byte ds:[rax], cl" },
	{ "66 c6 has a byte's immediate", CODE_64, "66 c6 00 01", "mov byte ds:[rax], 1" },

	/* Byte registers. */
	{ "ah without rex", CODE_64, "88 20", "mov byte ds:[rax], ah" },
	{ "bh without rex", CODE_32, "8a 38", "mov bh, byte ds:[eax]" },
	{ "spl with rex", CODE_64, "40 88 20", "mov byte ds:[rax], spl" },
	{ "dil with rex", CODE_64, "40 8a 38", "mov dil, byte ds:[rax]" },
	{ "r12b", CODE_64, "44 88 20", "mov byte ds:[rax], r12b" },
	{ "ah before 0f is 0f's", CODE_64, "0f b6 20", "movzx esp, byte ds:[rax]" },

	/* REX. */
	{ "rex.r", CODE_64, "44 89 08", "mov dword ds:[rax], r9d" },
	{ "rex.b", CODE_64, "41 89 08", "mov dword ds:[r8], ecx" },
	{ "rex.x", CODE_64, "42 89 0c 08", "mov dword ds:[rax+r9*1], ecx" },
	{ "rex.wrxb", CODE_64, "4f 8b bc e5 10 00 00 00", "mov r15, qword ds:[r13+r12*8+10]" },
	{ "rex.b makes rbp r13: ds", CODE_64, "41 8b 45 00", "mov eax, dword ds:[r13]" },
	{ "rex.b makes rsp r12: ds", CODE_64, "41 8b 04 24", "mov eax, dword ds:[r12]" },
	{ "a second rex replaces the first", CODE_64, "4f 41 8b 00", "mov eax, dword ds:[r8]" },
	{ "66 behind rex cancels it", CODE_64, "48 66 8b 00", "mov ax, word ds:[rax]" },
	{ "a segment behind rex cancels it", CODE_64, "4c 64 89 08", "mov dword fs:[rax], ecx" },
	{ "f3 behind rex cancels it", CODE_64, "40 f3 88 20", "mov byte ds:[rax], ah" },
	{ "rex.w and no register", CODE_64, "4d ff 00", "inc qword ds:[r8]" },

	/* SIB. */
	{ "sib base and index", CODE_64, "8b 04 8b", "mov eax, dword ds:[rbx+rcx*4]" },
	{ "sib rsp base is ss", CODE_64, "8b 04 24", "mov eax, dword ss:[rsp]" },
	{ "sib rsp base, disp8", CODE_32, "8b 44 24 08", "mov eax, dword ss:[esp+8]" },
	{ "sib rbp base is ss", CODE_64, "8b 44 4d 00", "mov eax, dword ss:[rbp+rcx*2]" },
	{ "sib rbp index is ds", CODE_64, "8b 04 68", "mov eax, dword ds:[rax+rbp*2]" },
	{ "sib without base", CODE_64, "8b 04 8d 00 00 fe 4a",
		"mov eax, dword ds:[rcx*4+4afe0000]" },
	{ "sib without base or index", CODE_64, "8b 04 25 00 00 fe ca",
		"mov eax, dword ds:[abs64-35020000]" },
	{ "sib without base, rex.b", CODE_64, "41 8b 04 8d 00 00 00 01",
		"mov eax, dword ds:[rcx*4+1000000]" },
	{ "sib without base, rex.b, 67", CODE_64, "67 41 8b 04 8d 00 00 00 01",
		"mov eax, dword ds:[ecx*4+1000000]" },
	{ "sib base rbp with disp32", CODE_32, "8b 84 05 00 00 00 01",
		"mov eax, dword ss:[ebp+eax*1+1000000]" },
	{ "sib index 4 with rex.x is r12", CODE_64, "42 8b 04 20",
		"mov eax, dword ds:[rax+r12*1]" },
	{ "sib scale without index", CODE_64, "8b 04 e0", "mov eax, dword ds:[rax]" },

	/* The other addresses. */
	{ "rip-relative", CODE_64, "8b 05 f6 ff ff ff", "mov eax, dword ds:[rip-a]" },
	{ "rip-relative store", CODE_64, "89 0d 10 00 00 00", "mov dword ds:[rip+10], ecx" },
	{ "rip-relative, rex.b", CODE_64, "41 8b 05 10 00 00 00", "mov eax, dword ds:[rip+10]" },
	{ "eip-relative", CODE_64, "67 8b 05 10 00 00 00", "mov eax, dword ds:[eip+10]" },
	{ "no rip in 32-bit code", CODE_32, "8b 05 10 00 00 00", "mov eax, dword ds:[abs32+10]" },
	{ "rbp with disp8", CODE_64, "8b 45 f0", "mov eax, dword ss:[rbp-10]" },
	{ "67 in 64-bit code", CODE_64, "67 89 48 08", "mov dword ds:[eax+8], ecx" },
	{ "67 in 32-bit code", CODE_32, "67 89 4f 08", "mov dword ds:[bx+8], ecx" },
	{ "67 in 16-bit code", CODE_16, "67 89 48 08", "mov word ds:[eax+8], cx" },
	{ "67 66 in 16-bit code", CODE_16, "67 66 89 4c 8b 08", "mov dword ds:[ebx+ecx*4+8], ecx" },
	{ "bx+si", CODE_16, "8b 00", "mov ax, word ds:[bx+si*1]" },
	{ "bx+di", CODE_16, "8b 01", "mov ax, word ds:[bx+di*1]" },
	{ "bp+si", CODE_16, "8b 02", "mov ax, word ss:[bp+si*1]" },
	{ "bp+di", CODE_16, "8b 43 01", "mov ax, word ss:[bp+di*1+1]" },
	{ "si", CODE_16, "8b 04", "mov ax, word ds:[si]" },
	{ "di", CODE_16, "8b 85 00 80", "mov ax, word ds:[di-8000]" },
	{ "16-bit absolute", CODE_16, "8b 06 34 12", "mov ax, word ds:[abs16+1234]" },
	{ "bp", CODE_16, "8b 46 ff", "mov ax, word ss:[bp-1]" },
	{ "bp disp16", CODE_16, "8b 86 34 12", "mov ax, word ss:[bp+1234]" },

	/* MOVs without ModRM. */
	{ "a0", CODE_64, "a0 88 77 66 55 44 33 22 11", "mov al, byte ds:[abs64+1122334455667788]" },
	{ "a1", CODE_64, "a1 88 77 66 55 44 33 22 ff", "mov eax, dword ds:[abs64-ddccbbaa998878]" },
	{ "a2", CODE_64, "a2 00 00 fe ca 00 00 00 00", "mov byte ds:[abs64+cafe0000], al" },
	{ "a3", CODE_64, "a3 00 00 fe ca 00 00 00 00", "mov dword ds:[abs64+cafe0000], eax" },
	{ "rex.w a1", CODE_64, "48 a1 00 00 fe ca 00 00 00 00",
		"mov rax, qword ds:[abs64+cafe0000]" },
	{ "66 a3", CODE_64, "66 a3 00 00 fe ca 00 00 00 00", "mov word ds:[abs64+cafe0000], ax" },
	{ "67 a1 in 64-bit code", CODE_64, "67 a1 00 00 fe ca",
		"mov eax, dword ds:[abs32+cafe0000]" },
	{ "67 a1 in 32-bit code", CODE_32, "67 a1 34 92", "mov eax, dword ds:[abs16+9234]" },
	{ "a1 in 16-bit code", CODE_16, "a1 34 92", "mov ax, word ds:[abs16+9234]" },
	{ "67 a1 in 16-bit code", CODE_16, "67 a1 00 00 fe ca",
		"mov ax, word ds:[abs32+cafe0000]" },
	{ "65 a1", CODE_64, "65 a1 08 00 00 00 00 00 00 00", "mov eax, dword gs:[abs64+8]" },

	/* Segments. */
	{ "es", CODE_32, "26 8b 00", "mov eax, dword es:[eax]" },
	{ "cs", CODE_16, "2e 8b 07", "mov ax, word cs:[bx]" },
	{ "ss", CODE_32, "36 8b 00", "mov eax, dword ss:[eax]" },
	{ "ds over ss", CODE_32, "3e 8b 45 00", "mov eax, dword ds:[ebp]" },
	{ "fs", CODE_64, "64 8b 00", "mov eax, dword fs:[rax]" },
	{ "gs over ss", CODE_64, "65 8b 04 24", "mov eax, dword gs:[rsp]" },
	{ "the last segment wins", CODE_32, "26 64 36 8b 00", "mov eax, dword ss:[eax]" },
	{ "gs behind fs wins", CODE_64, "64 65 8b 00", "mov eax, dword gs:[rax]" },
	{ "es is nothing in 64-bit code", CODE_64, "26 8b 45 00", "mov eax, dword ss:[rbp]" },
	{ "ds is nothing in 64-bit code", CODE_64, "3e 8b 45 00", "mov eax, dword ss:[rbp]" },
	{ "fs stays before cs in 64-bit code", CODE_64, "64 2e 8b 00", "mov eax, dword fs:[rax]" },

	/* MOVZX, MOVSX, MOVSXD. */
	{ "movzx byte", CODE_64, "0f b6 40 01", "movzx eax, byte ds:[rax+1]" },
	{ "movzx byte to word", CODE_64, "66 0f b6 00", "movzx ax, byte ds:[rax]" },
	{ "movzx byte to qword", CODE_64, "48 0f b6 00", "movzx rax, byte ds:[rax]" },
	{ "movzx word", CODE_32, "0f b7 00", "movzx eax, word ds:[eax]" },
	{ "movzx word to word", CODE_32, "66 0f b7 00", "movzx ax, word ds:[eax]" },
	{ "movzx in 16-bit code", CODE_16, "0f b6 07", "movzx ax, byte ds:[bx]" },
	{ "movsx byte", CODE_64, "0f be 00", "movsx eax, byte ds:[rax]" },
	{ "movsx word to qword", CODE_64, "4c 0f bf 00", "movsx r8, word ds:[rax]" },
	{ "movsxd", CODE_64, "48 63 00", "movsx rax, dword ds:[rax]" },
	{ "movsxd without rex.w", CODE_64, "63 00", "movsx eax, dword ds:[rax]" },
	{ "movsxd with 66", CODE_64, "66 63 00", "movsx ax, dword ds:[rax]" },

	/* CMP and TEST. */
	{ "cmp 38", CODE_64, "38 08", "cmp byte ds:[rax], cl" },
	{ "cmp 39", CODE_64, "39 08", "cmp dword ds:[rax], ecx" },
	{ "cmp 3a", CODE_64, "3a 20", "cmp ah, byte ds:[rax]" },
	{ "cmp 3b", CODE_64, "3b 08", "cmp ecx, dword ds:[rax]" },
	{ "cmp 80 /7", CODE_64, "80 38 80", "cmp byte ds:[rax], -80" },
	{ "cmp 81 /7", CODE_64, "81 3f 76 69 72 74", "cmp dword ds:[rdi], 74726976" },
	{ "cmp 66 81 /7", CODE_64, "66 81 3f 34 12", "cmp word ds:[rdi], 1234" },
	{ "cmp rex.w 81 /7", CODE_64, "48 81 3f 00 00 00 80", "cmp qword ds:[rdi], -80000000" },
	{ "cmp 83 /7", CODE_64, "83 7f 10 02", "cmp dword ds:[rdi+10], 2" },
	{ "cmp 83 /7 extends its sign", CODE_64, "83 3f fe", "cmp dword ds:[rdi], -2" },
	{ "cmp rip-relative, immediate", CODE_64, "83 3d 00 01 00 00 02",
		"cmp dword ds:[rip+100], 2" },
	{ "test 84", CODE_64, "84 20", "test byte ds:[rax], ah" },
	{ "test 85", CODE_32, "85 08", "test dword ds:[eax], ecx" },
	{ "test f6 /0", CODE_64, "f6 00 80", "test byte ds:[rax], -80" },
	{ "test f7 /0", CODE_64, "f7 00 01 00 00 80", "test dword ds:[rax], -7fffffff" },
	{ "test 66 f7 /0", CODE_16, "66 f7 07 01 00 00 00", "test dword ds:[bx], 1" },
	{ "test f7 /1", CODE_64, "f7 08 01 00 00 00", "test dword ds:[rax], 1" },

	/* Arithmetic into a register, into memory, with an immediate. */
	{ "add 02", CODE_64, "02 00", "add al, byte ds:[rax]" },
	{ "add 03", CODE_64, "03 00", "add eax, dword ds:[rax]" },
	{ "or 0a", CODE_64, "0a 00", "or al, byte ds:[rax]" },
	{ "or 0b", CODE_64, "66 0b 00", "or ax, word ds:[rax]" },
	{ "and 22", CODE_64, "22 38", "and bh, byte ds:[rax]" },
	{ "and 23", CODE_64, "4c 23 00", "and r8, qword ds:[rax]" },
	{ "sub 2a", CODE_64, "2a 00", "sub al, byte ds:[rax]" },
	{ "sub 2b", CODE_16, "2b 07", "sub ax, word ds:[bx]" },
	{ "xor 32", CODE_64, "32 00", "xor al, byte ds:[rax]" },
	{ "xor 33", CODE_32, "33 18", "xor ebx, dword ds:[eax]" },
	{ "add 00", CODE_64, "00 20", "add byte ds:[rax], ah" },
	{ "add 01", CODE_64, "01 08", "add dword ds:[rax], ecx" },
	{ "or 08", CODE_64, "08 08", "or byte ds:[rax], cl" },
	{ "or 09", CODE_64, "09 08", "or dword ds:[rax], ecx" },
	{ "and 20", CODE_64, "20 08", "and byte ds:[rax], cl" },
	{ "and 21", CODE_64, "21 08", "and dword ds:[rax], ecx" },
	{ "sub 28", CODE_64, "28 08", "sub byte ds:[rax], cl" },
	{ "sub 29", CODE_64, "29 08", "sub dword ds:[rax], ecx" },
	{ "xor 30", CODE_64, "30 08", "xor byte ds:[rax], cl" },
	{ "xor 31", CODE_64, "31 08", "xor dword ds:[rax], ecx" },
	{ "add 80 /0", CODE_64, "80 00 01", "add byte ds:[rax], 1" },
	{ "or 81 /1", CODE_64, "81 08 01 00 00 00", "or dword ds:[rax], 1" },
	{ "and 83 /4", CODE_64, "83 20 fe", "and dword ds:[rax], -2" },
	{ "sub 83 /5", CODE_64, "48 83 28 01", "sub qword ds:[rax], 1" },
	{ "xor 83 /6", CODE_64, "66 83 30 ff", "xor word ds:[rax], -1" },
	{ "xchg 86", CODE_64, "86 20", "xchg byte ds:[rax], ah" },
	{ "xchg 87", CODE_64, "87 08", "xchg dword ds:[rax], ecx" },
	{ "inc fe /0", CODE_64, "fe 00", "inc byte ds:[rax]" },
	{ "dec fe /1", CODE_64, "fe 48 01", "dec byte ds:[rax+1]" },
	{ "inc ff /0", CODE_32, "ff 00", "inc dword ds:[eax]" },
	{ "dec ff /1", CODE_64, "66 ff 08", "dec word ds:[rax]" },
	{ "not f6 /2", CODE_64, "f6 10", "not byte ds:[rax]" },
	{ "not f7 /2", CODE_64, "f7 10", "not dword ds:[rax]" },
	{ "neg f6 /3", CODE_64, "f6 18", "neg byte ds:[rax]" },
	{ "neg f7 /3", CODE_64, "48 f7 18", "neg qword ds:[rax]" },

	/* LOCK, F2 and F3. */
	{ "lock add", CODE_64, "f0 01 08", "lock add dword ds:[rax], ecx" },
	{ "lock or immediate", CODE_32, "f0 83 08 01", "lock or dword ds:[eax], 1" },
	{ "lock inc", CODE_64, "f0 ff 00", "lock inc dword ds:[rax]" },
	{ "lock not", CODE_64, "f0 f6 10", "lock not byte ds:[rax]" },
	{ "lock xchg", CODE_64, "f0 48 87 08", "lock xchg qword ds:[rax], rcx" },
	{ "xacquire lock sub", CODE_64, "f2 f0 29 08", "lock sub dword ds:[rax], ecx" },
	{ "xrelease mov", CODE_64, "f3 89 08", "mov dword ds:[rax], ecx" },
	{ "f2 before a load is nothing", CODE_64, "f2 8b 08", "mov ecx, dword ds:[rax]" },

	/* 15 bytes. */
	{ "14 prefixes leave no room for ModRM, 13 do", CODE_32,
		"3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 8b 00", "mov eax, dword ds:[eax]" },
	{ "15 bytes with an immediate", CODE_64, "64 66 66 48 c7 84 88 78 56 34 12 01 00 00 00",
		"mov qword fs:[rax+rcx*4+12345678], 1" },
};

struct refusal {
	const char *name;
	enum code_size mode;
	const char *bytes;
};

static const struct refusal refusals[] = {
	{ "mov between registers", CODE_64, "89 c8" },
	{ "cmp of a register", CODE_64, "83 f8 01" },
	{ "xabort", CODE_64, "c6 f8 00" },
	{ "c7 /1", CODE_64, "c7 08 00 00 00 00" },
	{ "adc 80 /2", CODE_64, "80 10 01" },
	{ "sbb 81 /3", CODE_64, "81 18 01 00 00 00" },
	{ "adc 11", CODE_64, "11 08" },
	{ "82 in 32-bit code", CODE_32, "82 00 01" },
	{ "82 in 64-bit code", CODE_64, "82 00 01" },
	{ "mul f7 /4", CODE_64, "f7 20" },
	{ "idiv f6 /7", CODE_64, "f6 38" },
	{ "fe /2", CODE_64, "fe 10" },
	{ "call ff /2", CODE_64, "ff 10" },
	{ "jmp ff /4", CODE_64, "ff 20" },
	{ "push ff /6", CODE_64, "ff 30" },
	{ "mov from a segment register", CODE_64, "8c 08" },
	{ "mov to a segment register", CODE_64, "8e 08" },
	{ "lea", CODE_64, "8d 08" },
	{ "arpl in 32-bit code", CODE_32, "63 00" },
	{ "arpl in 16-bit code", CODE_16, "63 00" },
	{ "dec in 32-bit code where REX would be", CODE_32, "48 8b 00" },
	{ "inc in 16-bit code where REX would be", CODE_16, "40 8b 00" },
	{ "movs", CODE_64, "a5" },
	{ "rep stos", CODE_64, "f3 ab" },
	{ "lods", CODE_64, "ad" },
	{ "movups load", CODE_64, "0f 10 00" },
	{ "movnti", CODE_64, "0f c3 08" },
	{ "movbe", CODE_64, "0f 38 f0 00" },
	{ "cmpxchg", CODE_64, "f0 0f b1 08" },
	{ "bts immediate", CODE_64, "0f ba 28 01" },
	{ "0f 36, where 0f b6 is movzx", CODE_64, "0f 36" },
	{ "popcnt, where movzx is near", CODE_64, "f3 0f b8 00" },
	{ "vmovdqu", CODE_64, "c5 fe 6f 00" },
	{ "lock mov", CODE_64, "f0 89 08" },
	{ "lock mov immediate", CODE_64, "f0 c7 00 00 00 00 00" },
	{ "lock load", CODE_64, "f0 8b 08" },
	{ "lock moffs", CODE_32, "f0 a3 00 00 fe ca" },
	{ "lock cmp", CODE_64, "f0 39 08" },
	{ "lock cmp immediate", CODE_64, "f0 83 38 01" },
	{ "lock test", CODE_64, "f0 85 08" },
	{ "lock add into a register", CODE_64, "f0 03 08" },
	{ "lock movzx", CODE_64, "f0 0f b6 00" },
	{ "14 prefixes and an opcode with ModRM", CODE_64,
		"66 66 66 66 66 66 66 66 66 66 66 66 66 66 8b" },
	{ "15 prefixes", CODE_64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66" },
	{ "16 bytes with an immediate", CODE_64,
		"64 66 66 66 48 c7 84 88 78 56 34 12 01 00 00 00" },
	{ "16 bytes with an absolute address", CODE_64,
		"64 66 66 66 66 66 48 a1 00 00 fe ca 00 00 00 00" },
};

/* Reads hexadecimal bytes; returns how many. */
static unsigned parse_bytes(const char *text, uint8_t bytes[32])
{
	unsigned count = 0;
	char *end;

	while (*text) {
		assert_true(count < 32);
		bytes[count++] = (uint8_t)strtoul(text, &end, 16);
		text = end;
	}
	return count;
}

/* Decodes a copy that ends exactly behind count bytes, so that the sanitizer sees a read past it.
 */
static enum status decode_exact(
	const uint8_t *bytes, unsigned count, enum code_size mode, struct insn *insn)
{
	uint8_t *copy = malloc(count);
	enum status status;

	assert_true(copy || !count);
	if (count)
		memcpy(copy, bytes, count);
	memset(insn, 0xa5, sizeof(*insn));
	status = decode_insn(copy, count, mode, insn);
	free(copy);
	return status;
}

static void check_form(const struct form *form, const uint8_t *bytes, unsigned count)
{
	struct insn insn;
	char text[INSN_TEXT_SIZE];
	enum status status = decode_exact(bytes, count, form->mode, &insn);

	if (status != STATUS_OK)
		fail_msg("%s (%s), %u bytes: %s", form->name, form->bytes, count,
			status_text(status));
	insn_text(&insn, text);
	if (strcmp(text, form->text))
		fail_msg("%s (%s), %u bytes: '%s', not '%s'", form->name, form->bytes, count, text,
			form->text);
	if (!insn.has_immediate && insn.immediate)
		fail_msg("%s (%s): an immediate where there is none", form->name, form->bytes);
	if (!strchr(text, ',') && (insn.reg || insn.high_byte))
		fail_msg("%s (%s): a register where there is none", form->name, form->bytes);
}

static void test_forms_are_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(forms); i++) {
		uint8_t bytes[32];
		unsigned count = parse_bytes(forms[i].bytes, bytes);

		check_form(&forms[i], bytes, count);
	}
}

static void test_length_is_that_of_the_form(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(forms); i++) {
		uint8_t bytes[32];
		unsigned count = parse_bytes(forms[i].bytes, bytes);
		struct insn insn;

		assert_int_equal(decode_exact(bytes, count, forms[i].mode, &insn), STATUS_OK);
		if (insn.length != count)
			fail_msg("%s (%s): %u bytes", forms[i].name, forms[i].bytes, insn.length);
	}
}

/* What lies behind an instruction, and how much of it may be read, makes no difference. */
static void test_bytes_behind_do_not_matter(void **state)
{
	static const uint8_t behind[] = { 0x00, 0x24, 0x66, 0xf0, 0xff };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(forms); i++) {
		for (unsigned b = 0; b < ARRAY_COUNT(behind); b++) {
			uint8_t bytes[32];
			unsigned count = parse_bytes(forms[i].bytes, bytes);

			memset(bytes + count, behind[b], sizeof(bytes) - count);
			for (unsigned more = count; more <= sizeof(bytes); more++)
				check_form(&forms[i], bytes, more);
		}
	}
}

/* Cut at any byte, a form is truncated: no sooner an answer, and no read past the end. */
static void test_forms_are_truncated_at_every_byte(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(forms); i++) {
		uint8_t bytes[32];
		unsigned count = parse_bytes(forms[i].bytes, bytes);
		struct insn insn;

		for (unsigned cut = 0; cut < count; cut++) {
			enum status status = decode_exact(bytes, cut, forms[i].mode, &insn);

			if (status != STATUS_TRUNCATED)
				fail_msg("%s (%s) cut at %u: %s", forms[i].name, forms[i].bytes,
					cut, status_text(status));
		}
	}
}

static void test_everything_else_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(refusals); i++) {
		uint8_t bytes[32];
		unsigned count = parse_bytes(refusals[i].bytes, bytes);
		struct insn insn;
		enum status status = decode_exact(bytes, count, refusals[i].mode, &insn);

		if (status != STATUS_UNSUPPORTED)
			fail_msg("%s (%s): %s", refusals[i].name, refusals[i].bytes,
				status_text(status));
	}
}

/* Fewer than 15 bytes leave it open; with 15 it is certain that the instruction is too long. */
static void test_limit_is_15_bytes(void **state)
{
	uint8_t bytes[32];
	struct insn insn;

	(void)state;
	for (unsigned prefixes = 0; prefixes <= 16; prefixes++) {
		unsigned length = prefixes + 7;

		memset(bytes, 0x3e, prefixes);
		memcpy(bytes + prefixes, (uint8_t[]){ 0xc7, 0x45, 0x08, 1, 2, 3, 4 }, 7);
		for (unsigned count = 0; count <= 24; count++) {
			enum status expected = length <= 15 && count >= length ? STATUS_OK
					       : count < 15                    ? STATUS_TRUNCATED
									       : STATUS_UNSUPPORTED;

			assert_int_equal(decode_exact(bytes, count, CODE_32, &insn), expected);
			if (expected == STATUS_OK)
				assert_int_equal(insn.length, length);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_are_read),
		cmocka_unit_test(test_length_is_that_of_the_form),
		cmocka_unit_test(test_bytes_behind_do_not_matter),
		cmocka_unit_test(test_forms_are_truncated_at_every_byte),
		cmocka_unit_test(test_everything_else_is_refused),
		cmocka_unit_test(test_limit_is_15_bytes),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
