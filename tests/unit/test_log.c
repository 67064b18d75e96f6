/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of lib/log.c and lib/status.c: the form of a line, levels, sinks, the guest's
 * unfinished console lines, the ring against a record of every byte, the rate limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/status.h"

/* The first sink, added once: it records every byte. */
static struct {
	char bytes[1 << 16];
	size_t size;
} shown;

static int shown_sink;

static void record(void *context, const char *bytes, size_t size)
{
	assert_ptr_equal(context, &shown);
	assert_true(size <= sizeof(shown.bytes) - shown.size);
	memcpy(shown.bytes + shown.size, bytes, size);
	shown.size += size;
}

static int add_sink(void **state)
{
	(void)state;
	shown_sink = log_add_sink(record, &shown);
	return shown_sink == 0 ? 0 : -1;
}

/* Each test starts on a new line, at the default level, without a ring. */
static int start(void **state)
{
	(void)state;
	log_set_ring(NULL, 0);
	log_set_level(LOG_INFO);
	log_console_byte('\n');
	shown.size = 0;
	return 0;
}

static void console(const char *text)
{
	while (*text != '\0')
		log_console_byte(*text++);
}

static void assert_shown(const char *text)
{
	assert_int_equal(shown.size, strlen(text));
	assert_memory_equal(shown.bytes, text, shown.size);
	shown.size = 0;
}

static void test_default_level(void **state)
{
	(void)state;
	assert_int_equal(log_get_level(), LOG_INFO);
}

static void test_lines(void **state)
{
	(void)state;
	log_info("vmm", "entry %d", 7);
	assert_shown("[vmm] entry 7\n");
	log_warn("svirtb", "size 0x%x", 16);
	assert_shown("[svirtb] warning: size 0x10\n");
	log_error("boot", "no VT-x");
	assert_shown("[boot] error: no VT-x\n");
	log_set_level(LOG_TRACE);
	log_debug("a", "b");
	log_trace("c", "d");
	assert_shown("[a] b\n[c] d\n");
}

static void test_levels(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug", "trace" };

	(void)state;
	for (int level = LOG_ERROR; level < LOG_LEVEL_COUNT; level++) {
		log_set_level((enum log_level)level);
		assert_int_equal(log_get_level(), level);
		assert_string_equal(log_level_name((enum log_level)level), names[level]);
		assert_int_equal(log_level_find(names[level]), level);
		for (int message = LOG_ERROR; message < LOG_LEVEL_COUNT; message++) {
			shown.size = 0;
			log_write((enum log_level)message, "m", "x");
			assert_int_equal(shown.size > 0, message <= level);
		}
	}
	assert_int_equal(log_level_find("verbose"), -1);
	assert_int_equal(log_level_find(""), -1);
	assert_string_equal(log_level_name(LOG_LEVEL_COUNT), "unknown");
	log_set_level(LOG_ERROR);
	shown.size = 0;
	console("guest\n");
	assert_shown("guest\n");
}

static void test_unfinished_console_line(void **state)
{
	(void)state;
	console("login: ");
	log_info("vmm", "exit");
	log_info("vmm", "exit");
	console("root\n");
	log_info("vmm", "exit");
	log_info("vmm", "exit");
	assert_shown("login: \n[vmm] exit\n[vmm] exit\nroot\n[vmm] exit\n[vmm] exit\n");
	console("bar\r");
	log_info("vmm", "exit");
	assert_shown("bar\r\n[vmm] exit\n");
}

/* Around the length of a line; a cut one ends with '...' and its newline. */
static void test_long_lines(void **state)
{
	char text[1200];

	(void)state;
	for (size_t length = 450; length < sizeof(text); length++) {
		const size_t whole = strlen("[m] error: ") + length + 1;

		memset(text, 'x', length);
		text[length] = '\0';
		shown.size = 0;
		log_error("m", "%s", text);
		assert_int_equal(shown.bytes[shown.size - 1], '\n');
		if (whole <= 511) {
			assert_int_equal(shown.size, whole);
			assert_int_equal(shown.bytes[shown.size - 2], 'x');
		} else {
			assert_int_equal(shown.size, 511);
			assert_memory_equal(shown.bytes + shown.size - 5, "x...\n", 5);
		}
	}
	shown.size = 0;
	log_info(text, "x"); /* not even the module's name fits */
	assert_int_equal(shown.size, 511);
	assert_memory_equal(shown.bytes + shown.size - 5, "x...\n", 5);
}

static void count_bytes(void *context, const char *bytes, size_t size)
{
	(void)bytes;
	*(size_t *)context += size;
}

static void test_sinks(void **state)
{
	static size_t counts[LOG_MAX_SINKS];

	(void)state;
	for (int i = 1; i < LOG_MAX_SINKS; i++)
		assert_int_equal(log_add_sink(count_bytes, &counts[i]), i);
	assert_int_equal(log_add_sink(count_bytes, &counts[0]), -1);
	log_info("a", "b");
	log_switch_sink(2, false);
	log_info("a", "b");
	log_switch_sink(2, true);
	log_info("a", "b");
	for (int i = 1; i < LOG_MAX_SINKS; i++) {
		assert_int_equal(counts[i], (i == 2 ? 2 : 3) * strlen("[a] b\n"));
		log_switch_sink(i, false);
	}
	log_switch_sink(-1, false);
	log_switch_sink(LOG_MAX_SINKS, false);
	log_switch_sink(1000000, false);
	assert_shown("[a] b\n[a] b\n[a] b\n");
}

