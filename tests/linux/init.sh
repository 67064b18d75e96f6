#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # what it sources is written by linux-files.sh
# Process 1 of 'make test-linux': leaves on the disk what tests/linux/run.sh looks at afterwards, then
# a shell to type into. What goes wrong here is missing there.
B=/bin/busybox
$B mount -t devtmpfs d /dev
$B mount -t proc p /proc
$B mount -t sysfs s /sys
$B --install -s /bin
. /bin/load-modules
mount -t ext4 /dev/vda /mnt || poweroff -f
cd /mnt || poweroff -f
mkdir from-guest from-guest/tables
# Read from the disk, not from the page cache: nothing of it was touched before.
sha256sum -c SHA256SUMS >from-guest/sums 2>&1
cat random random >from-guest/written
cp /proc/cpuinfo /proc/interrupts /proc/iomem /proc/ioports from-guest/
cp /sys/devices/system/clocksource/clocksource0/current_clocksource from-guest/clocksource
for table in /sys/firmware/acpi/tables/[A-Z]*; do
	[ ! -f "$table" ] || cp "$table" from-guest/tables/
done
sync
PS1='typed # ' setsid cttyhack sh
dmesg -r >from-guest/dmesg
sync
cd / && umount /mnt
poweroff -f
