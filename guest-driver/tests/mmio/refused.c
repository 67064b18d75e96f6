/* SPDX-License-Identifier: MIT */
/*
 * Instructions that access memory in ways that are not carried: on memory they work, on the device
 * page they are #UD, with nothing changed and the guest going on. And places where nobody lives.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/encode.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/string.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

/* CPUID leaf 1 ECX */
#define HAS_MOVBE BIT(22)
#define HAS_XSAVE BIT(26)
#define HAS_AVX   BIT(28)

struct refusal {
	const char *name;
	uint32_t feature; /* of leaf 1 ECX, 0 for none */
	uint8_t size;
	uint8_t code[8]; /* the operand is [rbx], or [rsi] or [rdi], which all point at the device
			  */
};

static const struct refusal refusals[] = {
	{ "movaps xmm0, [rbx]", 0, 3, { 0x0f, 0x28, 0x03 } },
	{ "movaps [rbx], xmm0", 0, 3, { 0x0f, 0x29, 0x03 } },
	{ "movups [rbx], xmm0", 0, 3, { 0x0f, 0x11, 0x03 } },
	{ "movd xmm0, [rbx]", 0, 4, { 0x66, 0x0f, 0x6e, 0x03 } },
	{ "movd [rbx], mm0", 0, 3, { 0x0f, 0x7e, 0x03 } },
	{ "movnti [rbx], eax", 0, 3, { 0x0f, 0xc3, 0x03 } },
	{ "vmovdqu ymm0, [rbx]", HAS_AVX, 4, { 0xc5, 0xfe, 0x6f, 0x03 } },
	{ "vmovdqu [rbx], ymm0", HAS_AVX, 4, { 0xc5, 0xfe, 0x7f, 0x03 } },
	{ "movbe eax, [rbx]", HAS_MOVBE, 4, { 0x0f, 0x38, 0xf0, 0x03 } },
	{ "movbe [rbx], eax", HAS_MOVBE, 4, { 0x0f, 0x38, 0xf1, 0x03 } },
	{ "fld dword [rbx]", 0, 2, { 0xd9, 0x03 } },
	{ "fst dword [rbx]", 0, 2, { 0xd9, 0x13 } },
	{ "fild dword [rbx]", 0, 2, { 0xdb, 0x03 } },
	{ "fnstcw [rbx]", 0, 2, { 0xd9, 0x3b } },
	{ "ldmxcsr [rbx]", 0, 3, { 0x0f, 0xae, 0x13 } },
	{ "lodsd", 0, 1, { 0xad } },
	{ "stosd", 0, 1, { 0xab } },
	{ "movsd", 0, 1, { 0xa5 } },
	{ "rep movsb", 0, 2, { 0xf3, 0xa4 } },
	{ "rep stosq", 0, 3, { 0xf3, 0x48, 0xab } },
	{ "cmpsd", 0, 1, { 0xa7 } },
	{ "repne scasb", 0, 2, { 0xf2, 0xae } },
	{ "xlatb", 0, 1, { 0xd7 } },
	{ "push [rbx]", 0, 2, { 0xff, 0x33 } },
	{ "pop [rbx]", 0, 2, { 0x8f, 0x03 } },
	{ "adc eax, [rbx]", 0, 2, { 0x13, 0x03 } },
	{ "sbb [rbx], eax", 0, 2, { 0x19, 0x03 } },
	{ "cmpxchg [rbx], ecx", 0, 3, { 0x0f, 0xb1, 0x0b } },
	{ "cmpxchg8b [rbx]", 0, 3, { 0x0f, 0xc7, 0x0b } },
	{ "xadd [rbx], ecx", 0, 3, { 0x0f, 0xc1, 0x0b } },
	{ "bt [rbx], ecx", 0, 3, { 0x0f, 0xa3, 0x0b } },
	{ "bts dword [rbx], 1", 0, 4, { 0x0f, 0xba, 0x2b, 0x01 } },
	{ "rol dword [rbx], 1", 0, 2, { 0xd1, 0x03 } },
	{ "shld [rbx], eax, cl", 0, 3, { 0x0f, 0xa5, 0x03 } },
	{ "imul eax, [rbx]", 0, 3, { 0x0f, 0xaf, 0x03 } },
	{ "mul dword [rbx]", 0, 2, { 0xf7, 0x23 } },
	{ "cmovz eax, [rbx]", 0, 3, { 0x0f, 0x44, 0x03 } },
	{ "setz [rbx]", 0, 3, { 0x0f, 0x94, 0x03 } },
	{ "mov ds, [rbx]", 0, 2, { 0x8e, 0x1b } },
	{ "mov [rbx], ds", 0, 2, { 0x8c, 0x1b } },
	{ "lar eax, [rbx]", 0, 3, { 0x0f, 0x02, 0x03 } },
	{ "lss eax, [rbx]", 0, 3, { 0x0f, 0xb2, 0x03 } },
	{ "sgdt [rbx]", 0, 3, { 0x0f, 0x01, 0x03 } },
};

