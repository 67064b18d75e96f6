/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC: lines in, messages out. Called by devices through struct irq_line, by the MMIO bus,
 * and by the local APIC's end of interrupt. Intel 82093AA data sheet; the EOI register is that of
 * version 0x20 (Intel 82801 data sheets).
 */
#include "devices/io_apic.h"

#include "devices/apic.h"
#include "lib/bits.h"

#define OFFSET_SELECT 0x00
#define OFFSET_WINDOW 0x10
#define OFFSET_EOI    0x40

#define REGISTER_ID          0x00
#define REGISTER_VERSION     0x01
#define REGISTER_ARBITRATION 0x02
#define REGISTER_TABLE       0x10

#define ID_BITS 0x0f000000u
#define VERSION ((IO_APIC_LINES - 1) << 16 | 0x20u)

#define ENTRY_LOGICAL    BIT(11)
#define ENTRY_REMOTE_IRR BIT(14)
#define ENTRY_LEVEL      BIT(15)
#define ENTRY_MASKED     BIT(16)
/* Delivery status (12) and remote IRR (14) are read-only. */
#define ENTRY_LOW_BITS  0x1afffu
#define ENTRY_HIGH_BITS 0xff000000u

static enum apic_delivery_mode entry_mode(uint64_t entry)
{
	return (enum apic_delivery_mode)(entry >> 8 & 7);
}

/* Only these can be level: the data sheet treats the other modes as edge. */
static bool entry_is_fixed(uint64_t entry)
{
	return entry_mode(entry) == APIC_FIXED || entry_mode(entry) == APIC_LOWEST_PRIORITY;
}

static bool entry_is_level(uint64_t entry)
{
	return (entry & ENTRY_LEVEL) != 0 && entry_is_fixed(entry);
}

void io_apic_init(struct io_apic *io, void (*send)(void *context, const struct io_apic_message *),
	void *context)
{
	*io = (struct io_apic){ .send = send, .context = context };
	for (unsigned int i = 0; i < IO_APIC_LINES; i++)
		io->entries[i] = ENTRY_MASKED;
}

static void send(struct io_apic *io, unsigned int line)
{
	uint64_t entry = io->entries[line];
	struct io_apic_message message = {
		.destination = (uint32_t)(entry >> 56),
		.logical = (entry & ENTRY_LOGICAL) != 0,
		.mode = (uint8_t)entry_mode(entry),
		.vector = (uint8_t)entry,
		.level = entry_is_level(entry),
	};

	if (!entry_is_fixed(entry) && message.mode != APIC_NMI) {
		log_limited(&io->mode_limit, LOG_WARN, "io-apic",
			"line %u: delivery mode %u is not supported: dropped", line, message.mode);
		return;
	}
	/* Before it goes, since its end may come before send returns. */
	if (message.level)
		io->remote_irr |= (uint32_t)BIT(line);
	io->send(io->context, &message);
}

/* A level line asks as long as it is asserted, but once at a time. */
static void send_level(struct io_apic *io, unsigned int line)
{
	uint64_t entry = io->entries[line];

	if (entry_is_level(entry) && !(entry & ENTRY_MASKED) &&
		(io->lines & ~io->remote_irr & BIT(line)) != 0)
		send(io, line);
}

/*
 * An edge on a masked line is lost, as the data sheet says ('ignored, i.e., not delivered or held
 * pending') and as KVM and QEMU do. The polarity bit is stored and means nothing: lines are
 * asserted or not.
 */
void io_apic_set_line(void *controller, unsigned int line, bool asserted)
{
	struct io_apic *io = controller;
	uint32_t bit;
	bool rises;

	if (line >= IO_APIC_LINES)
		return;
	bit = 1u << line;
	rises = asserted && !(io->lines & bit);
	io->lines = asserted ? io->lines | bit : io->lines & ~bit;
	if (entry_is_level(io->entries[line]))
		send_level(io, line);
	else if (rises && !(io->entries[line] & ENTRY_MASKED))
		send(io, line);
}

void io_apic_end_of_interrupt(struct io_apic *io, uint8_t vector)
{
	uint32_t waiting = io->remote_irr;

	while (waiting != 0) {
		unsigned int line = (unsigned int)__builtin_ctz(waiting);

		waiting &= waiting - 1;
		if ((uint8_t)io->entries[line] != vector)
			continue;
		io->remote_irr &= ~(1u << line);
		send_level(io, line);
	}
}

/* The half of a redirection entry that a register shows: even ones the low half. */
static uint32_t read_entry(const struct io_apic *io, uint32_t half)
{
	uint64_t entry = io->entries[half / 2];

	if (io->remote_irr & BIT(half / 2))
		entry |= ENTRY_REMOTE_IRR;
	return (uint32_t)(entry >> (32 * (half % 2)));
}

/* An entry that is made edge forgets its remote IRR: so guests free a line that hangs. */
static void write_entry(struct io_apic *io, uint32_t half, uint32_t value)
{
	uint32_t line = half / 2;
	uint64_t *entry = &io->entries[line];

	if (half % 2 != 0) {
		*entry = (uint64_t)(value & ENTRY_HIGH_BITS) << 32 | (uint32_t)*entry;
		return;
	}
	*entry = (*entry & ~0xffffffffull) | (value & ENTRY_LOW_BITS);
	if (!entry_is_level(*entry))
		io->remote_irr &= ~(1u << line);
	send_level(io, line);
}

static uint32_t read_window(const struct io_apic *io)
{
	uint32_t half = io->select - REGISTER_TABLE;

	switch (io->select) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION: return io->id; /* the arbitration ID follows the ID */
	case REGISTER_VERSION: return VERSION;
	default: return half < 2 * IO_APIC_LINES ? read_entry(io, half) : 0;
	}
}

static void write_window(struct io_apic *io, uint32_t value)
{
	uint32_t half = io->select - REGISTER_TABLE;

	if (io->select == REGISTER_ID)
		io->id = value & ID_BITS;
	else if (half < 2 * IO_APIC_LINES)
		write_entry(io, half, value);
}

static bool access_is_whole(struct io_apic *io, uint64_t offset, unsigned int width)
{
	if (width == 4 &&
		(offset == OFFSET_SELECT || offset == OFFSET_WINDOW || offset == OFFSET_EOI))
		return true;
	log_limited(&io->access_limit, LOG_WARN, "io-apic",
		"%u-byte access at 0x%lx: there are 4-byte registers at +0, +0x10 and +0x40", width,
		(unsigned long)(IO_APIC_BASE + offset));
	return false;
}

static uint64_t io_apic_read(void *device, uint64_t offset, unsigned int width)
{
	struct io_apic *io = device;

	if (!access_is_whole(io, offset, width))
		return width_mask(width);
	if (offset == OFFSET_SELECT)
		return io->select;
	return offset == OFFSET_WINDOW ? read_window(io) : 0; /* EOI is write-only */
}

static void io_apic_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	struct io_apic *io = device;

	if (!access_is_whole(io, offset, width))
		return;
	if (offset == OFFSET_SELECT)
		io->select = value & 0xff;
	else if (offset == OFFSET_WINDOW)
		write_window(io, (uint32_t)value);
	else
		io_apic_end_of_interrupt(io, (uint8_t)value);
}

const struct bus_ops io_apic_ops = { .read = io_apic_read, .write = io_apic_write };
