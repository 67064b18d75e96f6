/* SPDX-License-Identifier: MIT */
/*
 * The one log: lines and the guest's console bytes on their way into the ring and to the sinks.
 * Called from everywhere; the only global state of the house besides the host's own tables.
 */
#include "lib/log.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

/* A line's length with its newline and the terminating zero; a longer one is cut. */
#define LOG_LINE_SIZE 512

struct log_sink {
	log_sink_fn *write;
	void *context;
	bool on;
};

static struct {
	enum log_level level;
	struct log_sink sinks[LOG_MAX_SINKS];
	int sink_count;
	bool console_open; /* the guest's console has left an unfinished line */
	char *ring;
	size_t ring_size;
	uint64_t ring_start; /* position at which the ring was given */
	uint64_t position;   /* bytes ever logged; byte n lies in ring[n % ring_size] */
} the_log = { .level = LOG_INFO };

static const char *const level_names[LOG_LEVEL_COUNT] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	[LOG_TRACE] = "trace",
};

void log_set_ring(char *ring, size_t size)
{
	the_log.ring = ring;
	the_log.ring_size = ring != NULL ? size : 0;
	the_log.ring_start = the_log.position;
}

int log_add_sink(log_sink_fn *write, void *context)
{
	if (the_log.sink_count == LOG_MAX_SINKS)
		return -1;
	the_log.sinks[the_log.sink_count] =
		(struct log_sink){ .write = write, .context = context, .on = true };
	return the_log.sink_count++;
}

void log_close(void)
{
	log_set_ring(NULL, 0);
	the_log.sink_count = 0;
}

void log_switch_sink(int sink, bool on)
{
	if (sink >= 0 && sink < the_log.sink_count)
		the_log.sinks[sink].on = on;
}

void log_set_level(enum log_level level)
{
	the_log.level = level;
}

enum log_level log_get_level(void)
{
	return the_log.level;
}

const char *log_level_name(enum log_level level)
{
	return (unsigned int)level < LOG_LEVEL_COUNT ? level_names[level] : "unknown";
}

int log_level_find(const char *name)
{
	for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
		if (strcmp(name, level_names[level]) == 0)
			return level;
	}
	return -1;
}

/* Bytes that lie together in the ring from a position on, at most wanted. */
static size_t ring_piece(uint64_t position, uint64_t wanted, size_t *index)
{
	*index = (size_t)(position % the_log.ring_size);
	return (size_t)min_u64(wanted, the_log.ring_size - *index);
}

static void ring_write(const char *bytes, size_t size)
{
	while (size > 0 && the_log.ring_size > 0) {
		size_t index;
		size_t piece = ring_piece(the_log.position, size, &index);

		memcpy(the_log.ring + index, bytes, piece);
		the_log.position += piece;
		bytes += piece;
		size -= piece;
	}
	the_log.position += size;
}

static void log_emit(const char *bytes, size_t size)
{
	ring_write(bytes, size);
	for (int i = 0; i < the_log.sink_count; i++) {
		if (the_log.sinks[i].on)
			the_log.sinks[i].write(the_log.sinks[i].context, bytes, size);
	}
}

static const char *level_label(enum log_level level)
{
	if (level == LOG_ERROR)
		return "error: ";
	return level == LOG_WARN ? "warning: " : "";
}

/* One line, sent out; number is shown unless it is 0. */
static void log_line(enum log_level level, const char *module, uint64_t number, const char *format,
	va_list arguments)
{
	static const char cut[] = "...\n";
	char line[LOG_LINE_SIZE];
	size_t length = format_text(line, sizeof(line), "[%s] %s", module, level_label(level));

	if (number != 0 && length < sizeof(line))
		length += format_text(line + length, sizeof(line) - length,
			"(number %llu of its kind) ", (unsigned long long)number);
	if (length < sizeof(line))
		length += format_text_va(line + length, sizeof(line) - length, format, arguments);
	if (length + 1 < sizeof(line)) {
		line[length++] = '\n';
	} else {
		length = sizeof(line) - 1;
		memcpy(line + length - strlen(cut), cut, strlen(cut));
	}
	if (the_log.console_open)
		log_emit("\n", 1);
	the_log.console_open = false;
	log_emit(line, length);
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
	va_list arguments;

	if (level > the_log.level)
		return;
	va_start(arguments, format);
	log_line(level, module, 0, format, arguments);
	va_end(arguments);
}

void log_limited(
	struct log_limit *limit, enum log_level level, const char *module, const char *format, ...)
{
	va_list arguments;

	if (level > the_log.level || !log_limit_passes(limit))
		return;
	va_start(arguments, format);
	log_line(level, module, limit->count > LOG_LIMIT_FIRST ? limit->count : 0, format,
		arguments);
	va_end(arguments);
}

void log_console_byte(char byte)
{
	the_log.console_open = byte != '\n';
	log_emit(&byte, 1);
}

uint64_t log_position(void)
{
	return the_log.position;
}

size_t log_read(uint64_t *position, char *buffer, size_t size)
{
	uint64_t oldest = the_log.ring_start;
	size_t copied = 0;

	if (the_log.position - oldest > the_log.ring_size)
		oldest = the_log.position - the_log.ring_size;
	if (*position < oldest)
		*position = oldest;
	while (copied < size && *position < the_log.position) {
		size_t index;
		size_t piece = ring_piece(
			*position, min_u64(size - copied, the_log.position - *position), &index);

		memcpy(buffer + copied, the_log.ring + index, piece);
		*position += piece;
		copied += piece;
	}
	return copied;
}

bool log_limit_passes(struct log_limit *limit)
{
	limit->count++;
	return limit->count <= LOG_LIMIT_FIRST || (limit->count & (limit->count - 1)) == 0;
}
