#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a FAT image of files, for the firmware to boot from; needs no root. Called by run.sh,
# make-image.sh and the machine tests.
#   make-esp.sh OUT.img SIZE|auto TARGET=FILE...
# TARGET is the path on the volume, with slashes; SIZE is in MiB. The image is a whole number of
# cylinders of 16 heads and 63 sectors, because Bochs wants that of a disk. ESP_FAT=32 in the
# environment makes it FAT32 whatever its size.
set -euo pipefail

readonly CYLINDER=516096 CLUSTER=32768 MIB=1048576
readonly FAT_FILE_MAX=4294967295
readonly SLACK=$((4 * MIB)) # for logs and results, and for a disk that grows to a whole sector

fail() {
	echo "make-esp: $*" >&2
	exit 1
}

[ $# -ge 3 ] || fail "usage: make-esp.sh OUT.img SIZE|auto TARGET=FILE..."
out=$1 size=$2
shift 2

bytes=0
for pair in "$@"; do
	file=${pair#*=}
	[[ -f $file && -r $file ]] || fail "$file: no such file"
	file_size=$(stat -L -c %s -- "$file")
	[ "$file_size" -le "$FAT_FILE_MAX" ] ||
		fail "$file: $file_size bytes; a file on the boot volume (FAT) may have $FAT_FILE_MAX"
	bytes=$((bytes + (file_size + CLUSTER - 1) / CLUSTER * CLUSTER))
done

if [ "$size" = auto ]; then
	bytes=$((bytes + bytes / 64 + SLACK))
else
	bytes=$((size * MIB))
fi
rm -f -- "$out"
truncate -s $(((bytes + CYLINDER - 1) / CYLINDER * CYLINDER)) -- "$out"
mkfs.vfat --invariant ${ESP_FAT:+-F "$ESP_FAT"} -n CAFEVISOR "$out" >/dev/null

made=' '
for pair in "$@"; do
	target=${pair%%=*}
	folder=
	while [[ $target == */* ]]; do
		folder=$folder${target%%/*}
		target=${target#*/}
		[[ $made == *" $folder "* ]] || mmd -i "$out" "::/$folder"
		made="$made$folder "
		folder=$folder/
	done
	mcopy -i "$out" -- "${pair#*=}" "::/${pair%%=*}"
done
