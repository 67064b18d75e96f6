#!/bin/bash
# SPDX-License-Identifier: MIT
# 'make linux': Debian's own kernel, untouched, on the disk build/linux-disk.img, with a shell on
# the serial port. From the environment, besides what run.sh takes:
#   CMDLINE        words for the kernel, besides those below
#   GUEST, INITRD, DISK   in place of what is made here
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-build}
# shellcheck source=scripts/linux-files.sh
. "$here/linux-files.sh"

readonly DISK_MIB=64

# What the disk has on it: this project's documents, for something to look at.
make_disk() {
	local folder

	folder=$(mktemp -d "$BUILD/linux-disk.XXXXXX")
	cp -R -- "$here"/../docs/. "$folder/"
	linux_make_disk "$1" "$DISK_MIB" "$folder"
	rm -rf -- "$folder"
}

if [ -z "${GUEST:-}" ]; then
	linux_get_kernel || exit
	GUEST=$LINUX_KERNEL
fi
if [ -z "${INITRD:-}" ]; then
	linux_get_kernel || exit
	INITRD=$BUILD/linux-initrd.img
	linux_make_initrd "$here/linux-init.sh" "$INITRD"
fi
if [ -z "${DISK:-}" ]; then
	DISK=$BUILD/linux-disk.img
	[ -f "$DISK" ] || make_disk "$DISK"
fi
linux_say "the kernel is $GUEST, the disk $DISK"
linux_say 'in Bochs the shell is there after about two minutes: the firmware, then reading disk and' \
	'kernel, which it counts, then Linux, which says what it does'
export GUEST INITRD DISK
export MEMORY=${MEMORY:-256M} TIMEOUT=${TIMEOUT:-0} CONSOLE=${CONSOLE-1}
export CMDLINE="$LINUX_WORDS${CMDLINE:+ $CMDLINE}" ARGS="disk.device=virtio ${ARGS:-}"
exec "$here/run.sh"
