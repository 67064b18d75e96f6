#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo guest starts under 'qemu-system-x86_64 -kernel', too, and says there that it has no
# device of either kind. Prints a PASS or FAIL line; status 1 if it failed. BUILD: where the guests are.
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
guest=${BUILD:-$top/build}/guests/demo.elf
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT

fail() {
	cat "$log"
	echo "FAIL demo-in-qemu: $1"
	exit 1
}

# isa-debug-exit makes status s of the guest 2 s + 1: the demo ends with 1, 'no device'.
timeout 60 qemu-system-x86_64 -accel tcg -kernel "$guest" -display none -serial "file:$log" \
	-monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot </dev/null
status=$?
[ $status = 3 ] || fail "QEMU ended with status $status, not 3"
for device in svirtb 'virtio block'; do
	grep -q "no $device device was found" "$log" || fail "it does not say that there is no $device"
done
echo "PASS demo-in-qemu"
