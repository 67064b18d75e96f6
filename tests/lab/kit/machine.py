# SPDX-License-Identifier: MIT
"""Whole machines: one boot runs a guest for each test, with a random disk and random requests.

A test passes when the disk's file afterwards is, byte for byte, what this process computed, when the
digest that the guest made of everything that it read is the one computed here, and when the run
ended as it should. What the machine prints beyond that decides nothing.
"""
import itertools
import os
import random
import re
import subprocess
import time

from .bench import BuildFailed, result_of
from .sandbox import TOP, Limits, open_plain, printable
from .tests import Broken, Mismatch, expect

MIB = 1 << 20


class Scenario:
    """What the guest build/guests/lab.elf is to do, and what must come of it."""

    def __init__(self, words, disk, disk_after, digest, memory="16M", seconds=8,
                 arguments=""):
        self.words, self.disk, self.disk_after = words, disk, disk_after
        self.digest, self.memory, self.seconds = digest, memory, seconds
        self.arguments = arguments


class Parts:
    """Where a machine's programs are: cafevisor.efi is the submission's, all else is not."""

    def __init__(self, cafevisor, starter, guest):
        self.cafevisor, self.starter, self.guest = cafevisor, starter, guest


class Run:
    """One start of somebody's cafevisor.efi. Nobody can know its name before: the guest's line with
    the digest begins with it."""

    def __init__(self, parts, scenario):
        self.parts, self.scenario = parts, scenario
        self.name = f"t{random.SystemRandom().randrange(16**7):07x}"


def write_volume(folder, runs):
    """Of all runs starter and guest are the same; their cafevisor.efi need not be."""
    parts = runs[0].parts
    images = sorted({run.parts.cafevisor for run in runs})
    targets = [f"EFI/BOOT/BOOTX64.EFI={parts.starter}", f"guest.elf={parts.guest}"]
    targets += [f"c{number}.efi={path}" for number, path in enumerate(images)]
    lines = []
    for run in runs:
        path = os.path.join(folder, f"{run.name}.before")
        with open(path, "wb") as file:
            file.write(run.scenario.disk)
        targets.append(f"{run.name}.img={path}")
        lines += ["delete \\cafevisor.result", "delete \\cafevisor.log",
                  f"c{images.index(run.parts.cafevisor)}.efi guest=guest.elf disk={run.name}.img "
                  f"memory={run.scenario.memory} timeout={run.scenario.seconds} "
                  f"{run.scenario.arguments} cmdline=\"nonce={run.name} {run.scenario.words}\"",
                  f"copy \\cafevisor.result \\{run.name}.result",
                  f"copy \\cafevisor.log \\{run.name}.log"]
    script = os.path.join(folder, "start.txt")
    with open(script, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    targets.append(f"start.txt={script}")
    subprocess.run([os.path.join(TOP, "scripts/make-esp.sh"), os.path.join(folder, "boot.img"),
                    str(16 + 2 * len(runs)), *targets], check=True, stdin=subprocess.DEVNULL)


def run_boot(sandbox, folder, runs, seconds):
    """Boots a volume; afterwards the folder has what the runs left on it."""
    os.makedirs(folder)
    write_volume(folder, runs)
    sandbox.give(folder)
    files = [f"{run.name}.{suffix}" for run in runs for suffix in ("img", "result", "log")]
    script = os.path.join(sandbox.top, "tests/lab/kit/machine.sh")
    limits = Limits(seconds + 10, cpu=2 * seconds + 20, memory=3072 * MIB, file=64 * MIB)
    return sandbox.run([script, folder, str(seconds), *files], limits,
                       os.path.join(folder, "machine.txt"))


def read_file(folder, name, limit=16 * MIB):
    """A file that a machine left behind, and not more of it than limit."""
    file = open_plain(os.path.join(folder, name))
    if file is None:
        return None
    with file:
        return file.read(limit)


def result_lines(folder, name):
    text = (read_file(folder, f"{name}.result", 65536) or b"").decode("ascii", "replace")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def words_of(folder, name):
    """The end of the log, for the student to read."""
    text = read_file(folder, f"{name}.log", MIB) or read_file(folder, "com1.txt", MIB) or b""
    text = re.sub(rb"\x1b[^A-Za-z]{0,16}[A-Za-z]", b"", text).decode("ascii", "replace")
    lines = [line for line in text.splitlines() if not line.startswith(("[stat]", "[config]"))]
    return "\n".join(printable(line)[:160] for line in lines[-14:])


def end_of(folder):
    """Of a machine that left no result: machine.sh says so if it was the one to end it."""
    said = read_file(folder, "machine.txt", 65536) or b""
    ended = re.search(rb"^the machine was ended after [\w ]+$", said, re.M)
    return ended.group().decode() if ended else "the machine crashed or ended"


def judge(folder, run):
    """Raises what is wrong with a run that was started."""
    name, scenario = run.name, run.scenario
    words = words_of(folder, name)
    result = result_lines(folder, name)
    if not result:
        raise Broken(f"{end_of(folder)} before the guest's run was over", words)
    try:
        if result.get("status") != "0":
            raise Mismatch("how the run ended", "status 0: the guest wrote 0 to port 0xf4",
                           printable(f"status {result.get('status')}: {result.get('reason')}"))
        said = re.findall(rb"lab: %s digest ([0-9a-f]{64})\b" % name.encode(),
                          read_file(folder, "com1.txt", 64 * MIB) or b"")
        if len(said) != 1:
            raise Mismatch("the guest's line with its digest", "once", f"{len(said)} times")
        expect("the digest of everything that the guest read", scenario.digest, said[0].decode())
        disk = read_file(folder, f"{name}.img")
        expect("the size of the disk's file", len(scenario.disk_after), len(disk or b""))
        for at in range(0, len(disk), 512):
            if disk[at:at + 512] != scenario.disk_after[at:at + 512]:
                expect(f"sector {at // 512} in the disk's file", scenario.disk_after[at:at + 512],
                       disk[at:at + 512])
    except Mismatch as wrong:
        wrong.words = words
        raise


def run_all(sandbox, folder, runs, seconds, restart_seconds=45):
    """Boots, and boots again with what comes behind a run that ended the machine, until all had
    their turn or time is up. Run -> folder with what it left, of those that had."""
    left, places = list(runs), {}
    end = time.monotonic() + seconds
    for number in itertools.count(1):
        room = int(end - time.monotonic())
        if not left or number > 1 and room < restart_seconds:
            return places
        where = os.path.join(folder, f"boot{number}")
        run_boot(sandbox, where, left, room)
        started = next((place + 1 for place, run in enumerate(left)
                        if not result_lines(where, run.name)), len(left))
        places.update({run: where for run in left[:started]})
        left = left[started:]


def run_machine_tests(tests, sandbox, parts, folder, seed, seconds=100):
    """parts is a Parts, or the BuildFailed that there is instead. All tests share one boot."""
    runs = {test: Run(parts, test.run(random.Random(f"{seed}/{test.full_name}")))
            for test in tests}
    places = {}
    if tests and not isinstance(parts, BuildFailed):
        places = run_all(sandbox, folder, list(runs.values()), seconds)

    def verdict(run):
        if isinstance(parts, BuildFailed):
            raise parts
        if run not in places:
            raise Broken("not run: the machine died in a test before it, and time was up")
        judge(places[run], run)

    return [result_of(test, lambda run=runs[test]: verdict(run)) for test in tests]
