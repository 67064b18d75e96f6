#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # what it sources is written by linux-files.sh
# Process 1 of 'make bench-linux' after first.c: what the word bench=... on the kernel's command line
# asks for. start: nothing; none, 4k, 64k, 1M: dd of 32 MiB (of nothing for 'none') from the disk.
B=/bin/busybox
$B mount -t proc p /proc
read -r words </proc/cmdline
bench=${words##*bench=}
bench=${bench%% *}
[ "$bench" != start ] || $B poweroff -f
$B mount -t devtmpfs d /dev
$B mount -t sysfs s /sys
$B --install -s /bin
. /bin/load-modules

# Completed reads of the disk, and its interrupts.
counts() {
	read -r reads rest </sys/block/vda/stat
	echo "$1_reads=$reads"
	awk -v name="$1" '/virtio0/ { print name "_interrupts=" $2 }' /proc/interrupts
}

size=$bench count=0
case $bench in
4k) count=8192 ;;
64k) count=512 ;;
1M) count=32 ;;
none) size=4k ;;
esac
counts before
first before
dd if=/dev/vda of=/dev/null bs="$size" count="$count" 2>/dev/null
first after
counts after
first end
poweroff -f
