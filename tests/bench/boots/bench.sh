# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The benchmark guest, three times in one start of the machine: for its table, and with 100 and with
# 200 batches, whose difference is what 100 batches cost in exits. ../measure.sh runs this, says on
# which engine, and which folder gets what the guest left.
boot_engine "${BENCH_ENGINE:-bochs}"
BENCH_FOLDER=${BENCH_FOLDER:-$BUILD/bench}

bench_keep() {
	expect_status 0
	mkdir -p "$BENCH_FOLDER"
	cp -- "$AFTER/$SCENARIO.result" "$AFTER/$SCENARIO.log" "$BENCH_FOLDER/"
	head -c 8192 "$AFTER/$SCENARIO.img" | tr -d '\0' >"$BENCH_FOLDER/$SCENARIO.csv"
}

scenario bench guest=bench
check_bench() {
	bench_keep
	grep -q '^TSC deadline to handler,0,0,[0-9]*$' "$BENCH_FOLDER/bench.csv" || refuse 'the table is not complete'
}

scenario bench-100-batches guest=bench args='cmdline="batches=100"'
check_bench_100_batches() {
	bench_keep
	expect_result requests 6400
}

scenario bench-200-batches guest=bench args='cmdline="batches=200"'
check_bench_200_batches() {
	bench_keep
	expect_result requests 12800
}
