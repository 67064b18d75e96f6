#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the tests that are shell scripts, tests/unit/test_*.sh; each prints PASS, FAIL or SKIP lines.
# RESULTS, from the environment, is a file that gets the lines, too.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
failed=0
for script in tests/unit/test_*.sh; do
	"$script" | tee -a "${RESULTS:-/dev/null}" || failed=1
done
exit $failed
