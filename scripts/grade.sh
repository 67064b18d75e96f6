#!/bin/bash
# SPDX-License-Identifier: MIT
# Grades submissions of an assignment, many at a time and unattended (docs/lab/staff.md).
#   grade.sh --lab 3 [--jobs N] [--out DIR] [--no-machine] [--seed WORD] SUBMISSION...
# SUBMISSION is a .tar.gz, a folder, or a git repository (path or URL). DIR, else grades/, receives
# grades.csv, and for each submission results.json (Gradescope's format) and log.txt.
# As root, submissions run as users of their own that own nothing; docs/lab/staff.md says what more
# that gives. Exit status 0 when everything was graded, whatever the grades.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" grading
exec "$here/lab/run.sh" staff.py "$@"
