#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that are missing: as root or by sudo without a password, else it says
# which line to run. Silent when nothing is missing. Every make target that needs a tool calls it.
#   setup.sh [grading]
set -euo pipefail

packages=(
	# the image and the guests
	gcc libc6-dev binutils nasm gnu-efi acpica-tools
	# boot volumes
	mtools dosfstools
	# machines; bochs-term is named so that no graphical front end comes instead
	bochs bochs-term bochsbios vgabios ovmf
	# the course kit: make grade, scripts/grade.sh
	python3 git make
)
# 'setup.sh grading' is content with these: a grader's container needs no more.
[ "${1:-}" = grading ] || packages+=(
	# disk images, the image for a USB stick
	gdisk e2fsprogs bsdextrautils
	# the other machines
	qemu-system-x86 seabios
	# unit tests, fuzzers, lint
	libcmocka-dev libzydis-dev clang libclang-rt-14-dev llvm clang-format cppcheck shellcheck
	# the course kit's own check
	patch
	# the plot of 'make bench'
	gnuplot-nox
	# the Linux of 'make linux' and of 'make test-nested'
	busybox-static cpio lz4 systemd-boot-efi qemu-utils
)

# dpkg-query fails for a name that it has never heard of, and prints the others all the same.
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || :)
missing=()
for package in "${packages[@]}"; do
	[[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=()
elif sudo -n true 2>/dev/null; then
	as_root=(sudo -n)
else
	echo "setup: these packages are missing; as root, run" >&2
	echo "    apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qq -y -o DPkg::Lock::Timeout=600 --no-install-recommends "${missing[@]}" >/dev/null
