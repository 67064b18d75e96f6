/* SPDX-License-Identifier: MIT */
/*
 * What comes, how often, in which order. Called by the groups of the interrupts guest.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/tests/interrupts/interrupts.h"
#include "lib/string.h"
#include "vmm/cpu.h"

struct recorder recorder;
bool strict;
const char *disk_cmdline = "";

void recorder_note(const struct interrupt_frame *frame, void *unused)
{
	(void)unused;
	if (recorder.total < RECORD_MAX)
		recorder.order[recorder.total] = (uint8_t)frame->vector;
	recorder.last_rip = frame->rip;
	recorder.of[frame->vector]++;
	recorder.total++;
}

static void note_and_end(const struct interrupt_frame *frame, void *unused)
{
	recorder_note(frame, unused);
	/* An EOI for the spurious vector would end something else. */
	if (frame->vector != APIC_SPURIOUS_VECTOR)
		apic_end_of_interrupt();
}

void recorder_install(void)
{
	for (unsigned int vector = INTERRUPT_FIRST; vector < 256; vector++)
		interrupts_set_handler((uint8_t)vector, note_and_end, NULL);
}

void recorder_clear(void)
{
	memset(&recorder, 0, sizeof(recorder));
}

bool recorder_wait(uint32_t total)
{
	const uint64_t start = tsc_read();

	while (recorder.total < total && tsc_read() - start < LOST_AFTER)
		interrupts_window();
	return recorder.total >= total;
}

void recorder_listen(uint64_t ticks)
{
	const uint64_t start = tsc_read();

	do
		interrupts_window();
	while (tsc_read() - start < ticks);
}

uint64_t exit_ticks(void)
{
	uint64_t least = ~0ull;

	for (unsigned int i = 0; i < 16; i++) {
		const uint64_t start = tsc_read();
		uint64_t ticks;

		cpu_id(0, 0);
		ticks = tsc_read() - start;
		least = ticks < least ? ticks : least;
	}
	return least;
}

void recorder_check(const char *what, const uint8_t *vectors, uint32_t count)
{
	check_equal(what, recorder.total, count);
	for (uint32_t i = 0; i < count && i < recorder.total; i++)
		check_equal("vector", recorder.order[i], vectors[i]);
}

void check_apic_is_idle(void)
{
	check_equal("vectors requested", apic_bits(APIC_IRR), 0);
	check_equal("vectors in service", apic_bits(APIC_ISR), 0);
	check_equal("spurious interrupts", recorder.of[APIC_SPURIOUS_VECTOR], 0);
}

bool open_disk(struct virtio_blk *disk)
{
	const struct virtio_blk_options options = { 0 };
	const enum virtio_error error = virtio_blk_open(disk, disk_cmdline, &options);

	if (error == VIRTIO_OK && disk->transport.gsi < IO_APIC_LINES) {
		virtqueue_ask_interrupt(&disk->queue);
		return true;
	}
	check_skip(error == VIRTIO_OK ? "the disk's line is not known" : virtio_error_text(error));
	return false;
}
