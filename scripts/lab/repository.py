# SPDX-License-Identifier: MIT
"""Takes a submission out of a git repository: at a URL, or one that lies here without a working tree.

Called by submission.py. Whose repository it is does not matter: only objects are read.
"""
import os
import re
import subprocess
import tempfile

from taken import MEMBERS_MAX, Unusable
from kit.sandbox import open_plain

GIT_SECONDS = 90


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
