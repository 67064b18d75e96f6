#!/bin/bash
# SPDX-License-Identifier: MIT
# 'make bench-linux': the instructions of a start of Debian's Linux, natively and as a guest, exits by
# reason, and what reading the disk costs. Six starts in Bochs, which counts instructions; the figures
# go to BUILD/bench-linux.csv. Status 1 when a budget is exceeded. From the environment: BUILD, JOBS.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
BUILD=$(cd "${BUILD:-$top/build}" && pwd)
# shellcheck source=scripts/linux-files.sh
. "$top/scripts/linux-files.sh"
# shellcheck source=scripts/machine.sh
. "$top/scripts/machine.sh"

readonly DISK_MIB=33 READ_PAGES=8192
# Of 4 KiB: by the device, 8 bytes with each step of rep movsq, and by the kernel to dd, a byte with
# each of rep movsb. Each step counts as an instruction in Bochs.
readonly COPY_DEVICE=512 COPY_KERNEL=4096
readonly RATIO_MAX=1.10 EXITS_MAX=0.1 # for a start, and for 4 KiB with bs=1M
readonly LIMIT=900                    # seconds of ours for one start
# Natively Linux needs help with Bochs's TSC, whose rate CPUID has wrong, and with its XSAVEC, whose
# area it does not believe. HLT skips instructions, so nobody halts.
readonly WORDS="$LINUX_WORDS nokaslr idle=poll tsc=reliable clearcpuid=xsaves,xsavec"
readonly MEMORY_MIB=256
# Instructions in a second of the machine's, for a start and for reads: the slower, the more of the
# kernel's 250 timer ticks in a second, at three exits each, fall among the reads. A processor makes
# ten times as many as this; with more than this the firmware's waits for the disk take too long here.
readonly START_IPS=25000000 READ_IPS=200000000

work=$(mktemp -d "$BUILD/linux-bench.XXXXXX")
csv=$BUILD/bench-linux.csv
trap 'machine_stop; rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make_files() {
	mkdir -p "$work/more/bin" "$work/empty"
	"${HOSTCC:-gcc}" -std=c11 -O1 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector \
		-nostdlib -static "$here/first.c" -o "$work/more/bin/first"
	cp "$here/bench-init.sh" "$work/more/init.sh"
	chmod 755 "$work/more/init.sh"
	linux_make_initrd "$work/more/bin/first" "$work/initrd.img" "$work/more"
	linux_make_disk "$work/disk.img" "$DISK_MIB" "$work/empty"
}

shows_init() {
	grep -aq '^init_tsc=[0-9]*.$' "$work/native/com1.txt"
}

start_natively() {
	mkdir "$work/native"
	echo "native.efi $WORDS tsc_early_khz=$((START_IPS / 1000)) bench=start" >"$work/native/start.txt"
	"$top/scripts/make-esp.sh" "$work/native/boot.img" auto \
		"EFI/BOOT/BOOTX64.EFI=$BUILD/starter.efi" "start.txt=$work/native/start.txt" \
		"native.efi=$BUILD/efi/native.efi" "guest.elf=$LINUX_KERNEL" "initrd.img=$work/initrd.img"
	MACHINE_IPS=$START_IPS MACHINE_MEMORY=$MEMORY_MIB machine_start bochs "$work/native" boot.img
	machine_wait "$LIMIT" shows_init || :
	tr -d '\r' <"$work/native/com1.txt" | sed -n 's/^native: //p; /^init_tsc=/p' >"$work/native.txt"
}

# start_guest WHAT IPS [WORDS]: its figures as key=value lines in $work/WHAT.txt, exits by reason in WHAT.exits.
start_guest() {
	local what=$1 folder=$work/build-$1

	mkdir "$folder"
	ln -s "$BUILD/cafevisor.efi" "$BUILD/starter.efi" "$folder/"
	cp "$work/disk.img" "$folder/disk.img"
	BUILD=$folder GUEST=$LINUX_KERNEL INITRD=$work/initrd.img DISK=$folder/disk.img MEMORY=${MEMORY_MIB}M \
		MACHINE_IPS=$2 TIMEOUT=200 CONSOLE='' \
		CMDLINE="$WORDS tsc_early_khz=$(($2 / 1000)) ${3:-} bench=$what" ARGS='disk.device=virtio' ENGINE=bochs \
		"$top/scripts/run.sh" >"$folder/run.txt" 2>&1 </dev/null || :
	{
		cat "$folder/cafevisor.result"
		tr -d '\r' <"$folder/run.txt" | grep -aE '^[a-z]+_(tsc|reads|interrupts)=[0-9]+$'
	} >"$work/$what.txt"
	# name,count,instructions
	sed -n '/exits by reason/,/ all  /p' "$folder/cafevisor.log" | awk '
		NR > 1 && $2 != "all" {
			count = $(NF - 2); total = $(NF - 1)
			sub(/^\[stat\] /, ""); sub(/ +[0-9]+ +[0-9]+ +[0-9]+\r?$/, "")
			print $0 "," count "," total
		}' >"$work/$what.exits"
	rm -rf -- "$folder"
}

