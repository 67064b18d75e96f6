#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one command as one test: PASS if it exits with 0, else FAIL and what it said.
#   test-command.sh NAME COMMAND...
# RESULTS, from the environment, is a file that gets the line, too.
set -uo pipefail

name=$1
shift
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT

if timeout 600 "$@" >"$log" 2>&1; then
	echo "PASS $name" | tee -a "${RESULTS:-/dev/null}"
	exit 0
fi
tail -n 40 "$log"
echo "FAIL $name: $* did not succeed" | tee -a "${RESULTS:-/dev/null}"
exit 1
