#!/bin/bash
# SPDX-License-Identifier: MIT
# 'make lint': the format, cppcheck, shellcheck, and a look at the machine code of the image.
#   lint.sh OBJECT...    the objects that cafevisor.efi is linked from
# shellcheck disable=SC2317 # check calls the functions by name
set -uo pipefail

cd "$(dirname "$0")/.." || exit
failed=0
rooms=()
for room in boot vmm devices mm lib guest-driver tests scripts; do
	[ ! -d "$room" ] || rooms+=("$room")
done

check() {
	local name=$1

	shift
	if "$@"; then
		echo "PASS lint: $name"
	else
		echo "FAIL lint: $name"
		failed=1
	fi
}

format_is_right() {
	find "${rooms[@]}" -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}

# Single findings are suppressed where they are, with the reason.
cppcheck_is_content() {
	cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 -I. "${rooms[@]}"
}

shellcheck_is_content() {
	{
		grep -rlIZ -m 1 -E '^(#!.*/(ba)?sh|# shellcheck shell=)' scripts tests
		[ ! -e .ci/run ] || printf '.ci/run\0'
	} | xargs -0 shellcheck -x
}

# Prints each vector or FPU instruction of an object. The guest's x87, SSE and AVX state is in the
# registers while we run: nothing but saving and loading it whole may touch it.
fpu_instructions() {
	objdump -d --no-show-raw-insn -- "$1" | awk -F '\t' -v object="$1" '
		/^[0-9a-f]+ <.*>:$/ { split($0, part, /[<>]/); name = part[2] }
		NF < 2 { next }
		{
			split($2, word, / +/)
			i = 1
			while (word[i] ~ /^(rep|repz|repnz|lock|data16|addr32|bnd|notrack|[c-g]s)$/)
				i++
			if (word[i] ~ /^(fx(save|rstor)|xsave|xrstor|[xv]getbv|xsetbv)/)
				next
			if ($2 ~ /%([xyz]?mm|tmm|st|k[0-7]|bnd)/ || word[i] ~ /^f/ ||
				word[i] ~ /^(emms|v?ldmxcsr|v?stmxcsr|vzeroupper|vzeroall)$/)
				print object ": " name ": " $2
		}'
}

objects_keep_off_the_fpu() {
	local object found='' looked=0

	for object in "$@"; do
		[[ $object != */boot/* ]] || continue
		found+=$(fpu_instructions "$object")
		looked=$((looked + 1))
	done
	[ -z "$found" ] || echo "$found"
	((looked > 0)) || echo "no object to look at"
	[ -z "$found" ] && ((looked > 0))
}

check 'format (clang-format)' format_is_right
check 'cppcheck' cppcheck_is_content
check 'shellcheck' shellcheck_is_content
check 'no vector or FPU instruction outside boot/' objects_keep_off_the_fpu "$@"
exit "$failed"
