/* SPDX-License-Identifier: MIT */
/*
 * The processor's state as a program of the firmware sees it: all that taking the machine puts
 * aside (docs/architecture.md, 'Taking the machine'), the local APIC, the PICs' masks, the vector
 * registers. For state.c; the code is in the .c files beside. What a run may change, and why:
 * - CR2: any page fault, a handled one of the firmware's too, leaves its address there.
 * - RFLAGS: CF, PF, AF, ZF, SF, OF are results. DF is 0 by the calling convention; RF and TF cannot
 *   be seen in a pushed image.
 * - TR, if it was null: OVMF leaves it so, LTR cannot load a null selector, so that cafevisor.efi's
 *   own stays. From then on it must not change.
 * - XMM0 to XMM5, bits 127:0, the x87 status word and its pointers: volatile in the calling
 *   convention (UEFI 2.3.4.2), and the firmware's copying code does use XMM0. What lies above bit
 *   127 of all vector registers, and the x87 registers, are volatile too; but no firmware that we
 *   know touches them, so they count: else nobody would see them lost.
 */
#ifndef TESTS_BOOT_EFI_STATE_STATE_H
#define TESTS_BOOT_EFI_STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/boot/efi/state/report.h"

/* clang-format off */
#define STATE_ITEMS(X) \
	X(CR0) X(CR2) X(CR3) X(CR4) X(CR8) X(XCR0) X(RFLAGS) X(TPL) \
	X(DR0) X(DR1) X(DR2) X(DR3) X(DR6) X(DR7) \
	X(CS) X(DS) X(ES) X(FS) X(GS) X(SS) X(TR) X(LDTR) \
	X(GDTR_BASE) X(GDTR_LIMIT) X(IDTR_BASE) X(IDTR_LIMIT) \
	X(EFER) X(PAT) X(DEBUGCTL) X(FS_BASE) X(GS_BASE) X(KERNEL_GS_BASE) \
	X(SYSENTER_CS) X(SYSENTER_ESP) X(SYSENTER_EIP) \
	X(STAR) X(LSTAR) X(CSTAR) X(FMASK) X(TSC_AUX) X(APIC_BASE) \
	X(APIC_TPR) X(APIC_SVR) X(LVT_CMCI) X(LVT_TIMER) X(LVT_THERMAL) X(LVT_COUNTERS) \
	X(LVT_LINT0) X(LVT_LINT1) X(LVT_ERROR) X(TIMER_INITIAL) X(TIMER_DIVIDE) X(TIMER_RUNS) \
	X(PIC_1) X(PIC_2)
#define STATE_ENUM(name) STATE_##name,
/* clang-format on */

enum state_item { STATE_ITEMS(STATE_ENUM) STATE_COUNT };

/* An area that XSAVE fills, or FXSAVE, its first 512 bytes. */
struct vectors {
	uint8_t bytes[4096];
} __attribute__((aligned(64)));

struct state {
	uint64_t values[STATE_COUNT];
	struct vectors vectors;
};

/* All but the vector registers. xsave: XSAVE is on, so that XCR0 can be read. */
void state_read(struct state *state, bool xsave);

/* Values that no guest of ours sets; another set for each run. */
void state_mark(uint64_t run);

/* Takes state_mark's and state_load_vectors' changes back. */
void state_restore(const struct state *original);

/* Both false where the processor does not offer it. */
bool state_enter_x2apic(void);
bool state_enable_xsave(void);

/* A pattern into all vector registers, and into state->vectors, as SAVE would put it. */
void state_load_vectors(struct state *state);

/* Into state->vectors, at once behind what is looked at. */
void state_save_vectors(struct state *state);

/* found.NAME=0x... for all but the vector registers. */
void state_report(struct report *report, const struct state *state);

/* A difference, or what is allowed, for everything that changed. */
void state_compare(struct report *report, const struct state *before, const struct state *after);

#endif
