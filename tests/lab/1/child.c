/* SPDX-License-Identifier: MIT */
/*
 * The decoder as a program: bytes in, a struct insn out. The bytes end where a page ends that
 * nobody may read beyond. The request is that of tests/lab/1/decoder.py.
 */
#include "tests/lab/child.h"

#include "vmm/decode.h"

static uint8_t *page_end;

/* 'D': the code's size, then the bytes. */
static void decode(struct child *child)
{
	enum code_size mode = (enum code_size)child_take(child, 1);
	size_t count = child->in_size - child->taken;
	struct insn insn = { 0 };
	enum status status;

	if (child->operation != 'D' || count > PAGE_SIZE)
		_exit(5);
	memcpy(page_end - count, child->in + child->taken, count);
	status = decode_insn(page_end - count, (unsigned int)count, mode, &insn);
	child_put(child, status, 4);
	child_put(child, insn.operation, 4);
	child_put(child, insn.immediate, 8);
	child_put(child, (uint64_t)insn.displacement, 8);
	child_put(child, insn.width, 1);
	child_put(child, insn.target_width, 1);
	child_put(child, insn.memory_is_destination, 1);
	child_put(child, insn.has_immediate, 1);
	child_put(child, insn.high_byte, 1);
	child_put(child, insn.lock, 1);
	child_put(child, insn.reg, 1);
	child_put(child, (uint8_t)insn.base, 1);
	child_put(child, (uint8_t)insn.index, 1);
	child_put(child, insn.scale, 1);
	child_put(child, insn.rip_relative, 1);
	child_put(child, insn.segment, 1);
	child_put(child, insn.address_width, 1);
	child_put(child, insn.length, 1);
}

int main(void)
{
	page_end = child_pages(PAGE_SIZE) + PAGE_SIZE;
	return child_serve(decode);
}
