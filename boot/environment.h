/* SPDX-License-Identifier: MIT */
/*
 * What we are started by and what we run on: the TSC's rate, a shell or a boot manager, an emulator
 * or a real machine.
 */
#ifndef BOOT_ENVIRONMENT_H
#define BOOT_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/firmware.h"

/* The TSC's rate in Hz, measured against the firmware's Stall; CPUID's leaves may be wrong. */
uint64_t environment_measure_tsc(struct firmware *firmware);

/* Whether a person is likely to be reading the screen: a real machine, and no shell behind us. */
bool environment_has_reader(struct firmware *firmware);

#endif
