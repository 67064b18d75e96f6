#!/bin/bash
# SPDX-License-Identifier: MIT
# Starts a program of this folder; as root where nobody else sees its mounts, which go when it ends.
#   run.sh PROGRAM.py WORD...
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
program=$1
shift
export PYTHONDONTWRITEBYTECODE=1
own_mounts=()
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	own_mounts=(unshare --mount --propagation private)
fi
exec "${own_mounts[@]}" python3 "$here/$program" "$@"
