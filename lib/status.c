/* SPDX-License-Identifier: MIT */
/*
 * The texts of enum status, for messages and for the report at the end of a run.
 */
#include "lib/status.h"

#include "lib/bits.h"

const char *status_text(enum status status)
{
	static const char *const texts[] = {
		[STATUS_OK] = "success",
		[STATUS_BAD_VALUE] = "value not allowed",
		[STATUS_OUT_OF_RANGE] = "outside the memory or disk",
		[STATUS_NOT_FOUND] = "not found",
		[STATUS_NO_MEMORY] = "out of memory",
		[STATUS_TRUNCATED] = "input ends too early",
		[STATUS_UNSUPPORTED] = "not supported",
		[STATUS_READ_ONLY] = "read-only",
		[STATUS_CONFLICT] = "conflicts with what is there",
		[STATUS_FAULT] = "forbidden by the guest's page tables",
		[STATUS_IO_ERROR] = "input/output error",
	};
	_Static_assert(ARRAY_COUNT(texts) == STATUS_COUNT, "every status has a text");

	if ((unsigned int)status >= STATUS_COUNT)
		return "unknown status";
	return texts[status];
}
