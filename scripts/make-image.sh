#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the image for a USB stick: GPT, one EFI system partition, and on it Cafevisor as the program
# that a firmware starts by itself, a guest, a disk and a commented cafevisor.conf. Needs no root.
#   make-image.sh OUT.img CAFEVISOR.EFI GUEST.elf DISK.img
set -euo pipefail

[ $# = 4 ] || { echo "usage: make-image.sh OUT.img CAFEVISOR.EFI GUEST.elf DISK.img" >&2; exit 2; }
out=$1 cafevisor=$2 guest=$3 disk=$4
here=$(cd "$(dirname "$0")" && pwd)
readonly MIB=1048576 CYLINDER=516096

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

cat >"$work/cafevisor.conf" <<'CONF'
# Cafevisor's configuration: key = value. Missing keys have the values that are shown here.
# The same keys, as key=value words, may follow cafevisor.efi's name in a UEFI shell.

# The guest: an ELF file with a PVH note, on this volume, and what it is told on its command line.
guest = \guest.elf
cmdline = ""
# An initial RAM disk for it: a file on this volume; none when empty.
initrd = ""
# Its memory: 64M, 2G, ...
memory = 64M

# Its disk: an image on this volume. rw: changes are written back to the image when the guest ends;
# ro: the guest cannot write; snapshot: it can, and its changes are forgotten.
disk = \disk.img
disk.mode = rw
# Which devices give it to the guest: both, svirtb, virtio.
disk.device = both
# When virtio-blk's writes are in the image. virtio: as virtio 1.2 demands; exit: at the end only.
disk.sync = virtio
# Bytes of a request's entry in the ring: 28 as specified, 32 as compilers lay the structure out.
svirtb.entry-size = 28

# Seconds after which the guest is ended; 0: never.
timeout = 0

# Whether to wait for a key at the end: auto, yes, no.
pause = auto
# What is shown: error, warn, info, debug, trace.
log = info
CONF

# FAT32, because some firmware takes nothing else from a partition; it needs 33 MiB at least.
size=$((($(stat -L -c %s -- "$cafevisor") + $(stat -L -c %s -- "$guest") +
	$(stat -L -c %s -- "$disk")) / MIB + 64))
ESP_FAT=32 "$here/make-esp.sh" "$work/esp.img" "$size" "EFI/BOOT/BOOTX64.EFI=$cafevisor" \
	"guest.elf=$guest" "disk.img=$disk" "cafevisor.conf=$work/cafevisor.conf"

# 1 MiB for the partition table in front of the partition, and 1 MiB for its copy behind it.
esp_sectors=$(($(stat -c %s "$work/esp.img") / 512))
total=$((esp_sectors * 512 + 2 * MIB))
truncate -s $(((total + CYLINDER - 1) / CYLINDER * CYLINDER)) "$work/image"
sgdisk --clear --new=1:2048:$((2048 + esp_sectors - 1)) --typecode=1:ef00 \
	--change-name=1:Cafevisor --disk-guid=cafe0000-cafe-4afe-8afe-cafe00000002 \
	--partition-guid=1:cafe0000-cafe-4afe-8afe-cafe00000003 "$work/image" >/dev/null
dd if="$work/esp.img" of="$work/image" bs=$MIB seek=1 conv=notrunc,sparse status=none
mv -f -- "$work/image" "$out"
