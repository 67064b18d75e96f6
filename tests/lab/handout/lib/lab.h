/* SPDX-License-Identifier: MIT */
/*
 * What the places that are yours to fill in say until you have. Once nothing includes this file any
 * more, it may go.
 */
#ifndef LIB_LAB_H
#define LIB_LAB_H

#include "lib/log.h"

/* assignment is a number, what a string literal: the step, the function, its file. */
#define lab_not_implemented(assignment, what)                                   \
	do {                                                                    \
		static struct log_limit lab_limit;                              \
		log_limited(&lab_limit, LOG_ERROR, "lab",                       \
			"not implemented: assignment " #assignment ", " what    \
			"; docs/lab/" #assignment ".md says what it is to do"); \
	} while (0)

#endif
