# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The firmware after a run: the whole processor state before and after, its timers, the next line of
# startup.nsh; also with x2APIC on, with AVX state in the registers, and for two starts.
boot_via shell
put state.efi "$BUILD/efi/state.efi"
put guest.elf "$BUILD/guests/demo.elf"
disk_zero disk.img 65536

is_intact() {
	local result=$AFTER/$SCENARIO.state

	grep -aq '^differences=0' "$result" ||
		refuse "the state has changed: $(tr -d '\r' <"$result" | grep -av '^differences' | head -n 8 | tr '\n' ' ')"
	expect_status 0
}

state_scenario() {
	scenario "$1" program=state.efi args="$2" check=is_intact \
		after="copy \\state.result \\$1.state"
}
state_scenario firmware-state 'timeout=60'
state_scenario firmware-state-avx 'avx timeout=60'
state_scenario firmware-state-twice 'twice timeout=60'
state_scenario firmware-state-x2apic 'x2apic timeout=60'
