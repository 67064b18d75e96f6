#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the sample disk for the demo guest: 8 MiB, an ext2 file system with the files of a folder.
#   make-disk.sh OUT.img FOLDER
set -euo pipefail

[ $# = 2 ] || { echo "usage: make-disk.sh OUT.img FOLDER" >&2; exit 2; }
out=$1 folder=$2

# The file system ends 4 KiB before the image does: the demo writes its line into the last sector.
# Fixed numbers and times make the image depend on nothing but the files.
rm -f -- "$out"
export E2FSPROGS_FAKE_TIME=1700000000
mke2fs -q -t ext2 -b 1024 -L cafevisor -U cafe0000-cafe-4afe-8afe-cafe00000000 \
	-E hash_seed=cafe0000-cafe-4afe-8afe-cafe00000001,root_owner=0:0 -d "$folder" "$out" 8188k >/dev/null
truncate -s 8M -- "$out"
