#!/bin/bash
# SPDX-License-Identifier: MIT
# Two builds of this tree in different folders give the same cafevisor.efi, byte for byte. Prints a
# PASS or FAIL line; status 1 if it failed.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

for folder in one some/where/else; do
	mkdir -p "$work/$folder"
	(cd "$top" && tar -c Makefile linker.ld boot vmm devices mm lib guest-driver scripts tests/lab) |
		tar -x -C "$work/$folder"
	make -C "$work/$folder" BUILD=build build/cafevisor.efi >"$work/build.txt" 2>&1 ||
		{ tail -n 5 "$work/build.txt"; echo "FAIL reproducible-build: the build broke off"; exit 1; }
done
if cmp "$work/one/build/cafevisor.efi" "$work/some/where/else/build/cafevisor.efi"; then
	echo "PASS reproducible-build"
else
	echo "FAIL reproducible-build: two builds of the same files differ"
	exit 1
fi
