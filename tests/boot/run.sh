#!/bin/bash
# SPDX-License-Identifier: MIT
# Whole machines: starts each boot of tests/boot/boots/ in Bochs or QEMU, two at a time, and checks
# on the host what its scenarios left behind. How a boot and its scenarios are written down stands
# in describe.sh, what they can expect in expect.sh.
#   run.sh [--list] [--only PATTERN] [--jobs N] [FILE...]
# PATTERN (of a shell) chooses boots or scenarios by name; FILE... replaces the boots of boots/.
# Prints PASS, FAIL or SKIP and a name, a line each, and the sums; a failed boot's folder is kept.
# Status 1 when one failed, 2 for a wrong word.
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

usage_error() {
	echo "run.sh: $*" >&2
	sed -n '3,11s/^# //p' "$0" >&2
	exit 2
}

list=0 only='' jobs=2 files=()
while (($#)); do
	case $1 in
	--list) list=1 ;;
	--only | --jobs)
		(($# > 1)) || usage_error "$1: a word must follow"
		[ "$1" = --jobs ] || only=$2
		[ "$1" = --only ] || jobs=$2
		shift
		;;
	-*) usage_error "$1: no such option" ;;
	*)
		[ -f "$1" ] || usage_error "$1: no such file; --only $1 chooses by name"
		files+=("$1")
		;;
	esac
	shift
done
[[ $jobs =~ ^[1-9][0-9]?$ ]] || usage_error "--jobs $jobs: must be a number from 1"
((${#files[@]})) || files=("$here"/boots/*.sh)

BUILD=$(mkdir -p "${BUILD:-$top/build}" && cd "${BUILD:-$top/build}" && pwd)

# is_chosen BOOT SCENARIOS, one a line
is_chosen() {
	local name

	[ -n "$only" ] || return 0
	while read -r name; do
		# shellcheck disable=SC2053 # a pattern is what is wanted
		[[ $name != $only ]] || return 0
	done <<<"$1"$'\n'"$2"
	return 1
}

# Reads a boot's file, which puts the volume's files into BEFORE and describes the scenarios. A file
# with a mistake ends the subshell that this runs in.
read_boot() {
	BOOT_NAME=$(basename "$1" .sh)
	describe_reset
	# shellcheck source=/dev/null
	. "$1"
	((${#SCENARIOS[@]})) || { echo "$BOOT_NAME: no scenario in it" >&2 && exit 2; }
}

# The boot's volume, in WORK/boot.img.
make_volume() {
	local target=() file mebibytes

	describe_write_script
	# Room for what comes into being, and for a copy of each file.
	mebibytes=$(($(du -s --apparent-size -m "$BEFORE" | cut -f 1) * 2 + 8))
	for file in "$BEFORE"/*; do
		target+=("$(basename "$file")=$file")
	done
	"$top/scripts/make-esp.sh" "$WORK/boot.img" "$mebibytes" "${target[@]}" \
		"${BOOT_TARGETS[@]}"
}

# A copy of an image that is booted as it is; what its volume has becomes what was there before.
copy_image() {
	cp -- "$BOOT_IMAGE" "$WORK/boot.img"
	VOLUME=$WORK/boot.img@@1M
	mcopy -n -s -i "$VOLUME" '::/*' "$BEFORE/"
}

# For boot_until.
shows() {
	grep -aqF -- "$1" "$WORK/com1.txt"
}

has_result() {
	mtype -i "$VOLUME" '::/cafevisor.result' 2>/dev/null | grep -q '^host_memory='
}

# Of a boot that ends before anything copies them: they are its last scenario's.
name_results() {
	local name=${SCENARIOS[-1]} kind

	for kind in result log; do
		[[ ! -f $AFTER/cafevisor.$kind || -f $AFTER/$name.$kind ]] ||
			cp -- "$AFTER/cafevisor.$kind" "$AFTER/$name.$kind"
	done
}

# The boot's machine, from its volume to the files that it leaves in AFTER.
run_machine() {
	VOLUME=$WORK/boot.img
	if [ -n "$BOOT_IMAGE" ]; then
		copy_image || return
	else
		make_volume || return
	fi
	case $BOOT_ENGINE in
	nested) nested_start "$WORK" boot.img ;;
	*) machine_start "$BOOT_ENGINE" "$WORK" boot.img ;;
	esac
	machine_wait "$BOOT_LIMIT" "${BOOT_UNTIL[@]}" ||
		BOOT_ENDED="the machine was ended after $BOOT_LIMIT s"
	[ "$BOOT_ENGINE" != nested ] || nested_fetch "$WORK" boot.img ||
		BOOT_ENDED="Linux ended without QEMU's writes"
	mcopy -n -s -i "$VOLUME" '::/*' "$AFTER/" 2>"$WORK/mcopy.txt" || :
	[ ${#BOOT_UNTIL[@]} = 0 ] || name_results
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

# Prints the names of a boot's scenarios, or, with a status, what is wrong with its file. A caller
# that looks at the status by 'if' or '||' would let mistakes pass: that turns errexit off.
list_scenarios() (
	set -e
	DESCRIBE_ONLY=1
	read_boot "$1" 2>&1
	printf '%s\n' "${SCENARIOS[@]}"
)

# A boot that cannot be read fails, and the others run all the same.
chosen=() unreadable=()
for file in "${files[@]}"; do
	name=$(basename "$file" .sh)
	set +e
	scenarios=$(list_scenarios "$file")
	status=$?
	set -e
	if ((status != 0)); then
		scenarios=${scenarios#"$name: "}
		unreadable+=("FAIL $name: ${scenarios%%$'\n'*}")
	elif is_chosen "$name" "$scenarios"; then
		chosen+=("$file")
		((list == 0)) || echo "$scenarios"
	fi
done
files=("${chosen[@]}")
((${#files[@]} + ${#unreadable[@]})) || usage_error "--only $only: no boot or scenario is called so"
if ((list)); then
	((${#unreadable[@]} == 0)) || printf '%s\n' "${unreadable[@]}" >&2
	exit $((${#unreadable[@]} != 0))
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
((${#unreadable[@]} == 0)) || printf '%s\n' "${unreadable[@]}" | tee "$work/results"
next=0
declare -A pid_file
while ((next < ${#files[@]} || ${#running[@]} > 0)); do
	while ((next < ${#files[@]} && ${#running[@]} < jobs)); do
		file=${files[next]}
		next=$((next + 1))
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
