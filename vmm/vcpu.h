/* SPDX-License-Identifier: MIT */
/*
 * One virtual processor: its registers while the hypervisor runs, its VMCS, what is known of its
 * last exits, and the few things that every exit handler does to it (retire, inject, stop).
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/apic.h"
#include "vmm/cpu.h"
#include "vmm/decode.h"
#include "vmm/guest_cpuid.h"
#include "vmm/insn_cache.h"
#include "vmm/start.h"
#include "vmm/vm.h"
#include "vmm/vmcs.h"
#include "vmm/vmx_controls.h"
#include "vmm/x86.h"

/* What a handler wants next. */
enum exit_result {
	EXIT_RESUME,    /* back into the guest */
	EXIT_STOP,      /* the guest has ended: vm->status and vm->reason say how */
	EXIT_GIVE_BACK, /* give the machine back for a write-back, then go on */
};

struct exit_record {
	uint64_t reason;
	uint64_t rip;
	uint64_t tsc;
};

struct exit_statistics {
	uint64_t count;
	uint64_t tsc; /* TSC spent in the hypervisor */
};

#define VCPU_EXIT_HISTORY 16 /* a power of two */

/*
 * The processor state that neither the VMCS nor struct vcpu's registers carry: it stays in the
 * processor while the guest and the hypervisor alternate, and is exchanged with the firmware's at
 * take-over and give-back (boot/processor_state.c).
 */
struct processor_state {
	uint64_t xcr0;
	uint64_t cr2;
	uint64_t dr[4], dr6;
	uint64_t kernel_gs_base, star, lstar, cstar, fmask, tsc_aux;
	uint8_t *fpu; /* one page: XSAVE or FXSAVE image */
};

struct vcpu {
	/*
	 * Stored and loaded by vmm/vmentry.asm; RSP's is filled in from the VMCS where needed. The
	 * one behind the last is always 0.
	 */
	uint64_t registers[REG_COUNT + 1];

	struct vm *vm;
	const struct vmx_capabilities *vmx;
	void *vmxon_region;
	void *vmcs;
	void *virtual_apic; /* for the TPR shadow; null without one */
	void *msr_bitmap;
	void *io_bitmap; /* all ones, for both bitmaps: every port access exits */
	uint16_t vpid;   /* 0 without VPID */
	bool configured; /* the VMCS was filled in */
	struct vcpu_start start;

	uint64_t rip;                  /* of this exit */
	uint64_t efer;                 /* the guest's, but for LMA, which follows CR0.PG */
	uint64_t cr0_owned, cr4_owned; /* guest/host masks */
	uint64_t cr4_allowed;          /* bits that the guest may set */
	uint64_t xcr0_allowed;
	uint64_t retried_rip;  /* of the last instruction that was retried, */
	uint64_t retried_exit; /* and history_next as it was then */
	struct guest_cpuid cpuid;
	struct insn_cache insns;
	struct processor_state state;

	struct apic apic;
	uint32_t tpr; /* without a TPR shadow, whose page has it else */

	/* The TSC value from which on the due work is looked at after an exit; 0: at the next. */
	uint64_t attention;
	uint64_t next_poll;            /* of the console's input */
	uint64_t preemption_ticks;     /* as in the VMCS */
	unsigned int preemption_shift; /* of a TSC value, to ticks */
	unsigned int tpr_threshold;    /* as in the VMCS */
	bool window;                   /* interrupt-window exiting is on */
	bool nmi_pending;
	bool work_left; /* a device goes on at the next exit */

	uint64_t history_next; /* exits in all */
	struct exit_record history[VCPU_EXIT_HISTORY];
	struct exit_statistics statistics[EXIT_REASON_COUNT];
	struct exit_statistics due; /* the due work, which is in none of these */
	uint64_t nmis;
};

/* Fills in a new vcpu of vm; its pages come from vm->frames. STATUS_NO_MEMORY. */
MUST_USE enum status vcpu_init(
	struct vcpu *vcpu, struct vm *vm, const struct vmx_capabilities *capabilities);

/*
 * Enters the guest and answers its exits until it ends or asks for a give-back. Runs on the taken
 * machine with VMX off; switches VMX on and off again. EXIT_STOP or EXIT_GIVE_BACK.
 */
enum exit_result vcpu_run(struct vcpu *vcpu);

/* Where and how the guest starts. Before the first vcpu_run. */
void vcpu_set_start(struct vcpu *vcpu, const struct vcpu_start *start);

/*
 * vmm/vmentry.asm: enters the guest with vcpu->registers and calls vcpu_answer_exit at each exit,
 * with them updated, until that wants to leave: 0. Otherwise there was no entry: 1 VMfailInvalid,
 * 2 VMfailValid. The VMCS is current and clear.
 */
