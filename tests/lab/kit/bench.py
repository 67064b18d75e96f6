# SPDX-License-Identifier: MIT
"""Builds the programs that unit tests talk to, and runs an assignment's tests one by one."""
import concurrent.futures
import os
import random
import struct
import time

from .child import Child
from .sandbox import Limits, tail_text
from .tests import Broken, Mismatch

CFLAGS = ("-std=c11 -O1 -g -Wall -Wextra -Werror=implicit-function-declaration -I. "
          "-fno-strict-aliasing -fno-omit-frame-pointer -D_GNU_SOURCE -DCAFEVISOR_VERSION=\"lab\"").split()


COMPILE_SECONDS = 20


class BuildFailed(Exception):
    """What the compiler said."""


def compile_one(sandbox, tree, source, target):
    log = target + ".txt"
    # Where the tree lies is in no message.
    ended = sandbox.run(["gcc", *CFLAGS, f"-ffile-prefix-map={tree}/=", "-c", source, "-o", target],
                        Limits(COMPILE_SECONDS, file=64 << 20), log, cwd=tree)
    if ended.status != 0:
        raise BuildFailed(f"{source}: gcc {ended}\n" + tail_text(log, 20))
    return target


def build_child(sandbox, lab, tree, folder, ready=None):
    """Compiles what ready (source -> object of an identical source) lacks, links the program."""
    sources = [f"tests/lab/{lab.number}/child.c", *lab.sources]
    objects = dict(ready or {})
    missing = [source for source in sources if source not in objects]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = {source: pool.submit(compile_one, sandbox, tree, source,
                                    os.path.join(folder, source.replace("/", "-") + ".o"))
                for source in missing}
        for source, job in jobs.items():
            objects[source] = job.result()
    program = os.path.join(folder, f"lab{lab.number}")
    log = program + ".txt"
    ended = sandbox.run(["gcc", *[objects[source] for source in sources], "-o", program],
                        Limits(COMPILE_SECONDS, file=64 << 20), log, cwd=tree)
    if ended.status != 0:
        raise BuildFailed(f"linking: gcc {ended}\n" + tail_text(log, 20))
    return program, objects


def attempt(build):
    """What build() returns, or the BuildFailed that it raises."""
    try:
        return build()
    except BuildFailed as failed:
        return failed


class Bench:
    """What a unit test gets: the program under test, one made from the clean sources, chance."""

    def __init__(self, sandbox, program, reference, seed):
        self.sandbox, self.program, self.clean = sandbox, program, reference
        self.random = random.Random(seed)

    def child(self, seconds=10):
        return Child(self.sandbox, self.program, seconds)

    def reference(self, seconds=30):
        return Child(*self.clean, seconds, is_reference=True)


class Result:
    def __init__(self, test, points, state, why="", expected="", came="", words=""):
        self.test, self.points, self.state = test, points, state
        self.why, self.expected, self.came, self.words = why, expected, came, words


def result_of(test, run):
    """Runs one test and turns how it ends into a Result."""
    try:
        run()
    except Mismatch as wrong:
        return Result(test, 0, "failed", wrong.what, wrong.expected, wrong.came,
                      wrong.words)
    except Broken as broken:
        return Result(test, 0, "broken", broken.why, words=broken.words)
    except BuildFailed as failed:
        return Result(test, 0, "not built", "it does not build", words=str(failed))
    except (struct.error, LookupError, ValueError, ArithmeticError) as odd:
        return Result(test, 0, "broken", f"an answer that is none came on the pipe ({odd})")
    return Result(test, test.points, "passed")


def run_unit_tests(tests, sandbox, program, reference, seed, seconds=90):
    """program is a path, or the BuildFailed that there is instead of it."""
    results = []
    end = time.monotonic() + seconds
    for test in tests:
        def run(test=test):
            if isinstance(program, BuildFailed):
                raise program
            if time.monotonic() > end:
                raise Broken("not run: the time for all tests was up")
            test.run(Bench(sandbox, program, reference, f"{seed}/{test.full_name}"))
        results.append(result_of(test, run))
    return results
