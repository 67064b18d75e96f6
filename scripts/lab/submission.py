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
import sys
import tarfile
import tempfile
import zipfile

from repository import from_git, from_repository, is_repository_without_tree
from taken import FILE_MAX, MEMBERS_MAX, Taken, Unusable
from kit.sandbox import MIB, Limits, Sandbox, printable

ARCHIVE_MAX = 256 << 20
SECONDS = 150


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
