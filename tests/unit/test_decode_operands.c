/* SPDX-License-Identifier: MIT */
/*
 * vmm/decode_operands.c: where the memory operand of a decoded instruction lies, and what its
 * register operand reads and becomes. The offsets are those that LEA computes on the processor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "vmm/decode.h"

#define NEXT_RIP 0x1000007ull

static const uint64_t registers[REG_COUNT] = {
	[REG_RAX] = 0x0123456789abcdefull,
	[REG_RCX] = 0xfffffffffffffff0ull,
	[REG_RDX] = 0x00000000fffffff0ull,
	[REG_RBX] = 0x000000000000fff0ull,
	[REG_RSP] = 0x00007fffffffe000ull,
	[REG_RBP] = 0x1111111122223333ull,
	[REG_RSI] = 0xaaaaaaaa00000020ull,
	[REG_RDI] = 0x0000000000000040ull,
	[REG_R8] = 0x8888888888888888ull,
	[REG_R12] = 0xc000000000000000ull,
	[REG_R13] = 0x00000000cafe0000ull,
	[REG_R15] = 0xffffffff80000000ull,
};

struct offset_row {
	const char *name;
	enum code_size mode;
	uint8_t bytes[INSN_MAX_LENGTH];
	uint64_t offset;
};

static const struct offset_row offset_rows[] = {
	{ "[r13]", CODE_64, { 0x41, 0x8b, 0x45, 0x00 }, 0xcafe0000 },
	{ "[r13+10]", CODE_64, { 0x41, 0x8b, 0x45, 0x10 }, 0xcafe0010 },
	{ "[r13-10]", CODE_64, { 0x41, 0x8b, 0x45, 0xf0 }, 0xcafdfff0 },
	{ "[rcx+20] wraps at 64 bits", CODE_64, { 0x8b, 0x41, 0x20 }, 0x10 },
	{ "[edx+20] wraps at 32 bits with 67", CODE_64, { 0x67, 0x8b, 0x42, 0x20 }, 0x10 },
	{ "[rdx+20] does not without", CODE_64, { 0x8b, 0x42, 0x20 }, 0x100000010 },
	{ "[edx+20] wraps in 32-bit code", CODE_32, { 0x8b, 0x42, 0x20 }, 0x10 },
	{ "[esi] drops the upper half", CODE_64, { 0x67, 0x8b, 0x06 }, 0x20 },
	{ "[bx+20] wraps at 16 bits", CODE_16, { 0x8b, 0x47, 0x20 }, 0x10 },
	{ "[bx+si]", CODE_16, { 0x8b, 0x00 }, 0x10 },
	{ "[bx+20] with 67 in 32-bit code", CODE_32, { 0x67, 0x8b, 0x47, 0x20 }, 0x10 },
	{ "[bp+di] drops the upper bits", CODE_16, { 0x8b, 0x03 }, 0x3373 },
	{ "[r13+rdi*8+100]", CODE_64, { 0x41, 0x8b, 0x84, 0xfd, 0, 1, 0, 0 }, 0xcafe0300 },
	{ "[rsp]", CODE_64, { 0x8b, 0x04, 0x24 }, 0x7fffffffe000 },
	{ "[rsp+r12*2] wraps", CODE_64, { 0x42, 0x8b, 0x04, 0x64 }, 0x80007fffffffe000 },
	{ "[rdi*4+cafe0000], sign-extended", CODE_64, { 0x8b, 0x04, 0xbd, 0, 0, 0xfe, 0xca },
		0xffffffffcafe0100 },
	{ "[edi*4+cafe0000]", CODE_32, { 0x8b, 0x04, 0xbd, 0, 0, 0xfe, 0xca }, 0xcafe0100 },
	{ "[cafe0000], sign-extended", CODE_64, { 0x8b, 0x04, 0x25, 0, 0, 0xfe, 0xca },
		0xffffffffcafe0000 },
	{ "[cafe0000] in 32-bit code", CODE_32, { 0x8b, 0x05, 0, 0, 0xfe, 0xca }, 0xcafe0000 },
	{ "[rip+10]", CODE_64, { 0x8b, 0x05, 0x10, 0, 0, 0 }, NEXT_RIP + 0x10 },
	{ "[rip-10]", CODE_64, { 0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff }, NEXT_RIP - 0x10 },
	{ "[eip-1000008] wraps at 32 bits", CODE_64, { 0x67, 0x8b, 0x05, 0xf8, 0xff, 0xff, 0xfe },
		0xffffffff },
	{ "a1, 64 bits", CODE_64, { 0xa1, 8, 7, 6, 5, 4, 3, 2, 0xff }, 0xff02030405060708 },
	{ "a1, 32 bits, not sign-extended", CODE_32, { 0xa1, 0, 0, 0xfe, 0xca }, 0xcafe0000 },
	{ "a1, 67 in 64-bit code", CODE_64, { 0x67, 0xa1, 0, 0, 0xfe, 0xca }, 0xcafe0000 },
	{ "a1, 16 bits, not sign-extended", CODE_16, { 0xa1, 0x00, 0x90 }, 0x9000 },
};

static struct insn decode(const uint8_t *bytes, enum code_size mode)
{
	struct insn insn;

	assert_int_equal(decode_insn(bytes, INSN_MAX_LENGTH, mode, &insn), STATUS_OK);
	return insn;
}

static void test_offsets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(offset_rows); i++) {
		const struct offset_row *row = &offset_rows[i];
		struct insn insn = decode(row->bytes, row->mode);
		uint64_t offset = insn_effective_offset(&insn, registers, NEXT_RIP);

		if (offset != row->offset)
			fail_msg("%s: 0x%llx, not 0x%llx", row->name, (unsigned long long)offset,
				(unsigned long long)row->offset);
	}
}

#ifdef __x86_64__
/* Zydis 4.0 reads r13d here; the processor, which is what counts, reads no base. */
static void test_sib_without_base_ignores_rex_b(void **state)
{
	static const uint8_t load[INSN_MAX_LENGTH] = { 0x67, 0x41, 0x8b, 0x04, 0x9d, 1, 0, 0, 0 };
	uint64_t values[REG_COUNT] = { [REG_RBX] = 0x1000, [REG_R13] = 0xcafe0000 };
	struct insn insn = decode(load, CODE_64);
	uint64_t natively;

	(void)state;
	/* lea eax, the same memory operand */
	__asm__ volatile("mov %[rbx], %%rbx\n\t"
			 "mov %[r13], %%r13\n\t"
			 ".byte 0x67, 0x41, 0x8d, 0x04, 0x9d, 1, 0, 0, 0"
			 : "=a"(natively)
			 : [rbx] "r"(values[REG_RBX]), [r13] "r"(values[REG_R13])
			 : "rbx", "r13");
	assert_int_equal(natively, 0x4001);
	assert_int_equal(insn_effective_offset(&insn, values, NEXT_RIP), natively);
}
#endif

