/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of devices/apic*.c and devices/io_apic.c, joined as vmm/ joins them: any traffic of
 * registers, MSRs, lines, messages and time, while a processor takes interrupts or does not. After
 * each step the registers must agree with each other, with a count of what every level line is
 * owed, and with what was taken and ended.
 */
#include <stdbool.h>
#include <stdint.h>

#include "devices/apic.h"
#include "devices/io_apic.h"
#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

#define STEPS      400
#define MORE_STEPS 100 /* when the input has ended */

#define BASE_ENABLED BIT(11)
#define BASE_X2      BIT(10)
#define SVR_ENABLED  0x100u
#define LVT_MASKED   0x10000u
#define ENTRY_LEVEL  BIT(15)
#define ENTRY_MASKED BIT(16)

struct machine {
	struct apic apic;
	struct io_apic io;
	uint32_t tpr;
	uint64_t time;
	unsigned int calls; /* out of the devices, within one step */
};

/* One of a few lines, so that they meet their entries again; or any, or none. */
static unsigned int take_line(struct input *input, unsigned int count)
{
	uint8_t byte = take_byte(input);

	return byte < 0xc0 ? byte % 3u : byte % count;
}

static uint64_t now(void *context)
{
	return ((struct machine *)context)->time;
}

/* No step may go round and round: every call out of the devices is counted. */
static void attention(void *context)
{
	must(++((struct machine *)context)->calls < 200);
}

static void end_of_interrupt(void *context, uint8_t vector)
{
	struct machine *machine = context;

	attention(machine);
	must(vector >= 16);
	io_apic_end_of_interrupt(&machine->io, vector);
}

static void send(void *context, const struct io_apic_message *message)
{
	struct machine *machine = context;

	attention(machine);
	must(message->mode == APIC_FIXED || message->mode == APIC_LOWEST_PRIORITY ||
		(message->mode == APIC_NMI && !message->level));
	must(message->destination <= 0xff);
	if (apic_matches(&machine->apic, message->destination, message->logical))
		apic_deliver(&machine->apic, message->mode, message->vector, message->level);
}

static bool has(const uint64_t *map, unsigned int vector)
{
	return (map[vector / 64] >> (vector % 64) & 1) != 0;
}

static int highest(const uint64_t *map)
{
	int vector = 255;

	while (vector >= 0 && map[vector / 64] == 0)
		vector -= 64;
	while (vector >= 0 && !has(map, (unsigned int)vector))
		vector--;
	return vector;
}

/* The summaries say what the maps say, and priorities follow from both. */
static void check_priorities(const struct machine *machine)
{
	const struct apic *apic = &machine->apic;
	int request = highest(apic->irr);
	int service = highest(apic->isr);
	int service_class = service < 0 ? 0 : service / 16;
	int task_class = (int)(machine->tpr & 0xff) / 16;
	int floor = service_class > task_class ? service_class : task_class;
	int pending = request / 16 > floor ? request : -1;
	bool held = request >= 0 && pending < 0 && request / 16 > service_class;

	must(request == apic->request && service == apic->in_service);
	must((apic->irr[0] & 0xffff) == 0 && (apic->isr[0] & 0xffff) == 0);
	must(apic_pending(apic) == pending);
	must(pending < 0 || pending >= 16);
	must(apic_held_back_class(apic) == (held ? (unsigned int)request / 16 : 0));
}

/* A level line that may send has sent; what has been sent is level. */
static void check_lines(const struct machine *machine)
{
	const struct io_apic *io = &machine->io;

	for (unsigned int line = 0; line < IO_APIC_LINES; line++) {
		uint64_t entry = io->entries[line];
		unsigned int mode = entry >> 8 & 7;
		bool level = (entry & ENTRY_LEVEL) != 0 && mode <= APIC_LOWEST_PRIORITY;
		bool asks = (io->lines >> line & 1) != 0 && level && !(entry & ENTRY_MASKED);
		bool sent = (io->remote_irr >> line & 1) != 0;

		must(!asks || sent);
		must(!sent || level);
	}
	must(io->lines >> IO_APIC_LINES == 0 && io->remote_irr >> IO_APIC_LINES == 0);
}

