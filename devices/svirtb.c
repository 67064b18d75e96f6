/* SPDX-License-Identifier: MIT */
/*
 * svirtb's registers: the state machine of the status register, the ring's configuration, and the
 * doorbell, which hands over to devices/svirtb_ring.c. Called by the MMIO bus. What the driver does
 * wrong changes nothing (or sets RESET, where docs/svirtb.md says so) and is explained on the log.
 */
#include "devices/svirtb.h"

#include "devices/svirtb_ring.h"
#include "lib/bits.h"
/* LAB 3 { for lab_not_implemented
 * #include "lib/lab.h"
 */
/* LAB 3 } */

#define REGISTER_WIDTH 4u

/* Power-on state of what the driver sees. svirtb specification, 2.1.2. */
static void reset(struct svirtb *device)
{
	device->status = SVIRTB_MAGIC;
	device->queue_size = 0;
	device->queue_addr_hi = 0;
	device->queue_addr_lo = 0;
	device->queue_head = 0;
	device->queue_tail = 0;
	device->ring = 0;
	device->entries = 0;
}

void svirtb_init(struct svirtb *device, const struct guest_memory *memory, struct block *block,
	uint32_t entry_size)
{
	*device = (struct svirtb){ .entry_size = entry_size, .memory = memory, .block = block };
	reset(device);
}

/* LAB 3 { the helpers of svirtb_read and svirtb_write */
static const char *status_name(uint32_t status)
{
	switch (status) {
	case SVIRTB_MAGIC: return "MAGIC";
	case SVIRTB_DRIVER_OK: return "DRIVER_OK";
	case SVIRTB_READY: return "READY";
	case SVIRTB_RESET: return "RESET";
	default: return "unknown";
	}
}

/* DRIVER_OK to READY: latches the ring that the driver has described, if it can be one. */
static void make_ready(struct svirtb *device)
{
	struct log_limit *limit = &device->mistakes[SVIRTB_MISTAKE_RING];
	uint64_t ring = (uint64_t)device->queue_addr_hi << 32 | device->queue_addr_lo;
	uint64_t bytes = (uint64_t)device->queue_size * device->entry_size;

	if (device->queue_size == 0 || device->queue_size > SVIRTB_MAX_ENTRIES) {
		log_limited(limit, LOG_WARN, "svirtb",
			"READY: queue_size is %u, not 1..%u; status set to RESET",
			device->queue_size, SVIRTB_MAX_ENTRIES);
		device->status = SVIRTB_RESET;
		return;
	}
	if (!guest_memory_contains(device->memory, ring, bytes)) {
		log_limited(limit, LOG_WARN, "svirtb",
			"READY: ring 0x%lx+%lu (%u entries of %u bytes) is outside guest memory; "
			"status set to RESET",
			ring, bytes, device->queue_size, device->entry_size);
		device->status = SVIRTB_RESET;
		return;
	}
	device->ring = ring;
	device->entries = device->queue_size;
	device->status = SVIRTB_READY;
}

/* Apart, since it is rare and would make every other write save the registers that it needs. */
static __attribute__((noinline)) void write_status(struct svirtb *device, uint32_t value)
{
	if (value == SVIRTB_RESET) {
		reset(device);
	} else if (value == SVIRTB_DRIVER_OK && device->status == SVIRTB_MAGIC) {
		device->status = SVIRTB_DRIVER_OK;
	} else if (value == SVIRTB_READY && device->status == SVIRTB_DRIVER_OK) {
		make_ready(device);
	} else {
		log_limited(&device->mistakes[SVIRTB_MISTAKE_STATUS], LOG_WARN, "svirtb",
			"status 0x%x (%s) written in state %s; refused, state unchanged", value,
			status_name(value), status_name(device->status));
	}
}

static void write_config(struct svirtb *device, uint32_t *reg, const char *name, uint32_t value)
{
	if (device->status == SVIRTB_DRIVER_OK) {
		*reg = value;
		return;
	}
	log_limited(&device->mistakes[SVIRTB_MISTAKE_CONFIG], LOG_WARN, "svirtb",
		"%s 0x%x written in state %s, not DRIVER_OK; ignored", name, value,
		status_name(device->status));
}

