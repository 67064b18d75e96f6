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

folder=$1 seconds=$2
shift 2
engine_choose "${ENGINE:-}" || exit 2
trap machine_stop EXIT
machine_start "$ENGINE_NAME" "$folder" boot.img
machine_wait "$seconds" || echo "the machine was ended after $seconds s"
for file in "$@"; do
	mcopy -n -i "$folder/boot.img" "::/$file" "$folder/$file" 2>/dev/null || :
done
