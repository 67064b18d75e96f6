# SPDX-License-Identifier: MIT
"""Submissions whose points are known beforehand, and the verdict on what the grader says of them. For
check.py and its parts.

A wrong one is tests/lab/<n>/wrong/<name>.patch against the solution; one that misbehaves is
tests/lab/misbehaving/<name>.patch against the hand-out of assignment 3. In front of the diff stands
what is wrong with it, and in 'fails: ...' which tests must find it, no more and no fewer.
"""
import concurrent.futures
import os
import re
import subprocess
import tempfile

from tree import TOP

SEED = "check"  # what a random test finds in these is the same each time


def say(name, problem="", skipped=""):
    print(f"FAIL {name}: {problem}" if problem else
          f"SKIP {name}: {skipped}" if skipped else f"PASS {name}", flush=True)


def in_slots(work, items, jobs):
    """work(item, slot) for each item, so many at a time, each in a slot of its own; in order."""
    slots = list(range(jobs))

    def one(item):
        slot = slots.pop()
        try:
            return work(item, slot)
        finally:
            slots.append(slot)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, items)


def read_staff(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


class Wrong:
    """A patch and what it says in front of the diff."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path).removesuffix(".patch")
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        fails = re.search(r"^fails: (.*(?:\n  .*)*)", self.text, re.M)
        self.fails = set(fails.group(1).split()) if fails else set()
        # Of one that does nothing in a machine, the unit tests say all.
        self.hosted = re.search("^unit tests only$", self.text, re.M) is not None
        # Against this one, only what staff.md asks a grader's machine for helps.
        self.needs_namespaces = re.search("^needs namespaces$", self.text, re.M) is not None

    def apply(self, folder):
        """To the files below folder; what patch says if it does not apply."""
        done = subprocess.run(["patch", "-p1", "-s", "-N", "--no-backup-if-mismatch", "-r", "-",
                               "-d", folder], input=self.text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return "" if done.returncode == 0 else done.stdout.decode("utf-8", "replace").strip()


def solution_of(lab):
    """The assignment's files as a student would have them who solved it."""
    return {name: read_staff(name).encode() for name in lab.files}


def wrong_ones(lab):
    folder = os.path.join(lab.folder, "wrong")
    return [Wrong(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]


def patched(wrong, files, work):
    """(files with the patch, '') or (None, why not)"""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        for name, data in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        problem = wrong.apply(folder)
        if problem:
            return None, f"the patch does not apply: {problem}"
        return {name: open(os.path.join(folder, name), "rb").read() for name in files}, ""


def verdict(results, expected):
    """What is wrong about the set of tests that failed, where those in expected should."""
    failed = {r.test.name for r in results if r.state != "passed"}
    expected = expected & {r.test.name for r in results}
    problems = []
    if failed - expected:
        problems.append("failed, but should pass: " + " ".join(sorted(failed - expected)))
    if expected - failed:
        problems.append("passed, but should fail: " + " ".join(sorted(expected - failed)))
    return "; ".join(problems)
