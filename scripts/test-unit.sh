#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs cmocka test programs and turns what they say into PASS and FAIL lines, a test each.
#   test-unit.sh PROGRAM...
# RESULTS, from the environment, is a file that gets the lines, too. Status 1 if a test failed.
set -uo pipefail

results=${RESULTS:-/dev/null}
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
failed=0

for program in "$@"; do
	name=$(basename "$program")
	if ! CMOCKA_MESSAGE_OUTPUT=STDOUT timeout 300 "$program" >"$log" 2>&1; then
		failed=1
		cat "$log"
		grep -q '^\[  FAILED  \]' "$log" ||
			echo "FAIL unit: $name: the program broke off" | tee -a "$results"
	fi
	sed -n -e "s/^\[       OK \] \(.*\)/PASS unit: $name: \1/p" \
		-e "s/^\[  FAILED  \] \([a-z_].*\)/FAIL unit: $name: \1/p" \
		-e "s/^\[  SKIPPED \] \([a-z_].*\)/SKIP unit: $name: \1/p" "$log" |
		sort -u >>"$results"
	echo "unit: $name: $(grep -c '^\[       OK \]' "$log") passed"
done
exit $failed
