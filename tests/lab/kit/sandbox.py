# SPDX-License-Identifier: MIT
"""Starts everything that a submission controls, with limits on time, memory, output and disk.

A plain Sandbox is what a student's own 'make grade' uses. The staff's (scripts/lab/prison.py) derives
from it and takes the network, the privileges and the view of the hidden tests away as well.
"""
import os
import signal
import stat
import subprocess
import threading
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

    def __init__(self):
        self.running, self.lock, self.ended = set(), threading.Lock(), False

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
        command = self.command(argv, limits)
        with self.lock:
            if self.ended:
                raise InterruptedError("the grader ends")
            process = subprocess.Popen(command, cwd=cwd or self.folder, start_new_session=True,
                                       env=self.environment(), **streams)
            self.running.add(process)
        return process

    def stop(self, process):
        """Ends the command and what it started, and waits for it."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
        self.running.discard(process)

    def stop_all(self):
        """For who is ended from outside, with commands of other threads under way."""
        with self.lock:
            self.ended = True
        for process in list(self.running):
            self.stop(process)

    def run(self, argv, limits, output, cwd=None):
        """Runs a command to its end; what it says goes to the file output (limited in size)."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(output, flags, 0o600), "wb") as sink:
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


def open_plain(path):
    """To read a file from where a submission may write: None where there is no plain one."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return open(fd, "rb")


def tail_text(path, lines, characters=4000):
    """The last lines of a file that a submission may have filled, made printable."""
    file = open_plain(path)
    if file is None:
        return ""
    with file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - characters))
        text = file.read(characters).decode("utf-8", "replace")
    return "\n".join(printable(line)[:200] for line in text.splitlines()[-lines:])


def printable(text):
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
