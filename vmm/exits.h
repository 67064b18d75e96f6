/* SPDX-License-Identifier: MIT */
/*
 * The exit handlers: each answers one basic exit reason, with the exit's facts still in the VMCS.
 * They are called by the table in vmm/run.c only.
 */
#ifndef VMM_EXITS_H
#define VMM_EXITS_H

#include "vmm/vcpu.h"

typedef enum exit_result exit_handler_fn(struct vcpu *vcpu);

/* vmm/exit_ept.c */
exit_handler_fn handle_ept_violation;
exit_handler_fn handle_ept_misconfiguration;

/* vmm/exit_io.c */
exit_handler_fn handle_io_instruction;

/* vmm/exit_msr.c */
exit_handler_fn handle_rdmsr;
exit_handler_fn handle_wrmsr;

/* vmm/exit_cr.c */
exit_handler_fn handle_cr_access;
exit_handler_fn handle_xsetbv;

/* vmm/exit_event.c */
exit_handler_fn handle_exception_or_nmi;
exit_handler_fn handle_external_interrupt;
exit_handler_fn handle_triple_fault;
exit_handler_fn handle_task_switch;
exit_handler_fn handle_preemption_timer;
exit_handler_fn handle_interrupt_window;
exit_handler_fn handle_tpr_below_threshold;
exit_handler_fn handle_unexpected;

/* vmm/exit_instruction.c */
exit_handler_fn handle_cpuid;
exit_handler_fn handle_hlt;
exit_handler_fn handle_cache_invalidation;
exit_handler_fn handle_rdpmc;
exit_handler_fn handle_undefined;

#endif
