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
#include "devices/power.h"
#include "devices/svirtb.h"
#include "devices/sync_port.h"
#include "devices/uart.h"
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

struct vm {
	struct guest_memory memory;
	struct ept ept;
	struct frame_pool *frames; /* for tables */

	struct bus mmio;
	struct bus ports;
	struct block block; /* the disk, behind every device that has it */
	struct svirtb svirtb;
	struct uart uart;
	struct power power;
	struct sync_port sync_port;

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
 * Builds the EPT over vm->memory and registers the devices on the buses. vm->memory, frames,
 * deadline fields and the disk behind svirtb are set before. STATUS_NO_MEMORY, or what bus_register
 * says.
 */
MUST_USE enum status vm_init(struct vm *vm, struct ept_capabilities capabilities,
	struct ramdisk *disk, uint32_t svirtb_entry_size);

/* Notes how the guest ended; the first one counts. */
void vm_end(struct vm *vm, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
