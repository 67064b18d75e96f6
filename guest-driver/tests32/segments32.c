/* SPDX-License-Identifier: MIT */
/*
 * svirtb's registers from other code: 16-bit protected mode, segments with bases, code that ends
 * where its segment wraps, legacy code with the L bit, real mode, virtual-8086 mode. And hardware
 * task switches, which are not supported: those parts do not return. One part for each word; see
 * the table at the end.
 */
#include "guest-driver/runtime/check.h"
#include "guest-driver/runtime/exceptions32.h"
#include "guest-driver/tests32/mmu.h"
#include "guest-driver/tests32/registers.h"
#include "lib/string.h"

/* segments32.asm: its GDT, and what it runs. */
enum selector {
	CODE_16_SEGMENT = 0x18,
	CODE_16_END = 0x38,
	CODE_32_WRAP = 0x40,
	TASK = 0x60,
	OTHER_TASK = 0x68,
};
extern uint64_t segments_gdt[];
extern uint32_t segments_found[16];
extern uint32_t segments_real_cr0;
extern const uint8_t code_16_segment[], low_start[], low_end[], low_v86[], low_v86_end[];
extern void segments_load(void);
extern void segments_code_16(void);
extern void segments_bases(void);
extern void segments_far_call(uint32_t offset, uint32_t selector, uint32_t address);
extern void segments_l_bit(void);
extern void segments_l_bit_paging(void);
extern void segments_real(void);
extern void segments_v86(uint32_t eip);
extern void segments_load_task(uint32_t selector);
extern void segments_task_call(uint32_t offset, uint32_t selector);
extern void segments_task_jump(uint32_t offset, uint32_t selector);
extern void segments_task_return(void);

#define LOW_MEMORY      0x60000u    /* segment 0x6000 of real mode */
#define HYPERVISOR      0x65666143u /* 'Cafe', EBX of CPUID leaf 0x40000000 */
#define V86_WINDOW      0x20000u    /* the device in virtual-8086 mode, segment 0x2000 */
#define TASK_VECTOR     0x30
#define GP_VECTOR       13
#define EFLAGS_VM       (1u << 17)
#define DESCRIPTOR_BUSY (1ull << 41)

struct tss32 {
	uint32_t back_link, esp0, ss0, rest[22], io_map;
};
_Static_assert(sizeof(struct tss32) == 0x68, "task-state segment, SDM vol. 3A");

static struct tss32 task, other_task;
static uint32_t task_stack[1024];
static __attribute__((aligned(4096))) uint32_t directory[1024], low_table[1024];
static __attribute__((aligned(65536))) uint8_t wrap_block[65536];

