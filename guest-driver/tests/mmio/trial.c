/* SPDX-License-Identifier: MIT */
/*
 * Trials: one instruction at one linear address, with memory behind it and with something else.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/pages.h"
#include "guest-driver/tests/mmio/mmio.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/x86.h"

#define FLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define DR6_CAUSES       (DR6_BS | 0xf)

uint64_t random_number(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

uint64_t random_edge(void)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff, 0xf, 0x10 };
	const uint64_t number = random_number();

	return (number >> 32) % 3 == 0 ? number : edges[number % (sizeof(edges) / sizeof(*edges))];
}

struct trial trial_random(unsigned int offset, unsigned int width)
{
	struct trial trial = {
		.offset = offset,
		.width = width,
		.value = width == 4 && offset % 4 == 0 ? random_edge() : ~0ull,
		.step = (random_number() >> 20 & 1) != 0,
		.start = execution_at(CODE_WINDOW),
	};

	for (unsigned int i = 0; i < 16; i++)
		trial.start.registers[i] = random_edge();
	trial.start.rflags |= random_number() & (FLAGS_ARITHMETIC | RFLAGS_DF);
	return trial;
}

/* What is compared of an execution. */
struct outcome {
	struct execution end;
	uint64_t entry; /* of the window's page */
};

static struct outcome execute(const struct trial *trial, uint64_t physical)
{
	struct outcome outcome = { .end = trial->start };

	memcpy(window_code(0), trial->code, trial->size);
	execution_write_jump(window_code(0) + trial->size);
	if (trial->step)
		outcome.end.rflags |= RFLAGS_TF;
	window_show(0, physical);
	execution_run(&outcome.end);
	outcome.entry = *pages_entry(WINDOW) | *pages_entry(WINDOW_HIGH);
	return outcome;
}

/* The trap comes behind the instruction and says that it is a single step. */
static bool step_is_right(const struct trial *trial, const struct exception *trap)
{
	return check_equal("vector of the single step", trap->vector, VECTOR_DB) &&
	       check_equal("where the single step is", trap->rip, CODE_WINDOW + trial->size) &&
	       check_equal("DR6", trap->dr6 & DR6_CAUSES, DR6_BS) &&
	       check_equal(
		       "TF and RF behind it", trap->rflags & (RFLAGS_TF | RFLAGS_RF), RFLAGS_TF);
}

static bool outcomes_agree(
	const struct trial *trial, const struct outcome *memory, const struct outcome *other)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi",
		"rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	bool agree = true;

	for (unsigned int i = 0; i < 16; i++)
		agree &= check_equal(names[i], other->end.registers[i], memory->end.registers[i]);
	agree &= check_equal("rflags", other->end.rflags, memory->end.rflags);
	agree &= check_equal("accessed and dirty", other->entry & (PAGE_ACCESSED | PAGE_DIRTY),
		memory->entry & (PAGE_ACCESSED | PAGE_DIRTY));
	if (trial->step)
		agree &= step_is_right(trial, &memory->end.exception) &
			 step_is_right(trial, &other->end.exception);
	else
		agree &= check_equal("exception", other->end.exception.vector, EXCEPTION_NONE) &
			 check_equal("exception on memory", memory->end.exception.vector,
				 EXCEPTION_NONE);
	return agree;
}

static void explain(const struct trial *trial, const char *detail)
{
	char text[3 * INSN_MAX + 1] = "";

	for (size_t i = 0; i < trial->size; i++)
		format_text(text + 3 * i, sizeof(text) - 3 * i, " %02x", trial->code[i]);
	print("  by%s at offset 0x%x, %s%s\n", text, trial->offset, trial->step ? "stepping, " : "",
		detail);
}

static void set_memory(const struct trial *trial)
{
	memset(window_ram(0), 0xff, PAGE);
	memcpy(window_ram(0) + trial->offset, &trial->value, trial->width);
}

bool trial_agrees(const struct trial *trial, uint64_t other, const char *detail)
{
	struct outcome on_memory, on_other;

	set_memory(trial);
	on_memory = execute(trial, (uintptr_t)window_ram(0));
	on_other = execute(trial, other);
	if (outcomes_agree(trial, &on_memory, &on_other))
		return true;
	explain(trial, detail);
	return false;
}

bool trial_agrees_with_device(const struct trial *trial, const char *detail)
{
	const unsigned int cell = (trial->offset - 4) / 4;
	const bool is_register = trial->width == 4 && trial->offset % 4 == 0 && cell < 3;
	uint32_t cells[3] = { (uint32_t)random_number(), (uint32_t)random_number(), 1 };
	uint32_t found[3];
	bool agree;

	if (is_register)
		cells[cell] = (uint32_t)trial->value;
	window_set_device(cells);
	agree = trial_agrees(trial, DEVICE_PAGE, detail);
	if (is_register)
		memcpy(&cells[cell], window_ram(0) + trial->offset, sizeof(cells[cell]));
	window_get_device(found);
	for (unsigned int i = 0; i < 3; i++) {
		if (!check_equal("the device's register", found[i], cells[i])) {
			explain(trial, detail);
			agree = false;
		}
	}
	return agree;
}