static void check_timer(const struct machine *machine)
{
	const struct apic *apic = &machine->apic;
	uint32_t lvt = apic->lvt[APIC_LVT_TIMER];
	bool deadline_mode = (lvt >> 17 & 3) == 2;

	must(!(lvt & LVT_MASKED) || apic_deadline(apic) == APIC_NO_DEADLINE);
	must(apic_timer_is_armed(apic) == (apic_deadline(apic) != APIC_NO_DEADLINE));
	must(deadline_mode || apic->timer.tsc_deadline == 0);
	must((lvt >> 17 & 3) < 2 || apic->timer.initial == 0);
	for (unsigned int i = 0; i < APIC_LVT_COUNT && !(apic->svr & SVR_ENABLED); i++)
		must((apic->lvt[i] & LVT_MASKED) != 0);
}

static void check(const struct machine *machine)
{
	uint64_t mode = machine->apic.base & (BASE_ENABLED | BASE_X2);

	check_priorities(machine);
	check_lines(machine);
	check_timer(machine);
	must(mode != BASE_X2);
	must((machine->apic.base & ~(BASE_ENABLED | BASE_X2 | BIT(8))) == APIC_BASE);
	must(mode != 0 || (machine->apic.request < 0 && machine->apic.in_service < 0));
}

static unsigned int take_width(struct input *input)
{
	uint8_t kind = take_byte(input);

	return kind < 0xe0 ? 4 : 1u << (kind & 3);
}

static void access_page(struct machine *machine, struct input *input, bool write)
{
	unsigned int width = take_width(input);
	uint64_t offset = take_byte(input) * 16u;

	if (offset < 0x400 || width != 4)
		offset += width != 4 ? take_byte(input) % 16u : 0;
	offset = min_u64(offset, APIC_SIZE - width);
	if (write)
		apic_ops.write(&machine->apic, offset, width, take_raw(input, width));
	else
		must((apic_ops.read(&machine->apic, offset, width) & ~width_mask(width)) == 0);
}

/* Of the MSRs between, a refused write changes nothing that check would not see. */
static void access_msr(struct machine *machine, struct input *input, bool write)
{
	static const uint32_t others[] = { MSR_APIC_BASE, MSR_APIC_TSC_DEADLINE, 0x7ff, 0x900 };
	uint8_t which = take_byte(input);
	uint32_t msr = which < 0xc0 ? MSR_APIC_X2_FIRST + which % 0x48u : others[which % 4u];
	uint64_t value = 0;

	if (!write) {
		apic_read_msr(&machine->apic, msr, &value);
		return;
	}
	if (msr == MSR_APIC_BASE)
		value = APIC_BASE | (take_byte(input) & 0xfu) << 8;
	else if (msr == MSR_APIC_TSC_DEADLINE)
		value = machine->time + take_raw(input, 2) - 0x100;
	else
		value = take_raw(input, which & 1 ? 8 : 4);
	apic_write_msr(&machine->apic, msr, value);
}

static void access_io_apic(struct machine *machine, struct input *input, bool write)
{
	static const uint64_t offsets[] = { 0, 0x10, 0x10, 0x10, 0x40, 0x20 };
	uint64_t offset = offsets[take_byte(input) % ARRAY_COUNT(offsets)];
	unsigned int width = take_width(input);

	if (write)
		io_apic_ops.write(&machine->io, offset, width, take_raw(input, width));
	else
		must((io_apic_ops.read(&machine->io, offset, width) & ~width_mask(width)) == 0);
}

/* A redirection entry that is likely to do something. */
static void set_entry(struct machine *machine, struct input *input)
{
	uint32_t line = take_line(input, IO_APIC_LINES);
	uint32_t flags = take_byte(input);
	uint32_t vector = take_byte(input);

	io_apic_ops.write(&machine->io, 0, 4, 0x10 + 2 * line);
	io_apic_ops.write(&machine->io, 0x10, 4,
		vector | (flags & 7) << 8 | (flags & 0x08) << 8 | (flags & 0x30) << 11);
}

/* A register of the local APIC in the mode that it is in. */
static void put_register(struct machine *machine, uint32_t index, uint32_t value)
{
	apic_ops.write(&machine->apic, 16ull * index, 4, value);
	apic_write_msr(&machine->apic, MSR_APIC_X2_FIRST + index, value);
}