/* The doorbell. */
static void write_head(struct svirtb *device, uint32_t value)
{
	struct log_limit *limit = &device->mistakes[SVIRTB_MISTAKE_HEAD];

	if (device->status != SVIRTB_READY) {
		log_limited(limit, LOG_WARN, "svirtb",
			"queue_head %u written in state %s, not READY; ignored", value,
			status_name(device->status));
		return;
	}
	if (value >= device->entries) {
		log_limited(limit, LOG_WARN, "svirtb",
			"queue_head %u written, the ring has the entries 0..%u; status set to "
			"RESET",
			value, device->entries - 1);
		device->status = SVIRTB_RESET;
		return;
	}
	device->queue_head = value;
	svirtb_ring_run(device);
}

static bool is_register_access(uint64_t offset, unsigned int width)
{
	return width == REGISTER_WIDTH && is_aligned(offset, REGISTER_WIDTH);
}
/* LAB 3 } */

static uint64_t svirtb_read(void *context, uint64_t offset, unsigned int width)
{
	/* LAB 3 { step 1: registers are read
	 * lab_not_implemented(3, "step 1, svirtb_read in devices/svirtb.c");
	 * (void)context;
	 * (void)offset;
	 * return width_mask(width);
	 */
	struct svirtb *device = context;

	if (!is_register_access(offset, width)) {
		log_limited(&device->mistakes[SVIRTB_MISTAKE_ACCESS], LOG_WARN, "svirtb",
			"read of %u bytes at 0xcafe0000+0x%lx is no aligned 32-bit access; reads "
			"all ones",
			width, offset);
		return width_mask(width);
	}
	switch (offset) {
	case SVIRTB_STATUS: return device->status;
	case SVIRTB_QUEUE_SIZE: return device->queue_size;
	case SVIRTB_QUEUE_ADDR_HI: return device->queue_addr_hi;
	case SVIRTB_QUEUE_ADDR_LO: return device->queue_addr_lo;
	case SVIRTB_QUEUE_HEAD: return device->queue_head;
	case SVIRTB_QUEUE_TAIL: return device->queue_tail;
	default: return 0;
	}
	/* LAB 3 } */
}

static void svirtb_write(void *context, uint64_t offset, unsigned int width, uint64_t wide)
{
	/* LAB 3 { steps 2 and 3: registers are written
	 * lab_not_implemented(3, "step 2, svirtb_write in devices/svirtb.c");
	 * (void)context;
	 * (void)offset;
	 * (void)width;
	 * (void)wide;
	 */
	struct svirtb *device = context;
	uint32_t value = (uint32_t)wide;

	if (!is_register_access(offset, width)) {
		log_limited(&device->mistakes[SVIRTB_MISTAKE_ACCESS], LOG_WARN, "svirtb",
			"write of 0x%lx in %u bytes at 0xcafe0000+0x%lx is no aligned 32-bit "
			"access; ignored",
			wide, width, offset);
		return;
	}
	switch (offset) {
	case SVIRTB_STATUS: write_status(device, value); break;
	case SVIRTB_QUEUE_SIZE:
		write_config(device, &device->queue_size, "queue_size", value);
		break;
	case SVIRTB_QUEUE_ADDR_HI:
		write_config(device, &device->queue_addr_hi, "queue_addr_hi", value);
		break;
	case SVIRTB_QUEUE_ADDR_LO:
		write_config(device, &device->queue_addr_lo, "queue_addr_lo", value);
		break;
	case SVIRTB_QUEUE_HEAD: write_head(device, value); break;
	case SVIRTB_QUEUE_TAIL:
		log_limited(&device->mistakes[SVIRTB_MISTAKE_TAIL], LOG_WARN, "svirtb",
			"queue_tail %u written; only the device moves it; ignored", value);
		break;
	default:
		log_limited(&device->mistakes[SVIRTB_MISTAKE_ACCESS], LOG_WARN, "svirtb",
			"write of 0x%x at 0xcafe0000+0x%lx, where there is no register; ignored",
			value, offset);
	}
	/* LAB 3 } */
}

const struct bus_ops svirtb_ops = { .read = svirtb_read, .write = svirtb_write };
