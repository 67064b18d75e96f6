# SPDX-License-Identifier: MIT
"""Hostile containers, and what submission.py takes out of them. Called by check.py."""
import gzip
import io
import os
import subprocess
import tarfile
import time
import zipfile

from submission import collect
from taken import FILE_MAX, Unusable

NAME = "devices/svirtb.c"
GOOD = b"/* a student's */\n"
SECONDS_MAX = 60
WITNESS = "started"  # what nothing may write


def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info, data


def archive(path, *members):
    with tarfile.open(path, "w:gz") as out:
        for info, data in members:
            out.addfile(info, io.BytesIO(data))
    return path


def zeros(path, pieces, head=b""):
    """head, then so many MiB of zeros, compressed."""
    with gzip.open(path, "wb", 1) as out:
        out.write(head)
        for _ in range(pieces):
            out.write(bytes(1 << 20))
    return path


def long_header(path):
    """A pax header of 4 GiB, which who reads archives wants in memory at once."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 4 << 30
    return zeros(path, 400, info.tobuf(tarfile.GNU_FORMAT))


def large_member(path):
    info = tarfile.TarInfo("x")
    info.size = 300 << 20
    return zeros(path, 300, info.tobuf())


def folder(path, **files):
    for name, make in files.items():
        target = os.path.join(path, "devices", name + ".c")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        make(target)
    return path


def write_good(path):
    with open(path, "wb") as file:
        file.write(GOOD)


def deep(path):
    here = os.getcwd()
    os.makedirs(path)
    try:
        os.chdir(path)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    return path


def git(path, *words, data=None):
    environment = {"PATH": os.environ["PATH"], "HOME": path, "GIT_CONFIG_NOSYSTEM": "1",
                   "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a"}
    return subprocess.run(["git", *words], cwd=path, env=environment, input=data, check=True,
                          stdout=subprocess.PIPE).stdout.strip()


def repository(path, tree_of):
    """A bare one whose commit has the tree that tree_of(path) makes."""
    os.makedirs(path)
    git(path, "init", "-q", "--bare", "-b", "main")
    commit = git(path, "commit-tree", tree_of(path).decode(), "-m", "x")
    git(path, "update-ref", "refs/heads/main", commit.decode())
    return path


def blob(path, data):
    return git(path, "hash-object", "-w", "--stdin", data=data)


def git_tree(path, mode, kind, name, what):
    return git(path, "mktree", data=b"%s %s %s\t%s\n" % (mode, kind, what, name))


def owned(path, user):
    """Another's, who lets everybody read it. Only root can make one."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", str(user), path], check=True)
    return path


def configured(path, witness):
    """Whose configuration starts programs, and that lacks an object which another has."""
    repository(path, plain_tree)
    with open(os.path.join(path, "config"), "a", encoding="utf-8") as file:
        for name in ("fsmonitor", "sshCommand", "gitProxy", "alternateRefsCommand"):
            file.write(f'[core]\n\t{name} = "touch {witness}; false"\n')
        file.write("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = o\n"
                   '[remote "o"]\n\turl = ssh://o/o\n\tpromisor = true\n'
                   f'[uploadpack]\n\tpackObjectsHook = "touch {witness}; false"\n')
    name = git(path, "hash-object", "--stdin", data=GOOD).decode()
    os.unlink(os.path.join(path, "objects", name[:2], name[2:]))
    return path


def without_commit(path):
    os.makedirs(path)
    git(path, "init", "-q", "--bare")
    return path


def plain_tree(path, mode=b"100644", data=GOOD):
    devices = git_tree(path, mode, b"blob", b"svirtb.c", blob(path, data))
    return git_tree(path, b"040000", b"tree", b"devices", devices)


def nested_tree(path):
    """Ten trees, each ten times the one before: 10^10 files in a few kilobytes."""
    here = git_tree(path, b"100644", b"blob", b"f", blob(path, GOOD))
    for _ in range(10):
        here = git(path, "mktree", data=b"".join(
            b"040000 tree %s\t%d\n" % (here, number) for number in range(10)))
    return here


