/* SPDX-License-Identifier: MIT */
/*
 * What every fuzz target has: its entry, and the way out where something does not hold.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called by libFuzzer for each input; the target's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the target, which libFuzzer takes for a finding; the caller's place is on the stack. */
void must(bool holds);

/* Memory with the sanitizer's red zones around it, for free(). */
void *must_alloc(uint64_t size);

#endif
