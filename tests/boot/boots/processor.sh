# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The processor that a 64-bit guest sees: instructions on the device page, events around exits, CPUID
# and control registers, and the vector registers over exits and give-backs. Each guest checks itself.
passes() {
	expect_status 0
}

# All groups of a guest in one run; the console says which one fails.
groups() {
	scenario "$1" guest="$1" args="memory=32M timeout=120 cmdline=\"$2\"" check=passes
}
groups mmio 'forms addressing offsets widths refused unmapped straddling mappings fetching'
groups events 'stepping shadow breakpoints exceptions ring3'
groups cpu 'cpuid cr0 cr4 cr8 xcr0 efer msrs instructions'
groups fpu 'exits registers givebacks'
