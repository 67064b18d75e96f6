/* SPDX-License-Identifier: MIT */
/*
 * The loop around the code under test: requests come in on standard input, a reply to each goes out
 * on standard output, the code's log goes to standard error. Nothing in here knows what is
 * expected; the grader (tests/lab/kit/child.py) does. Included by tests/lab/<n>/child.c.
 */
#ifndef TESTS_LAB_CHILD_H
#define TESTS_LAB_CHILD_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/bits.h"
#include "lib/log.h"

#define CHILD_MAX (4u << 20)

/* One request and the reply to it. Numbers in both are little-endian and not aligned. */
struct child {
	uint8_t *in, *out;
	size_t in_size, taken, out_size;
	uint8_t operation;
};

static void child_log_sink(void *context, const char *bytes, size_t size)
{
	(void)context;
	while (size > 0) {
		ssize_t written = write(STDERR_FILENO, bytes, size);

		if (written <= 0)
			return;
		bytes += written;
		size -= (size_t)written;
	}
}

/* False at the end of the input. */
static inline bool child_read_all(void *to, size_t size)
{
	uint8_t *at = to;

	while (size > 0) {
		ssize_t got = read(STDIN_FILENO, at, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static inline void child_write_all(const void *from, size_t size)
{
	const uint8_t *at = from;

	while (size > 0) {
		ssize_t put = write(STDOUT_FILENO, at, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			_exit(3);
		at += put;
		size -= (size_t)put;
	}
}

static inline void child_start(struct child *child)
{
	*child = (struct child){ .in = malloc(CHILD_MAX), .out = malloc(CHILD_MAX) };
	if (child->in == NULL || child->out == NULL)
		_exit(4);
	log_set_level(LOG_DEBUG);
	(void)log_add_sink(child_log_sink, NULL);
}

/* The next request; false when there are no more. */
static inline bool child_next(struct child *child)
{
	uint32_t size;

	child->taken = 0;
	child->out_size = 0;
	if (!child_read_all(&size, sizeof(size)) || !child_read_all(&child->operation, 1))
		return false;
	child->in_size = size;
	return size <= CHILD_MAX && child_read_all(child->in, size);
}

static inline void child_reply(struct child *child)
{
	uint32_t size = (uint32_t)child->out_size;

	child_write_all(&size, sizeof(size));
	child_write_all(child->out, size);
}

/* All of a child's work: answer() does what each request asks and fills the reply. */
static inline int child_serve(void (*answer)(struct child *child))
{
	struct child child;

	child_start(&child);
	while (child_next(&child)) {
		answer(&child);
		child_reply(&child);
	}
	return 0;
}

static inline uint64_t child_take(struct child *child, unsigned int width)
{
	uint64_t value = 0;

	if (child->in_size - child->taken < width)
		_exit(5);
	memcpy(&value, child->in + child->taken, width);
	child->taken += width;
	return value;
}

static inline void child_put(struct child *child, uint64_t value, unsigned int width)
{
	if (CHILD_MAX - child->out_size < width)
		_exit(5);
	memcpy(child->out + child->out_size, &value, width);
	child->out_size += width;
}

static inline void child_put_bytes(struct child *child, const void *bytes, size_t size)
{
	if (CHILD_MAX - child->out_size < size)
		_exit(5);
	memcpy(child->out + child->out_size, bytes, size);
	child->out_size += size;
}

/* Whole pages with a page that nobody may touch on either side. */
static inline uint8_t *child_pages(size_t size)
{
	uint8_t *pages =
		mmap(NULL, size + 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + PAGE_SIZE, size, PROT_READ | PROT_WRITE) != 0)
		_exit(4);
	return pages + PAGE_SIZE;
}

#endif
