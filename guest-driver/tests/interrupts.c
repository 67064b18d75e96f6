/* SPDX-License-Identifier: MIT */
/*
 * Test guest: interrupts and time. The local APIC as xAPIC and as x2APIC, the I/O APIC with the
 * virtio disk's line, the timer in its modes, windows and halts, and a storm of everything. Runs
 * under QEMU, too; the word strict=1 adds rules of the SDM that QEMU does not keep. Groups that
 * need a disk or a feature that is not there say so. The disk loses its first 32 KiB.
 */
#include "guest-driver/tests/interrupts/interrupts.h"

#include "guest-driver/testing/exceptions.h"
#include "guest-driver/testing/words.h"

static const struct check_group groups[] = {
	{ "ipi", test_ipi },           /* one at a time */
	{ "priority", test_priority }, /* several, TPR, CR8 */
	{ "window", test_window },     /* STI, POPF, HLT */
	{ "timer", test_timer },       /* one-shot, periodic */
	{ "deadline", test_deadline }, /* TSC deadline */
	{ "lines", test_lines },       /* level and edge */
	{ "storm", test_storm },       /* everything at once */
	{ "x2apic", test_x2apic },     /* all of it through MSRs */
};

int main(const char *cmdline)
{
	char words[WORDS_MAX_LENGTH];

	disk_cmdline = cmdline;
	strict = words_number(cmdline, "strict=", 0) != 0;
	exceptions_init();
	interrupts_init();
	apic_init(false);
	recorder_install();
	words_without_numbers(cmdline, words);
	return check_run(words, groups, sizeof(groups) / sizeof(groups[0]));
}