/* Reads everything from a position on, so many bytes at a time; it must be the record's end. */
static void check_ring(uint64_t from, uint64_t start_position, size_t ring_size, size_t step)
{
	const uint64_t end = log_position();
	const uint64_t kept = min_u64(end - start_position, ring_size);
	const uint64_t first = max_u64(from, end - kept);
	uint64_t position = from;
	char *buffer = malloc(step);
	size_t total = 0, size;

	assert_non_null(buffer);
	while ((size = log_read(&position, buffer, step)) > 0) {
		const size_t at = (size_t)(first - start_position) + total;

		assert_true(size <= step && at + size <= shown.size);
		assert_memory_equal(buffer, shown.bytes + at, size);
		total += size;
		assert_int_equal(position, first + total);
	}
	assert_int_equal(total, end - first);
	free(buffer);
}

static void test_ring(void **state)
{
	static const size_t sizes[] = { 1, 2, 7, 64, 100, 1 << 15 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		char *ring = malloc(sizes[i]);
		uint64_t start_position;

		assert_non_null(ring);
		log_set_ring(ring, sizes[i]);
		start_position = log_position();
		shown.size = 0;
		for (int line = 0; line < 60; line++) {
			const uint64_t end = log_position();

			check_ring(0, start_position, sizes[i], 1000);
			check_ring(start_position, start_position, sizes[i], 3);
			check_ring(end, start_position, sizes[i], 8);
			check_ring(max_u64(end - 5, start_position), start_position, sizes[i], 1);
			log_info("ring", "line %*d", line, line);
			console("x");
			assert_int_equal(log_position() - start_position, shown.size);
		}
		log_set_ring(NULL, 0);
		free(ring);
	}
}

static void test_ring_edges(void **state)
{
	char ring[8], buffer[8];
	uint64_t position;

	(void)state;
	log_info("before", "not in the ring");
	log_set_ring(ring, sizeof(ring));
	position = 0;
	assert_int_equal(log_read(&position, buffer, sizeof(buffer)), 0);
	assert_int_equal(position, log_position());
	console("ab");
	position = ~0ull;
	assert_int_equal(log_read(&position, buffer, sizeof(buffer)), 0);
	position = 0;
	assert_int_equal(log_read(&position, buffer, 0), 0);
	assert_int_equal(log_read(&position, buffer, sizeof(buffer)), 2);
	assert_memory_equal(buffer, "ab", 2);

	log_set_ring(ring, 0);
	console("cd");
	position = 0;
	assert_int_equal(log_read(&position, buffer, sizeof(buffer)), 0);
}

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	for (uint64_t number = 1; number <= 5000; number++) {
		const bool power_of_two = (number & (number - 1)) == 0;

		assert_int_equal(
			log_limit_passes(&limit), number <= LOG_LIMIT_FIRST || power_of_two);
	}
	limit.count = ~0ull; /* wraps: not before the sun has gone out, but without harm */
	assert_true(log_limit_passes(&limit));
}

static void test_limited_messages(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	for (int i = 1; i <= 40; i++)
		log_limited(&limit, LOG_WARN, "svirtb", "head %d", i);
	assert_shown("[svirtb] warning: head 1\n[svirtb] warning: head 2\n"
		     "[svirtb] warning: head 3\n[svirtb] warning: head 4\n"
		     "[svirtb] warning: head 5\n[svirtb] warning: head 6\n"
		     "[svirtb] warning: head 7\n[svirtb] warning: head 8\n"
		     "[svirtb] warning: (number 16 of its kind) head 16\n"
		     "[svirtb] warning: (number 32 of its kind) head 32\n");
	/* One below the level is not shown and does not count. */
	log_limited(&limit, LOG_DEBUG, "svirtb", "head");
	assert_int_equal(limit.count, 40);
	assert_shown("");
}

static void test_status(void **state)
{
	(void)state;
	for (int i = 0; i < STATUS_COUNT; i++) {
		assert_non_null(status_text((enum status)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				status_text((enum status)i), status_text((enum status)j));
	}
	assert_string_equal(status_text(STATUS_OK), "success");
	assert_string_equal(status_text(STATUS_COUNT), "unknown status");
	assert_string_equal(status_text((enum status) - 1), "unknown status");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_level),
		cmocka_unit_test_setup(test_lines, start),
		cmocka_unit_test_setup(test_levels, start),
		cmocka_unit_test_setup(test_unfinished_console_line, start),
		cmocka_unit_test_setup(test_long_lines, start),
		cmocka_unit_test_setup(test_sinks, start),
		cmocka_unit_test_setup(test_ring, start),
		cmocka_unit_test_setup(test_ring_edges, start),
		cmocka_unit_test_setup(test_limit, start),
		cmocka_unit_test_setup(test_limited_messages, start),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests_name("log", tests, add_sink, NULL);
}
