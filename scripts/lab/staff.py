# SPDX-License-Identifier: MIT
"""scripts/grade.sh: grades submissions side by side; one that misbehaves costs its author, not the run."""
import argparse
import copy
import csv
import json
import os
import queue
import re
import sys
import threading
import time
import traceback

from grader import Grader, make_work_folder
from prison import SLOTS, remove
from submission import collect
from taken import Unusable
from kit import report
from kit.bench import Result
from kit.sandbox import printable
from kit.tests import lab_numbers

NAME_MAX = 100


def parse_arguments():
    parser = argparse.ArgumentParser(prog="grade.sh")
    parser.add_argument("--lab", required=True, help='an assignment, or several: "2 3"')
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", default="grades")
    parser.add_argument("--no-machine", action="store_true", help="unit tests only")
    parser.add_argument("--seed", default="", help="of the random tests, to repeat a grading")
    parser.add_argument("submission", nargs="+")
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= SLOTS:
        parser.error(f"--jobs: 1 to {SLOTS}")
    arguments.numbers = lab_numbers(arguments.lab.split())
    arguments.out = os.path.abspath(arguments.out)
    try:
        os.makedirs(arguments.out, exist_ok=True)
    except OSError as error:
        parser.error(f"--out: {arguments.out}: {error.strerror}")
    return arguments


def names_of(sources):
    """A folder's name for each submission, none of them twice."""
    names, taken = {}, set()
    for source in sources:
        plain = re.sub(r"(\.tar)?\.(gz|xz|bz2|zst|git|tgz|tar)$", "",
                       os.path.basename(os.path.abspath(source) if os.path.isdir(source)
                                        else source.rstrip("/")))
        plain = re.sub(r"[^A-Za-z0-9._@+-]", "_", plain).lstrip(".@+-")[:NAME_MAX] or "submission"
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}-{number}", number + 1
        names[source] = name
        taken.add(name)
    return names


def folders_of(sources):
    """Where submissions lie that a sandbox would not hide anyway, and with which nothing else goes."""
    folders = {os.path.dirname(os.path.realpath(source)) for source in sources
               if os.path.exists(source)}
    return [path for path in folders if path.startswith(("/var/", "/opt/"))]


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
        self.ended, self.workers = False, []
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
            results = self.nothing("the grader failed; please tell the staff")
            remarks, state = traceback.format_exc().splitlines(), "GRADER FAILED"
        if not self.ended:
            self.keep(source, results, remarks, state, seed, time.monotonic() - started)

    def keep(self, source, results, remarks, state, seed, seconds):
        name = self.names[source]
        folder = os.path.join(self.arguments.out, name)
        os.makedirs(folder, exist_ok=True)
        title = "\n".join([f"{printable(source)}: {state}, {seconds:.0f} s, seed {seed}", *remarks])
        with open(os.path.join(folder, "log.txt"), "w", encoding="utf-8",
                  errors="replace") as file:
            file.write("\n".join(report.report(title, results)) + "\n")
        # Which seed there was is for the staff: with it, hidden tests could be worked out. So is
        # where the grader failed.
        text = "\n".join(remarks) if state == "graded" else ""
        write_results(folder, results, text, seconds)
        score, most = sum(r.points for r in results), sum(r.test.points for r in results)
        with self.lock:
            self.rows[source] = [name, state, score, most] + [r.points for r in results]
            print(f"{name}: {score} of {most} ({state}, {seconds:.0f} s)", flush=True)

    def end(self):
        """Of everything, also of what is under way; soon."""
        self.ended = True
        self.grader.close()
        for worker in self.workers:
            worker.join(5)

    def work(self, slot, left):
        while not self.ended:
            try:
                source = left.get_nowait()
            except queue.Empty:
                return
            try:
                self.grade_one(source, slot)
            except OSError as error:  # of its results: the others' may have room
                print(f"{self.names[source]}: cannot be kept: {error}", file=sys.stderr)

    def everything(self):
        """How many could not be graded."""
        left = queue.Queue()
        for source in self.names:
            left.put(source)
        # Daemons: who ends the grader does not wait for what is still to be graded.
        self.workers = [threading.Thread(target=self.work, args=(slot, left), daemon=True)
                        for slot in range(self.arguments.jobs)]
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.join()
        with open(os.path.join(self.arguments.out, "grades.csv"), "w", newline="",
                  encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["submission", "state", "score", "of"] +
                           [f"{test.lab}: {test.name}" for test in self.tests])
            for source, name in self.names.items():
                table.writerow(self.rows.get(source, [name, "GRADER FAILED"]))
        for note in sorted(self.notes):
            print(f"note: {note}", file=sys.stderr)
        return sum(self.rows.get(source, ["", "GRADER FAILED"])[1] == "GRADER FAILED"
                   for source in self.names)


def main():
    arguments = parse_arguments()
    work, run = make_work_folder(), None
    try:
        grader = Grader(arguments.numbers, work,
                        [arguments.out, *folders_of(arguments.submission)],
                        machines=not arguments.no_machine)
        run = Run(arguments, grader)
        failed = run.everything()
    except KeyboardInterrupt:
        sys.exit("grade.sh: ended")
    finally:
        if run is not None:
            run.end()
        remove(work)
    if failed:
        sys.exit(f"grade.sh: {failed} could not be graded: see their log.txt")


if __name__ == "__main__":
    main()
