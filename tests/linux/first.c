/* SPDX-License-Identifier: MIT */
/*
 * For 'make bench-linux': notes the TSC at its very first instruction and tells it on the console.
 * No library starts before it. As process 1 it then becomes /init.sh; with a word it is an ordinary
 * program that ends:
 *   first WORD    prints WORD_tsc=...
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/ioctls.h>
#include <sys/syscall.h>

#define LINE_MAX 120

static long system_call(long number, const void *a, const void *b, const void *c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static size_t put_text(char *line, size_t at, const char *text)
{
	while (*text != 0 && at < LINE_MAX / 2)
		line[at++] = *text++;
	return at;
}

static size_t put_number(char *line, size_t at, uint64_t number)
{
	uint64_t unit = 1;

	while (number / unit >= 10)
		unit *= 10;
	for (; unit != 0; unit /= 10)
		line[at++] = (char)('0' + number / unit % 10);
	return at;
}

void first_main(uint64_t tsc, const uint64_t *stack);

/* stack: the number of words, then the words. System V ABI, 'Process Initialization'. */
__attribute__((used)) void first_main(uint64_t tsc, const uint64_t *stack)
{
	static const char *const arguments[] = { "/init.sh", NULL };
	static const char *const environment[] = { "HOME=/", NULL };
	/* Words of the command line that the kernel does not know become process 1's. */
	const bool init = system_call(SYS_getpid, NULL, NULL, NULL) == 1;
	char line[LINE_MAX];
	size_t size = put_text(line, 0, "\n");

	size = put_text(
		line, size, init || stack[0] < 2 ? "init" : (const char *)(uintptr_t)stack[2]);
	size = put_text(line, size, "_tsc=");
	size = put_number(line, size, tsc);
	line[size++] = '\n';
	system_call(SYS_write, (const void *)1, line, (const void *)size);
	/* Until it has left the UART: the machine may be switched off next. */
	system_call(SYS_ioctl, (const void *)1, (const void *)TCSBRK, (const void *)1);
	if (init)
		system_call(SYS_execve, arguments[0], arguments, environment);
	system_call(SYS_exit, (const void *)(uintptr_t)init, NULL, NULL);
}

__asm__(".globl _start\n"
	"_start: rdtsc\n"
	"shlq $32, %rdx\n"
	"leaq (%rax,%rdx), %rdi\n"
	"movq %rsp, %rsi\n"
	"andq $-16, %rsp\n"
	"call first_main\n");
