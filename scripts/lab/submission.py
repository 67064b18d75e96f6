# SPDX-License-Identifier: MIT
"""Takes from a submission the files that the assignment allows, and nothing else.

A submission is a folder, a .tar file in whatever compression, or a git repository (a folder without
a working tree, a URL). It may be hostile: links, devices, other paths and huge files are left, and
who reads it is a process of its own, with limits:

    submission.py SOURCE NAME...        what there is, in JSON
"""
import base64
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile

import tree  # noqa: F401, where the kit is
from kit.sandbox import MIB, Limits, Sandbox, printable

FILE_MAX = 256 << 10
ARCHIVE_MAX = 256 << 20
MEMBERS_MAX = 20000
NOTES_MAX = 40
SECONDS, GIT_SECONDS = 150, 90


class Unusable(Exception):
    """Nothing can be taken from it; the reason is for its author."""


class Taken:
    """Path -> bytes of what was taken, and notes on what was not."""

    def __init__(self):
        self.files, self.notes, self.places = {}, [], {}

    def note(self, text):
        if len(self.notes) < NOTES_MAX:
            self.notes.append(printable(text)[:200])

    def offer(self, path, allowed, is_plain, size, read):
        """One file of the submission, under its path there."""
        words = [word for word in path.split("/") if word not in ("", ".")]
        if ".." in words:
            return
        for name in allowed:
            depth = len(words) - len(name.split("/"))
            # In a folder of its own, or the files alone, without the tree's folders.
            if depth < 0 or words[depth:] != name.split("/"):
                if words != [os.path.basename(name)]:
                    continue
                depth = 1000
            if not is_plain:
                self.note(f"{path}: not taken, it is no plain file")
            elif size > FILE_MAX:
                self.note(f"{path}: not taken, {size} bytes are more than {FILE_MAX}")
            elif depth < self.places.get(name, 10**6):
                self.files[name], self.places[name] = read(), depth


def from_folder(folder, allowed, taken):
    def read(path):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(FILE_MAX + 1)

    seen = 0
    for here, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if name not in (".git", "build")]
        for name in files:
            seen += 1
            if seen > MEMBERS_MAX:
                raise Unusable(f"more than {MEMBERS_MAX} files")
            path = os.path.join(here, name)
            status = os.lstat(path)
            taken.offer(os.path.relpath(path, folder), allowed, stat.S_ISREG(status.st_mode),
                        status.st_size, lambda path=path: read(path))


def from_archive(path, allowed, taken):
    try:
        with tarfile.open(path, "r|*") as archive:
            for number, member in enumerate(archive):
                # The sum of what has been unpacked so far: a stream cannot skip without reading.
                if number > MEMBERS_MAX or member.offset_data + member.size > ARCHIVE_MAX:
                    raise Unusable(f"more than {ARCHIVE_MAX >> 20} MiB unpacked, "
                                   f"or more than {MEMBERS_MAX} files")
                if member.isdir() or member.name.startswith("/"):
                    continue
                taken.offer(member.name, allowed, member.isreg() and not member.issparse(),
                            member.size, lambda m=member: archive.extractfile(m).read(FILE_MAX + 1))
    except (tarfile.TarError, EOFError, OSError, ValueError, ArithmeticError) as error:
        if not taken.files:
            raise Unusable(f"not a tar archive that can be read: {error}") from None
        taken.note(f"the archive is damaged behind what was taken: {error}")
    except Exception as error:  # a decompressor's own kinds of error: lzma, zlib
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"not an archive that can be read: {error}") from None


