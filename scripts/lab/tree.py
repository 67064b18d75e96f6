# SPDX-License-Identifier: MIT
"""The staff's tree as a set of files: what git knows, as it lies there now."""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/lab"))


def staff_files():
    """Paths of the project. From an unpacked archive without .git: all files but build/."""
    if os.path.exists(os.path.join(TOP, ".git")):
        listed = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "-z", "--cached",
                                 "--others", "--exclude-standard"],
                                cwd=TOP, check=True, stdout=subprocess.PIPE).stdout
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    else:
        names = []
        for folder, folders, files in os.walk(TOP):
            folders[:] = [name for name in folders if name not in ("build", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, name), TOP) for name in files]
    return sorted(name for name in set(names) if os.path.isfile(os.path.join(TOP, name)))