/* A timer in any mode with a short time to go, or an error entry with any vector. */
static void set_local(struct machine *machine, struct input *input)
{
	uint8_t kind = take_byte(input);
	uint8_t vector = take_byte(input);

	if (kind < 0x20) {
		put_register(machine, 0x37, vector);
		return;
	}
	put_register(machine, 0x32, vector | (kind & 3u) << 17 | ((kind & 0x1c) == 0) << 16);
	put_register(machine, 0x38, take_byte(input));
	apic_write_msr(&machine->apic, MSR_APIC_TSC_DEADLINE, machine->time + take_byte(input));
}

static void take_interrupt(struct machine *machine)
{
	int vector = apic_pending(&machine->apic);

	if (vector < 0)
		return;
	apic_accept(&machine->apic, (uint8_t)vector);
	must(apic_pending(&machine->apic) != vector);
	must(machine->apic.in_service == vector);
}

/* As the run loop does it. The next deadline lies ahead, however late this is. */
static void pass_time(struct machine *machine, struct input *input)
{
	uint8_t kind = take_byte(input);

	if (kind < 0x80 && apic_timer_is_armed(&machine->apic))
		machine->time = max_u64(machine->time, apic_deadline(&machine->apic) + kind);
	else
		machine->time += take_raw(input, kind & 7);
	apic_expire(&machine->apic, machine->time);
	must(machine->apic.timer.deadline > machine->time ||
		machine->apic.timer.deadline == APIC_NO_DEADLINE);
}

static void do_step(struct machine *machine, struct input *input)
{
	uint8_t kind = take_byte(input);

	machine->calls = 0;
	switch (kind % 13) {
	case 0: access_page(machine, input, true); break;
	case 1: access_page(machine, input, false); break;
	case 2: access_msr(machine, input, true); break;
	case 3: access_msr(machine, input, false); break;
	case 4: access_io_apic(machine, input, true); break;
	case 5: access_io_apic(machine, input, false); break;
	case 6: set_entry(machine, input); break;
	case 7: io_apic_set_line(&machine->io, take_line(input, 26), (kind & 0x80) != 0); break;
	case 8: take_interrupt(machine); break;
	case 9: put_register(machine, 0x0b, 0); break; /* EOI */
	case 10: pass_time(machine, input); break;
	case 11: set_local(machine, input); break;
	default:
		if (kind & 0x80)
			machine->tpr = take_byte(input); /* by the processor's TPR shadow */
		else
			apic_deliver(&machine->apic, kind & 7, take_byte(input), kind & 0x40);
		break;
	}
}

/*
 * At the end the processor takes and ends what is there: every level line that still asks comes, as
 * long as it asks, and when it no longer does, all comes to rest.
 */
static void drain(struct machine *machine)
{
	machine->tpr = 0;
	for (unsigned int line = 0; line < IO_APIC_LINES; line++)
		io_apic_set_line(&machine->io, line, false);
	/* In service and requested: no vector more than twice. */
	for (unsigned int i = 0; i < 2 * 256; i++) {
		if (machine->apic.request < 0 && machine->apic.in_service < 0)
			break;
		machine->calls = 0;
		take_interrupt(machine);
		put_register(machine, 0x0b, 0);
		check(machine);
	}
	must(machine->apic.request < 0 && machine->apic.in_service < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct machine machine;
	struct input input = { bytes, size, size };
	int more = MORE_STEPS;
	struct apic_host host = { now, attention, end_of_interrupt, &machine };
	uint8_t kind = take_byte(&input);

	machine = (struct machine){ .time = kind & 0x10 ? ~0ull - 0x100000 : 0x1000 };
	apic_init(&machine.apic, kind & 3, &machine.tpr, host);
	io_apic_init(&machine.io, send, &machine);
	machine.apic.min_period = kind & 0x20 ? 1000 : 0;
	if (kind & 0x40)
		must(apic_write_msr(
			&machine.apic, MSR_APIC_BASE, APIC_BASE | BASE_ENABLED | BASE_X2));
	if (kind & 0x80)
		must((kind & 0x40 ? apic_write_msr(&machine.apic, 0x80f, 0x1ff)
				  : (apic_ops.write(&machine.apic, 0xf0, 4, 0x1ff), true)));
	for (int step = 0; step < STEPS && more > 0; step++) {
		do_step(&machine, &input);
		check(&machine);
		more -= input.left == 0;
	}
	drain(&machine);
	return 0;
}