def start_git(*words, cwd=None):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_TERMINAL_PROMPT": "0",
                   "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
                   "GIT_ATTR_NOSYSTEM": "1"}
    for name in ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return subprocess.Popen(["git", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*",
                             *words], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def git(*words, cwd=None):
    process = start_git(*words, cwd=cwd)
    try:
        said, complaint = process.communicate(timeout=GIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Unusable(f"git took longer than {GIT_SECONDS} s") from None
    if process.returncode != 0:
        text = complaint.decode("utf-8", "replace").strip().splitlines()
        raise Unusable(f"git {words[0]}: {text[-1] if text else 'failed'}")
    return said


def from_git(url, allowed, taken):
    """Blobs only: nothing is checked out, so that no link, filter or hook of it takes effect."""
    with tempfile.TemporaryDirectory(prefix="lab-git-") as folder:
        git("clone", "-q", "--bare", "--depth", "1", "--no-tags", "--", url, folder)
        for number, entry in enumerate(list_tree(folder)):
            if number > MEMBERS_MAX:
                raise Unusable(f"more than {MEMBERS_MAX} files")
            words, name = entry.split(b"\t", 1)
            mode, _, blob, size = words.split()
            taken.offer(os.fsdecode(name), allowed, mode in (b"100644", b"100755"),
                        int(size) if size != b"-" else 0,
                        lambda blob=blob: git("cat-file", "blob", blob.decode(), cwd=folder))


def list_tree(folder):
    """The entries of 'git ls-tree', one by one: nested trees can make them more than there is room."""
    process = start_git("ls-tree", "-r", "-l", "-z", "HEAD", cwd=folder)
    rest = b""
    try:
        while piece := process.stdout.read(65536):
            *entries, rest = (rest + piece).split(b"\0")
            yield from entries
            if len(rest) > 65536:
                raise Unusable("a path that is too long")
    finally:
        process.kill()
        process.wait()


def is_repository_without_tree(path):
    return os.path.isdir(os.path.join(path, "objects")) and os.path.isfile(
        os.path.join(path, "HEAD"))


def take(source, allowed):
    """What source has of the allowed files. Unusable: none of them."""
    taken = Taken()
    if os.path.isdir(source) and not is_repository_without_tree(source):
        from_folder(source, allowed, taken)
    elif os.path.isfile(source):
        from_archive(source, allowed, taken)
    elif os.path.isdir(source) or "://" in source or "@" in source:
        # A path of git's own kind is a URL, too: file://, so that --depth is heeded.
        url = source if not os.path.isdir(source) else "file://" + os.path.abspath(source)
        from_git(url, allowed, taken)
    else:
        raise Unusable("no such file, folder or repository")
    for name in allowed:
        if name not in taken.files:
            taken.note(f"{name}: not in the submission; the hand-out's is taken instead")
    if not taken.files:
        raise Unusable("it has none of the files " + ", ".join(allowed))
    return taken


def collect(source, allowed):
    """(path -> bytes, notes) of what source has of the allowed files; Unusable when it has none."""
    with tempfile.TemporaryDirectory(prefix="lab-take-") as folder:
        said = os.path.join(folder, "said")
        # What git clones and Python unpacks is bounded by these.
        limits = Limits(SECONDS, memory=512 * MIB, file=ARCHIVE_MAX)
        ended = Reader(folder).run([sys.executable, os.path.abspath(__file__),
                                    os.path.abspath(source) if os.path.exists(source) else source,
                                    *allowed], limits, said)
        try:
            with open(said, "rb") as file:
                answer = json.loads(file.read())
        except ValueError:
            raise Unusable(f"reading it failed: the reader {ended}") from None
    if "unusable" in answer:
        raise Unusable(answer["unusable"])
    files = {name: base64.b64decode(data) for name, data in answer["files"].items()}
    return files, answer["notes"]


class Reader(Sandbox):
    """As the grader's own user, who may read the submission where it lies."""

    def __init__(self, folder):
        self.folder = folder

    def environment(self):
        return dict(os.environ, TMPDIR=self.folder, PYTHONDONTWRITEBYTECODE="1")


def main():
    # What comes on standard error is in the same file as the answer, where nobody expects it.
    sys.stderr = open(os.devnull, "w", encoding="utf-8")
    try:
        taken = take(sys.argv[1], sys.argv[2:])
        answer = {"files": {name: base64.b64encode(data).decode()
                            for name, data in taken.files.items()}, "notes": taken.notes}
    except Unusable as unusable:
        answer = {"unusable": printable(str(unusable))[:400]}
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        answer = {"unusable": printable(f"it cannot be read: {error!r}")[:400]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
