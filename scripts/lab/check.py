# SPDX-License-Identifier: MIT
"""The course kit checked by its own means: hand-outs, and what the grader says of known submissions.

    check.py BUILD              hand-outs build and leak nothing; unit tests of stub, solution, wrong ones
    check.py BUILD --machines   the same submissions on whole machines
    check.py BUILD --lab N      of one assignment alone
"""
import argparse
import fnmatch
import os
import shutil
import time

from tree import TOP, staff_files
import handout
from check_grades import check_grade_sh
from check_handout import check_handout
from check_machines import check_wrong_machines
from check_submission import check_containers
from grader import Grader, make_work_folder
from known import SEED, Wrong, in_slots, patched, say, solution_of, verdict, wrong_ones
from prison import NO_VIEW, free_user, remove, tasks_of
from submission import collect
from kit.tests import Lab, all_labs

MISBEHAVING_LAB = 3
MIN_WRONG = 12


def grade_all(grader, cases, jobs):
    """cases: (name, files or None, expected failures or a function, problem so far)"""
    def grade(case, slot):
        name, files, judge, problem = case
        if files is None:
            return name, problem, ()
        results, notes = grader.grade(files, slot, SEED)
        return name, judge(results), notes

    return list(in_slots(grade, cases, jobs))


def say_all(verdicts):
    for name, problem, _ in verdicts:
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


def built_none(results):
    """What does not compile could not do what its patch says."""
    unbuilt = next((r for r in results if r.state == "not built"), None)
    return f"it does not build: {unbuilt.words[-300:]!r}" if unbuilt else none(results)


def wrong_cases(lab, wrongs, work):
    names = {test.name for test in lab.tests}
    for wrong in wrongs:
        files, problem = patched(wrong, solution_of(lab), work)
        if not wrong.fails or wrong.fails - names:
            files, problem = None, "'fails:' names " + (" ".join(wrong.fails - names) or "nothing")
        yield (f"lab {lab.number}: wrong: {wrong.name}", files,
               lambda results, w=wrong: verdict(results, w.fails), problem)


def check_lab(number, work, arguments):
    lab = Lab(number, with_hidden=True)
    grader = Grader([number], os.path.join(work, f"lab{number}"), machines=arguments.machines)
    stub = {name: data for name, (data, _) in grader.stubs.items() if name in lab.files}
    wrongs = wrong_ones(lab)
    cases = [(f"lab {number}: the hand-out has no points", stub, none, ""),
             (f"lab {number}: the solution has all points", solution_of(lab), full, "")]
    if arguments.machines:
        say_all(grade_all(grader, cases, arguments.jobs))
        check_wrong_machines(lab, grader, wrongs, work, arguments.jobs)
        return
    say_all(grade_all(grader, cases + list(wrong_cases(lab, wrongs, work)), arguments.jobs))
    say(f"lab {number}: at least {MIN_WRONG} wrong ones",
        "" if len(wrongs) >= MIN_WRONG else f"there are {len(wrongs)}")
    names = staff_files()
    stale = [pattern for pattern in lab.withheld if not fnmatch.filter(names, pattern)]
    say(f"lab {number}: what is withheld exists", " ".join(stale))
    most = sum(test.points for test in lab.tests)
    say(f"lab {number}: points sum up to 100", "" if most == 100 else f"they are {most}")


def check_misbehaving(work, arguments):
    """Each is the hand-out with something nasty in it: 0 points, and the grader goes on."""
    grader = Grader([MISBEHAVING_LAB], os.path.join(work, "misbehaving"),
                    machines=arguments.machines)
    folder = os.path.join(TOP, "tests/lab/misbehaving")
    wrongs = [Wrong(os.path.join(folder, path)) for path in sorted(os.listdir(folder))]
    wrongs = [wrong for wrong in wrongs if not (arguments.machines and wrong.hosted)]
    cases = []
    for wrong in wrongs:
        tree = os.path.join(work, "tree-" + wrong.name)
        handout.write(grader.stubs, tree)
        problem = wrong.apply(tree)
        files = None if problem else collect(tree, grader.files)[0]
        shutil.rmtree(tree)
        judge = none if wrong.name == "does-not-compile" else built_none
        cases.append((f"lab misbehaving {wrong.name}", files, judge, problem))
    for wrong, (name, problem, notes) in zip(wrongs, grade_all(grader, cases, arguments.jobs)):
        lacking = [note for note in notes if note == NO_VIEW]
        if problem and wrong.needs_namespaces and lacking:
            say(name, skipped=lacking[0])
        else:
            say(name, problem)
    if os.geteuid() == 0:
        say("lab misbehaving: none of them still runs", survivors(arguments.jobs))


def survivors(jobs):
    """Of the sandboxes' users; an end takes its time."""
    for _ in range(50):
        left = sum(tasks_of(free_user(slot)) for slot in range(jobs))
        if left == 0:
            return ""
        time.sleep(0.1)
    return f"{left} do"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--machines", action="store_true")
    parser.add_argument("--lab", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    numbers = [arguments.lab] if arguments.lab else all_labs()
    work = make_work_folder()
    try:
        if not arguments.machines and not arguments.lab:
            for some in [[number] for number in numbers] + [[2, 3], numbers]:
                check_handout(os.path.abspath(arguments.build), some, work)
            check_containers(say, os.path.join(work, "containers"))
            check_grade_sh(say, os.path.join(work, "grade"))
        for number in numbers:
            check_lab(number, work, arguments)
        if not arguments.lab:
            check_misbehaving(work, arguments)
    finally:
        remove(work)


if __name__ == "__main__":
    main()
