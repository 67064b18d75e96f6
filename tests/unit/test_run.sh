#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/run.sh as a user calls it: a disk of one's own is changed in place by exactly what the guest
# wrote, the status is the run's, and what cannot be used is named. Prints PASS or FAIL lines; status
# 1 if one failed. BUILD: where cafevisor.efi and the guests are.
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
export BUILD=${BUILD:-$top/build}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

expect() {
	local name=$1

	shift
	if "$@"; then
		echo "PASS run: $name"
	else
		echo "FAIL run: $name"
		failed=1
	fi
}

# run NAME=VALUE...: status in $status, what it printed in run.txt.
run() {
	env -u GUEST -u DISK -u MEMORY -u TIMEOUT -u CMDLINE -u ARGS ENGINE=bochs "$@" \
		"$top/scripts/run.sh" >"$work/run.txt" 2>&1
	status=$?
}

head -c 300000 /dev/urandom >"$work/disk.img"
chmod 640 "$work/disk.img"
cp "$work/disk.img" "$work/before.img"
run "DISK=$work/disk.img" TIMEOUT=60 MEMORY=32M
# 300000 bytes are 585 sectors and a rest: the last sector is 585.
expect 'status of the demo' test $status = 0
expect 'SHA-256 of the disk' grep -q "SHA-256 $(sha256sum <"$work/before.img" | cut -d ' ' -f 1)" \
	"$work/run.txt"
expect 'all but the last sector is untouched' cmp -n $((585 * 512)) "$work/before.img" "$work/disk.img"
expect 'the last sector has the guest'\''s line' \
	grep -aq '^Cafevisor demo run 1' <(tail -c +$((585 * 512 + 1)) "$work/disk.img")
expect 'the image has grown to a whole sector' test "$(stat -c %s "$work/disk.img")" = $((586 * 512))
expect 'the mode is kept' test "$(stat -c %a "$work/disk.img")" = 640

run GUEST="$work/none.elf"
expect 'a guest that is not there: status' test $status = 105
expect 'a guest that is not there: named' grep -q "$work/none.elf" "$work/run.txt"
run DISK="$work/none.img"
expect 'a disk that is not there: status' test $status = 105
run ENGINE=vax
expect 'an engine that there is not' test $status = 2
exit $failed
