# SPDX-License-Identifier: MIT
"""The course kit checked by its own means: hand-outs, and what the grader says of known submissions.

    check.py BUILD              hand-outs build and leak nothing; unit tests of stub, solution, wrong ones
    check.py BUILD --machines   the whole machine's tests as well, and submissions that misbehave

A wrong submission is tests/lab/<n>/wrong/<name>.patch against the solution, or
tests/lab/misbehaving/<name>.patch against the hand-out of assignment 3; the lines in front of the diff
say what is wrong with it, and in 'fails: ...' which tests must find it, no more and no fewer.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile

from tree import TOP, staff_files
import handout
import markers
from grader import Grader, make_work_folder
from check_submission import check_containers
from submission import collect
from kit.sandbox import tail_text
from kit.tests import Lab, all_labs

JOBS = 2
SEED = "check"  # what a random test finds in these is the same each time
MISBEHAVING_LAB = 3
MIN_WRONG = 12


def say(name, problem=""):
    print(f"FAIL {name}: {problem}" if problem else f"PASS {name}", flush=True)


def read_staff(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


# --- hand-outs ------------------------------------------------------------------------------------

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
    say(f"{name}: builds", build_handout(build, folder))
    shutil.rmtree(folder, ignore_errors=True)


# --- submissions ----------------------------------------------------------------------------------

class Wrong:
    """A patch and what it says in front of the diff."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path).removesuffix(".patch")
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        fails = re.search(r"^fails: (.*(?:\n  .*)*)", self.text, re.M)
        self.fails = set(fails.group(1).split()) if fails else set()

    def apply(self, folder):
        """To the files below folder; what patch says if it does not apply."""
        done = subprocess.run(["patch", "-p1", "-s", "-N", "--no-backup-if-mismatch", "-r", "-",
                               "-d", folder], input=self.text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return "" if done.returncode == 0 else done.stdout.decode("utf-8", "replace").strip()


def solution_of(lab):
    """The assignment's files as a student would have them who solved it."""
    return {name: read_staff(name).encode() for name in lab.files}


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
    """What is wrong about the set of tests that failed."""
    failed = {r.test.name for r in results if r.state != "passed"}
    expected = expected & {r.test.name for r in results}
    problems = []
    if failed - expected:
        problems.append("failed, but should pass: " + " ".join(sorted(failed - expected)))
    if expected - failed:
        problems.append("passed, but should fail: " + " ".join(sorted(expected - failed)))
    return "; ".join(problems)


def grade_all(grader, cases):
    """cases: (name, files or None, expected failures or a function, problem so far)"""
    slots = list(range(JOBS))

    def grade(case):
        name, files, judge, problem = case
        if files is None:
            return name, problem
        slot = slots.pop()
        try:
            results, _ = grader.grade(files, slot, SEED)
        finally:
            slots.append(slot)
        return name, judge(results)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, problem in pool.map(grade, cases):
            say(name, problem)


def points_of(results):
    return sum(r.points for r in results), sum(r.test.points for r in results)


def full(results):
    score, most = points_of(results)
    return "" if score == most else f"{score} of {most} points; " + verdict(results, set())


def none(results):
    score, _ = points_of(results)
    return "" if score == 0 else f"{score} points for: " + " ".join(
        r.test.name for r in results if r.points)


def check_lab(number, work, machines):
    lab = Lab(number, with_hidden=True)
    grader = Grader([number], os.path.join(work, f"lab{number}"), machines=machines)
    level = "machine" if machines else "unit"
    stub = {name: data for name, (data, _) in grader.stubs.items() if name in lab.files}
    cases = [(f"lab {number}: {level}: the hand-out has no points", stub, none, ""),
             (f"lab {number}: {level}: the solution has all points", solution_of(lab), full, "")]
    folder = os.path.join(TOP, "tests/lab", str(number), "wrong")
    paths = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    names = {test.name for test in lab.tests}
    for path in paths:
        wrong = Wrong(os.path.join(folder, path))
        files, problem = patched(wrong, solution_of(lab), work)
        if not wrong.fails or wrong.fails - names:
            files, problem = None, "'fails:' names " + (" ".join(wrong.fails - names) or "nothing")
        cases.append((f"lab {number}: {level}: wrong: {wrong.name}", files,
                      lambda results, w=wrong: verdict(results, w.fails), problem))
    say(f"lab {number}: at least {MIN_WRONG} wrong ones",
              "" if len(paths) >= MIN_WRONG else f"there are {len(paths)}")
    most = sum(test.points for test in lab.tests)
    say(f"lab {number}: points sum up to 100", "" if most == 100 else f"they are {most}")
    grade_all(grader, cases)


def check_misbehaving(work, machines):
    """Each is the hand-out with something nasty in it: 0 points, and the grader goes on."""
    grader = Grader([MISBEHAVING_LAB], os.path.join(work, "misbehaving"), machines=machines)
    folder = os.path.join(TOP, "tests/lab/misbehaving")
    cases = []
    for path in sorted(os.listdir(folder)):
        wrong = Wrong(os.path.join(folder, path))
        tree = os.path.join(work, "tree-" + wrong.name)
        handout.write(grader.stubs, tree)
        problem = wrong.apply(tree)
        files = None if problem else collect(tree, grader.files)[0]
        shutil.rmtree(tree)
        cases.append((f"lab: misbehaving: {wrong.name}", files, none, problem))
    grade_all(grader, cases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--machines", action="store_true")
    parser.add_argument("--lab", type=int, default=0)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    numbers = [arguments.lab] if arguments.lab else all_labs()
    work = make_work_folder()
    try:
        if not arguments.machines and not arguments.lab:
            for some in [[number] for number in numbers] + [[2, 3], numbers]:
                check_handout(build, some, work)
            check_containers(say, os.path.join(work, "containers"))
        for number in numbers:
            check_lab(number, work, arguments.machines)
        if not arguments.lab:
            check_misbehaving(work, arguments.machines)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
