# SPDX-License-Identifier: MIT
"""'make grade': builds, runs the public tests of the hand-out's assignments, says where one stands.

    python3 -m kit.grade BUILD [--lab "N ..."] [--test NAME]    (in tests/lab)
"""
import argparse
import os
import shutil
import sys
import time

from . import report
from .bench import BuildFailed, attempt, build_child, run_unit_tests
from .machine import Parts, run_machine_tests
from .sandbox import TOP, Limits, Sandbox, tail_text
from .tests import Lab, assigned_labs, lab_numbers

# All of it, all unit tests of an assignment, and the image's build. A machine may take what is left.
SECONDS, UNIT_SECONDS, BUILD_SECONDS = 170, 45, 60


def build_machine(sandbox, build, folder):
    parts = [os.path.join(build, name)
             for name in ("cafevisor.efi", "starter.efi", "guests/lab.elf")]
    log = os.path.join(folder, "make.txt")
    ended = sandbox.run(["make", "--no-print-directory", "-j2", f"BUILD={build}", *parts],
                        Limits(BUILD_SECONDS, cpu=120, memory=0, file=64 << 20), log, cwd=TOP)
    if ended.status != 0:
        raise BuildFailed(f"make {ended}\n" + tail_text(log, 20))
    return Parts(*parts)


def chosen(labs, only):
    """(lab, its tests) of those that have some."""
    pairs = [(lab, [test for test in lab.tests if only in ("", test.name)]) for lab in labs]
    pairs = [(lab, tests) for lab, tests in pairs if tests]
    if not pairs:
        names = " ".join(test.name for lab in labs for test in lab.tests)
        sys.exit(f"grade: TEST={only}: there is no such test, only {names}")
    return pairs


def grade(lab, tests, build, folder, deadline, tell):
    sandbox = Sandbox()
    units = [test for test in tests if test.kind == "unit"]
    machines = [test for test in tests if test.kind == "machine"]
    seed = os.urandom(8).hex()
    results = []
    if units:
        tell(f"assignment {lab.number}: {len(units)} unit test{'s' * (len(units) > 1)}")
        program = attempt(lambda: build_child(sandbox, lab, TOP, folder)[0])
        results += run_unit_tests(units, sandbox, program, None, seed, UNIT_SECONDS)
    if machines:
        tell(f"assignment {lab.number}: the whole machine, about half a minute in Bochs")
        parts = attempt(lambda: build_machine(sandbox, build, folder))
        room = max(15, int(deadline - time.monotonic()))
        results += run_machine_tests(machines, sandbox, parts, folder, seed, room)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--lab", default="")
    parser.add_argument("--test", default="")
    arguments = parser.parse_args()
    labs = lab_numbers(arguments.lab.split()) if arguments.lab.split() else assigned_labs()
    if not labs:
        sys.exit("grade: LAB=3 says which assignment; in a hand-out it is known")
    pairs = chosen([Lab(number, with_hidden=False) for number in labs], arguments.test)
    build = os.path.abspath(arguments.build)
    folder = os.path.join(build, "grade")
    shutil.rmtree(folder, ignore_errors=True)
    coloured = sys.stdout.isatty()
    deadline = time.monotonic() + SECONDS
    os.makedirs(folder)
    # What one test says is no table of all.
    kept = open(os.devnull if arguments.test else os.path.join(build, "grade.txt"), "w",
                encoding="utf-8")
    for lab, tests in pairs:
        here = os.path.join(folder, str(lab.number))
        os.makedirs(here)
        results = grade(lab, tests, build, here, deadline,
                        lambda text: print(f"grade: {text}", file=sys.stderr, flush=True))
        title = f"Assignment {lab.number}: {lab.title}"
        command = "make grade" + ("" if assigned_labs() == [lab.number] else f" LAB={lab.number}")
        print("\n".join([""] + report.report(title, results, command, coloured)))
        print("\n".join(report.report(title, results, command)) + "\n", file=kept)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
