/* SPDX-License-Identifier: MIT */
/*
 * The two files that a run leaves on the boot volume.
 */
#include "boot/result.h"

#include <stdarg.h>

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"

#define RESULT_PATH "\\cafevisor.result"
#define LOG_PATH    "\\cafevisor.log"
#define RESULT_SIZE 2048

struct text {
	char bytes[RESULT_SIZE];
	size_t length;
};

static void add_line(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_line(struct text *text, const char *format, ...)
{
	const size_t room = sizeof(text->bytes) - text->length;
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (length < room)
		text->length += length;
}

static uint64_t exits_in_all(const struct vcpu *vcpu)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < EXIT_REASON_COUNT; i++)
		count += vcpu->statistics[i].count;
	return count;
}

/* The reason must stay one line, whatever stands in it. */
static void flatten(char *text)
{
	for (; *text != 0; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

enum status result_write(struct session *s)
{
	struct text text = { .length = 0 };

	flatten(s->reason);
	add_line(&text, "version=%s\n", CAFEVISOR_VERSION);
	add_line(&text, "status=%d\n", s->status);
	add_line(&text, "reason=%s\n", s->reason);
	add_line(&text, "vtx=%s\n", s->preflight.vmx.vmx ? "yes" : "no");
	add_line(&text, "bytes_written_back=%lu\n", s->disk.written_back);
	add_line(&text, "disk_size=%lu\n", s->disk.ram.size);
	add_line(&text, "give_backs=%u\n", s->give_backs);
	add_line(&text, "exits=%lu\n", exits_in_all(&s->vcpu));
	add_line(&text, "requests=%lu\n", s->vm.svirtb.requests + s->vm.virtio_blk.requests);
	add_line(&text, "host_memory=%lu\n", firmware_overhead(&s->firmware));
	if (s->entered_tsc != 0) {
		add_line(&text, "startup_tsc=%lu\n",
			s->entered_tsc - s->started_tsc - s->loading_tsc);
		add_line(&text, "entered_tsc=%lu\n", s->entered_tsc);
	}
	if (s->machine.exchange_tsc != 0)
		add_line(&text, "give_back_tsc=%lu\n", s->machine.exchange_tsc);
	return volume_replace(&s->volume, RESULT_PATH, text.bytes, text.length);
}

enum status result_write_log(struct session *s)
{
	const size_t pages = CONSOLE_RING_SIZE / PAGE_SIZE;
	char *copy = firmware_alloc(&s->firmware, pages);
	uint64_t position = 0;
	size_t size;

	if (copy == NULL)
		return STATUS_NO_MEMORY;
	size = log_read(&position, copy, pages * PAGE_SIZE);
	return volume_replace(&s->volume, LOG_PATH, copy, size);
}
