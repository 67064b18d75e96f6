# SPDX-License-Identifier: MIT
"""'make lab LAB="2 3"': the project as a student gets it, in a folder, a .tar.gz and a git repository.

    handout.py BUILD N...        writes BUILD/lab2-3/ and BUILD/lab2-3.tar.gz
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys

from tree import TOP, staff_files
import markers
from kit.tests import Lab, all_labs, lab_numbers

# What is the staff's alone, whatever the assignment.
STAFF = (
    "scripts/grade.sh", "scripts/lab/*", ".ci/*", "docs/lab/staff.md",
    "tests/lab/*/hidden.py", "tests/lab/*/wrong/*", "tests/lab/misbehaving/*", "tests/lab/staff.mk",
    "tests/lab/handout/*",
    # Much of what the documents name is withheld.
    "tests/unit/test_docs.sh",
)

# What the lines of make's help and of documents that are left out name.
STAFFS_LINE = re.compile(rb"\bmake (test-)?lab\b|`\.ci/run`")

OVERLAY = "tests/lab/handout/"


def of_another_lab(name, labs):
    others = [number for number in all_labs() if number not in labs]
    return any(name.startswith(f"tests/lab/{number}/") or name == f"docs/lab/{number}.md"
               for number in others)


def is_withheld(name, labs):
    patterns = list(STAFF)
    for lab in labs:
        patterns += lab.withheld
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def read(name):
    path = os.path.join(TOP, name)
    with open(path, "rb") as file:
        return file.read(), os.stat(path).st_mode & 0o777


def contents(numbers):
    """Path -> (bytes, mode) of the hand-out."""
    labs = [Lab(number, with_hidden=False) for number in numbers]
    files = {}
    for name in staff_files():
        if is_withheld(name, labs) or of_another_lab(name, numbers):
            continue
        data, mode = read(name)
        if name.endswith((".c", ".h", ".asm")) and markers.has_marks(data.decode("utf-8")):
            data = markers.hand_out(data.decode("utf-8"), name, numbers).encode("utf-8")
        if name == "Makefile" or name.endswith(".md"):
            data = b"".join(line for line in data.splitlines(keepends=True)
                            if not STAFFS_LINE.search(line))
        files[name] = (data, mode)
    # What lies in tests/lab/handout/ takes its place in the tree.
    for name in staff_files():
        if name.startswith(OVERLAY):
            data, mode = read(name)
            if name.endswith(".md"):
                data = fill_in(data.decode("utf-8"), labs).encode("utf-8")
            files[name.removeprefix(OVERLAY)] = (data, mode)
    files["tests/lab/assigned"] = (" ".join(map(str, numbers)).encode() + b"\n", 0o644)
    return files


def fill_in(text, labs):
    """The student's README names its assignments and their files."""
    pages = "\n".join(f"- [Assignment {lab.number}: {lab.title}](docs/lab/{lab.number}.md)"
                      for lab in labs)
    files = "\n".join(f"- `{name}`" for lab in labs for name in lab.files)
    return text.replace("@ASSIGNMENTS@", pages).replace("@FILES@", files)


def write(files, folder):
    shutil.rmtree(folder, ignore_errors=True)
    for name, (data, mode) in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode & 0o755 | 0o644)


def make_repository(folder, name):
    """One commit, whose author and date say nothing about who made it."""
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1",
                   "TZ": "UTC"}
    for role in ("AUTHOR", "COMMITTER"):
        environment.update({f"GIT_{role}_NAME": "Course staff", f"GIT_{role}_EMAIL": "staff@localhost",
                            f"GIT_{role}_DATE": "2024-01-01T00:00:00Z"})

    def git(*words):
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True,
                       stdout=subprocess.DEVNULL)

    git("init", "-q", "-b", "main")
    git("add", "-A", "-f", ".")
    git("commit", "-q", "-m", f"Starting point of {name}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, numbers = sys.argv[1], lab_numbers(sys.argv[2:])
    name = "lab" + "-".join(map(str, numbers))
    folder = os.path.join(build, name)
    write(contents(numbers), folder)
    make_repository(folder, name)
    subprocess.run(["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
                    "--mtime=2024-01-01T00:00:00Z", "-czf", folder + ".tar.gz", "-C", build, name],
                   check=True)
    print(f"lab: {folder}/ and {folder}.tar.gz")


if __name__ == "__main__":
    try:
        main()
    except markers.BadMark as bad:
        sys.exit(f"lab: {bad}")
