# SPDX-License-Identifier: MIT
"""Every hand-out is made and built; nothing of the solution or the staff's may be in it. Called by
check.py."""
import os
import re
import shutil
import subprocess

from tree import TOP, staff_files
import handout
import markers
from known import read_staff, say
from kit.sandbox import tail_text


def telling(line):
    """Whether a line says enough to know it again."""
    return len(re.sub(r"\W", "", line)) >= 16


def find_leaks(files, numbers):
    """Lines of the solution that are somewhere in the hand-out, and nowhere else in the sources."""
    secret, public = set(), set()
    for name in staff_files():
        if not name.endswith((".c", ".h")):
            continue
        text = read_staff(name)
        if markers.has_marks(text):
            secret.update(line.strip() for line in markers.solution_lines(text, name, numbers))
            text = markers.hand_out(text, name, numbers)
        public.update(line.strip() for line in text.split("\n"))
    secret = {line for line in secret - public if telling(line)}
    return [f"{name}: {line.strip()}" for name, (data, _) in files.items()
            for line in data.decode("utf-8", "replace").split("\n") if line.strip() in secret]


def find_differences(files, numbers):
    """Files that differ from the staff's outside of marked regions."""
    for name, (data, _) in files.items():
        path = os.path.join(TOP, name)
        if name.startswith("tests/lab/assigned") or not name.endswith((".c", ".h", ".asm")):
            continue
        overlaid = os.path.join(TOP, handout.OVERLAY, name)
        with open(overlaid if os.path.exists(overlaid) else path, encoding="utf-8") as file:
            ours = file.read()
        pairs = [markers.parse(ours, name), markers.parse(data.decode(), name)]
        plain = []
        for parts in pairs:
            lines = []
            for part in parts:
                if isinstance(part, str):
                    lines.append(part)
                elif part.lab not in numbers:
                    lines += part.solution
            plain.append([line for line in lines if line])
        if plain[0] != plain[1]:
            yield name


def missing_targets(files):
    """What make's help and the documents tell one to make, and no makefile has."""
    texts = {name: data.decode("utf-8") for name, (data, _) in files.items()
             if name == "Makefile" or name.endswith((".mk", ".md"))}
    targets = {word for text in texts.values()
               for line in re.findall(r"^([a-z][a-z0-9 -]*):", text, re.M) for word in line.split()}
    told = {word for text in texts.values()
            for word in re.findall(r"(?:^#: |`|^    )make ([a-z][a-z-]*)", text, re.M)}
    return sorted(told - targets)


def build_handout(build, folder):
    """Builds what 'make' builds there; what the assignment did not change comes from our build/."""
    for part in ("image", "guests", "efi"):
        if os.path.isdir(os.path.join(build, part)):
            shutil.copytree(os.path.join(build, part), os.path.join(folder, "build", part),
                            copy_function=shutil.copy2)
    log = folder + ".txt"
    with open(log, "wb") as sink:
        done = subprocess.run(["make", "--no-print-directory", "-j2", "all"], cwd=folder,
                              env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
                              stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
    return "" if done.returncode == 0 else "it does not build: " + tail_text(log, 5)


def keep_times(files, folder):
    """Unchanged files are as old as ours, so that make sees which ones are not."""
    for name, (data, _) in files.items():
        path = os.path.join(TOP, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read() == data:
                    shutil.copystat(path, os.path.join(folder, name))


def check_handout(build, numbers, work):
    name = "lab: hand-out of " + " ".join(map(str, numbers))
    files = handout.contents(numbers)
    folder = os.path.join(work, "handout" + "-".join(map(str, numbers)))
    handout.write(files, folder)
    keep_times(files, folder)
    leaks = find_leaks(files, numbers)
    say(f"{name}: no line of the solution", "; ".join(leaks[:3]))
    odd = list(find_differences(files, numbers))
    say(f"{name}: differs in the marked regions only", ", ".join(odd))
    staffs = [path for path in files if "hidden" in path or "wrong/" in path
              or path.startswith(("scripts/lab/", ".ci/")) or path.endswith("staff.md")]
    say(f"{name}: nothing of the staff's", ", ".join(staffs))
    say(f"{name}: has each target that it names", " ".join(missing_targets(files)))
    say(f"{name}: builds", build_handout(build, folder))
    shutil.rmtree(folder, ignore_errors=True)
