#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # what it sources is written by linux-files.sh
# Process 1 of 'make linux': the disk on /mnt, and a shell on the console. scripts/linux.sh packs it.
B=/bin/busybox
$B mount -t devtmpfs d /dev
$B mount -t proc p /proc
$B mount -t sysfs s /sys
$B --install -s /bin
. /bin/load-modules
mount /dev/vda /mnt && echo "the disk is mounted on /mnt:" && ls /mnt
echo "This is Linux $(uname -r) under Cafevisor. 'poweroff -f' switches it off, Ctrl-A X ends all."
cd /mnt || cd /
PS1='\w # ' setsid cttyhack sh
sync
poweroff -f
