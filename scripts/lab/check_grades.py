# SPDX-License-Identifier: MIT
"""scripts/grade.sh as the staff calls it: what it writes for a full, an empty and a bad submission, from
an archive, a folder and a repository. Called by check.py."""
import csv
import json
import os
import shutil
import subprocess

from tree import TOP
import handout
from known import solution_of
from kit.tests import Lab

LAB = 3
TEST_FIELDS = {"name": str, "score": int, "max_score": int, "output": str, "visibility": str}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


def write_submissions(work):
    """Path -> points of 100, None for what nothing can be taken from."""
    files = handout.contents([LAB])
    stub = os.path.join(work, "stub")
    handout.write(files, stub)
    handout.make_repository(stub, "a stub")
    bare = os.path.join(work, "repository.git")
    subprocess.run(["git", "clone", "-q", "--bare", stub, bare], check=True)
    solution = os.path.join(work, "solution")
    shutil.copytree(stub, solution, ignore=shutil.ignore_patterns(".git"))
    for name, data in solution_of(Lab(LAB, with_hidden=False)).items():
        with open(os.path.join(solution, name), "wb") as file:
            file.write(data)
    archive = os.path.join(work, "handed in.tar.gz")
    subprocess.run(["tar", "-czf", archive, "-C", work, "solution"], check=True)
    # Names that are no names for a folder of results.
    for name in ("-" + "x" * 240, "\n,\"\udcff"):
        shutil.copytree(solution, os.path.join(work, name))
    nothing = os.path.join(work, "=nothing.zip")
    with open(nothing, "w", encoding="ascii") as file:
        file.write("no archive")
    return {archive: 100, solution: 100, stub: 0, bare: 0, nothing: None,
            os.path.join(work, "-" + "x" * 240): 100, "\n,\"\udcff": 100}


def refused(work):
    """(command line, a word of what grade.sh has to say to it)"""
    solution = os.path.join(work, "solution")
    return [(["--lab", "9", solution], "assignment"), (["--lab", "x", solution], "assignment"),
            (["--lab", "", solution], "assignment"), ([solution], "--lab"),
            (["--lab", "3"], "submission"), (["--lab", "3", "--jobs", "0", solution], "--jobs"),
            (["--lab", "3", "--jobs", "many", solution], "--jobs"),
            (["--lab", "3", "--out", os.path.join(work, "handed in.tar.gz"), solution], "--out"),
            (["--lab", "3", "--no-such", solution], "--no-such")]


def grade_sh(work, *words):
    """Status, and what it said."""
    done = subprocess.run([os.path.join(TOP, "scripts/grade.sh"), *words], cwd=work,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def check_refusals(say, work):
    for words, about in refused(work):
        status, said = grade_sh(work, *words)
        last = said.splitlines()[-1] if said else ""
        problem = f"{status}: {said[-300:]}"
        say("lab: grade.sh: " + " ".join(map(os.path.basename, words)),
            "" if status in (1, 2) and about in last and "Traceback" not in said else problem)


def problem_with_json(path, points, most):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    tests = document["tests"]
    for test in tests:
        odd = [name for name, kind in TEST_FIELDS.items() if not isinstance(test.get(name), kind)]
        if odd or test["visibility"] not in VISIBILITIES or \
                test["score"] not in (0, test["max_score"]):
            return f"{test.get('name')}: {odd} {test}"
    sums = [sum(test[name] for test in tests) for name in ("score", "max_score")]
    if sums != [points, most] or document["score"] != points:
        return f"score {document['score']}, sums {sums}, not {points} of {most}"
    return ""


def check_grade_sh(say, work):
    os.makedirs(work)
    submissions = write_submissions(work)
    out = os.path.join(work, "grades")
    check_refusals(say, work)
    status, said = grade_sh(work, "--lab", str(LAB), "--no-machine", "--jobs", "2", "--out", out,
                            *submissions)
    say("lab: grade.sh: status 0", f"{status}: {said[-300:]}" if status else "")
    lab = Lab(LAB, with_hidden=True)
    most = sum(test.points for test in lab.tests if test.kind == "unit")
    with open(os.path.join(out, "grades.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    say("lab: grade.sh: a row for each in grades.csv",
        "" if len(rows) == len(submissions) else f"{len(rows)}")
    for (source, percent), row in zip(submissions.items(), rows):
        points = most if percent == 100 else 0
        state = "unusable" if percent is None else "graded"
        problem = problem_with_json(os.path.join(out, row["submission"], "results.json"), points,
                                    most)
        if (row["state"], row["score"], row["of"]) != (state, str(points), str(most)):
            problem = f"in grades.csv: {row}"
        if not os.path.getsize(os.path.join(out, row["submission"], "log.txt")):
            problem = "an empty log"
        say(f"lab: grade.sh: {row['submission'][:40]}", problem)
