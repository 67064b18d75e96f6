# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What run.sh and check.sh have in common: a machine boots, runs the benchmark guest, and what that
# left behind becomes one table. Sourced.
#   bench_measure ENGINE TABLE    bochs or kvm; writes the table as CSV: name, requests in a batch,
#                                 bytes of each (empty where that means nothing), total, each (the
#                                 total for one request), copy and rest of that, unit
# BUILD, from the environment, is the folder with what was built.

bench_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The TSC counts instructions in Bochs, and cycles in a processor. They are never the same thing.
bench_unit() {
	case $1 in
	bochs) echo instructions ;;
	*) echo cycles ;;
	esac
}

bench_result() {
	sed -n "s/^$2=//p" "$BENCH_FOLDER/$1.result"
}

# Bytes of the image that the firmware loads, of which relocations and symbols are not counted.
bench_image_size() {
	size -A -d "$BUILD/cafevisor.so" |
		awk '$1 ~ /^\.(text|rodata|data\.rel\.ro|data|bss)$/ { bytes += $2 } END { print bytes }'
}

# A request's copy is what each byte more costs, by the difference between the two sizes at the same
# batch, times its bytes.
bench_split_requests() {
	awk -F , -v OFS=, -v unit="$1" '
		{ total[$1, $2, $3] = $4; line[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++) {
				split(line[i], field, ",")
				name = field[1]; batch = field[2]; bytes = field[3]
				if (batch == 0) {
					print name, "", "", field[4], field[4], "", "",
						(name ~ /^interrupts/ ? "interrupts" : unit)
					continue
				}
				slope = (total[name, batch, 4096] - total[name, batch, 512]) / batch / 3584
				each = field[4] / batch
				print name, batch, bytes, field[4], sprintf("%.3f", each),
					sprintf("%.3f", slope * bytes),
					sprintf("%.3f", each - slope * bytes), unit
			}
		}' "$BENCH_FOLDER/bench.csv"
}

bench_rows() {
	local unit

	unit=$(bench_unit "$1")
	echo 'name,batch,size,total,each,copy,rest,unit'
	bench_split_requests "$unit"
	echo "start-up,,,$(bench_result bench startup_tsc),,,,$unit"
	awk -v less="$(bench_result bench-100-batches exits)" \
		-v more="$(bench_result bench-200-batches exits)" \
		'BEGIN { if (less > 0) printf "exits in a batch,,,%g,,,,exits\n", (more - less) / 100 }'
	echo "text and data,,,$(bench_image_size),,,,bytes"
	echo "host memory,,,$(bench_result bench host_memory),,,,bytes"
}

bench_measure() {
	export BENCH_ENGINE=$1 BENCH_FOLDER=$BUILD/bench

	rm -rf -- "$BENCH_FOLDER"
	mkdir -p "$BENCH_FOLDER"
	"$bench_top/tests/boot/run.sh" "$bench_top/tests/bench/boots/bench.sh" || return
	bench_rows "$1" >"$2"
}
