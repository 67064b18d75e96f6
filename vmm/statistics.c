/* SPDX-License-Identifier: MIT */
/*
 * The table at the end of a run: exits by reason, and what each device was asked.
 */
#include "vmm/host_tables.h"
#include "vmm/names.h"
#include "vmm/report.h"

static void report_bus(const char *kind, const struct bus *bus)
{
	for (unsigned int i = 0; i < bus->count; i++) {
		const struct bus_region *region = &bus->regions[i];

		if (region->reads + region->writes == 0)
			continue;
		log_info("stat", "%-28s %10lu %14lu  %s 0x%lx", region->name, region->reads,
			region->writes, kind, region->base);
	}
}

void report_statistics(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	uint64_t count = 0;

	log_info("stat", "%-28s %10s %14s %12s", "exits by reason", "count", "TSC in all", "mean");
	for (uint32_t reason = 0; reason < EXIT_REASON_COUNT; reason++) {
		const struct exit_statistics *s = &vcpu->statistics[reason];

		if (s->count == 0)
			continue;
		log_info("stat", "%-28s %10lu %14lu %12lu", exit_reason_name(reason), s->count,
			s->tsc, s->tsc / s->count);
		count += s->count;
	}
	log_info("stat", "%-28s %10lu", "all", count);
	if (vcpu->due.count != 0)
		log_info("stat", "%-28s %10lu %14lu %12lu", "timers, interrupts and the like",
			vcpu->due.count, vcpu->due.tsc, vcpu->due.tsc / vcpu->due.count);
	log_info("stat", "%-28s %10s %14s", "accesses by device", "reads", "writes");
	report_bus("memory", &vm->mmio);
	report_bus("port", &vm->ports);
	if (vcpu->nmis + host_nmi_count() != 0)
		log_warn("stat", "NMIs: %lu while the guest ran, %lu while the hypervisor did",
			vcpu->nmis, host_nmi_count());
	log_info("stat", "svirtb: %lu requests, %lu bytes read, %lu bytes written",
		vm->svirtb.requests, vm->svirtb.bytes_read, vm->svirtb.bytes_written);
	log_info("stat", "virtio-blk: %lu requests, %lu bytes read, %lu bytes written",
		vm->virtio_blk.requests, vm->virtio_blk.bytes_read, vm->virtio_blk.bytes_written);
}
