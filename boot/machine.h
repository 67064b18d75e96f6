/* SPDX-License-Identifier: MIT */
/*
 * The machine between the firmware and us: made once a start, taken and given back any number of
 * times. docs/architecture.md, 'Taking the machine', has the steps with their reasons.
 */
#ifndef BOOT_MACHINE_H
#define BOOT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/firmware.h"
#include "boot/local_apic.h"
#include "boot/processor_state.h"
#include "mm/frames.h"
#include "mm/host_pages.h"
#include "vmm/host_tables.h"

/* SGDT, LGDT and the like. */
struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint64_t base;
};

/* What boot/switch.asm works with; offsets are made from here (boot/offsets.c). */
struct machine_frame {
	struct table_pointer firmware_gdtr, firmware_idtr;
	struct table_pointer host_gdtr, host_idtr;
	uint16_t firmware_cs, firmware_ds, firmware_es, firmware_fs, firmware_gs, firmware_ss;
	uint16_t firmware_tr, firmware_ldtr;
	uint64_t firmware_cr3, firmware_cr4, firmware_rsp, firmware_s_cet;
	uint64_t host_cr3, host_rsp;
};

struct machine {
	struct machine_frame frame;
	struct firmware *firmware;
	const struct vmx_capabilities *vmx;
	struct processor_features features;
	struct host_tables *tables;
	struct host_pages pages;
	struct frame_pool pool; /* for the host's page tables */
	uint32_t lvt[LOCAL_APIC_MAX_LVT];
	struct firmware_state firmware_state;
	struct processor_state firmware_processor;
	struct vcpu *vcpu; /* whose processor state is loaded while the machine is ours */
	enum exit_result (*function)(struct vcpu *vcpu);
	bool taken;
	bool saved;            /* firmware_processor holds the state of this taking */
	uint64_t exchange_tsc; /* what the last give-back and take-over cost together */
	uint64_t given_back_at;
};

/* Stacks, descriptor tables and their pages. STATUS_NO_MEMORY. */
MUST_USE enum status machine_init(
	struct machine *machine, struct firmware *firmware, const struct vmx_capabilities *vmx);

/*
 * Maps all that the hypervisor may touch: its image and every region that the firmware gave us. The
 * last thing before the machine is taken; nothing is allocated afterwards. STATUS_NO_MEMORY or
 * STATUS_CONFLICT.
 */
MUST_USE enum status machine_map(struct machine *machine);

/*
 * Takes the machine, runs function(vcpu) with the guest's processor state loaded, and gives the
 * machine back. Returns what function returned, or EXIT_STOP with *panicked set when the hypervisor
 * itself failed in between. At TPL_APPLICATION only.
 */
enum exit_result machine_run(struct machine *machine, struct vcpu *vcpu,
	enum exit_result (*function)(struct vcpu *vcpu), bool *panicked);

/* boot/switch.asm */
uint64_t machine_switch(
	struct machine_frame *frame, uint64_t (*function)(void *argument), void *argument);
_Noreturn void machine_unwind(struct machine_frame *frame, uint64_t result);

#endif
