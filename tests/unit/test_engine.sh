#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/engine.sh against made-up machines. Prints PASS or FAIL a row; status 1 if any failed.
set -uo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=scripts/engine.sh
. "$here/scripts/engine.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0

# make_machine NESTED FLAGS KVM: '-' leaves a file out; KVM may be file or folder (which never opens).
make_machine() {
	rm -rf "${root:?}"/*
	mkdir -p "$root/sys/module/kvm_intel/parameters" "$root/proc" "$root/dev"
	[ "$1" = - ] || echo "$1" >"$root/sys/module/kvm_intel/parameters/nested"
	printf 'processor\t: 0\nmodel name\t: vmx in the name only\nflags\t\t: fpu %s sse\n' "$2" \
		>"$root/proc/cpuinfo"
	case $3 in
	file) : >"$root/dev/kvm" ;;
	folder) mkdir "$root/dev/kvm" ;;
	esac
}

# expect NAME WISH ENGINE TEXT: the engine chosen, and a text that the reason must contain.
expect() {
	local name=$1 wish=$2 engine=$3 text=$4

	ENGINE_NAME=none ENGINE_WHY=
	ENGINE_ROOT=$root engine_choose "$wish"
	if [ "$ENGINE_NAME" = "$engine" ] && [[ $ENGINE_WHY == *"$text"* ]]; then
		echo "PASS engine: $name"
	else
		echo "FAIL engine: $name: chose $ENGINE_NAME ($ENGINE_WHY), not $engine ($text)"
		failed=1
	fi
}

make_machine Y vmx file
expect 'nested=Y, vmx and /dev/kvm give KVM' '' kvm KVM
expect 'Bochs where it is asked for' bochs bochs 'asked for'
expect 'TCG where it is asked for' tcg tcg 'asked for'
expect 'a wish that there is not' vmware none ''
make_machine 1 vmx file
expect 'nested=1 is as good as Y' '' kvm KVM
make_machine N vmx file
expect 'nested=N' '' bochs 'nested is N'
expect 'KVM against the odds where it is asked for' kvm kvm 'asked for'
make_machine 0 vmx file
expect 'nested=0' '' bochs 'nested is 0'
make_machine - vmx file
expect 'kvm_intel not loaded' '' bochs 'kvm_intel is not loaded'
mkdir -p "$root/sys/module/kvm_amd/parameters"
echo 1 >"$root/sys/module/kvm_amd/parameters/nested"
expect "kvm_amd's nested is no VT-x" '' bochs 'kvm_intel is not loaded'
make_machine Y svm file
expect 'no vmx flag' '' bochs 'shows no vmx'
make_machine Y vmx_of_another_name file
expect 'a flag that only begins with vmx' '' bochs 'shows no vmx'
make_machine Y vmx -
expect 'no /dev/kvm' '' bochs '/dev/kvm is not there'
[ ! -e "$root/dev/kvm" ] || { echo 'FAIL engine: the probe made a /dev/kvm'; failed=1; }
make_machine Y vmx folder
expect '/dev/kvm that does not open' '' bochs 'does not open'
exit "$failed"
