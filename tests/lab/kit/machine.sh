#!/bin/bash
# SPDX-License-Identifier: MIT
# One boot for the grader: starts FOLDER/boot.img in the engine that there is, ends it after SECONDS,
# and copies FILE... out of it. Whatever reads the volume is in here, where limits and a user without
# rights hold: the machine has written that volume.
#   machine.sh FOLDER SECONDS FILE...
set -uo pipefail

top=$(cd "$(dirname "$0")/../../.." && pwd)
# shellcheck source=scripts/machine.sh
. "$top/scripts/machine.sh"
# shellcheck source=scripts/engine.sh
. "$top/scripts/engine.sh"

# A machine that has worked for so many seconds of the processor's time without a sign hangs: a
# guest that hangs is ended by the hypervisor in less.
readonly QUIET_SECONDS=25
shown='' shown_at=0

# For machine_wait: whether it has neither said nor written anything for so long.
hangs() {
	local stat fields now

	stat=$(cat "/proc/$MACHINE_PID/stat" 2>/dev/null) || return 1
	# Behind the name, which may have blanks in it, utime is the 12th field.
	read -ra fields <<<"${stat##*) }"
	now=$(stat -c '%s %y' -- "$folder/com1.txt" "$folder/boot.img")
	if [ "$now" != "$shown" ]; then
		shown=$now shown_at=${fields[11]}
	fi
	((fields[11] - shown_at > QUIET_SECONDS * ticks)) || return 1
	echo "the machine was ended after $QUIET_SECONDS s without a sign of life"
}

ticks=$(getconf CLK_TCK)
folder=$1 seconds=$2
shift 2
engine_choose "${ENGINE:-}" || exit 2
trap machine_stop EXIT
machine_start "$ENGINE_NAME" "$folder" boot.img
machine_wait "$seconds" hangs || echo "the machine was ended after $seconds s"
for file in "$@"; do
	mcopy -n -i "$folder/boot.img" "::/$file" "$folder/$file" 2>/dev/null || :
done