def cases(work):
    """(name, source, what is to be taken: GOOD, or None for nothing)"""
    def at(name):
        return os.path.join(work, name)

    good = member(NAME, GOOD)
    secret = at("secret.c")
    write_good(secret)
    yield "a file", archive(at("a.tar.gz"), good), GOOD
    yield "in a folder", archive(at("b.tgz"), member("me/lab3/" + NAME, GOOD)), GOOD
    yield "without folders", archive(at("c.tgz"), member("svirtb.c", GOOD)), GOOD
    yield "a link out of the archive", archive(at("d.tgz"), member(
        NAME, kind=tarfile.SYMTYPE, link=secret)), None
    yield "a hard link", archive(at("e.tgz"), member(NAME, kind=tarfile.LNKTYPE, link=secret)), None
    yield "a folder that is a link", archive(
        at("f.tgz"), member("devices", kind=tarfile.SYMTYPE, link=work), good), GOOD
    yield "an absolute path", archive(at("g.tgz"), member("/" + NAME, GOOD)), None
    yield "a path with ..", archive(at("h.tgz"), member("x/../" + NAME, GOOD)), None
    yield "a FIFO", archive(at("i.tgz"), member(NAME, kind=tarfile.FIFOTYPE)), None
    yield "a device", archive(at("j.tgz"), member(NAME, kind=tarfile.CHRTYPE)), None
    yield "a large file", archive(at("k.tgz"), member(NAME, bytes(FILE_MAX + 1))), None
    yield "300 MiB in front", large_member(at("l.tgz")), None
    yield "a header of 4 GiB", long_header(at("m.tgz")), None
    yield "too many members", archive(at("n.tgz"), *[member(f"f{i}") for i in range(20002)]), None
    yield "no archive", secret, None
    yield "a file's name with control characters", archive(
        at("o.tgz"), member("\x1b[2J\udcff\n/" + NAME, GOOD)), GOOD
    yield "folder: a file", folder(at("p"), svirtb=write_good), GOOD
    yield "folder: a link", folder(at("q"), svirtb=lambda t: os.symlink(secret, t)), None
    yield "folder: a FIFO", folder(at("r"), svirtb=os.mkfifo), None
    os.makedirs(at("s"))
    os.symlink(os.path.join(work, "p", "devices"), os.path.join(work, "s", "devices"))
    yield "folder: a folder that is a link", at("s"), None
    yield "folder: 1500 levels", deep(at("t")), None
    yield "git: a file", repository(at("u"), plain_tree), GOOD
    yield "git: a link", repository(at("v"), lambda p: plain_tree(
        p, b"120000", secret.encode())), None
    yield "git: another's", owned(repository(at("y"), plain_tree), 65534), GOOD
    yield "git: programs in its configuration", configured(at("z"), at(WITNESS)), None
    yield "git: no commit", without_commit(at("aa")), None
    yield "git: a URL that is a command", f"ext::touch% {at(WITNESS)}% ://", None
    yield "git: a host that is an option", f"ssh://-oProxyCommand=touch${{IFS}}{at(WITNESS)}/x", None
    yield "git: 10^10 files", repository(at("w"), nested_tree), None
    yield "no such thing", at("x"), None
    with zipfile.ZipFile(at("bb.zip"), "w") as out:
        out.writestr(NAME, GOOD)
    yield "a zip", at("bb.zip"), None


def problem_of(source, wanted):
    started = time.monotonic()
    try:
        files, notes = collect(source, [NAME])
        came = files.get(NAME)
        if any(not note.isprintable() for note in notes):
            return "a note that is not printable"
    except Unusable:
        came = None
    if came != wanted:
        return f"took {came!r}"
    seconds = time.monotonic() - started
    return f"it took {seconds:.0f} s" if seconds > SECONDS_MAX else ""


def check_containers(say, work):
    os.makedirs(work)
    for name, source, wanted in cases(work):
        say(f"lab: submission: {name}", problem_of(source, wanted))
    say("lab: submission: none of them starts a program",
        "one did" if os.path.exists(os.path.join(work, WITNESS)) else "")
    # Python's own way is a recursive one.
    subprocess.run(["rm", "-rf", work], check=True)
