/* SPDX-License-Identifier: MIT */
/*
 * The one log. A message is a line '[module] text'; it goes into a ring in memory and to every sink
 * that is switched on (COM1, the firmware's console). The guest's console bytes take the same way,
 * unchanged. Global by design: there is one log, and whatever goes wrong may write to it.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE, LOG_LEVEL_COUNT };

#define LOG_MAX_SINKS 4

/* Takes bytes that are to be shown now. context is whatever log_add_sink was given. */
typedef void log_sink_fn(void *context, const char *bytes, size_t size);

/* Gives the log its ring; a ring of size 0 keeps nothing. What was logged before is not in it. */
void log_set_ring(char *ring, size_t size);

/* Adds a sink, switched on; gives its number for log_switch_sink, -1 when the table is full. */
int log_add_sink(log_sink_fn *write, void *context);
void log_switch_sink(int sink, bool on);

/* Forgets ring and sinks: what they lie in goes away. */
void log_close(void);

/* Messages above this level are dropped. The guest's console is never dropped. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* The name of a level, and the level of a name (-1 for none). */
const char *log_level_name(enum log_level level);
int log_level_find(const char *name);

void log_write(enum log_level level, const char *module, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One byte of the guest's console. */
void log_console_byte(char byte);

/*
 * What the ring holds. log_position counts every byte ever logged; log_read copies what lies from
 * *position on (what has been overwritten is skipped), advances *position and returns the number of
 * bytes copied, at most size, 0 at the end.
 */
uint64_t log_position(void);
size_t log_read(uint64_t *position, char *buffer, size_t size);

/*
 * Rate limit for messages that a guest can cause: the first LOG_LIMIT_FIRST of a kind are shown,
 * then every one whose number is a power of two, with that number. One struct a kind of message.
 */
#define LOG_LIMIT_FIRST 8
struct log_limit {
	uint64_t count;
};
bool log_limit_passes(struct log_limit *limit);
void log_limited(struct log_limit *limit, enum log_level level, const char *module,
	const char *format, ...) __attribute__((format(printf, 4, 5), cold));

#define log_error(module, ...) log_write(LOG_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...)  log_write(LOG_WARN, module, __VA_ARGS__)
#define log_info(module, ...)  log_write(LOG_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_write(LOG_DEBUG, module, __VA_ARGS__)
#define log_trace(module, ...) log_write(LOG_TRACE, module, __VA_ARGS__)

#endif
