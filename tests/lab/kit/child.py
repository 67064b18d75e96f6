# SPDX-License-Identifier: MIT
"""The parent's side of a child process that has the code under test linked to a loop (child.h).

Every request is u32 size, u8 operation, payload; every reply is u32 size, payload. Inputs go out one
by one, outputs come back; what is expected never leaves this process. Whatever is not one reply for
one request (an early exit, extra output, a closed pipe, silence) is a failed test.
"""
import os
import select
import struct
import subprocess
import tempfile
import time

from .sandbox import Ended, Limits, tail_text
from .tests import Broken, Mismatch

MAX_REPLY = 4 << 20


class Child:
    def __init__(self, sandbox, program, seconds, is_reference=False):
        self.sandbox, self.is_reference = sandbox, is_reference
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.log = tempfile.NamedTemporaryFile(prefix="lab-child-")
        # Its own work is a small part of the time, which a busy machine may need: what loops is
        # ended by the processor's time.
        limits = Limits(seconds, cpu=max(1, seconds // 10), memory=256 << 20, file=256 << 10,
                        processes=1)
        self.process = sandbox.start([program], limits, bufsize=0, stderr=self.log,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdin.fileno(), False)
        self.doing = "it had not been asked anything"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.finish()
        finally:
            self.kill()
            # What it logged before it answered wrongly helps its author.
            if isinstance(value, Mismatch) and not self.is_reference:
                value.words = self.last_words()

    def kill(self):
        self.sandbox.stop(self.process)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass

    def last_words(self):
        return tail_text(self.log.name, 6)

    def fail(self, timed_out=False):
        if timed_out:
            raise Broken(f"no answer within {self.seconds} s: {self.doing}", self.last_words())
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
        raise Broken(f"the program {Ended(status, False)} in the middle: {self.doing}",
                     self.last_words())

    def wait_for(self, fd, event):
        left = self.deadline - time.monotonic()
        poll = select.poll()
        poll.register(fd, event)
        if left <= 0 or not poll.poll(int(left * 1000) + 1):
            self.fail(timed_out=True)

    def send(self, data):
        fd = self.process.stdin.fileno()
        view = memoryview(data)
        while view:
            self.wait_for(fd, select.POLLOUT)
            try:
                view = view[os.write(fd, view):]
            except BlockingIOError:
                continue
            except OSError:
                self.fail()

    def receive(self, size):
        fd = self.process.stdout.fileno()
        data = bytearray()
        while len(data) < size:
            self.wait_for(fd, select.POLLIN)
            piece = os.read(fd, size - len(data))
            if not piece:
                self.fail()
            data += piece
        return bytes(data)

    def ask(self, operation, payload=b"", doing=None):
        """One request, one reply; doing is the step in words, for the message if it goes wrong."""
        self.doing = doing or f"at the request '{operation}'"
        self.send(struct.pack("<IB", len(payload), ord(operation)) + payload)
        (size,) = struct.unpack("<I", self.receive(4))
        if size > MAX_REPLY:
            raise Broken("there was extra output on the pipe to the grader", self.last_words())
        return self.receive(size)

    def finish(self):
        """After the last request: the child must end by itself, in silence."""
        self.doing = "after the last step"
        self.process.stdin.close()
        fd = self.process.stdout.fileno()
        self.wait_for(fd, select.POLLIN)
        if os.read(fd, 1):
            raise Broken("there was extra output on the pipe to the grader", self.last_words())
        try:
            status = self.process.wait(max(0.1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.fail(timed_out=True)
        if status != 0:
            raise Broken(f"the program {Ended(status, False)} after the last step",
                         self.last_words())
