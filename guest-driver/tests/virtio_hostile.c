/* SPDX-License-Identifier: MIT */
/*
 * Test guest: a virtio driver that does everything wrong, on Cafevisor's virtio-blk. Each mistake
 * must have exactly the effect that docs/virtio.md says: a ring error stops the device until a
 * reset, a request error ends that request alone. After every case a well-behaved driver takes
 * over, and the whole disk must be what the guest's own image of it says. Words: the groups.
 */
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/virtio_hostile/hostile.h"

static const struct check_group groups[] = {
	{ "registers", hostile_test_registers },   /* the wrong value, width, or moment */
	{ "resets", hostile_test_resets },         /* of the device and the queue, in mid-work */
	{ "queue", hostile_test_queue },           /* queues that cannot be */
	{ "rings", hostile_test_rings },           /* ring errors */
	{ "requests", hostile_test_requests },     /* request errors */
	{ "framing", hostile_test_framing },       /* good requests, cut in any way */
	{ "overlaps", hostile_test_overlaps },     /* buffers over the ring, areas over areas */
	{ "batches", hostile_test_batches },       /* of more than a notification may copy */
	{ "interrupts", hostile_test_interrupts }, /* for them, and for a broken ring */
};

int main(const char *cmdline)
{
	char words[WORDS_MAX_LENGTH];

	hostile_open(cmdline);
	words_without_numbers(cmdline, words);
	return check_run(words, groups, sizeof(groups) / sizeof(groups[0]));
}
