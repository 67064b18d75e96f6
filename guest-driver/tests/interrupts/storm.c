/* SPDX-License-Identifier: MIT */
/*
 * Everything at once: a timer that its handler arms again, IPIs that the timer's handler sends, and
 * a disk that completes batches by interrupt, while the program opens and closes windows. Each
 * interrupt that was asked for comes once.
 */
#include "guest-driver/testing/disk_interrupts.h"
#include "guest-driver/tests/interrupts/interrupts.h"
#include "lib/string.h"
#include "vmm/cpu.h"

#define TIMER_VECTOR 0x91u
#define LOW_VECTOR   0x41u
#define HIGH_VECTOR  0xc1u
#define BATCH        8u
#define BATCHES      120u
#define REQUEST      4096u
#define TIMER_ROUNDS 400u

static struct virtio_blk disk;
static struct disk_interrupts disk_interrupts;
static uint8_t written[BATCH * REQUEST] __attribute__((aligned(4096)));
static uint8_t found[BATCH * REQUEST] __attribute__((aligned(4096)));

static struct {
	volatile uint32_t armed, fired;
	volatile uint32_t low_sent, low_came;
	volatile uint32_t high_sent, high_came;
	volatile bool stop;
	uint32_t random;
	uint32_t least; /* ticks of the timer: what its handler does takes some of them */
} storm;

static void arm_timer(void)
{
	storm.random = storm.random * 1103515245 + 12345;
	storm.armed++;
	apic_write(APIC_TIMER_INITIAL, storm.least + (storm.random >> 4) % (9 * storm.least));
}

/* A request that is sent before the one before has come would be the same request. */
static void send_ipis(void)
{
	if (storm.low_sent == storm.low_came) {
		storm.low_sent++;
		apic_send_self(LOW_VECTOR);
	}
	if (storm.high_sent == storm.high_came) {
		storm.high_sent++;
		apic_send_self(HIGH_VECTOR);
	}
}

static void handle_timer(const struct interrupt_frame *frame, void *unused)
{
	(void)frame;
	(void)unused;
	storm.fired++;
	send_ipis();
	/* The higher IPI comes here, within this one. */
	if (storm.random & 0x10000)
		interrupts_window();
	if (!storm.stop)
		arm_timer();
	apic_end_of_interrupt();
}

static void handle_ipi(const struct interrupt_frame *frame, void *came)
{
	(void)frame;
	(*(volatile uint32_t *)came)++;
	cpu_id(0, 0);
	apic_end_of_interrupt();
}

/* A batch of writes and one of reads; the number of bytes that are not what was written. */
static enum virtio_error run_batch(enum virtio_blk_type type, uint8_t *buffer)
{
	enum virtio_error error = VIRTIO_OK;

	for (uint32_t i = 0; i < BATCH && error == VIRTIO_OK; i++)
		error = virtio_blk_queue(&disk, type, i * (REQUEST / VIRTIO_BLK_SECTOR_SIZE),
			buffer + i * REQUEST, REQUEST);
	return error == VIRTIO_OK ? virtio_blk_submit(&disk) : error;
}

static void run_disk(void)
{
	uint32_t batches = 0;
	uint64_t start = cpu_read_tsc();

	while (batches < BATCHES ||
		(storm.fired < TIMER_ROUNDS && cpu_read_tsc() - start < 10 * LOST_AFTER)) {
		memset(written, (int)(batches + 1), sizeof(written));
		memset(found, 0, sizeof(found));
		if (!check_equal("writes", run_batch(VIRTIO_BLK_T_OUT, written), VIRTIO_OK) ||
			!check_equal("reads", run_batch(VIRTIO_BLK_T_IN, found), VIRTIO_OK))
			return;
		if (!check_true("the disk holds what was written",
			    memcmp(written, found, sizeof(found)) == 0))
			return;
		/* The program sends, too: its IPIs meet those of the handlers. */
		interrupts_off();
		send_ipis();
		cpu_id(0, 0);
		interrupts_on();
		batches += 2;
	}
	/* QEMU's device looks after each request whether to interrupt, at any moment of ours. */
	check_true("disk interrupts", disk_interrupts.count != 0);
	check_true("no more than requests", disk_interrupts.count <= batches * BATCH + 1);
	if (strict)
		check_true("one disk interrupt a batch",
			disk_interrupts.count == batches || disk_interrupts.count == batches + 1);
}

static void start_storm(void)
{
	memset(&storm, 0, sizeof(storm));
	storm.least = 5000 + 15 * (uint32_t)exit_ticks();
	interrupts_set_handler(TIMER_VECTOR, handle_timer, NULL);
	interrupts_set_handler(LOW_VECTOR, handle_ipi, (void *)(uintptr_t)&storm.low_came);
	interrupts_set_handler(HIGH_VECTOR, handle_ipi, (void *)(uintptr_t)&storm.high_came);
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, TIMER_VECTOR);
	arm_timer();
}

static void end_storm(void)
{
	const uint64_t start = cpu_read_tsc();

	storm.stop = true;
	while (storm.fired != storm.armed && cpu_read_tsc() - start < LOST_AFTER)
		interrupts_window();
	recorder_listen(A_MOMENT);
	interrupts_off();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	disk_interrupts_mask(&disk_interrupts);
	virtio_mmio_reset(&disk.transport);
}

void test_storm(void)
{
	const struct virtio_blk_options options = {
		.packed = true,
		.indirect = true,
		.event_index = true,
		.wait = disk_interrupts_wait,
		.context = &disk_interrupts,
	};

	if (!open_disk(&disk))
		return;
	check_begin("storm of timer, IPIs and disk");
	recorder_clear();
	check_equal("start", virtio_blk_restart(&disk, &options), VIRTIO_OK);
	disk_interrupts_route(&disk_interrupts, &disk);
	start_storm();
	interrupts_on();
	run_disk();
	end_storm();
	check_equal("timer interrupts", storm.fired, storm.armed);
	check_true("enough of them", storm.fired >= TIMER_ROUNDS);
	check_equal("low IPIs", storm.low_came, storm.low_sent);
	check_equal("high IPIs", storm.high_came, storm.high_sent);
	check_equal("others", recorder.total, 0);
	check_apic_is_idle();
	recorder_install();
}
