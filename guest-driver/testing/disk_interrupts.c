/* SPDX-License-Identifier: MIT */
/*
 * The disk's interrupt line. Called by the test guests.
 */
#include "guest-driver/testing/disk_interrupts.h"

#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/interrupts.h"

/* The line falls when the device's interrupt is acknowledged; only then may the APIC look again. */
static void handle(const struct interrupt_frame *frame, void *context)
{
	struct disk_interrupts *interrupts = context;

	(void)frame;
	virtio_blk_interrupt(interrupts->disk);
	interrupts->count++;
	apic_end_of_interrupt();
}

bool disk_interrupts_route(struct disk_interrupts *interrupts, struct virtio_blk *disk)
{
	const uint32_t line = disk->transport.gsi;

	if (line >= IO_APIC_LINES)
		return false;
	*interrupts = (struct disk_interrupts){ .disk = disk };
	interrupts_set_handler(DISK_INTERRUPT_VECTOR, handle, interrupts);
	io_apic_route(line, DISK_INTERRUPT_VECTOR, IO_APIC_LEVEL);
	return true;
}

void disk_interrupts_mask(const struct disk_interrupts *interrupts)
{
	io_apic_route(interrupts->disk->transport.gsi, DISK_INTERRUPT_VECTOR,
		IO_APIC_LEVEL | IO_APIC_MASKED);
}

void disk_interrupts_wait(void *context)
{
	struct disk_interrupts *interrupts = context;

	interrupts_off();
	while (interrupts->count == interrupts->seen)
		interrupts_halt();
	interrupts->seen = interrupts->count;
	interrupts_on();
}
