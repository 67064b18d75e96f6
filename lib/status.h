/* SPDX-License-Identifier: MIT */
/*
 * The one result type of the whole house: every function that can fail returns a status, and every
 * status has a text. A caller that drops one is told so by the compiler.
 */
#ifndef LIB_STATUS_H
#define LIB_STATUS_H

enum status {
	STATUS_OK,
	STATUS_BAD_VALUE,    /* an argument, a key or a field has a value that it may not have */
	STATUS_OUT_OF_RANGE, /* an address and length leave the memory or the disk they belong to */
	STATUS_NOT_FOUND,    /* nothing of that name, or nobody at that address */
	STATUS_NO_MEMORY,    /* no page frames, or no room in a fixed table */
	STATUS_TRUNCATED,    /* the input ends before what it announces */
	STATUS_UNSUPPORTED,  /* well-formed, but not among what is carried here */
	STATUS_READ_ONLY,    /* a write to what may not be written */
	STATUS_CONFLICT,     /* overlaps or contradicts something that is there already */
	STATUS_FAULT,        /* the guest's own page tables forbid the access */
	STATUS_IO_ERROR,     /* a file or a device failed underneath */
	STATUS_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))

/* The text for a status, for messages; 'unknown status' for a number that is none. */
const char *status_text(enum status status);

#endif
