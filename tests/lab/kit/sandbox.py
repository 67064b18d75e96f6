# SPDX-License-Identifier: MIT
"""Starts everything that a submission controls, with limits on time, memory, output and disk.

A plain Sandbox is what a student's own 'make grade' uses. The staff's (scripts/lab/prison.py) derives
from it and takes the network, the privileges and the view of the hidden tests away as well.
"""
import os
import signal
import subprocess
import time

MIB = 1 << 20
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class Limits:
    """seconds of wall time and of processor time; bytes of memory (0: any) and of one file;
    processes at a time, which only the staff's sandbox can limit."""

    def __init__(self, seconds=10, cpu=None, memory=1024 * MIB, file=16 * MIB, processes=128):
        self.seconds = seconds
        self.cpu = seconds + 1 if cpu is None else cpu
        self.memory = memory
        self.file = file
        self.processes = processes


class Ended:
    """How a command ended: its status (negative: the signal), and whether time was up."""

    def __init__(self, status, timed_out):
        self.status = status
        self.timed_out = timed_out

    def __str__(self):
        if self.timed_out:
            return "was ended: its time was up"
        if self.status is None:
            return "still runs"
        code = self.status if self.status < 128 else 128 - self.status
        if code < 0:
            names = {
                signal.SIGSEGV: "a memory access outside everything (SIGSEGV)",
                signal.SIGXCPU: "its processor time was up (SIGXCPU)",
                signal.SIGXFSZ: "it wrote too much (SIGXFSZ)",
            }
            try:
                name = names.get(-code) or signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            return f"died: {name}"
        return f"ended with status {code}"


class Sandbox:
    """Commands run in a session of their own, so that what they leave behind can be ended."""

    top = TOP  # the tree whose scripts run in here
    folder = None  # where commands start; None: where the grader is

    def command(self, argv, limits):
        # A dump of each wrong submission's memory helps nobody.
        limited = ["prlimit", "--core=0", f"--cpu={limits.cpu}:{limits.cpu + 1}",
                   f"--fsize={limits.file}"]
        return limited + ([f"--as={limits.memory}"] if limits.memory else []) + ["--", *argv]

    def environment(self):
        keep = ("PATH", "TMPDIR", "LANG", "ENGINE")
        return {name: os.environ[name] for name in keep if name in os.environ}

    def give(self, folder):
        """Makes a folder and its files the sandboxed user's."""

    def start(self, argv, limits, cwd=None, **streams):
        return subprocess.Popen(self.command(argv, limits), cwd=cwd or self.folder,
                                start_new_session=True, env=self.environment(), **streams)

    def stop(self, process):
        """Ends the command and what it started, and waits for it."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()

    def run(self, argv, limits, output, cwd=None):
        """Runs a command to its end; what it says goes to the file output (limited in size)."""
        with open(output, "wb") as sink:
            process = self.start(argv, limits, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sink,
                                 stderr=subprocess.STDOUT)
            deadline = time.monotonic() + limits.seconds
            timed_out = False
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                timed_out = True
            self.stop(process)
        return Ended(process.returncode, timed_out)


def tail_text(path, lines, characters=4000):
    """The last lines of a file that a submission may have filled, made printable."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - characters))
            text = file.read(characters).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(printable(line)[:200] for line in text.splitlines()[-lines:])


def printable(text):
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
