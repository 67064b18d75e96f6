#!/bin/bash
# SPDX-License-Identifier: MIT
# Whole machines: starts each boot of tests/boot/boots/ in Bochs or QEMU, two at a time, and checks
# on the host what its scenarios left behind. How a boot and its scenarios are written down stands
# in describe.sh, what they can expect in expect.sh.
#   run.sh [--list] [--only PATTERN] [--jobs N] [FILE...]
# PATTERN (of a shell) chooses boots or scenarios by name; FILE... replaces the boots of boots/.
# Prints PASS, FAIL or SKIP and a name, a line each, and the sums; a failed boot's folder is kept.
# From the environment: BUILD, the folder with what was built; RESULTS, a file that gets the lines.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/machine.sh
. "$top/scripts/machine.sh"
# shellcheck source=tests/nested/machine.sh
. "$top/tests/nested/machine.sh"
# shellcheck source=tests/boot/describe.sh
. "$here/describe.sh"
# shellcheck source=tests/boot/expect.sh
. "$here/expect.sh"

list=0 only='' jobs=2 files=()
while (($#)); do
	case $1 in
	--list) list=1 ;;
	--only) only=$2 && shift ;;
	--jobs) jobs=$2 && shift ;;
	-*) sed -n '3,10s/^# //p' "$0" && exit 2 ;;
	*) files+=("$1") ;;
	esac
	shift
done
((${#files[@]})) || files=("$here"/boots/*.sh)

BUILD=$(mkdir -p "${BUILD:-$top/build}" && cd "${BUILD:-$top/build}" && pwd)

is_chosen() {
	local name

	[ -n "$only" ] || return 0
	for name in "$BOOT_NAME" "${SCENARIOS[@]}"; do
		# shellcheck disable=SC2053 # a pattern is what is wanted
		[[ $name != $only ]] || return 0
	done
	return 1
}

# Reads a boot's file, which puts the volume's files into BEFORE and describes the scenarios.
read_boot() {
	BOOT_NAME=$(basename "$1" .sh)
	describe_reset
	# shellcheck source=/dev/null
	. "$1"
}

# The boot's machine, from its volume to the files that it leaves in AFTER.
run_machine() {
	local target=() file mebibytes

	describe_write_script
	# Room for what comes into being, and for a copy of each file.
	mebibytes=$(($(du -s --apparent-size -m "$BEFORE" | cut -f 1) * 2 + 8))
	for file in "$BEFORE"/*; do
		target+=("$(basename "$file")=$file")
	done
	"$top/scripts/make-esp.sh" "$WORK/boot.img" "$mebibytes" "${target[@]}" \
		"${BOOT_TARGETS[@]}"
	case $BOOT_ENGINE in
	nested) nested_start "$WORK" boot.img ;;
	*) machine_start "$BOOT_ENGINE" "$WORK" boot.img ;;
	esac
	machine_wait "$BOOT_LIMIT" || BOOT_ENDED="the machine was ended after $BOOT_LIMIT s"
	[ "$BOOT_ENGINE" != nested ] || nested_fetch "$WORK" boot.img ||
		BOOT_ENDED="Linux ended without QEMU's writes"
	mcopy -n -s -i "$WORK/boot.img" '::/*' "$AFTER/" 2>"$WORK/mcopy.txt" || :
}

# One boot in its own folder; prints its scenarios' lines. Runs in a subshell.
run_boot() {
	local started=$SECONDS scenario before_boot

	WORK=$work/$1
	BEFORE=$WORK/before AFTER=$WORK/after
	mkdir -p "$BEFORE" "$AFTER"
	trap machine_stop EXIT
	trap 'exit 143' TERM INT
	read_boot "$2"
	before_boot=$(is_emulator_missing)
	if [ -z "$before_boot" ]; then
		run_machine || before_boot="the machine could not be started"
	fi
	for scenario in "${SCENARIOS[@]}"; do
		if [ -n "$before_boot" ]; then
			echo "FAIL $scenario: $before_boot"
		else
			check_scenario "$scenario"
		fi
	done
	echo "     ($BOOT_NAME: $((SECONDS - started)) s)"
}

is_emulator_missing() {
	local program='bochs'

	[ "$BOOT_ENGINE" != tcg ] || program='qemu-system-x86_64'
	command -v "$program" >/dev/null || echo "$program is not installed"
}

list_scenarios() {
	(DESCRIBE_ONLY=1 && read_boot "$1" && printf '%s\n' "${SCENARIOS[@]}")
}

if ((list)); then
	for file in "${files[@]}"; do
		list_scenarios "$file"
	done
	exit 0
fi

work=$(mktemp -d "$BUILD/boot-tests.XXXXXX")
running=()
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	((${#running[@]} == 0)) || kill "${running[@]}" 2>/dev/null || :
	wait
	[ ! -d "$work" ] || rmdir --ignore-fail-on-non-empty -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# finish_boot NAME FILE: prints what a boot that has ended had to say, and keeps its folder only if
# something failed.
finish_boot() {
	local name=$1 output=$work/$1.txt scenario

	list_scenarios "$2" | while read -r scenario; do
		grep -qE "^(PASS|FAIL|SKIP) $scenario(:|\$)" "$output" ||
			echo "FAIL $scenario: its boot broke off before it was checked"
	done >"$output.more"
	cat "$output.more" >>"$output"
	rm -f -- "$output.more"
	cat "$output"
	grep -E '^(PASS|FAIL|SKIP) ' "$output" >>"$work/results" || :
	if grep -q '^FAIL ' "$output"; then
		echo "     (kept: $work/$name)"
	else
		rm -rf -- "${work:?}/$name" "$output"
	fi
}

: >"$work/results"
next=0
declare -A pid_file
while ((next < ${#files[@]} || ${#running[@]} > 0)); do
	while ((next < ${#files[@]} && ${#running[@]} < jobs)); do
		file=${files[next]}
		next=$((next + 1))
		(DESCRIBE_ONLY=1 && read_boot "$file" && is_chosen) || continue
		name=$(basename "$file" .sh)
		run_boot "$name" "$file" >"$work/$name.txt" 2>&1 &
		running+=($!)
		pid_file[$!]=$file
	done
	((${#running[@]} > 0)) || break
	wait -n -p ended "${running[@]}" || :
	for i in "${!running[@]}"; do
		[ "${running[i]}" != "$ended" ] || unset 'running[i]'
	done
	finish_boot "$(basename "${pid_file[$ended]}" .sh)" "${pid_file[$ended]}"
done

[ -z "${RESULTS:-}" ] || cat "$work/results" >>"$RESULTS"
passed=$(grep -c '^PASS ' "$work/results" || :)
failed=$(grep -c '^FAIL ' "$work/results" || :)
skipped=$(grep -c '^SKIP ' "$work/results" || :)
rm -f -- "$work/results"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
