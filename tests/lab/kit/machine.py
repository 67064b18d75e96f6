# SPDX-License-Identifier: MIT
"""Whole machines: one boot runs a guest for each test, with a random disk and random requests.

A test passes when the disk's file afterwards is, byte for byte, what this process computed, when the
digest that the guest made of everything that it read is the one computed here, and when the run
ended as it should. What the machine prints beyond that decides nothing.
"""
import os
import random
import re
import subprocess
import time

from .bench import BuildFailed, result_of
from .sandbox import TOP, Limits, printable
from .tests import Broken, Mismatch, expect

MIB = 1 << 20


class Scenario:
    """One start of cafevisor.efi with the guest build/guests/lab.elf."""

    def __init__(self, words, disk, disk_after, digest, memory="64M", seconds=20,
                 arguments=""):
        self.words, self.disk, self.disk_after = words, disk, disk_after
        self.digest, self.memory, self.seconds = digest, memory, seconds
        self.arguments = arguments


class Parts:
    """Where a machine's programs are: cafevisor.efi is the submission's, all else is not."""

    def __init__(self, cafevisor, starter, guest):
        self.cafevisor, self.starter, self.guest = cafevisor, starter, guest


def write_volume(folder, parts, named):
    targets = [f"EFI/BOOT/BOOTX64.EFI={parts.starter}", f"cafevisor.efi={parts.cafevisor}",
               f"guest.elf={parts.guest}"]
    lines = []
    for name, scenario in named:
        path = os.path.join(folder, f"{name}.before")
        with open(path, "wb") as file:
            file.write(scenario.disk)
        targets.append(f"{name}.img={path}")
        lines += ["delete \\cafevisor.result", "delete \\cafevisor.log",
                  f"cafevisor.efi guest=guest.elf disk={name}.img memory={scenario.memory} "
                  f"timeout={scenario.seconds} {scenario.arguments} cmdline=\"nonce={name} {scenario.words}\"",
                  f"copy \\cafevisor.result \\{name}.result",
                  f"copy \\cafevisor.log \\{name}.log"]
    script = os.path.join(folder, "start.txt")
    with open(script, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    targets.append(f"start.txt={script}")
    subprocess.run([os.path.join(TOP, "scripts/make-esp.sh"), os.path.join(folder, "boot.img"),
                    "24", *targets], check=True, stdin=subprocess.DEVNULL)


def run_boot(sandbox, parts, folder, named, seconds):
    """Boots the volume; afterwards the folder has what the scenarios left on it."""
    os.makedirs(folder)
    write_volume(folder, parts, named)
    sandbox.give(folder)
    files = [f"{name}.{suffix}" for name, _ in named for suffix in ("img", "result", "log")]
    script = os.path.join(sandbox.top, "tests/lab/kit/machine.sh")
    limits = Limits(seconds + 10, cpu=2 * seconds + 20, memory=3072 * MIB, file=64 * MIB)
    return sandbox.run([script, folder, str(seconds), *files], limits,
                       os.path.join(folder, "machine.txt"))


def read_file(folder, name, limit=16 * MIB):
    """A file that a machine left behind: a plain one, and not more of it than limit."""
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(fd, "rb") as file:
        return file.read(limit)


def result_lines(folder, name):
    text = (read_file(folder, f"{name}.result", 65536) or b"").decode("ascii", "replace")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def words_of(folder, name):
    """The end of the log, for the student to read."""
    text = read_file(folder, f"{name}.log", MIB) or read_file(folder, "com1.txt", MIB) or b""
    lines = re.sub(rb"\x1b[^A-Za-z]{0,16}[A-Za-z]", b"", text).decode("ascii", "replace")
    return "\n".join(printable(line)[:160] for line in lines.splitlines()[-14:])


def judge(folder, name, scenario):
    """Raises what is wrong with a scenario that was started."""
    words = words_of(folder, name)
    result = result_lines(folder, name)
    if not result:
        raise Broken("the machine crashed, hung or ended before the guest's run was over", words)
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
        raise Mismatch(wrong.what, wrong.expected, f"{wrong.came}\n{words}") from None


def run_machine_tests(tests, sandbox, parts, folder, seed, seconds=100):
    """parts is a Parts, or the BuildFailed that there is instead. All tests share one boot."""
    named = {}
    for number, test in enumerate(tests):
        # The name is a part of the digest's line: nobody can know it before.
        name = f"t{number}{random.SystemRandom().randrange(16**6):06x}"
        named[test] = (name, test.run(random.Random(f"{seed}/{test.full_name}")))
    left = list(tests)
    end = time.monotonic() + seconds
    results = {}
    boots = 0
    while left and not isinstance(parts, BuildFailed):
        room = int(end - time.monotonic())
        if boots > 0 and room < 45:
            break
        boots += 1
        where = os.path.join(folder, f"boot{boots}")
        run_boot(sandbox, parts, where, [named[test] for test in left], room)
        # What comes behind one that ended the machine has not had its turn.
        started = len(left)
        for place, test in enumerate(left):
            if not result_lines(where, named[test][0]):
                started = place + 1
                break
        for test in left[:started]:
            results[test] = result_of(test, lambda test=test: judge(where, *named[test]))
        left = left[started:]

    def not_run():
        if isinstance(parts, BuildFailed):
            raise parts
        raise Broken("not run: the machine died in a test before it, and time was up")

    for test in left:
        results[test] = result_of(test, not_run)
    return [results[test] for test in tests]
