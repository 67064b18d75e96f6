/* SPDX-License-Identifier: MIT */
/*
 * A guest: its memory, its EPT, its buses and devices, and how it ended. Everything of a guest
 * hangs on struct vm, everything of a (virtual) processor on struct vcpu (vmm/vcpu.h).
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/block.h"
#include "devices/bus.h"
#include "devices/io_apic.h"
#include "devices/pic.h"
#include "devices/power.h"
#include "devices/svirtb.h"
#include "devices/sync_port.h"
#include "devices/uart.h"
#include "devices/virtio_blk.h"
#include "lib/log.h"
#include "lib/status.h"
#include "mm/ept.h"
#include "mm/frames.h"
#include "mm/guest_memory.h"

/* The status of a run; below these stands the guest's own byte. */
enum vm_status {
	VM_STATUS_OK = 0,
	VM_STATUS_GUEST_MAX = 99,
	VM_STATUS_TRIPLE_FAULT = 101,
	VM_STATUS_STOPPED = 102, /* by the hypervisor */
	VM_STATUS_TIMEOUT = 103,
	VM_STATUS_WRITE_BACK = 104,
	VM_STATUS_PREFLIGHT = 105, /* or configuration */
};

struct vcpu;

/* Which devices the guest finds its disk behind, and how they treat it. */
struct vm_disk {
	struct ramdisk *disk;
	bool svirtb;
	bool virtio;
	uint32_t svirtb_entry_size;
	bool sync_at_exit; /* virtio-blk leaves durability to the end of the run */
};

struct vm {
	struct guest_memory memory;
	struct ept ept;
	struct frame_pool *frames; /* for tables */

	struct bus mmio;
	struct bus ports;
	struct block block; /* the disk, behind every device that has it */
	struct svirtb svirtb;
	struct virtio_blk virtio_blk;
	struct io_apic io_apic;
	struct pic pic;
	struct uart uart;
	struct power power;
	struct sync_port sync_port;
	struct vcpu *vcpu; /* the only one; registers itself */

	/* A byte of the console's input, if there is one. May be null. */
	bool (*read_input)(void *context, uint8_t *byte);
	void *input_context;

	uint64_t deadline;        /* TSC value at which the guest's time is up; ~0 for never */
	uint32_t timeout_seconds; /* as configured, for the message */
	uint64_t tsc_hz;          /* measured */

	/* How it ended; valid once ended is true. */
	bool ended;
	int status;
	char reason[160];

	/* Rate limits of what a guest can make us say. */
	struct log_limit unmapped_accesses;
	struct log_limit straddling_accesses;
	struct log_limit unknown_instructions;
	struct log_limit unknown_msrs;
	struct log_limit odd_requests;
};

/*
 * Builds the EPT over vm->memory and registers the devices on the buses. vm->memory, frames and
 * tsc_hz are set before. STATUS_NO_MEMORY, or what bus_register says.
 */
MUST_USE enum status vm_init(
	struct vm *vm, struct ept_capabilities capabilities, const struct vm_disk *disk);

/* Takes what the console's input has for the guest's UART, as much as that holds. */
void vm_poll_input(struct vm *vm);

/* Whether the guest is to be interrupted when there is input. */
static inline bool vm_waits_for_input(const struct vm *vm)
{
	return vm->read_input != NULL && (vm->uart.ier & UART_IER_RECEIVED);
}

/* Notes how the guest ended; the first one counts. */
void vm_end(struct vm *vm, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