static void set_base(enum selector selector, uint32_t base)
{
	uint64_t *descriptor = &segments_gdt[selector / 8];

	*descriptor =
		(*descriptor & ~0xff0000ffffff0000ull & ~(selector >= TASK ? DESCRIPTOR_BUSY : 0)) |
		(uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

static void prepare(void)
{
	memset(segments_found, 0xee, sizeof(segments_found));
	segments_load();
}

static uint32_t low_offset(const uint8_t *label)
{
	return address_of(label) - address_of(low_start);
}

static void check_found(uint8_t number, uint32_t index, uint32_t expected)
{
	print("found %u: 0x%x\n", index, segments_found[index]);
	check_equal(number, "what was found", segments_found[index], expected);
}

static void part_code_16(void)
{
	static const uint32_t expected[] = { SVIRTB_MAGIC, 0x11223344, 0x55667788, 0xabcdffff,
		0x11223344, 0x99aabbcc, 0x99aabbcc, SVIRTB_MAGIC };

	prepare();
	set_base(CODE_16_SEGMENT, address_of(code_16_segment));
	segments_code_16();
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		check_found((uint8_t)(i + 1), i, expected[i]);
}

static void part_bases(void)
{
	static const uint32_t expected[] = { SVIRTB_MAGIC, 0x10203040, 0x10203040, 0x10203040,
		0x10203040, 0x50607080, 0x50607080 };

	prepare();
	segments_bases();
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		check_found((uint8_t)(i + 1), i, expected[i]);
	register_write(DEVICE_PAGE, SVIRTB_STATUS, SVIRTB_RESET);
}

/* What ends at the last byte of a 16-bit segment goes on at its first. */
static void part_wrap_16(void)
{
	static const uint8_t load[] = { 0x66, 0x67, 0x8b, 0x03 }; /* mov eax, [ebx] */
	static const uint8_t far_return[] = { 0x66, 0xcb };
	static const uint8_t in[] = { 0xec }; /* in al, dx */

	prepare();
	set_base(CODE_16_END, address_of(wrap_block));
	memcpy(wrap_block, far_return, sizeof(far_return));
	memcpy(wrap_block + sizeof(wrap_block) - sizeof(load), load, sizeof(load));
	register_write(DEVICE_PAGE, SVIRTB_STATUS, SVIRTB_RESET);
	segments_far_call(0x10000 - sizeof(load), CODE_16_END, DEVICE_PAGE);
	check_found(1, 0, SVIRTB_MAGIC);

	/* An exit by an instruction whose length the processor reports. */
	wrap_block[sizeof(wrap_block) - 1] = in[0];
	segments_far_call(0xffff, CODE_16_END, DEVICE_PAGE);
	print("port: 0x%x\n", segments_found[0]);
}

/* The same at 4 GiB, in a segment whose base puts that into memory. */
static void part_wrap_32(void)
{
	static const uint8_t load[] = { 0x8b, 0x03 };
	static const uint8_t far_return[] = { 0xcb };
	uint8_t *const base = wrap_block + sizeof(wrap_block) / 2;

	prepare();
	set_base(CODE_32_WRAP, address_of(base));
	memcpy(base, far_return, sizeof(far_return));
	memcpy(base - sizeof(load), load, sizeof(load));
	register_write(DEVICE_PAGE, SVIRTB_STATUS, SVIRTB_RESET);
	segments_far_call(0u - sizeof(load), CODE_32_WRAP, DEVICE_PAGE);
	check_found(1, 0, SVIRTB_MAGIC);
}

static void map_all(uint32_t flags)
{
	for (uint32_t i = 0; i < 1024; i++) {
		directory[i] = i << 22 | PAGE_READY | PAGE_LARGE | flags;
		low_table[i] = i << 12 | PAGE_READY | flags;
	}
	directory[0] = address_of(low_table) | PAGE_READY | flags;
	cr4_write(CR4_PSE);
	cr3_write(address_of(directory));
}

static void part_l_bit(void)
{
	prepare();
	segments_l_bit();
	check_found(1, 0, SVIRTB_MAGIC);
	check_found(2, 1, SVIRTB_MAGIC);
	map_all(0);
	segments_l_bit_paging();
	check_found(3, 2, SVIRTB_MAGIC);
	check_equal(4, "CR0 without PG", segments_found[3] & (CR0_PG | CR0_CD), 0);
	cr4_write(0);
}

/* Real mode by a plain write of CR0, or by one that exits because it changes CD. */
static void check_real(uint8_t first, uint32_t cr0_change)
{
	static const uint32_t expected[] = { SVIRTB_MAGIC, 0x0badcafe, HYPERVISOR, 0x77, 0x12340003,
		0x12340000, 0x33, 0x101 };
	const uint32_t cr0 = cr0_read();

	prepare();
	memcpy((void *)LOW_MEMORY, low_start, low_offset(low_end));
	memcpy((void *)(LOW_MEMORY + 0xfffc), "\x66\x67\x8b\x03", 4);
	segments_real_cr0 = cr0_change;
	segments_real();
	exceptions32_load();
	check_found(first, 0, (cr0 & ~CR0_PE) ^ cr0_change);
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		check_found((uint8_t)(first + 1 + i), i + 1, expected[i]);
	check_equal((uint8_t)(first + 9), "SP", segments_found[9] & 0xffff, 0xf000);
	check_found((uint8_t)(first + 10), 10, SVIRTB_DRIVER_OK);
	check_equal((uint8_t)(first + 11), "CR0 afterwards", cr0_read(), cr0);
}

static void part_real(void)
{
	check_real(1, 0);
}

static void part_real_cd(void)
{
	check_real(21, CR0_CD);
}

static void enter_v86(void *unused)
{
	(void)unused;
	segments_v86(low_offset(low_v86));
}

/* Ends by HLT, which is a #GP there. */
static void part_v86(void)
{
	uint32_t vector;

	prepare();
	memcpy((void *)LOW_MEMORY, low_start, low_offset(low_end));
	task = (struct tss32){
		.esp0 = address_of(task_stack + 1024), .ss0 = EXCEPTION32_DATA, .io_map = 0x68 << 16
	};
	set_base(TASK, address_of(&task));
	segments_load_task(TASK);
	map_all(PAGE_USER);
	low_table[V86_WINDOW >> 12] = DEVICE_PAGE | PAGE_READY | PAGE_USER;
	cr0_write(cr0_read() | CR0_PG);
	vector = exception32_try(enter_v86, NULL);
	cr0_write(cr0_read() & ~CR0_PG);
	cr4_write(0);
	check_equal(1, "vector of HLT", vector, GP_VECTOR);
	check_equal(2, "its EFLAGS.VM", exception32_last.eflags & EFLAGS_VM, EFLAGS_VM);
	check_equal(3, "EAX", exception32_last.eax, SVIRTB_MAGIC);
	check_equal(4, "ECX", exception32_last.ecx, 0x13572468);
	check_equal(5, "EDX", exception32_last.edx, 0x24681357);
	check_equal(6, "EIP", exception32_last.eip, low_offset(low_v86_end));
}

/* All four ways to another task. */
static void prepare_tasks(void)
{
	prepare();
	task.back_link = OTHER_TASK;
	set_base(TASK, address_of(&task));
	set_base(OTHER_TASK, address_of(&other_task));
	segments_load_task(TASK);
}

static void part_task_gate(void)
{
	prepare_tasks();
	exceptions32_set_gate(TASK_VECTOR, GATE32_TASK, OTHER_TASK, 0);
	__asm__ volatile("int %0" : : "i"(TASK_VECTOR) : "memory");
	check_equal(1, "the guest went on after", TASK_VECTOR, 0);
}

static void part_task_call(void)
{
	prepare_tasks();
	segments_task_call(0, OTHER_TASK);
	check_equal(1, "the guest went on after CALL", OTHER_TASK, 0);
}

static void part_task_jump(void)
{
	prepare_tasks();
	segments_task_jump(0, OTHER_TASK);
	check_equal(1, "the guest went on after JMP", OTHER_TASK, 0);
}

static void part_task_return(void)
{
	prepare_tasks();
	segments_gdt[OTHER_TASK / 8] |= DESCRIPTOR_BUSY;
	segments_task_return();
	check_equal(1, "the guest went on after IRET", OTHER_TASK, 0);
}

int main(const char *cmdline)
{
	static const struct check_part parts[] = {
		{ "code-16", part_code_16 },
		{ "bases", part_bases },
		{ "wrap-16", part_wrap_16 },
		{ "wrap-32", part_wrap_32 },
		{ "l-bit", part_l_bit },
		{ "real", part_real },
		{ "real-cd", part_real_cd },
		{ "v86", part_v86 },
		{ "task-gate", part_task_gate },
		{ "task-call", part_task_call },
		{ "task-jump", part_task_jump },
		{ "task-return", part_task_return },
	};

	exceptions32_load();
	return check_run_parts(cmdline, parts, sizeof(parts) / sizeof(parts[0]));
}
