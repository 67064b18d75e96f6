# SPDX-License-Identifier: MIT
"""Grades one set of files: what scripts/grade.sh does with a submission, and the kit's own check.

The tree that a submission is laid over is the hand-out's: the solution is nowhere in it, and neither
are the hidden tests. Objects of what a submission cannot change are compiled once.
"""
import os
import shutil
import sys
import tempfile

from tree import TOP
import handout
from prison import Prison
from kit.bench import BuildFailed, build_child, run_unit_tests
from kit.machine import Parts, run_machine_tests
from kit.sandbox import Limits, Sandbox, tail_text
from kit.tests import Lab

BUILD_SECONDS = 120


def make_work_folder():
    """Where root can: not in a folder that everybody writes to, which a prison then need not see."""
    place = "/var/cache" if os.geteuid() == 0 and os.path.isdir("/var/cache") else None
    work = tempfile.mkdtemp(prefix="lab-grade-", dir=place)
    os.chmod(work, 0o711)
    return work


class Grader:
    """Everything that all submissions share, in a folder that only the grader's user can enter."""

    def __init__(self, numbers, work, out=None, machines=True):
        self.labs = [Lab(number, with_hidden=True) for number in numbers]
        self.files = sorted({name for lab in self.labs for name in lab.files})
        self.work, self.machines = work, machines
        self.hidden = [TOP] + ([out] if out else [])
        self.base = os.path.join(work, "base")
        os.makedirs(work, exist_ok=True)
        os.chmod(work, 0o711)
        self.stubs = handout.contents(numbers)
        handout.write(self.stubs, self.base)
        self.sandbox = Sandbox()
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
        self.build = os.path.join(self.base, "build")
        self.parts = [os.path.join(self.build, name)
                      for name in ("cafevisor.efi", "starter.efi", "guests/lab.elf")]
        log = os.path.join(self.work, "make.txt")
        ended = self.sandbox.run(["make", "--no-print-directory", "-j2", "BUILD=build",
                                  *[os.path.relpath(path, self.base) for path in self.parts]],
                                 Limits(600, cpu=1200, memory=0, file=256 << 20), log,
                                 cwd=self.base)
        if ended.status != 0:
            sys.exit(f"grade: the hand-out itself does not build\n{tail_text(log, 20)}")

    def prison(self, slot):
        prison = Prison(slot, os.path.join(self.work, f"slot{slot}"), self.base,
                        self.hidden + [os.path.join(self.work, "secret")])
        return prison

    def lay_out(self, prison, files):
        """A tree of the submission's own, in which it can do what it likes, and its objects."""
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

    def build_machine(self, prison, tree):
        log = os.path.join(prison.folder, "make.txt")
        ended = prison.run(["make", "--no-print-directory", "-j2", "BUILD=build",
                            "build/cafevisor.efi"],
                           Limits(BUILD_SECONDS, cpu=2 * BUILD_SECONDS, memory=2 << 30,
                                  file=64 << 20), log, cwd=tree)
        path = os.path.join(tree, "build/cafevisor.efi")
        if ended.status != 0 or os.path.islink(path) or not os.path.isfile(path):
            raise BuildFailed(f"make {ended}\n" + tail_text(log, 20))
        if os.path.getsize(path) > 8 << 20:
            raise BuildFailed("cafevisor.efi is larger than 8 MiB")
        return Parts(path, *self.parts[1:])

    def grade(self, files, slot, seed, only_kinds=("unit", "machine")):
        """files: path -> bytes. A Result for each test of each assignment, and the prison's notes."""
        prison = self.prison(slot)
        results = []
        try:
            tree = self.lay_out(prison, files)
            for lab in self.labs:
                results += self._units(lab, prison, tree, files, seed)
                if self.machines and "machine" in only_kinds:
                    results += self._machines(lab, prison, tree, seed)
        finally:
            prison.close()
            shutil.rmtree(prison.folder, ignore_errors=True)
        return results, prison.notes

    def _units(self, lab, prison, tree, files, seed):
        tests = [test for test in lab.tests if test.kind == "unit"]
        ready = dict(self.shared[lab.number])
        if any(name.endswith(".h") and data != self.stubs[name][0]
               for name, data in files.items()):
            ready = {}
        try:
            program, _ = build_child(prison, lab, tree, os.path.join(prison.folder, "child"), ready)
        except BuildFailed as failed:
            program = failed
        return run_unit_tests(tests, prison, program, self.references[lab.number], seed)

    def _machines(self, lab, prison, tree, seed):
        tests = [test for test in lab.tests if test.kind == "machine"]
        try:
            parts = self.build_machine(prison, tree)
        except BuildFailed as failed:
            parts = failed
        folder = os.path.join(prison.folder, f"machine{lab.number}")
        return run_machine_tests(tests, prison, parts, folder, seed)