struct register_row {
	const char *name;
	uint8_t bytes[INSN_MAX_LENGTH];
	uint64_t read;    /* out of a register that holds BEFORE */
	uint64_t written; /* what that register is after 0x1122334455667788 was written */
};

#define BEFORE 0x0123456789abcdefull

static const struct register_row register_rows[] = {
	{ "al", { 0x8a, 0x03 }, 0xef, 0x0123456789abcd88 },
	{ "ah", { 0x8a, 0x23 }, 0xcd, 0x0123456789ab88ef },
	{ "bh", { 0x8a, 0x3b }, 0xcd, 0x0123456789ab88ef },
	{ "spl", { 0x40, 0x8a, 0x23 }, 0xef, 0x0123456789abcd88 },
	{ "r8b", { 0x44, 0x8a, 0x03 }, 0xef, 0x0123456789abcd88 },
	{ "ax", { 0x66, 0x8b, 0x03 }, 0xcdef, 0x0123456789ab7788 },
	{ "r15w", { 0x66, 0x44, 0x8b, 0x3b }, 0xcdef, 0x0123456789ab7788 },
	{ "eax clears the upper half", { 0x8b, 0x03 }, 0x89abcdef, 0x55667788 },
	{ "r9d clears the upper half", { 0x44, 0x8b, 0x0b }, 0x89abcdef, 0x55667788 },
	{ "rax", { 0x48, 0x8b, 0x03 }, BEFORE, 0x1122334455667788 },
	{ "r15", { 0x4c, 0x8b, 0x3b }, BEFORE, 0x1122334455667788 },
	{ "movzx ax, byte", { 0x66, 0x0f, 0xb6, 0x03 }, 0xcdef, 0x0123456789ab7788 },
	{ "movzx eax, byte", { 0x0f, 0xb6, 0x03 }, 0x89abcdef, 0x55667788 },
	{ "movsxd rax, dword", { 0x48, 0x63, 0x03 }, BEFORE, 0x1122334455667788 },
};

