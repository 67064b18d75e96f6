#!/bin/bash
# SPDX-License-Identifier: MIT
# The end of 'make test': what failed, what was skipped, and the sums on the last line.
#   test-summary.sh RESULTS
# With CI set, a skip that tests/allowed-skips does not list by name counts as a failure.
set -uo pipefail

results=$1
allowed=$(dirname "$0")/../tests/allowed-skips

[ -s "$results" ] || { echo "no test left a result"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
if [ -n "${CI:-}" ]; then
	while IFS= read -r line; do
		name=${line#SKIP }
		grep -qxF -- "${name%%:*}" "$allowed" ||
			echo "FAIL ${name%%:*}: skipped, and tests/allowed-skips does not list it" >>"$results"
	done < <(grep '^SKIP ' "$results")
fi
grep -E '^(FAIL|SKIP) ' "$results"
passed=$(grep -c '^PASS ' "$results")
failed=$(grep -c '^FAIL ' "$results")
skipped=$(grep -c '^SKIP ' "$results")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