/* The vector instructions must not be #UD of themselves. */
static void switch_vectors_on(uint32_t features)
{
	cpu_write_cr0((cpu_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	__asm__ volatile("fninit");
	if (features & HAS_XSAVE) {
		cpu_write_cr4(cpu_read_cr4() | CR4_OSXSAVE);
		if (features & HAS_AVX)
			cpu_write_xcr0(XCR0_X87 | XCR0_SSE | XCR0_AVX);
	}
}

static struct execution run_refusal(const struct refusal *refusal, const uint64_t registers[16])
{
	struct execution run = execution_at(CODE_WINDOW);

	memcpy(run.registers, registers, sizeof(run.registers));
	memcpy(window_code(0), refusal->code, refusal->size);
	execution_write_jump(window_code(0) + refusal->size);
	execution_run(&run);
	return run;
}

static void try_refusal(const struct refusal *refusal)
{
	static uint8_t stack[256] __attribute__((aligned(16)));
	const uint32_t cells[3] = { 0x11111111, 0x22222222, 0x33333333 };
	uint64_t registers[16] = { 0 };
	uint32_t found[3];
	struct execution run;

	check_begin("%s", refusal->name);
	registers[RCX] = 3;
	registers[RSP] = (uintptr_t)stack + sizeof(stack) / 2;
	registers[RBX] = registers[RSI] = registers[RDI] = WINDOW;
	/* All zeros are a null selector, a number, an MXCSR, and do no harm. */
	memset(window_ram(0), 0, PAGE);
	window_show(0, (uintptr_t)window_ram(0));
	check_equal("exception on memory", run_refusal(refusal, registers).exception.vector,
		EXCEPTION_NONE);
	window_set_device(cells);
	run = run_refusal(refusal, registers);
	check_equal("exception", run.exception.vector, VECTOR_UD);
	check_equal("where it points", run.exception.rip, CODE_WINDOW);
	check_equal("RF that it pushes", run.exception.rflags & RFLAGS_RF, RFLAGS_RF);
	for (unsigned int i = 0; i < 16; i++)
		check_equal("a register", run.registers[i], registers[i]);
	window_get_device(found);
	for (unsigned int i = 0; i < 3; i++)
		check_equal("a register of the device", found[i], cells[i]);
	check_equal("status", svirtb_register_read(SVIRTB_STATUS), SVIRTB_DRIVER_OK);
}

void mmio_test_refused(void)
{
	const uint32_t features = cpu_id(1, 0).ecx;

	switch_vectors_on(features);
	for (unsigned int i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if ((refusals[i].feature & ~features) == 0)
			try_refusal(&refusals[i]);
		else
			check_skip(refusals[i].name);
	}
}

/* Reads give ones in every width, and what is written is not there afterwards. */
static void try_nobody(uint64_t physical)
{
	static const struct operand at_rbx = { .base = RBX, .index = -1 };

	check_begin("guest-physical 0x%llx", (unsigned long long)physical);
	for (unsigned int i = 0; i < 3 * form_count; i++) {
		const struct form *form = &forms[i % form_count];
		const struct prefixes *with = &prefixes[random_number() % prefix_count];
		const unsigned int offset = (unsigned int)random_number() % (PAGE - 8);
		struct trial trial = trial_random(offset, form_width(form, with));

		if (!form_exists(form, with, RAX))
			continue;
		trial.value = ~0ull;
		trial.start.registers[RBX] = WINDOW + offset;
		trial.size =
			form_encode(trial.code, form, with, &at_rbx, RAX, (uint32_t)random_edge());
		if (!trial_agrees(&trial, physical, form->name))
			return;
	}
	window_show(0, physical);
	check_equal("what is there in the end", *(volatile uint32_t *)WINDOW, 0xffffffff);
}

static uint64_t end_of_memory(void)
{
	const struct start_info *info = runtime_info();
	const struct memory_map_entry *map =
		(const struct memory_map_entry *)(uintptr_t)info->memmap_paddr;
	uint64_t end = 0;

	for (uint32_t i = 0; i < info->memmap_entries; i++) {
		if (map[i].type == 1 && map[i].addr + map[i].size > end)
			end = map[i].addr + map[i].size;
	}
	return end;
}

void mmio_test_unmapped(void)
{
	const unsigned int physical_bits = cpu_id(0x80000008, 0).eax & 0xff;

	try_nobody(end_of_memory());
	try_nobody(DEVICE_PAGE - PAGE);
	try_nobody(DEVICE_PAGE + 2 * PAGE); /* behind virtio-blk's */
	try_nobody(0xd0000000);
	try_nobody(0xfec01000);
	try_nobody(0xfee01000);
	try_nobody(0xfffff000);
	try_nobody(0x100000000);
	try_nobody(DEVICE_PAGE + 0x100000000);
	try_nobody((1ull << physical_bits) - PAGE);
}
