#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/boot/run.sh and mistakes: in its own words and in a boot's file. Each must fail with a message
# that names the word, and nothing may be started. Prints PASS or FAIL a row; status 1 if any failed.
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export BUILD=$work/build RESULTS=$work/results
failed=0

# refused NAME STATUS TEXT WORD...: run.sh WORD... ends with STATUS and prints TEXT.
refused() {
	local name=$1 wanted=$2 text=$3 output status=0

	shift 3
	output=$(timeout 60 "$top/tests/boot/run.sh" "$@" 2>&1) || status=$?
	if [[ $status = "$wanted" && $output == *"$text"* ]]; then
		echo "PASS boot-words: $name"
	else
		echo "FAIL boot-words: $name: status $status, not $wanted, or no '$text': ${output//$'\n'/ | }"
		failed=1
	fi
}

refused 'a file that is not there' 2 'nowhere.sh: no such file' nowhere.sh
refused 'a name that nothing has' 2 '--only no-such-scenario: no boot' --only no-such-scenario
refused 'an option that there is not' 2 '--lits: no such option' --lits
refused 'an option without its word' 2 '--only: a word must follow' --only
refused 'no number of jobs' 2 '--jobs two: must be a number' --jobs two

# A boot's file with these lines: it fails, under its name, and so does the whole.
mistake() {
	local name=$1 text=$2 line

	printf '%s\n' "${@:3}" >"$work/mistaken.sh"
	rm -f -- "$RESULTS"
	refused "$name" 1 "FAIL mistaken: $text" "$work/mistaken.sh"
	refused "$name, listed" 1 "FAIL mistaken: $text" --list "$work/mistaken.sh"
	line=$(cat "$RESULTS" 2>&1)
	[[ $line == "FAIL mistaken: $text"* ]] || {
		echo "FAIL boot-words: $name: the results have '$line'"
		failed=1
	}
}

mistake 'a word of a scenario' 'x: no such word: gest=demo' 'scenario x gest=demo'
mistake 'a word of a boot' "$work/mistaken.sh: line 1: boot_lmit: command" 'boot_lmit 3' \
	'scenario x guest=demo'
mistake 'a value of a boot' 'boot_via sheel: must be shell|starter' 'boot_via sheel' \
	'scenario x guest=demo'
mistake 'an engine' 'boot_engine xen: must be bochs|tcg|nested' 'boot_engine xen' \
	'scenario x guest=demo'
mistake 'a name given twice' 'x: there are two of this name' 'scenario x guest=demo' \
	'scenario x guest=demo'
mistake 'no scenario' 'no scenario in it' 'boot_limit 3'
mistake 'no shell script' "$work/mistaken.sh: line 1: syntax error" 'scenario x guest=('
exit $failed
