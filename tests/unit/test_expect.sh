#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/boot/expect.sh on made-up files: each expectation is met by what it should be met by, and by
# nothing else. Prints PASS or FAIL a row; status 1 if any failed.
# shellcheck disable=SC2034,SC2317 # expect.sh reads what is set here, and calls the checks by name
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/boot/describe.sh
. "$top/tests/boot/describe.sh"
# shellcheck source=tests/boot/expect.sh
. "$top/tests/boot/expect.sh"

WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
BEFORE=$WORK/before AFTER=$WORK/after BUILD=$WORK failed=0
mkdir -p "$BEFORE" "$AFTER" "$WORK/guests"
: >"$WORK/guests/g.elf"

BOOT_NAME=made-up
describe_reset
disk_zero d.img 2048
scenario first guest=g before='other.efi x' args=check
scenario second guest=g disk=d.img
scenario third program=helper.efi args=compare

cp "$BEFORE/d.img" "$AFTER/d.img"
printf 'hello' | dd of="$AFTER/d.img" bs=1 seek=1020 conv=notrunc status=none
printf '0 other.efi x\n8000000000000003 cafevisor.efi\n"0x15" second\n0 helper.efi\n' >"$AFTER/start.log"
printf 'status=7\nreason=port 0xf4\nbytes_written_back=4096\n' >"$AFTER/second.result"
printf '[boot] status 0: all\nguest: [x] a line\n' >"$AFTER/second.log"
printf '\033[2J[boot] on COM1\r\n' >"$WORK/com1.txt"

# met|unmet EXPECTATION...
met() { judge 0 "$@"; }
unmet() { judge 1 "$@"; }
judge() {
	local wanted=$1 got=0

	shift
	REASONS=()
	"$@"
	((${#REASONS[@]} == 0)) || got=1
	if [ "$wanted" = "$got" ]; then
		echo "PASS expect: $* ($SCENARIO, ${REASONS[*]:-met})"
	else
		echo "FAIL expect: $* ($SCENARIO, ${REASONS[*]:-met})"
		failed=1
	fi
}

SCENARIO=second
met expect_status 7
unmet expect_status 70
unmet expect_status 0
met expect_result bytes_written_back 4096
unmet expect_result bytes_written 4096
met expect_reason 0xf4
unmet expect_reason 0xf5
met expect_log '[x] a'
unmet expect_log 'x. a'
met expect_no_log 'another line'
unmet expect_no_log '[x] a'
met expect_log_line 'guest: .x. a line'
unmet expect_log_line 'guest: .x. a lin'
met expect_log_count 1 'a line'
unmet expect_log_count 2 'a line'
met expect_serial '[boot] on COM1'
unmet expect_serial '[boot] on COM2'
met expect_changed_sectors '1 2'
unmet expect_changed_sectors 1
unmet expect_changed_sectors '1 2 3'
unmet expect_disk_unchanged
met expect_disk_size 2048
unmet expect_disk_size 2049
met expect_disk_text 1020 hello
unmet expect_disk_text 1021 hello
met expect_efi_statuses 15
unmet expect_efi_statuses 0
BOOT_ENDED=
met expect_machine_ended
BOOT_ENDED='the machine was ended'
unmet expect_machine_ended
SCENARIO=first
met expect_efi_statuses 0 3
unmet expect_efi_statuses 0
unmet expect_efi_statuses 0 0
unmet expect_no_log 'another line'
cp "$BEFORE/first.img" "$AFTER/first.img"
met expect_disk_unchanged
echo >>"$AFTER/first.img"
unmet expect_disk_unchanged
SCENARIO=third
met expect_efi_statuses 0

# A whole check: what it prints, and what makes it fail by itself.
check_second() { expect_status "$wanted_status"; }
check_third() { skip 'not here'; }
check_line() {
	local name=$1 wanted=$2 line

	line=$(check_scenario "$3" | head -n 1)
	# shellcheck disable=SC2053 # a pattern is what is wanted
	if [[ $line == $wanted ]]; then
		echo "PASS expect: $name"
	else
		echo "FAIL expect: $name: '$line'"
		failed=1
	fi
}
wanted_status=7
check_line 'a check that is met' 'PASS second' second
wanted_status=8
check_line 'a check that is not' "FAIL second: status is '7', not '8'*" second
check_line 'a check that is skipped' 'SKIP third: not here' third
check_line 'a scenario without a check' 'FAIL first: *it has no check*' first
check_first() { :; }
check_line 'a scenario that left no result' 'FAIL first: left no result*' first
exit $failed
