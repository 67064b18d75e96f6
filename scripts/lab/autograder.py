# SPDX-License-Identifier: MIT
"""'make lab-autograder LAB=3': the zip that Gradescope wants, with the staff's tree in it.

    autograder.py BUILD N...        writes BUILD/lab3-autograder.zip
"""
import os
import sys
import zipfile

from tree import TOP, staff_files
from kit.tests import lab_numbers

# What a grader does not need.
LEFT_OUT = ("tests/lab/misbehaving/", ".ci/", "tests/fuzz/", "tests/nested/", "tests/bench/")

SETUP = """#!/bin/bash
# Packages of the distribution, and nothing else.
set -eu
cd /autograder/source/cafevisor || exit 1
scripts/setup.sh grading
"""

RUN = """#!/bin/bash
# One submission, graded as scripts/grade.sh grades many.
set -u
# Where the container lets nothing be hidden by mounts, permissions have to do.
chmod 700 /autograder/source /autograder/submission
out=$(mktemp -d)
cd /autograder/source/cafevisor || exit 1
# An archive that was uploaded as the only file may lie there as it came.
what=/autograder/submission
files=("$what"/*)
if [ ${#files[@]} = 1 ] && [[ -f ${files[0]} && ${files[0]} =~ \\.(tar|tar\\.[a-z0-9]+|tgz)$ ]]; then
	what=${files[0]}
fi
scripts/grade.sh --lab "@LABS@" --jobs 1 --out "$out" -- "$what"
mkdir -p /autograder/results
if ! cp "$out"/*/results.json /autograder/results/results.json; then
	echo '{"score": 0, "output": "The autograder failed; please tell the staff."}' \\
		> /autograder/results/results.json
fi
cat "$out"/*/log.txt
"""


def add(archive, name, data, mode):
    entry = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100000 | mode) << 16
    archive.writestr(entry, data)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, numbers = sys.argv[1], lab_numbers(sys.argv[2:])
    path = os.path.join(build, "lab" + "-".join(map(str, numbers)) + "-autograder.zip")
    with zipfile.ZipFile(path, "w") as archive:
        add(archive, "setup.sh", SETUP, 0o755)
        add(archive, "run_autograder", RUN.replace("@LABS@", " ".join(map(str, numbers))), 0o755)
        for name in staff_files():
            if name.startswith(LEFT_OUT) or "/wrong/" in name:
                continue
            source = os.path.join(TOP, name)
            with open(source, "rb") as file:
                add(archive, f"cafevisor/{name}", file.read(), os.stat(source).st_mode & 0o777)
    print(f"lab: {path}")


if __name__ == "__main__":
    main()
