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
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import tree  # noqa: F401, where the kit is
from kit.sandbox import MIB, Limits, Sandbox, open_plain, printable

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
            elif depth == self.places[name]:
                self.note(f"{path}: not taken, there was another {name} before")


def from_folder(folder, allowed, taken):
    """Its owner may be at it meanwhile: folders and files are opened before they are looked at."""
    def read(name, at):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        with open(fd, "rb") as file:
            return file.read(FILE_MAX + 1) if stat.S_ISREG(os.fstat(fd).st_mode) else b""

    seen = 0
    for here, folders, files, at in os.fwalk(os.path.realpath(folder)):
        folders[:] = sorted(name for name in folders if name not in (".git", "build"))
        for name in sorted(files):
            seen += 1
            if seen > MEMBERS_MAX:
                raise Unusable(f"more than {MEMBERS_MAX} files")
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            path = os.path.relpath(os.path.join(here, name), os.path.realpath(folder))
            taken.offer(path, allowed, stat.S_ISREG(status.st_mode), status.st_size,
                        lambda name=name, at=at: read(name, at))


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
            kind = "a zip, not a tar archive" if zipfile.is_zipfile(path) else \
                f"not a tar archive that can be read: {error}"
            raise Unusable(kind) from None
        taken.note(f"the archive is damaged behind what was taken: {error}")
    except Exception as error:  # a decompressor's own kinds of error: lzma, zlib
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"not an archive that can be read: {error}") from None


def start_git(*words, folder=None, objects=None):
    """folder: a repository of our own; objects: where another's are."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_TERMINAL_PROMPT": "0",
                   "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
                   "GIT_ATTR_NOSYSTEM": "1"}
    for name in ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND"):
        if name in os.environ:
            environment[name] = os.environ[name]
    if folder:
        environment["GIT_DIR"] = folder
    if objects:
        environment["GIT_OBJECT_DIRECTORY"] = objects
    return subprocess.Popen(["git", "-c", "core.hooksPath=/dev/null", *words], cwd=folder,
                            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def git(*words, **where):
    process = start_git(*words, **where)
    try:
        said, complaint = process.communicate(timeout=GIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Unusable(f"git took longer than {GIT_SECONDS} s") from None
    if process.returncode != 0:
        lines = complaint.decode("utf-8", "replace").strip().splitlines() or ["failed"]
        fatal = next((line for line in lines if line.startswith("fatal:")), lines[-1])
        raise Unusable(f"git {words[0]}: {fatal}")
    return said


def from_git(url, allowed, taken):
    with tempfile.TemporaryDirectory(prefix="lab-git-") as folder:
        git("clone", "-q", "--bare", "--depth", "1", "--no-tags", "--", url, folder)
        from_commit("HEAD", allowed, taken, folder=folder)


def from_repository(path, allowed, taken):
    """One that lies here, of whomever: only its objects are read, by a repository of our own, so
    that nothing in its configuration takes effect and it need not be the grader's."""
    commit = head_of(path)
    with tempfile.TemporaryDirectory(prefix="lab-git-") as folder:
        git("init", "-q", "--bare", "--template=", folder)
        from_commit(commit, allowed, taken, folder=folder,
                    objects=os.path.join(os.path.abspath(path), "objects"))


def head_of(path):
    """The commit that HEAD names. gitrepository-layout(5)."""
    def read(name):
        file = open_plain(os.path.join(path, name))
        if file is None:
            return ""
        with file:
            return file.read(1 << 20).decode("utf-8", "replace")

    head = read("HEAD").strip()
    name = head.removeprefix("ref: ")
    commit = head
    if name != head:
        if not re.fullmatch(r"refs/heads/[^\0]+", name) or ".." in name:
            raise Unusable("its HEAD names no branch")
        packed = dict(line.split(" ", 1)[::-1] for line in read("packed-refs").splitlines()
                      if " " in line)
        commit = read(name).strip() or packed.get(name, "")
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise Unusable(f"its HEAD, {name[:100]}, has no commit")
    return commit


def from_commit(commit, allowed, taken, **where):
    """Blobs only: nothing is checked out, so that no link, filter or hook of it takes effect."""
    for number, entry in enumerate(list_tree(commit, **where)):
        if number > MEMBERS_MAX:
            raise Unusable(f"more than {MEMBERS_MAX} files")
        words, name = entry.split(b"\t", 1)
        mode, _, blob, size = words.split()
        taken.offer(os.fsdecode(name), allowed, mode in (b"100644", b"100755"),
                    int(size) if size != b"-" else 0,
                    lambda blob=blob: git("cat-file", "blob", blob.decode(), **where))


def list_tree(commit, **where):
    """The entries of 'git ls-tree', one by one: nested trees can make them more than there is room."""
    process = start_git("ls-tree", "-r", "-l", "-z", commit, **where)
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
    source = source.removeprefix("file://")
    if os.path.isdir(source) and not is_repository_without_tree(source):
        from_folder(source, allowed, taken)
    elif os.path.isfile(source):
        from_archive(source, allowed, taken)
    elif os.path.isdir(source):
        from_repository(source, allowed, taken)
    elif "://" in source or "@" in source:
        from_git(source, allowed, taken)
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
        super().__init__()
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
