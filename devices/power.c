/* SPDX-License-Identifier: MIT */
/*
 * The guest's ways to end itself, as a table of ports. What a port reads as is what a guest may
 * write back without harm: 'in al, 0x92; or al, 2; out 0x92, al' switches A20 on and must not
 * reset.
 */
#include "devices/power.h"

#include <stddef.h>

#include "lib/bits.h"

struct power_port_kind {
	const char *name;
	uint16_t base;
	uint16_t size;
	uint32_t reads; /* the region's four bytes, first port lowest */
	/* What a write asks for; value stands at its offset in the region's four bytes. */
	enum power_event (*asks)(uint32_t value);
};

static enum power_event exit_asks(uint32_t value)
{
	(void)value;
	return POWER_EXIT;
}

/* Commands 0xf0..0xff pulse output lines; bit 0 clear pulses the processor's reset. 0xfe is usual.
 */
static enum power_event keyboard_asks(uint32_t value)
{
	return (value & 0xf1) == 0xf0 ? POWER_RESET : POWER_NONE;
}

static enum power_event fast_reset_asks(uint32_t value)
{
	return (value & BIT(0)) != 0 ? POWER_RESET : POWER_NONE;
}

/* Bit 1 chooses a hard or a soft reset, bit 2 does it. */
static enum power_event reset_asks(uint32_t value)
{
	return (value & BIT(2)) != 0 ? POWER_RESET : POWER_NONE;
}

/* SLP_EN, whatever the sleep type says: there is nothing to sleep in. */
static enum power_event pm_asks(uint32_t value)
{
	return (value & BIT(13)) != 0 ? POWER_OFF : POWER_NONE;
}

/* The same of ACPI's sleep control register. ACPI specification 6.3, 4.8.3.7 'Sleep Control'. */
static enum power_event sleep_asks(uint32_t value)
{
	return (value & BIT(5)) != 0 ? POWER_OFF : POWER_NONE;
}

static const struct power_port_kind kinds[POWER_PORTS] = {
	{ "debug exit", POWER_PORT_EXIT, 4, 0xffffffff, exit_asks },
	{ "keyboard controller", POWER_PORT_KEYBOARD, 1, 0xff, keyboard_asks }, /* none there */
	{ "fast reset", POWER_PORT_FAST_RESET, 1, 0x02, fast_reset_asks },      /* A20 is on */
	{ "reset control", POWER_PORT_RESET, 1, 0x00, reset_asks },
	/* SCI_EN: no firmware to take ACPI over from. */
	{ "power off (QEMU)", POWER_PORT_PM_QEMU, 4, 0x0001, pm_asks },
	{ "power off (Bochs)", POWER_PORT_PM_BOCHS, 4, 0x0001, pm_asks },
	{ "power off (VirtualBox)", POWER_PORT_PM_VBOX, 4, 0x0001, pm_asks },
	{ "sleep control (ACPI)", POWER_PORT_SLEEP, 2, 0x0000, sleep_asks },
};

static uint64_t power_read(void *device, uint64_t offset, unsigned int width)
{
	const struct power_port *port = device;

	return (port->kind->reads >> (8 * offset)) & width_mask(width);
}

static void power_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	const struct power_port *port = device;
	struct power *power = port->power;
	enum power_event event = port->kind->asks((uint32_t)value << (8 * offset));

	(void)width;
	if (event == POWER_NONE || power->event != POWER_NONE)
		return;
	power->event = event;
	power->port = port->kind->base;
	power->value = (uint32_t)value;
	/* A wide write counts whole, so that 0x100 does not pass for success. */
	if (event == POWER_EXIT)
		power->status = (uint8_t)min_u64(value, POWER_MAX_STATUS);
}

static const struct bus_ops power_ops = { .read = power_read, .write = power_write };

enum status power_register(struct power *power, struct bus *ports)
{
	*power = (struct power){ .event = POWER_NONE };
	for (unsigned int i = 0; i < POWER_PORTS; i++) {
		struct power_port *port = &power->ports[i];
		enum status status;

		*port = (struct power_port){ .power = power, .kind = &kinds[i] };
		status = bus_register(
			ports, kinds[i].name, kinds[i].base, kinds[i].size, &power_ops, port);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

const char *power_event_text(enum power_event event)
{
	switch (event) {
	case POWER_EXIT: return "exit port";
	case POWER_RESET: return "reset port";
	case POWER_OFF: return "power-off port";
	default: return "none";
	}
}
