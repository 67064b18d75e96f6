#!/bin/bash
# SPDX-License-Identifier: MIT
# 'make test-linux': boots Debian's Linux by scripts/linux.sh as a user does, types into its shell,
# lets it switch itself off, and looks at the disk that it leaves; and the ELF file inside the kernel,
# by PVH, which looks at a disk itself. Prints PASS and FAIL lines; status 1 if one failed. From the
# environment: BUILD; JOBS, 1 for one machine at a time; RESULTS, a file that gets the lines, too.
# shellcheck disable=SC2317 # the checks are called by name
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "${BUILD:-$top/build}" && pwd)
# shellcheck source=scripts/linux-files.sh
. "$top/scripts/linux-files.sh"

readonly SMALL_FILES=40
readonly ALPHABET=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
readonly GUEST_SECONDS=200 # bounds the run: about six times what is needed
readonly WORDS='BUG|WARNING|Call Trace|I/O error|unchecked MSR access'
readonly ACPI_WORDS='ACPI[A-Za-z ]* (Warning|Error|Exception)|ACPI: \[Firmware Bug\]|Firmware (Bug|Warn)'

work=$(mktemp -d "$BUILD/linux-test.XXXXXX")
failed=0 runner='' runners=()
cleanup() {
	((${#runners[@]} == 0)) || kill "${runners[@]}" 2>/dev/null || :
	wait
	((failed)) || rm -rf -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

report() {
	echo "$*" | tee -a "${RESULTS:-/dev/null}"
}

# expect NAME COMMAND...: the command prints what is wrong, if it fails.
expect() {
	local name=$1 said

	shift
	if said=$("$@" 2>&1); then
		report "PASS linux-$name"
		return
	fi
	failed=1
	report "FAIL linux-$name: $(tail -n 3 <<<"$said" | tr '\n' ' ')"
}

# make_disk FOLDER MIB RANDOM: FOLDER.img, an ext4 image with so many random bytes in one file, and
# with small files in folders: extents, and a directory tree.
make_disk() {
	local folder=$1 i

	mkdir -p "$folder/small"
	head -c "$3" /dev/urandom >"$folder/random"
	for ((i = 0; i < SMALL_FILES; i++)); do
		mkdir -p "$folder/small/$((i % 7))"
		head -c $((i * 997)) /dev/urandom >"$folder/small/$((i % 7))/$i"
	done
	(cd "$folder" && find . -type f -exec sha256sum {} +) >"$work/SHA256SUMS"
	mv "$work/SHA256SUMS" "$folder/"
	linux_make_disk "$folder.img" "$2" "$folder"
}

# Waits until the console shows a text, as long as the machine runs.
wait_for() {
	until grep -aqF -- "$1" "$work/console.txt"; do
		kill -0 "$runner" 2>/dev/null || return 1
		sleep 0.5
	done
}

# What is typed is not what is answered: the console's echo cannot be taken for the answer.
type_into_the_shell() {
	wait_for 'typed # ' || return
	# shellcheck disable=SC2016 # the guest's shell computes it
	printf 'echo answer=$((6 * 7)) >/dev/console; uname -s >from-guest/typed\r' >&4
	wait_for 'answer=42' || return
	type_during_write_backs || return
	printf 'exit\r' >&4
}

# Key by key, while one write-back follows the other.
type_during_write_backs() {
	local i line="echo $ALPHABET >from-guest/alphabet"

	# shellcheck disable=SC2016 # the guest's shell has i, too
	printf '%s %s\r' '(for i in $(seq 40); do echo >from-guest/n; sync; done;' \
		'echo synced=$i >/dev/console) &' >&4
	sleep 2
	for ((i = 0; i < ${#line}; i++)); do
		printf '%s' "${line:i:1}" >&4
		sleep 0.1
	done
	printf '\r' >&4
	wait_for 'synced=40'
}

boot() {
	mkfifo "$work/keyboard"
	: >"$work/console.txt"
	INITRD=$work/initrd.img DISK=$work/disk.img TIMEOUT=$GUEST_SECONDS CONSOLE=1 CMDLINE=${CMDLINE:-} \
		BUILD=$BUILD "$top/scripts/linux.sh" <"$work/keyboard" >"$work/console.txt" 2>&1 &
	runner=$!
	runners+=("$runner")
	exec 4>"$work/keyboard"
	type_into_the_shell || echo "linux: the machine ended before the shell had answered" >&2
	wait "$runner"
	status=$?
	exec 4>&-
}

# A file of the disk, after the run.
from_disk() {
	debugfs -R "dump /$1 $work/dumped" "$work/disk.img" >/dev/null 2>&1 && cat "$work/dumped" &&
		rm -f "$work/dumped"
}

reaches_power_off() {
	tail -n 3 "$work/console.txt"
	((status == 0)) && grep -aq 'status 0: guest wrote 0x[0-9a-f]* to port 0x600 ' "$work/console.txt"
}

answers_what_is_typed() {
	grep -aqF 'answer=42' "$work/console.txt" && [ "$(from_disk from-guest/typed)" = Linux ]
}

keeps_what_is_typed_during_write_backs() {
	from_disk from-guest/alphabet | grep -xF "$ALPHABET"
}

finds_every_checksum_right() {
	from_disk from-guest/sums >"$work/sums"
	grep -v ': OK$' "$work/sums" && return 1
	[ "$(wc -l <"$work/sums")" = $((SMALL_FILES + 1)) ]
}

leaves_a_clean_file_system() {
	e2fsck -fn "$work/disk.img"
}

wrote_eight_mebibytes() {
	local wanted got

	wanted=$(cat "$work/disk/random" "$work/disk/random" | sha256sum)
	got=$(from_disk from-guest/written | sha256sum)
	[ "$wanted" = "$got" ] || { echo "SHA-256 $got instead of $wanted" && return 1; }
}

# Both what the kernel kept and what it said on the console.
logs_nothing_bad() {
	from_disk from-guest/dmesg >"$work/dmesg"
	grep -q 'Run /init as init process' "$work/dmesg" || { echo 'no kernel log' && return 1; }
	! grep -aE "$WORDS|$ACPI_WORDS" "$work/dmesg" "$work/console.txt"
}

# What the kernel calls a warning or worse stands in docs/linux.md, with its reason.
documents_its_warnings() {
	sed -n '/^## What the kernel still remarks/,/^## mem/s/^| \([^|]*\) | .*/\1/p' "$top/docs/linux.md" |
		grep -vxE 'Line|---' >"$work/known"
	grep -aE '^<[0-4]>' "$work/dmesg" | grep -aqF 'PCI' || { echo 'not even PCI is missed' && return 1; }
	! grep -aE '^<[0-4]>' "$work/dmesg" | grep -avFf "$work/known"
}

# iasl says nothing of an error or a warning about what the guest itself was given.
has_good_tables() {
	local table names=''

	debugfs -R "rdump /from-guest/tables $work" "$work/disk.img" >/dev/null 2>&1
	for table in "$work"/tables/*; do
		names+="$(basename "$table") "
		(cd "$work/tables" && iasl -d "$(basename "$table")") >"$work/iasl.txt" 2>&1 ||
			{ tail -n 3 "$work/iasl.txt" && return 1; }
		! grep -E 'Error|Warning|Invalid|Unknown' "$work/iasl.txt" || return 1
	done
	[ "$names" = 'APIC DSDT FACP SSDT ' ] || { echo "tables: $names" && return 1; }
}

# The ELF file's run: no keyboard, and the console alone tells. For a subshell.
boot_by_pvh() {
	BUILD=$work/pvh-build GUEST=$work/vmlinux INITRD=$work/pvh-initrd.img DISK=$work/pvh-disk.img \
		TIMEOUT=$GUEST_SECONDS CONSOLE='' CMDLINE=by-pvh \
		exec "$top/scripts/linux.sh" >"$work/pvh.txt" 2>&1 </dev/null
}

boots_by_pvh() {
	tail -n 3 "$work/pvh.txt"
	grep -aq 'guest .*, start info at' "$work/pvh.txt" &&
		grep -aq '^pvh: console=ttyS0,.* by-pvh' "$work/pvh.txt" &&
		grep -aq 'status 0: guest wrote 0x[0-9a-f]* to port 0x600 ' "$work/pvh.txt"
}

keeps_its_clock() {
	[ "$(from_disk from-guest/clocksource)" = tsc ]
}

make_all() {
	linux_get_kernel && linux_unpack_kernel "$work/vmlinux" &&
		linux_make_initrd "$top/tests/linux/init.sh" "$work/initrd.img" &&
		linux_make_initrd "$top/tests/linux/pvh-init.sh" "$work/pvh-initrd.img" &&
		make_disk "$work/disk" 64 4194304 && make_disk "$work/pvh-disk" 4 100000 &&
		mkdir "$work/pvh-build" &&
		ln -s "$BUILD/cafevisor.efi" "$BUILD/starter.efi" "$work/pvh-build/"
}

if ! make_all; then
	report 'FAIL linux: kernel, initramfs or disk could not be made'
	exit 1
fi
echo 'linux: two boots, three minutes or so' >&2
started=$SECONDS
boot_by_pvh &
runners=($!)
((${JOBS:-2} > 1)) || wait
boot
wait
runners=()
echo "     (linux: $((SECONDS - started)) s)"
expect powers-off reaches_power_off
expect answers-what-is-typed answers_what_is_typed
expect typing-survives-write-backs keeps_what_is_typed_during_write_backs
expect checksums-are-right finds_every_checksum_right
expect file-system-is-clean leaves_a_clean_file_system
expect eight-mebibytes-arrive wrote_eight_mebibytes
expect log-is-clean logs_nothing_bad
expect warnings-are-documented documents_its_warnings
expect acpi-tables-disassemble has_good_tables
expect clock-is-the-tsc keeps_its_clock
expect boots-by-pvh boots_by_pvh
((failed == 0)) || echo "     (kept: $work)"
exit "$failed"
