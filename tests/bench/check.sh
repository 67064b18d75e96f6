#!/bin/bash
# SPDX-License-Identifier: MIT
# Holds the benchmarks to their budgets (budgets.txt), by exact counts in Bochs. 'make test' calls
# it. Prints a PASS or FAIL line for each; RESULTS, from the environment, is a file that gets them,
# too. Status 1 when a budget is exceeded or could not be checked.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
# shellcheck source=tests/bench/measure.sh
. "$here/measure.sh"
# shellcheck source=tests/bench/budgets.sh
. "$here/budgets.sh"

lines='FAIL budgets: the benchmarks did not run to their end'
if bench_measure bochs "$BUILD/bench/table.csv"; then
	lines=$(budgets_check "$BUILD/bench/table.csv")
fi
tee -a "${RESULTS:-/dev/null}" <<<"$lines"
! grep -qv '^PASS ' <<<"$lines"
