/* SPDX-License-Identifier: MIT */
/*
 * Test guest: a driver that does everything wrong. Each mistake must have exactly the effect that
 * docs/svirtb.md says, and after a RESET the device must work as if nothing had been; the guest
 * keeps an image of its own of the disk, with which the disk must agree after every case. Words:
 * groups of checks, 'entry-size=32' where the device has that, 'read-only' where the disk is, and
 * 'seed=N', 'rounds=N' for the garbage.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/svirtb_hostile/hostile.h"

static const struct check_group groups[] = {
	{ "registers", hostile_test_registers }, /* the wrong value, or the wrong state */
	{ "accesses", hostile_test_accesses },   /* not an aligned 32-bit access */
	{ "rings", hostile_test_rings },         /* READY with a ring that cannot be */
	{ "entries", hostile_test_entries },     /* requests that are refused, or just allowed */
	{ "overlaps", hostile_test_overlaps },   /* buffers over the ring */
	{ "read-only", hostile_test_read_only }, /* writes to a read-only disk */
	{ "garbage", hostile_test_garbage },     /* random registers and rings, beside a model */
};

int main(const char *cmdline)
{
	char words[WORDS_MAX_LENGTH];

	hostile_open(cmdline);
	words_without_numbers(cmdline, words);
	return check_run(words, groups, sizeof(groups) / sizeof(groups[0]));
}
