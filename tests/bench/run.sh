#!/bin/bash
# SPDX-License-Identifier: MIT
# 'make bench': what exits and requests cost, as a table, as BUILD/bench.csv and as BUILD/bench.svg.
# In Bochs these are instructions, exact, and the budgets follow; ENGINE=kvm, on a machine whose KVM
# nests VT-x, gives cycles.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
unset RESULTS
# shellcheck source=tests/bench/measure.sh
. "$here/measure.sh"
# shellcheck source=tests/bench/budgets.sh
. "$here/budgets.sh"
# shellcheck source=scripts/engine.sh
. "$here/../../scripts/engine.sh"

engine=${ENGINE:-bochs}
case $engine in
bochs) ;;
kvm)
	obstacle=$(engine_kvm_obstacle)
	[ -z "$obstacle" ] || { echo "bench: no KVM here: $obstacle" >&2 && exit 1; }
	;;
*) echo "bench: ENGINE=$engine: must be bochs or kvm" >&2 && exit 2 ;;
esac
unit=$(bench_unit "$engine")
csv=$BUILD/bench.csv

# What is no request.
print_singles() {
	awk -F , 'NR > 1 && $2 == "" { printf "  %-26s %12s %s\n", $1, $4, $8 }' "$csv"
}

# print_requests NAME: a line for each batch.
print_requests() {
	printf '\n%s: %s for each request, with one doorbell for a batch\n' "$1" "$unit"
	printf '          %-30s%s\n' '512 bytes' '4096 bytes'
	printf '%8s%10s%10s%10s%10s%10s%10s\n' batch all copy rest all copy rest
	awk -F , -v name="$1" '
		$1 != name { next }
		$3 == 512 { small[$2] = sprintf("%10.1f%10.1f%10.1f", $5, $6, $7) }
		$3 == 4096 { printf "%8d%s%10.1f%10.1f%10.1f\n", $2, small[$2], $5, $6, $7 }' "$csv"
}

if [ "$engine" = bochs ]; then
	echo "bench: Bochs counts instructions, exactly; a minute, please"
else
	echo "bench: $engine counts cycles of this processor's TSC, and what else happens on it"
fi
bench_measure "$engine" "$csv"
echo
print_singles
for name in read write 'split read' 'split write' 'packed read' 'packed write'; do
	print_requests "$name"
done
echo
[ "$engine" != bochs ] || budgets_check "$csv"
gnuplot -e "csv='$csv'; unit='$unit'; svg='$BUILD/bench.svg'" "$here/plot.gp"
echo "bench: the table is in $csv, the picture in $BUILD/bench.svg"
