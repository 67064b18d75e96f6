# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/models/model.sh
. "$top/tests/models/model.sh"
model_runs yes
