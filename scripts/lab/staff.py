# SPDX-License-Identifier: MIT
"""scripts/grade.sh: grades submissions side by side; one that misbehaves costs its author, not the run."""
import argparse
import copy
import csv
import json
import os
import queue
import re
import shutil
import sys
import threading
import time
import traceback

from grader import Grader, make_work_folder
from submission import Unusable, collect
from kit import report
from kit.bench import Result


def parse_arguments():
    parser = argparse.ArgumentParser(prog="grade.sh")
    parser.add_argument("--lab", required=True, help='an assignment, or several: "2 3"')
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", default="grades")
    parser.add_argument("--no-machine", action="store_true", help="unit tests only")
    parser.add_argument("--seed", default="", help="of the random tests, to repeat a grading")
    parser.add_argument("submission", nargs="+")
    return parser.parse_args()


def names_of(sources):
    """A folder's name for each submission, none of them twice."""
    names = {}
    for source in sources:
        plain = re.sub(r"(\.tar)?\.(gz|xz|bz2|zst|git|tgz|tar)$", "",
                       os.path.basename(source.rstrip("/")))
        plain = re.sub(r"[^A-Za-z0-9._@+-]", "_", plain).lstrip(".@+-") or "submission"
        name, number = plain, 2
        while name in names.values():
            name, number = f"{plain}-{number}", number + 1
        names[source] = name
    return names


def test_output(result):
    """What Gradescope shows with a test. A hidden one's inputs are what a submission might log."""
    if result.test.hidden and result.words:
        result = copy.copy(result)
        result.words = ""
    return "\n".join(report.explanation(result, "", False)).strip() or "passed"


def write_results(folder, results, text, seconds):
    tests = [{
        "name": f"{r.test.lab}: {r.test.name}",
        "number": f"{r.test.lab}.{number}",
        "score": r.points,
        "max_score": r.test.points,
        "status": "passed" if r.state == "passed" else "failed",
        "output": test_output(r),
        "visibility": "after_published" if r.test.hidden else "visible",
    } for number, r in enumerate(results, 1)]
    document = {"score": sum(r.points for r in results), "execution_time": round(seconds),
                "stdout_visibility": "hidden", "visibility": "visible", "output": text,
                "tests": tests}
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


class Run:
    def __init__(self, arguments, grader):
        self.arguments, self.grader = arguments, grader
        self.names = names_of(dict.fromkeys(arguments.submission))
        self.rows, self.notes, self.lock = {}, set(), threading.Lock()
        self.tests = [test for lab in grader.labs for test in lab.tests
                      if not arguments.no_machine or test.kind != "machine"]

    def nothing(self, why, words=""):
        return [Result(test, 0, "broken", why, words=words) for test in self.tests]

    def grade_one(self, source, slot):
        started = time.monotonic()
        seed = self.arguments.seed or os.urandom(8).hex()
        remarks, state = [], "graded"
        try:
            files, remarks = collect(source, self.grader.files)
            results, notes = self.grader.grade(files, slot, seed)
            self.notes.update(notes)
        except Unusable as unusable:
            results, state = self.nothing(f"nothing was taken: {unusable}"), "unusable"
        except Exception:  # a mistake of the grader's: it must not stop the others
            results, state = self.nothing("the grader failed"), "GRADER FAILED"
            remarks = traceback.format_exc().splitlines()
        self.keep(source, results, remarks, state, seed, time.monotonic() - started)

    def keep(self, source, results, remarks, state, seed, seconds):
        name = self.names[source]
        folder = os.path.join(self.arguments.out, name)
        os.makedirs(folder, exist_ok=True)
        title = "\n".join([f"{source}: {state}, {seconds:.0f} s, seed {seed}", *remarks])
        with open(os.path.join(folder, "log.txt"), "w", encoding="utf-8",
                  errors="replace") as file:
            file.write("\n".join(report.report(title, results)) + "\n")
        # Which seed there was is for the staff: with it, hidden tests could be worked out.
        write_results(folder, results, "\n".join(remarks), seconds)
        score, most = sum(r.points for r in results), sum(r.test.points for r in results)
        with self.lock:
            self.rows[source] = [name, state, score, most] + [r.points for r in results]
            print(f"{name}: {score} of {most} ({state}, {seconds:.0f} s)", flush=True)

    def work(self, slot, left):
        while True:
            try:
                source = left.get_nowait()
            except queue.Empty:
                return
            self.grade_one(source, slot)

    def everything(self):
        left = queue.Queue()
        for source in self.names:
            left.put(source)
        workers = [threading.Thread(target=self.work, args=(slot, left))
                   for slot in range(max(1, self.arguments.jobs))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with open(os.path.join(self.arguments.out, "grades.csv"), "w", newline="",
                  encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["submission", "state", "score", "of"] +
                           [f"{test.lab}: {test.name}" for test in self.tests])
            for source in self.names:
                table.writerow(self.rows[source])
        for note in sorted(self.notes):
            print(f"note: {note}", file=sys.stderr)


def main():
    arguments = parse_arguments()
    os.makedirs(arguments.out, exist_ok=True)
    arguments.out = os.path.abspath(arguments.out)
    numbers = sorted({int(word) for word in arguments.lab.split()})
    work = make_work_folder()
    try:
        grader = Grader(numbers, work, arguments.out, machines=not arguments.no_machine)
        Run(arguments, grader).everything()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
