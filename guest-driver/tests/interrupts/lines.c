/* SPDX-License-Identifier: MIT */
/*
 * The disk's line through the I/O APIC: level and edge, masked, held back, not acknowledged.
 * Intel's 82093AA data sheet; SDM vol. 3A 'Signaling Interrupt Servicing Completion'.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/tests/interrupts/interrupts.h"

#define VECTOR 0x53u
#define LINE   (disk.transport.gsi)

static struct virtio_blk disk;
static uint8_t sector[VIRTIO_BLK_SECTOR_SIZE];

static bool line_is_high(void)
{
	return virtio_mmio_read(&disk.transport, VIRTIO_MMIO_INTERRUPT_STATUS) != 0;
}

/* One request, polled, with interrupts off: afterwards the device pulls its line. */
static void complete_request(void)
{
	const uint64_t start = tsc_read();

	check_equal("read", virtio_blk_read(&disk, 0, sector, sizeof(sector)), VIRTIO_OK);
	while (!line_is_high() && tsc_read() - start < LOST_AFTER)
		;
	check_true("the device interrupts", line_is_high());
}

static void release_line(void)
{
	virtio_mmio_acknowledge(&disk.transport);
}

/* A handler that ends the interrupt without asking the device, the first so many times. */
struct careless {
	uint32_t times;
	uint32_t wrong; /* bits that were not as they should be while it ran */
};

static void handle_carelessly(const struct interrupt_frame *frame, void *context)
{
	struct careless *careless = context;

	recorder_note(frame, NULL);
	careless->wrong += (io_apic_entry(LINE) & IO_APIC_REMOTE_IRR) == 0;
	careless->wrong += !apic_bit(APIC_TMR, VECTOR) || !apic_bit(APIC_ISR, VECTOR);
	/* In service: however high the line is, it does not come again. */
	interrupts_window();
	careless->wrong += recorder.total != 0 && apic_bit(APIC_IRR, VECTOR);
	if (recorder.total > careless->times)
		release_line();
	apic_end_of_interrupt();
}

static void check_line_is_idle(void)
{
	check_equal("remote IRR", io_apic_entry(LINE) & IO_APIC_REMOTE_IRR, 0);
	check_true("the device's line is low", !line_is_high());
	check_apic_is_idle();
}

static void test_level(void)
{
	static struct careless careless;

	for (uint32_t times = 0; times < 4; times++) {
		check_begin("level line, ended %u times before it is acknowledged", times);
		careless = (struct careless){ .times = times };
		interrupts_set_handler(VECTOR, handle_carelessly, &careless);
		io_apic_route(LINE, VECTOR, IO_APIC_LEVEL);
		recorder_clear();
		complete_request();
		recorder_listen(A_MOMENT);
		check_equal("interrupts", recorder.total, times + 1);
		check_equal("wrong bits in the handler", careless.wrong, 0);
		check_line_is_idle();
	}
	recorder_install();
}

static void test_level_masked(void)
{
	check_begin("level line, masked while it rises");
	io_apic_route(LINE, VECTOR, IO_APIC_LEVEL | IO_APIC_MASKED);
	recorder_clear();
	complete_request();
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	check_equal("requested", apic_bits(APIC_IRR), 0);
	io_apic_route(LINE, VECTOR, IO_APIC_LEVEL);
	check_true("requested when it is unmasked", apic_bit(APIC_IRR, VECTOR));
	release_line();
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_line_is_idle();
}

/* The request was accepted while the line was high: it comes, though the line has fallen since. */
static void test_level_fallen(void)
{
	check_begin("level line that falls before the processor looks");
	io_apic_route(LINE, VECTOR, IO_APIC_LEVEL);
	recorder_clear();
	complete_request();
	release_line();
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_line_is_idle();
}

static void test_level_held_back(void)
{
	check_begin("level line, held back by TPR");
	io_apic_route(LINE, VECTOR, IO_APIC_LEVEL);
	recorder_clear();
	apic_write(APIC_TPR, VECTOR);
	complete_request();
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	release_line();
	apic_write(APIC_TPR, 0);
	recorder_listen(A_MOMENT);
	recorder_check("interrupts", (const uint8_t[]){ VECTOR }, 1);
	check_line_is_idle();
}

/*
 * Only a line that rises counts: two completions without an acknowledge between are one edge. (QEMU
 * takes each completion for one.)
 */
static void test_edge(void)
{
	uint32_t before;

	check_begin("edge line");
	io_apic_route(LINE, VECTOR, 0);
	recorder_clear();
	complete_request();
	recorder_listen(A_MOMENT);
	check_equal("interrupts at the first completion", recorder.total, 1);
	complete_request();
	recorder_listen(A_MOMENT);
	if (strict)
		check_equal(
			"interrupts at one that was not acknowledged before", recorder.total, 1);
	before = recorder.total;
	release_line();
	complete_request();
	recorder_listen(A_MOMENT);
	check_equal("interrupts after the acknowledge", recorder.total - before, 1);
	check_true("TMR says edge", !apic_bit(APIC_TMR, VECTOR));
	release_line();
	check_line_is_idle();
}

static void test_edge_masked(void)
{
	check_begin("edge line, masked while it rises");
	io_apic_route(LINE, VECTOR, IO_APIC_MASKED);
	recorder_clear();
	complete_request();
	io_apic_route(LINE, VECTOR, 0);
	recorder_listen(A_MOMENT);
	check_equal("interrupts", recorder.total, 0);
	release_line();
	check_line_is_idle();
}

static void test_registers(void)
{
	check_begin("the I/O APIC's registers");
	check_equal("lines, less one", io_apic_read(1) >> 16 & 0xff, IO_APIC_LINES - 1);
	io_apic_write(1, 0);
	check_equal(
		"lines, less one, after a write", io_apic_read(1) >> 16 & 0xff, IO_APIC_LINES - 1);
	for (uint32_t line = 0; line < IO_APIC_LINES; line++) {
		io_apic_route(line, (uint8_t)(0x40 + line), IO_APIC_MASKED | IO_APIC_LEVEL);
		check_equal("entry", io_apic_entry(line),
			IO_APIC_MASKED | IO_APIC_LEVEL | (0x40 + line));
	}
}

/* InterruptStatus and its acknowledge, without anyone who listens. virtio 1.2, 4.2.2. */
static void test_acknowledge(void)
{
	const enum virtio_mmio_register status = VIRTIO_MMIO_INTERRUPT_STATUS;

	check_begin("the device's interrupt status stays until it is acknowledged");
	complete_request();
	check_equal(
		"status", virtio_mmio_read(&disk.transport, status), VIRTIO_INTERRUPT_USED_BUFFER);
	check_equal("status, read again", virtio_mmio_read(&disk.transport, status),
		VIRTIO_INTERRUPT_USED_BUFFER);
	virtio_mmio_write(&disk.transport, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_CONFIG);
	check_equal("status after another bit's acknowledge",
		virtio_mmio_read(&disk.transport, status), VIRTIO_INTERRUPT_USED_BUFFER);
	virtio_mmio_write(&disk.transport, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_USED_BUFFER);
	check_equal("status after the acknowledge", virtio_mmio_read(&disk.transport, status), 0);
}

void test_lines(void)
{
	if (!open_disk(&disk))
		return;
	recorder_install();
	test_registers();
	test_acknowledge();
	test_level();
	test_level_masked();
	test_level_fallen();
	test_level_held_back();
	test_edge();
	test_edge_masked();
	io_apic_route(LINE, VECTOR, IO_APIC_MASKED);
	virtio_mmio_reset(&disk.transport);
}