# value WHAT KEY
value() {
	local found

	found=$(sed -n "s/^$2=//p" "$work/$1.txt" | tail -n 1)
	[ -n "$found" ] || { echo "bench-linux: the start '$1' left no $2" >&2 && return 1; }
	echo "$found"
}

difference() {
	echo $(($(value "$1" "$3") - $(value "$1" "$2")))
}

# exits_of WHAT REASON: how many its run had.
exits_of() {
	awk -F , -v reason="$2" '$1 == reason { n = $2 } END { print n + 0 }' "$work/$1.exits"
}

# What a tick costs: the preemption timer, the end of the interrupt, the next deadline.
timer_exits() {
	echo $(($(exits_of "$1" 'VMX-preemption timer') + 2 * $(exits_of "$1" WRMSR)))
}

divide() {
	awk -v a="$1" -v b="$2" -v digits="$3" 'BEGIN { printf "%.*f", digits, b ? a / b : 0 }'
}

report_start() {
	local native guest

	native=$(difference native entered_tsc init_tsc)
	guest=$(difference start entered_tsc init_tsc)
	ratio=$(divide "$guest" "$native" 3)
	echo "start,native,$native"
	echo "start,guest,$guest"
	echo "start,ratio,$ratio"
	sed 's/^/exits,/' "$work/start.exits"
}

# report_read WHAT: what its dd cost beyond the one of nothing.
report_read() {
	local what=$1 instructions exits ticks requests interrupts

	instructions=$(($(difference "$what" before_tsc after_tsc) - $(difference none before_tsc after_tsc)))
	exits=$(($(value "$what" exits) - $(value none exits)))
	ticks=$(($(timer_exits "$what") - $(timer_exits none)))
	requests=$(difference "$what" before_reads after_reads)
	interrupts=$(difference "$what" before_interrupts after_interrupts)
	echo "read,$what,instructions per 4 KiB,$(divide "$instructions" $READ_PAGES 1)"
	echo "read,$what,without the copies,$(divide $((instructions - READ_PAGES * (COPY_DEVICE + COPY_KERNEL))) \
		$READ_PAGES 1)"
	echo "read,$what,exits per 4 KiB,$(divide "$exits" $READ_PAGES 4)"
	echo "read,$what,without the timer's,$(divide $((exits - ticks)) $READ_PAGES 4)"
	echo "read,$what,requests,$requests"
	echo "read,$what,exits per request,$(divide $((exits - ticks)) "$requests" 2)"
	echo "read,$what,interrupts per request,$(divide "$interrupts" "$requests" 2)"
}

# What is measured against what it may be.
keeps_budgets() {
	awk -F , -v ratio="$RATIO_MAX" -v exits="$EXITS_MAX" '
		function check(name, value, limit) {
			seen++
			if (value + 0 > 0 && value + 0 <= limit)
				return
			print "bench-linux: " name ": " value " is over " limit
			bad = 1
		}
		$1 == "start" && $2 == "ratio" { check("a start, guest to native", $3, ratio) }
		$2 == "1M" && $3 == "exits per 4 KiB" { check("exits per 4 KiB, bs=1M", $4, exits) }
		END { exit bad || seen != 2 }' "$1"
}

linux_get_kernel
make_files
echo 'bench-linux: six starts of Linux in Bochs, some eight minutes' >&2
start_natively &
for what in start none 4k 64k 1M; do
	(($(jobs -rp | wc -l) < ${JOBS:-2})) || wait -n
	if [ "$what" = start ]; then
		start_guest start "$START_IPS" &
	else
		start_guest "$what" "$READ_IPS" quiet &
	fi
done
wait
{
	report_start
	for what in 4k 64k 1M; do
		report_read "$what"
	done
} | tee "$csv"
keeps_budgets "$csv"