uint64_t vmx_run(struct vcpu *vcpu);
enum exit_result vcpu_answer_exit(struct vcpu *vcpu);

/*
 * Ends the emulation of an instruction of length bytes as the processor would: RIP moves on and
 * wraps to the code segment's width, blocking by STI and MOV SS and RFLAGS.RF end, a single-step
 * trap becomes pending. SDM vol. 3C 'Guest Non-Register State'.
 */
static inline void vcpu_retire(struct vcpu *vcpu, uint64_t length);

/* The same in 64-bit code, where RIP does not wrap. */
static inline void vcpu_retire_to(uint64_t rip);
/* As vcpu_retire, with the length that the processor reports for exits by an instruction. */
static inline void vcpu_retire_exit(struct vcpu *vcpu);

/* Makes the next entry deliver an exception. SDM 'VM-Entry Controls for Event Injection'. */
void vcpu_inject(struct vcpu *vcpu, enum exception_vector vector);
void vcpu_inject_error(struct vcpu *vcpu, enum exception_vector vector, uint32_t error_code);
void vcpu_inject_page_fault(struct vcpu *vcpu, uint64_t linear, uint32_t error_code);

/* Stops the guest with the status VM_STATUS_STOPPED, a reason and the whole report. */
enum exit_result vcpu_stop(struct vcpu *vcpu, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The size of the code that the guest runs, the guest's EFER with LMA, its privilege level. */
static inline enum code_size vcpu_code_size(const struct vcpu *vcpu, uint64_t cs_access_rights)
{
	/* Outside IA-32e mode CS.L says nothing. */
	if ((cs_access_rights & ACCESS_RIGHTS_L) && (vcpu->efer & EFER_LME) &&
		(cpu_vmread(VMCS_GUEST_CR0) & CR0_PG))
		return CODE_64;
	return (cs_access_rights & ACCESS_RIGHTS_DB) ? CODE_32 : CODE_16;
}
uint64_t vcpu_efer(const struct vcpu *vcpu, uint64_t cr0);
static inline unsigned int vcpu_privilege(void)
{
	return (unsigned int)(cpu_vmread(VMCS_GUEST_SS_ACCESS_RIGHTS) & ACCESS_RIGHTS_DPL) >> 5;
}

/*
 * Makes the next event push RF set, as faults do, so that the instruction does not meet its
 * breakpoint a second time. Neither an injection nor, in Bochs, the exit by a fault sets it.
 */
static inline void vcpu_set_resume_flag(void)
{
	cpu_vmwrite(VMCS_GUEST_RFLAGS, cpu_vmread(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

/*
 * Before an injection. An entry that delivers an event ends blocking by STI and MOV SS whatever the
 * VMCS says (SDM vol. 3C 'Interruptibility State'), but checks it all the same: with RFLAGS.TF it
 * goes only with a pending single step ('Checks on Guest Non-Register State'), which the exit by a
 * single step has taken away, so that the entry would fail.
 */
void vcpu_end_blocking(void);

/* The rare part of vcpu_retire: what is blocked, RF and TF. */
void vcpu_retire_flags(uint64_t interruptibility, uint64_t rflags);

/* Forgets the guest's linear translations, as a write of CR0, CR3 or CR4 does. */
void vcpu_flush_translations(const struct vcpu *vcpu);

static inline void vcpu_retire_to(uint64_t rip)
{
	const uint64_t interruptibility = cpu_vmread(VMCS_GUEST_INTERRUPTIBILITY_STATE);
	const uint64_t rflags = cpu_vmread(VMCS_GUEST_RFLAGS);

	cpu_vmwrite(VMCS_GUEST_RIP, rip);
	if ((interruptibility & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) |
		(rflags & (RFLAGS_RF | RFLAGS_TF)))
		vcpu_retire_flags(interruptibility, rflags);
}

static inline void vcpu_retire(struct vcpu *vcpu, uint64_t length)
{
	const uint64_t cs = cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS);
	uint64_t rip = vcpu->rip + length;

	if (!(cs & ACCESS_RIGHTS_L))
		rip &= (cs & ACCESS_RIGHTS_DB) ? 0xffffffff : 0xffff;
	else if ((rip ^ vcpu->rip) >> 32 != 0 && vcpu_code_size(vcpu, cs) != CODE_64)
		rip = (uint32_t)rip;
	vcpu_retire_to(rip);
}

static inline void vcpu_retire_exit(struct vcpu *vcpu)
{
	vcpu_retire(vcpu, cpu_vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

#endif
