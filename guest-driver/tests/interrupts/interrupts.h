/* SPDX-License-Identifier: MIT */
/*
 * What the groups of the interrupts guest share: a recorder of all interrupts that come, and ways
 * to wait for them, or for none.
 */
#ifndef GUEST_DRIVER_TESTS_INTERRUPTS_INTERRUPTS_H
#define GUEST_DRIVER_TESTS_INTERRUPTS_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/testing/apic.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/interrupts.h"
#include "guest-driver/virtio_blk.h"

#define RECORD_MAX 64u

/*
 * Ticks of the TSC: an interrupt that has not come by then is lost, some seconds, and more of them
 * where the host's scheduler has a part in it; and a moment of silence.
 */
#define LOST_AFTER (strict ? 8000000000ull : 60000000000ull)
#define A_MOMENT   2000000ull

struct recorder {
	volatile uint32_t total;
	volatile uint32_t of[256]; /* by vector */
	volatile uint8_t order[RECORD_MAX];
	volatile uint64_t last_rip;
};
extern struct recorder recorder;

/* Gives every vector a handler that records it and sends an EOI; one that only records it. */
void recorder_install(void);
void recorder_note(const struct interrupt_frame *frame, void *unused);

void recorder_clear(void);

/* Lets interrupts in until there are as many as this in all, or too much time has passed. */
bool recorder_wait(uint32_t total);

/* Lets interrupts in for so many ticks. */
void recorder_listen(uint64_t ticks);

/*
 * Ticks that an exit takes, and so each access to an APIC: 70 in Bochs, 20,000 under nested KVM.
 * What is timed has some of them in it.
 */
uint64_t exit_ticks(void);

/* Part of a check: exactly these came, in this order, since recorder_clear. */
void recorder_check(const char *what, const uint8_t *vectors, uint32_t count);

/* Part of a check: nothing is requested and nothing in service. */
void check_apic_is_idle(void);

/* The APIC's own rules, of which QEMU leaves some out, are checked where the word strict=1 is. */
extern bool strict;

/* Opens the disk for the groups that need a line, split ring, with a completion on each request;
 * false, after a message, where there is none or its line is not known. */
bool open_disk(struct virtio_blk *disk);
extern const char *disk_cmdline;

void test_ipi(void);
void test_priority(void);
void test_window(void);
void test_timer(void);
void test_deadline(void);
void test_lines(void);
void test_x2apic(void);
void test_storm(void);

#endif
