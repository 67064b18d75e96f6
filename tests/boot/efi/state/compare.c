/* SPDX-License-Identifier: MIT */
/*
 * What of the state is reported as found, and what as changed by a run. Called by state.c.
 */
#include "tests/boot/efi/state/parts.h"

#define STATE_NAME(name) [STATE_##name] = #name,

static bool may_change(enum state_item item, uint64_t before)
{
	return item == STATE_CR2 || (item == STATE_TR && before == 0);
}

static const char state_names[STATE_COUNT][16] = { STATE_ITEMS(STATE_NAME) };

void state_report(struct report *report, const struct state *state)
{
	for (unsigned int i = 0; i < STATE_COUNT; i++) {
		report_text(report, "found.");
		report_text(report, state_names[i]);
		report_text(report, "=0x");
		report_digits(report, state->values[i], 16);
		report_text(report, "\n");
	}
}

void state_compare(struct report *report, const struct state *before, const struct state *after)
{
	for (unsigned int i = 0; i < STATE_COUNT; i++) {
		const uint64_t b = before->values[i], a = after->values[i];

		if (a == b)
			continue;
		if (may_change((enum state_item)i, b))
			report_allowed(report, state_names[i], b, a);
		else
			report_difference(report, state_names[i], b, a);
	}
	vectors_compare(report, before, after);
}
