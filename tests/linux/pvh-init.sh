#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # what it sources is written by linux-files.sh
# Process 1 of the kernel that tests/linux/run.sh starts by PVH: checks the disk's files, and tells.
B=/bin/busybox
$B mount -t devtmpfs d /dev
$B mount -t proc p /proc
$B mount -t sysfs s /sys
$B --install -s /bin
. /bin/load-modules
mount -t ext4 -o ro /dev/vda /mnt && cd /mnt && sha256sum -c SHA256SUMS && echo "pvh: $(cat /proc/cmdline)"
# The line has left the UART by then.
sleep 1
poweroff -f
