/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder have for each other: the local APIC's and the vector registers'
 * part in reading, marking, restoring and comparing the state.
 */
#ifndef TESTS_BOOT_EFI_STATE_PARTS_H
#define TESTS_BOOT_EFI_STATE_PARTS_H

#include "tests/boot/efi/state/state.h"

/* apic.c; values are a state's. */
void apic_read_state(uint64_t *values);
void apic_mark(uint64_t run);
void apic_restore(const uint64_t *values);

/* vectors.c */
void vectors_restore(const struct vectors *vectors);
void vectors_compare(struct report *report, const struct state *before, const struct state *after);

#endif
