# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The processor that a 64-bit guest sees: instructions on the device page, events around exits, CPUID
# and control registers, and the vector registers over exits and give-backs. Each guest checks itself.
passes() {
	expect_status 0
}

groups() {
	local guest=$1 word

	shift
	for word in "$@"; do
		scenario "$guest-$word" guest="$guest" args="memory=32M timeout=60 cmdline=$word" \
			check=passes
	done
}
groups mmio forms addressing offsets widths refused unmapped straddling mappings fetching
groups events stepping shadow breakpoints exceptions ring3
groups cpu cpuid cr0 cr4 cr8 xcr0 efer msrs instructions
groups fpu exits registers givebacks
