/* SPDX-License-Identifier: MIT */
/*
 * Formatted print into a buffer: the subset of C's printf that a hypervisor's messages use.
 * %c %s %d %i %u %x %X %p %%, with l, ll and z, a width and a precision ('*' takes them out of the
 * arguments), and the flags '-', '0' and '#'.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Both write at most size bytes, the terminating zero included (nothing when size is 0), and return
 * the length that the whole text has, as snprintf does. A conversion that is not known is copied as
 * it stands, and so is all that follows it. A null string prints as (null), a null pointer as 0x0.
 */
size_t format_text(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

#endif
