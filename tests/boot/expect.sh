# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What a scenario's check_NAME can expect, on the host, after its boot; run.sh sources this. BEFORE
# and AFTER are folders with the boot volume's files, SCENARIO is the name. Every expectation that is
# not met adds a reason; a check goes on after one.

# Runs a scenario's check and prints its PASS, FAIL or SKIP.
check_scenario() {
	local reasons check

	check=$(scenario_check "$1")
	SCENARIO=$1 REASONS=() SKIPPED=''
	if ! declare -F "$check" >/dev/null; then
		refuse 'it has no check'
	elif [[ -z $(word_of "$SCENARIO" program) && ! -f $AFTER/$SCENARIO.result ]]; then
		refuse "left no result${BOOT_ENDED:+; $BOOT_ENDED}; $(last_words)"
	else
		set +e
		"$check"
		set -e
	fi
	if ((${#REASONS[@]})); then
		reasons=$(printf '; %s' "${REASONS[@]}")
		echo "FAIL $SCENARIO: ${reasons#; }"
		show_log
	elif [ -n "$SKIPPED" ]; then
		echo "SKIP $SCENARIO: $SKIPPED"
	else
		echo "PASS $SCENARIO"
	fi
}

refuse() {
	REASONS+=("$*")
}

# For a check that cannot be made here. tests/allowed-skips says which may be.
skip() {
	SKIPPED=$*
}

# The last line on the serial port, for a machine that hung.
last_words() {
	local line

	line=$(tr -d '\r\033' <"$WORK/com1.txt" | grep -av '^ *$' | tail -n 1 | cut -c 1-120) || :
	echo "the last line on COM1 is '$line'"
}

show_log() {
	[ ! -f "$AFTER/$SCENARIO.log" ] || tail -n 20 "$AFTER/$SCENARIO.log" | sed 's/^/     | /'
}

# A value of \cafevisor.result: result_value bytes_written_back
result_value() {
	sed -n "s/^$1=//p" "$AFTER/$SCENARIO.result" | head -n 1
}

# expect_result KEY VALUE
expect_result() {
	local value

	value=$(result_value "$1")
	[ "$value" = "$2" ] || refuse "$1 is '$value', not '$2' (reason: $(result_value reason))"
}

# expect_status 103: what \cafevisor.result says.
expect_status() {
	expect_result status "$1"
}

# expect_reason TEXT: part of the reason in \cafevisor.result.
expect_reason() {
	[[ $(result_value reason) == *"$1"* ]] ||
		refuse "the reason is '$(result_value reason)', without '$1'"
}

# expect_log TEXT: part of a line of \cafevisor.log, to which the guest's console goes, too.
expect_log() {
	grep -aqF -- "$1" "$AFTER/$SCENARIO.log" || refuse "the log has no '$1'"
}

expect_no_log() {
	[ -f "$AFTER/$SCENARIO.log" ] || refuse 'there is no log'
	! grep -aqsF -- "$1" "$AFTER/$SCENARIO.log" || refuse "the log has '$1'"
}

# expect_log_line REGEX: a whole line, as an extended regular expression.
expect_log_line() {
	grep -aqxE -- "$1" "$AFTER/$SCENARIO.log" || refuse "the log has no line '$1'"
}

# expect_log_count N TEXT: N lines of the log contain it.
expect_log_count() {
	local count

	count=$(grep -acF -- "$2" "$AFTER/$SCENARIO.log")
	[ "$count" = "$1" ] || refuse "$count lines of the log have '$2', not $1"
}

# expect_log_order TEXT...: lines of the log contain these, each behind the one before it.
expect_log_order() {
	local text line=0 at

	for text in "$@"; do
		at=$(tail -n +$((line + 1)) "$AFTER/$SCENARIO.log" | grep -anF -m 1 -- "$text")
		[ -n "$at" ] || { refuse "the log has no '$text' behind line $line" && return; }
		line=$((line + ${at%%:*}))
	done
}

# The machine switched itself off: control came back to the starter or the shell at the end.
expect_machine_ended() {
	[ -z "$BOOT_ENDED" ] || refuse "$BOOT_ENDED; $(last_words)"
}

# expect_serial TEXT: part of a line on the machine's COM1, in the whole boot.
expect_serial() {
	tr -d '\r' <"$WORK/com1.txt" | grep -aqF -- "$1" || refuse "COM1 did not show '$1'"
}

# The statuses of a scenario's programs as UEFI saw them, in order, in hexadecimal without the bit
# that marks an error. expect_efi_statuses 0 15 0
expect_efi_statuses() {
	local name first=1 count statuses

	# shellcheck disable=SC2153 # describe.sh sets it
	for name in "${SCENARIOS[@]}"; do
		count=$(scenario_program_count "$name")
		[ "$name" != "$SCENARIO" ] || break
		first=$((first + count))
	done
	statuses=$(tr -d '\r"' <"$AFTER/start.log" |
		sed -nE "$first,$((first + count - 1))s/^(0x)?(80*)?([0-9A-Fa-f]+) .*/\3/p" |
		sed -E 's/^0+(.)/\1/' | tr 'A-F\n' 'a-f ')
	[ "${statuses% }" = "$*" ] || refuse "UEFI statuses are '${statuses% }', not '$*'"
}

# The disk as it was and as it is now, unless another file of the boot volume is named.
expect_disk_unchanged() {
	local file=${1:-$(scenario_disk "$SCENARIO")}

	cmp -s -- "$BEFORE/$file" "$AFTER/$file" || refuse "$file has changed"
}

# expect_changed_sectors '0 7 8' [FILE]: exactly these sectors differ from before.
expect_changed_sectors() {
	local file=${2:-$(scenario_disk "$SCENARIO")} changed

	[ -f "$AFTER/$file" ] || { refuse "$file is gone" && return; }
	changed=$(cmp -l -- "$BEFORE/$file" "$AFTER/$file" 2>/dev/null |
		awk '{ print int(($1 - 1) / 512) }' | uniq | tr '\n' ' ')
	[ "${changed% }" = "$1" ] || refuse "sectors '${changed% }' of $file have changed, not '$1'"
}

# expect_disk_size BYTES [FILE]
expect_disk_size() {
	local file=${2:-$(scenario_disk "$SCENARIO")} size

	size=$(stat -c %s -- "$AFTER/$file")
	[ "$size" = "$1" ] || refuse "$file has $size bytes, not $1"
}

# expect_disk_text OFFSET TEXT [FILE]: the bytes that lie there now.
expect_disk_text() {
	local file=${3:-$(scenario_disk "$SCENARIO")} text

	text=$(tail -c +$(($1 + 1)) -- "$AFTER/$file" | head -c ${#2} | tr -d '\0')
	[ "$text" = "$2" ] || refuse "$file has '$text' at $1, not '$2'"
}

# The SHA-256 that a file of the boot volume had before the boot, or has after it.
sha_before() {
	sha256sum -- "$BEFORE/$1" | cut -d ' ' -f 1
}

sha_after() {
	sha256sum -- "$AFTER/$1" | cut -d ' ' -f 1
}
