/* SPDX-License-Identifier: MIT */
/*
 * The device's interrupt when the driver does wrong: for a broken ring, and one that is pending
 * when a reset comes. virtio 1.2, 2.1.2, 4.2.2.
 */
#include "guest-driver/testing/interrupts.h"

#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/exceptions.h"
#include "guest-driver/tests/virtio_hostile/hostile.h"

#define DISK_VECTOR 0x51u
#define LINE        (hostile.device.gsi)
#define SECTOR      6u

static struct {
	volatile uint32_t count;
	volatile uint32_t events; /* all that they were for */
} seen;

static void handle_disk(const struct interrupt_frame *frame, void *unused)
{
	(void)frame;
	(void)unused;
	seen.count++;
	seen.events |= virtio_mmio_acknowledge(&hostile.device);
	apic_end_of_interrupt();
}

/* One, for the configuration alone; another notification brings none. */
static void test_broken(bool packed)
{
	struct chain chain;

	check_begin("%s ring: the interrupt for a broken one", packed ? "packed" : "split");
	hostile_start(packed, ALL_FEATURES);
	chain = hostile_add_write(&hostile_requests[0], SECTOR, NEVER_A_TABLE);
	descriptor_set_addr(chain_descriptor(&chain, 2), hostile.memory_end);
	seen.count = seen.events = 0;
	interrupts_on();
	hostile_notify(0);
	interrupts_off();
	check_equal("interrupts", seen.count, 1);
	check_equal("events", seen.events, VIRTIO_INTERRUPT_CONFIG);
	interrupts_on();
	hostile_notify(0);
	interrupts_off();
	check_equal("interrupts after another notification", seen.count, 1);
	check_true("DEVICE_NEEDS_RESET", virtio_mmio_needs_reset(&hostile.device));
	hostile_recover();
}

/* The line falls with the reset; what the APIC had not accepted by then never comes. */
static void test_reset(void)
{
	check_begin("a reset with an interrupt pending");
	hostile_start(false, ALL_FEATURES);
	seen.count = 0;
	io_apic_route(LINE, DISK_VECTOR, IO_APIC_LEVEL | IO_APIC_MASKED);
	hostile_check_works(SECTOR);
	check_equal("interrupt status", hostile_read(VIRTIO_MMIO_INTERRUPT_STATUS),
		VIRTIO_INTERRUPT_USED_BUFFER);
	hostile_write(VIRTIO_MMIO_STATUS, 0);
	io_apic_route(LINE, DISK_VECTOR, IO_APIC_LEVEL);
	interrupts_window();
	check_equal("interrupts", seen.count, 0);
	hostile_recover();
}

void hostile_test_interrupts(void)
{
	exceptions_init();
	interrupts_init();
	apic_init(false);
	interrupts_set_handler(DISK_VECTOR, handle_disk, NULL);
	io_apic_route(LINE, DISK_VECTOR, IO_APIC_LEVEL);
	test_broken(false);
	if (hostile_offers(VIRTIO_F_RING_PACKED, "packed ring"))
		test_broken(true);
	test_reset();
	io_apic_route(LINE, DISK_VECTOR, IO_APIC_LEVEL | IO_APIC_MASKED);
}
