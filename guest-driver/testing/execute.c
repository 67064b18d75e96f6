/* SPDX-License-Identifier: MIT */
/*
 * The C side of runs: their start, and their end by an exception. Called by the test guests and by
 * the exception handler.
 */
#include "guest-driver/testing/execute.h"

#include "guest-driver/runtime/runtime.h"
#include "lib/string.h"
#include "vmm/x86.h"

#define CODE_MAX 64

static uint8_t code_buffer[CODE_MAX + EXECUTION_JUMP_SIZE] __attribute__((aligned(64)));

struct execution execution_at(uint64_t rip)
{
	return (struct execution){
		.rip = rip,
		.cs = SELECTOR_CODE,
		.ss = SELECTOR_DATA,
		.rflags = RFLAGS_FIXED,
		.exception = { .vector = EXCEPTION_NONE },
	};
}

struct execution execution_of(const uint8_t *code, size_t size)
{
	if (size > CODE_MAX) {
		print("execution_of: %zu bytes of code, room for %d\n", size, CODE_MAX);
		runtime_exit(EXCEPTION_EXIT_STATUS);
	}
	memcpy(code_buffer, code, size);
	execution_write_jump(code_buffer + size);
	return execution_at((uintptr_t)code_buffer);
}

void execution_run(struct execution *execution)
{
	execution_enter(execution);
	execution->exception = exceptions_take();
}

/* jmp [rip + 0], and the address behind it. */
void execution_write_jump(uint8_t *code)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	const uint64_t target = (uintptr_t)execution_done;

	memcpy(code, jump, sizeof(jump));
	memcpy(code + sizeof(jump), &target, sizeof(target));
}

bool execution_end(struct exception_frame *frame)
{
	if (execution_current == NULL)
		return false;
	frame->rip = (uintptr_t)execution_done;
	frame->cs = SELECTOR_CODE;
	frame->ss = SELECTOR_DATA;
	frame->rflags &= ~(RFLAGS_TF | RFLAGS_RF | RFLAGS_AC);
	return true;
}