static void test_registers_are_read_and_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(register_rows); i++) {
		const struct register_row *row = &register_rows[i];
		struct insn insn = decode(row->bytes, CODE_64);
		uint64_t values[REG_COUNT];
		unsigned changed = 0;

		for (unsigned reg = 0; reg < REG_COUNT; reg++)
			values[reg] = BEFORE;
		if (insn_read_register(&insn, values) != row->read)
			fail_msg("%s reads 0x%llx", row->name,
				(unsigned long long)insn_read_register(&insn, values));
		insn_write_register(&insn, values, 0x1122334455667788ull);
		if (values[insn.reg] != row->written)
			fail_msg("%s becomes 0x%llx", row->name,
				(unsigned long long)values[insn.reg]);
		for (unsigned reg = 0; reg < REG_COUNT; reg++)
			changed += values[reg] != BEFORE;
		assert_int_equal(changed, 1);
	}
}

static const struct {
	const char *name; /* insn_operation_name's */
	uint8_t bytes[INSN_MAX_LENGTH];
	bool reads;
	bool writes;
} accesses[] = {
	{ "mov", { 0x89, 0x00 }, false, true },
	{ "mov", { 0xc7, 0x00 }, false, true },
	{ "mov", { 0xa3 }, false, true },
	{ "mov", { 0x8b, 0x00 }, true, false },
	{ "mov", { 0xa1 }, true, false },
	{ "movzx", { 0x0f, 0xb6, 0x00 }, true, false },
	{ "movsx", { 0x0f, 0xbe, 0x00 }, true, false },
	{ "movsx", { 0x63, 0x00 }, true, false },
	{ "cmp", { 0x39, 0x00 }, true, false },
	{ "cmp", { 0x3b, 0x00 }, true, false },
	{ "cmp", { 0x83, 0x38 }, true, false },
	{ "test", { 0x85, 0x00 }, true, false },
	{ "test", { 0xf7, 0x00 }, true, false },
	{ "add", { 0x03, 0x00 }, true, false },
	{ "add", { 0x01, 0x00 }, true, true },
	{ "or", { 0x0b, 0x00 }, true, false },
	{ "or", { 0x83, 0x08 }, true, true },
	{ "and", { 0x21, 0x00 }, true, true },
	{ "sub", { 0x29, 0x00 }, true, true },
	{ "xor", { 0x31, 0x00 }, true, true },
	{ "xchg", { 0x87, 0x00 }, true, true },
	{ "inc", { 0xff, 0x00 }, true, true },
	{ "dec", { 0xff, 0x08 }, true, true },
	{ "not", { 0xf7, 0x10 }, true, true },
	{ "neg", { 0xf7, 0x18 }, true, true },
};

static void test_reads_and_writes_of_memory(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(accesses); i++) {
		struct insn insn = decode(accesses[i].bytes, CODE_64);

		assert_string_equal(insn_operation_name(insn.operation), accesses[i].name);
		if (insn_reads_memory(&insn) != accesses[i].reads ||
			insn_writes_memory(&insn) != accesses[i].writes)
			fail_msg("row %u, %s: reads %d, writes %d", i, accesses[i].name,
				insn_reads_memory(&insn), insn_writes_memory(&insn));
	}
}

static void test_name_of_no_operation(void **state)
{
	(void)state;
	assert_string_equal(insn_operation_name(INSN_OPERATION_COUNT), "?");
	assert_string_equal(insn_operation_name((enum insn_operation)255), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
#ifdef __x86_64__
		cmocka_unit_test(test_sib_without_base_ignores_rex_b),
#endif
		cmocka_unit_test(test_registers_are_read_and_written),
		cmocka_unit_test(test_reads_and_writes_of_memory),
		cmocka_unit_test(test_name_of_no_operation),
	};

	return cmocka_run_group_tests_name("decode operands", tests, NULL, NULL);
}
