# SPDX-License-Identifier: MIT
"""The wrong submissions of an assignment on whole machines. Called by check.py.

A start of the firmware takes longer than what comes after it, so that several submissions share one
where they can: first those that are expected to pass, in whose verdict nothing else has a part.
"""
import os
import random
import shutil

from grader import take_out
from known import SEED, in_slots, patched, say, solution_of, verdict
from kit.bench import BuildFailed, attempt, result_of
from kit.machine import Parts, Run, judge, run_all
from kit.tests import Broken

SHARED = 20
BOOT_SECONDS = 300

# A wrong EPT lets a guest write over what the next one would run in: each has a boot of its own.
ASTRAY = (2,)


def build_image(grader, wrong, files, work, slot):
    """Parts with the submission's cafevisor.efi in work, or the BuildFailed that there is instead."""
    prison, built = grader.prison(slot)
    try:
        image = attempt(lambda: take_out(
            grader.build_image(prison, grader.lay_out(prison, files)), built, 8 << 20))
        if isinstance(image, BuildFailed):
            return image
        return Parts(shutil.move(image, os.path.join(work, wrong.name + ".efi")), *grader.parts[1:])
    finally:
        prison.close()


def batches_of(lab, runs):
    """runs: Run -> (wrong, test). Lists of those that share a boot."""
    passing = [run for run, (wrong, test) in runs.items() if test.name not in wrong.fails]
    failing = [run for run in runs if run not in passing]
    if lab.number in ASTRAY:
        alone = {}
        for run in failing:
            alone.setdefault(runs[run][0], []).append(run)
        shared, rest = passing, list(alone.values())
    else:
        shared, rest = passing + failing, []
    return [shared[at:at + SHARED] for at in range(0, len(shared), SHARED)] + rest


def start_all(grader, batches, jobs):
    """Result of each run: (test -> ...), judged where its files lie."""
    def start(batch, slot):
        prison, _ = grader.prison(slot)
        try:
            places = run_all(prison, os.path.join(prison.folder, "machine"), batch,
                             BOOT_SECONDS * len(batch))
            return {run: outcome(places, run) for run in batch}
        finally:
            prison.close()

    results = {}
    for part in in_slots(start, batches, jobs):
        results.update(part)
    return results


def outcome(places, run):
    """What judge raises, or None."""
    try:
        if run not in places:
            raise Broken("not run: time was up")
        judge(places[run], run)
    except Exception as wrong:  # a verdict, whatever its kind; result_of tells them apart
        return wrong
    return None


def raise_it(problem):
    if problem is not None:
        raise problem


def check_wrong_machines(lab, grader, wrongs, work, jobs):
    tests = [test for test in lab.tests if test.kind == "machine"]
    images = os.path.join(work, f"images{lab.number}")
    os.makedirs(images)

    def build(wrong, slot):
        files, problem = patched(wrong, solution_of(lab), work)
        return BuildFailed(problem) if problem else build_image(grader, wrong, files, images, slot)

    parts = dict(zip(wrongs, in_slots(build, wrongs, jobs)))
    runs = {Run(parts[wrong], test.run(random.Random(f"{SEED}/{test.full_name}"))): (wrong, test)
            for wrong in wrongs for test in tests if not isinstance(parts[wrong], BuildFailed)}
    outcomes = start_all(grader, batches_of(lab, runs), jobs)
    for wrong in wrongs:
        name = f"lab {lab.number}: wrong: {wrong.name}"
        if isinstance(parts[wrong], BuildFailed):
            say(name, f"it does not build: {parts[wrong]}")
            continue
        results = [result_of(test, lambda p=outcomes[run]: raise_it(p))
                   for run, (whose, test) in runs.items() if whose is wrong]
        say(name, verdict(results, wrong.fails))
