#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC1091 # what it sources is written by machine.sh
# Process 1 of the Linux that runs in Bochs: loads KVM with nested VT-x, boots the volume in QEMU,
# and prints what QEMU changed on it. tests/nested/machine.sh packs it, with what it needs, and reads
# the serial port.
B=/bin/busybox
$B mount -t devtmpfs d /dev
$B mount -t proc p /proc
$B mount -t sysfs s /sys
$B dmesg -n 1
$B stty -F /dev/ttyS0 -onlcr -echo 2>/dev/null

for module in irqbypass kvm; do
	$B insmod /modules/$module.ko
done
$B insmod /modules/kvm-intel.ko nested=1
echo "nested: Linux is up, KVM's nested is $($B cat /sys/module/kvm_intel/parameters/nested)"

# The volume and the firmware are put together from the parts that are not empty.
. /sizes
for part in /volume/*; do
	$B dd if="$part" of=/boot.img bs=1M seek="$($B expr "${part##*.}" + 0)" conv=notrunc 2>/dev/null
	$B rm "$part"
done
$B truncate -s "$VOLUME_SIZE" /boot.img
# OVMF looks for a TPM behind its ROM, 50,000 times, unless it reads 0xff there: so the ROM reaches
# down to that address.
$B tr '\0' '\377' </dev/zero | $B head -c "$PADDING_SIZE" >/ovmf.fd
$B cat /OVMF.fd >>/ovmf.fd
$B rm /OVMF.fd

echo 'nested: starting QEMU'
. /qemu.sh
echo "nested: QEMU ended with status $?"
$B dmesg | $B grep -i kvm | $B tail -n 5

echo '@@overlay'
$B gzip -c /overlay.qcow2 | $B base64
echo '@@end'
# Once the serial port has sent all of it. Linux reboots by a triple fault here, which ends Bochs.
$B sleep 2
$B reboot -f
