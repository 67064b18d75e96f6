#!/bin/bash
# SPDX-License-Identifier: MIT
# The guests' virtio driver against a device that is not ours: QEMU's virtio-blk on its virtio-mmio,
# in the machine type microvm under TCG. Prints PASS and FAIL lines; status 1 if one failed.
# BUILD: where the guests are.
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

# run_guest GUEST CMDLINE DEVICE-OPTIONS MACHINE-OPTIONS: leaves $work/log; the guest's status is
# the function's. isa-debug-exit makes status s of the guest 2 s + 1.
run_guest() {
	local status

	timeout 300 qemu-system-x86_64 -accel tcg -machine "microvm$4" -nodefaults -m 256 \
		-global virtio-mmio.force-legacy=false -kernel "$build/guests/$1.elf" -append "$2" \
		-drive "file=$work/disk.img,if=none,format=raw,id=disk" \
		-device "virtio-blk-device,drive=disk$3" -serial "file:$work/log" -display none \
		-monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot \
		</dev/null 2>"$work/stderr"
	status=$?
	((status % 2 == 1)) && return $((status / 2))
	cat "$work/stderr"
	return 255
}

pass() { echo "PASS $1"; }
fail() {
	cat "$work/log"
	echo "FAIL $1: $2"
	failed=1
}

# demo NAME DEVICE-OPTIONS MACHINE-OPTIONS TEXT: it hashes the disk, says TEXT, and its line is in
# the image afterwards.
demo() {
	local name=$1 size=$((3 * 1024 * 1024 + 512)) status digest

	head -c "$size" /dev/urandom >"$work/disk.img"
	digest=$(sha256sum <"$work/disk.img" | cut -d ' ' -f 1)
	run_guest demo '' "$2" "$3"
	status=$?
	if [ $status != 0 ]; then
		fail "$name" "the guest's status is $status"
	elif ! grep -q "device: virtio-blk at $4" "$work/log"; then
		fail "$name" "it does not say 'device: virtio-blk at $4'"
	elif ! grep -q "disk: $size bytes, SHA-256 $digest" "$work/log"; then
		fail "$name" "the disk's SHA-256 is $digest"
	elif ! tail -c 512 "$work/disk.img" | grep -aq '^Cafevisor demo run 1$'; then
		fail "$name" 'its line is not in the image'
	else
		pass "$name"
	fi
}

demo microvm-demo-split '' ,acpi=off '0xfeb00e00, split ring'
demo microvm-demo-packed ,packed=on '' '0xfeb02e00, packed ring'

# matrix NAME DEVICE-OPTIONS COUNT CMDLINE: the guest writes and reads back in COUNT ways and skips
# the others; the image holds what it says to have read last.
matrix() {
	local name=$1 status digest

	truncate -s 0 "$work/disk.img" && truncate -s 5M "$work/disk.img"
	run_guest virtio_matrix "$4" "$2" ,acpi=off
	status=$?
	digest=$(head -c 4M "$work/disk.img" | sha256sum | cut -d ' ' -f 1)
	if [ $status != 0 ]; then
		fail "$name" "the guest's status is $status"
	elif [ "$(grep -c 'bytes, SHA-256' "$work/log")" != "$3" ]; then
		fail "$name" "not $3 ways went through"
	elif [ "$(grep -c '^SKIP' "$work/log")" != $((16 - $3)) ]; then
		fail "$name" "not $((16 - $3)) ways were skipped"
	elif ! grep 'bytes, SHA-256' "$work/log" | tail -n 1 | grep -q "$digest"; then
		fail "$name" "the image's SHA-256 is $digest"
	else
		pass "$name"
	fi
}

matrix microvm-matrix ,packed=on 16 ''
matrix microvm-matrix-split-only '' 8 size=1024
matrix microvm-matrix-small-ring ,packed=on 16 size=32

# Without strict=1 no group of the guest minds that the timer is late on a busy machine.
truncate -s 5M "$work/disk.img"
if run_guest interrupts '' ,packed=on ,acpi=off; then
	pass microvm-interrupts
else
	fail microvm-interrupts 'a check of the guest did not hold'
fi
exit $failed
