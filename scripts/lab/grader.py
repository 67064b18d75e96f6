# SPDX-License-Identifier: MIT
"""Grades one set of files: what scripts/grade.sh does with a submission, and the kit's own check.

The tree that a submission is laid over is the hand-out's: the solution is nowhere in it, and neither
are the hidden tests. Objects of what a submission cannot change are compiled once.
"""
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading

from tree import TOP
import handout
from prison import Prison, remove
from kit.bench import BuildFailed, attempt, build_child, run_unit_tests
from kit.machine import Parts, run_machine_tests
from kit.sandbox import Limits, Sandbox, tail_text
from kit.tests import Lab

BUILD_SECONDS = 120


def make_work_folder():
    """Where root can: not in a folder that everybody writes to, which a prison then need not see.
    Who makes it removes it at the end, also of a run that is ended from outside."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place = "/var/cache" if os.geteuid() == 0 and os.path.isdir("/var/cache") else None
    work = tempfile.mkdtemp(prefix="lab-grade-", dir=place)
    os.chmod(work, 0o711)
    return work


class Grader:
    """Everything that all submissions share, in a folder that only the grader's user can enter."""

    def __init__(self, numbers, work, hidden=(), machines=True):
        self.labs = [Lab(number, with_hidden=True) for number in numbers]
        self.files = sorted({name for lab in self.labs for name in lab.files})
        self.machines = machines
        self.hidden = [TOP, *hidden]
        self.work = os.path.realpath(work)
        self.base = os.path.join(self.work, "base")
        os.makedirs(work, exist_ok=True)
        os.chmod(work, 0o711)
        self.stubs = handout.contents(numbers)
        handout.write(self.stubs, self.base)
        self.sandbox = Sandbox()
        self.prisons, self.numbers = set(), itertools.count(1)
        self.lock, self.closed = threading.Lock(), False
        self.references, self.objects = {}, {}
        self._build_references()
        self._build_shared_objects()
        if machines:
            self._build_machine()

    def _build_references(self):
        """The programs that hidden tests compare with, from the staff's own tree."""
        secret = os.path.join(self.work, "secret")
        os.makedirs(secret, mode=0o700)
        for lab in self.labs:
            program, objects = build_child(self.sandbox, lab, TOP, secret)
            self.references[lab.number] = (self.sandbox, program)
            self.objects[lab.number] = objects

    def _build_shared_objects(self):
        """Only what no submission can change may be seen by one: those objects move to base."""
        folder = os.path.join(self.base, "objects")
        os.makedirs(folder)
        self.shared = {}
        for lab in self.labs:
            ready = {}
            for source, path in self.objects[lab.number].items():
                if source not in self.files:
                    ready[source] = shutil.copy(path, folder)
            self.shared[lab.number] = ready

    def _build_machine(self):
        """The guest, the starter, and the hypervisor with stubs, of which most objects can stay."""
        self.parts = [os.path.join(self.base, "build", name)
                      for name in ("cafevisor.efi", "starter.efi", "guests/lab.elf")]
        log = os.path.join(self.work, "make.txt")
        ended = self.sandbox.run(["make", "--no-print-directory", "-j2", "BUILD=build",
                                  *[os.path.relpath(path, self.base) for path in self.parts]],
                                 Limits(600, cpu=1200, memory=0, file=256 << 20), log,
                                 cwd=self.base)
        if ended.status != 0:
            sys.exit(f"grade: the hand-out itself does not build\n{tail_text(log, 20)}")

    def prison(self, slot):
        """And the folder beside it, which it can only read: what was built is in there. Both are
        new each time: what cannot be removed is in nobody's way."""
        place = os.path.join(self.work, f"{slot}-{next(self.numbers)}")
        built = place + "-built"
        with self.lock:
            if self.closed:
                raise InterruptedError("the grader ends")
            os.makedirs(built)
            prison = Prison(slot, place, [self.base, built],
                            self.hidden + [os.path.join(self.work, "secret")])
            self.prisons.add(prison)
        prison.show(built)
        return prison, built

    def leave(self, prison, built):
        prison.close()
        self.prisons.discard(prison)
        remove(built)

    def close(self):
        """Also while other threads grade; what they find from here on means nothing."""
        with self.lock:
            self.closed = True
        self.sandbox.stop_all()
        for prison in list(self.prisons):
            prison.close()

    def lay_out(self, prison, files):
        """A tree with the submission's files, and the objects of what is not the submission's."""
        tree = os.path.join(prison.folder, "tree")
        ignore = shutil.ignore_patterns(".git", "objects", *([] if self.machines else ["build"]))
        shutil.copytree(self.base, tree, symlinks=True, ignore=ignore)
        for name, data in files.items():
            path = os.path.join(tree, name)
            os.unlink(path)
            with open(path, "wb") as file:
                file.write(data)
        os.makedirs(os.path.join(prison.folder, "child"))
        prison.give(prison.folder)
        return tree

    def build(self, prison, files, built):
        """Builds all there is to build, before anything of the submission runs, and takes it to
        where the submission cannot change it. Assignment, or 'machine' -> what is to be run."""
        tree = self.lay_out(prison, files)
        made = {}
        for lab in self.labs:
            made[lab.number] = attempt(lambda lab=lab: take_out(
                self._build_child(lab, prison, tree, files), built, 16 << 20))
        if self.machines:
            made["machine"] = attempt(lambda: Parts(take_out(
                self.build_image(prison, tree), built, 8 << 20), *self.parts[1:]))
        prison.empty()
        return made

    def _build_child(self, lab, prison, tree, files):
        ready = dict(self.shared[lab.number])
        if any(name.endswith(".h") and data != self.stubs[name][0]
               for name, data in files.items()):
            ready = {}
        return build_child(prison, lab, tree, os.path.join(prison.folder, "child"), ready)[0]

    def build_image(self, prison, tree):
        log = os.path.join(prison.folder, "make.txt")
        ended = prison.run(["make", "--no-print-directory", "-j2", "BUILD=build",
                            "build/cafevisor.efi"],
                           Limits(BUILD_SECONDS, cpu=2 * BUILD_SECONDS, memory=2 << 30,
                                  file=64 << 20), log, cwd=tree)
        if ended.status != 0:
            raise BuildFailed(f"make {ended}\n" + tail_text(log, 20))
        return os.path.join(tree, "build/cafevisor.efi")

    def grade(self, files, slot, seed):
        """files: path -> bytes. A Result for each test of each assignment, and the prison's notes."""
        prison, built = self.prison(slot)
        results = []
        try:
            made = self.build(prison, files, built)
            for lab in self.labs:
                units = [test for test in lab.tests if test.kind == "unit"]
                results += run_unit_tests(units, prison, made[lab.number],
                                          self.references[lab.number], seed)
                # Nothing that a program left behind lies around where a machine runs.
                prison.empty()
                if self.machines:
                    machines = [test for test in lab.tests if test.kind == "machine"]
                    results += run_machine_tests(machines, prison, made["machine"],
                                                 os.path.join(prison.folder, "machine"), seed)
                    prison.empty()
        finally:
            self.leave(prison, built)
        return results, prison.notes


def take_out(path, folder, limit):
    """A copy of a file out of a prison: of a plain file, with nothing but folders on the way."""
    if os.path.realpath(path) != path or not os.path.isfile(path):
        raise BuildFailed(f"{os.path.basename(path)} did not become a file")
    if os.path.getsize(path) > limit:
        raise BuildFailed(f"{os.path.basename(path)} is larger than {limit >> 20} MiB")
    target = shutil.copy(path, folder)
    os.chmod(target, 0o755)
    return target
