# SPDX-License-Identifier: MIT
"""The staff's sandbox: without network, other processes, rights, and sight of what is hidden.

As root each slot has a user of its own, and its folder is a file system of limited size. Without root
the same is tried in a user namespace. What a machine does not offer is left out, and said in notes.
"""
import os
import pwd
import subprocess
import time

from kit.sandbox import Sandbox

# One for each slot of each grader: two may run at a time.
FIRST_USER, GRADERS, SLOTS = 58000, 437, 16
SLOT_SIZE, SLOT_FILES = "768m", 20000

# Top-level folders that programs need; the others are hidden, whatever is in them.
SYSTEM = {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "sbin",
          "sys", "usr", "var"}
SCRATCH = ("/dev/shm", "/tmp", "/var/tmp")

# sh -c ENTER sh FSTAB COMMAND...: with mounts that only the command sees. The shell stays, as the
# first process there: with it all others end, whatever session they have fled to, and the command
# gets signals as it does elsewhere, which a first process does not. Shared memory and queues are
# not in the command's own size, so that there are none; who runs out of memory is in here.
ENTER = """mount -a -T "$1" || exit 125
shift
exec 3>&2 2>/dev/null
echo 1000 >/proc/self/oom_score_adj
for limit in shmmni msgmni; do echo 0 >/proc/sys/kernel/$limit; done
(exec "$@" 2>&3 3>&-)
exit $?"""
HIDE = "hidden {} tmpfs size=16k,nr_inodes=16,mode=555 0 0"
SHOW = "{0} {0} none bind,ro 0 0"
NO_VIEW = "no mount namespace: submissions see all that permissions let them see"
NO_RIGHTS = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def works(argv):
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Prison(Sandbox):
    """folder: all that it may write to. shown: folders that it may read besides the system's.
    hidden: what nothing in here may see, nor anything else that is not the system's."""

    def __init__(self, slot, folder, shown, hidden):
        super().__init__()
        self.folder, self.top, self.shown, self.notes = folder, shown[0], shown, []
        self.table = folder + ".mounts"
        self.user = free_user(slot) if os.geteuid() == 0 else None
        os.makedirs(folder, exist_ok=True)
        self.own_file_system()
        self.give(folder)
        os.chmod(folder, 0o700)
        self.prefix = self.choose_prefix(self.to_hide(hidden))

    def to_hide(self, hidden):
        """None of them inside of another, and none of them around what must be seen."""
        everything = ["/" + name for name in sorted(os.listdir("/")) if name not in SYSTEM]
        kept = []
        for path in [*everything, *SCRATCH, *map(os.path.realpath, hidden)]:
            needed = any(is_inside(seen, path) for seen in [self.folder, *self.shown])
            if os.path.isdir(path) and not os.path.islink(path) and not needed and \
                    not any(is_inside(path, other) for other in kept):
                kept.append(path)
        return kept

    def own_file_system(self):
        if self.user is None or not works(["mount", "-t", "tmpfs", "-o", f"size={SLOT_SIZE},nr_inodes={SLOT_FILES}",
                                           "none", self.folder]):
            self.notes.append("the size of all files together is not limited (mount needs root)")

    def setpriv(self):
        if self.user is None:
            return ["setpriv", *NO_RIGHTS, "--"]
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups",
                *NO_RIGHTS, "--"]

    def choose_prefix(self, hidden):
        spaces = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
        if self.user is None:
            spaces += ["--user", "--map-root-user"]
            self.notes.append("not started as root: submissions run as the user who grades")
        with open(self.table, "w", encoding="ascii") as file:
            for line, paths in ((HIDE, hidden), (SHOW, self.shown)):
                for path in paths:
                    print(line.format(escape(path)), file=file)
        whole = spaces + ["--mount-proc", "sh", "-c", ENTER, "sh", self.table] + self.setpriv()
        if works(whole + ["true"]):
            return whole
        self.notes.append(NO_VIEW)
        network = ["unshare", "--net"] + (["--user", "--map-root-user"] if self.user is None else [])
        if works(network + self.setpriv() + ["true"]):
            return network + self.setpriv()
        self.notes.append("no network namespace: submissions could use the network")
        if works(self.setpriv() + ["true"]):
            return self.setpriv()
        self.notes.append("no setpriv: submissions keep the rights of the user who grades")
        return []

    def command(self, argv, limits):
        limited = super().command(argv, limits)
        # The limit counts what else the user runs, where that is the one who grades.
        others = tasks_of(os.geteuid()) if self.user is None else 0
        limited[1:1] = [f"--nproc={limits.processes + others}"]
        return self.prefix + limited

    def environment(self):
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/nonexistent", "TMPDIR": self.folder, "LANG": "C.UTF-8",
                "ENGINE": os.environ.get("ENGINE", "bochs")}

    def give(self, folder):
        if self.user is None:
            return
        for here, folders, files in os.walk(folder):
            for path in [here] + [os.path.join(here, name) for name in files + folders]:
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def show(self, folder):
        """Lets the sandboxed user, and of others the grader alone, read what is in folder."""
        if self.user is not None:
            os.chown(folder, 0, self.user)
        os.chmod(folder, 0o750)

    def end_processes(self):
        """Of what has left its session and no process namespace holds."""
        if self.user is None:
            return
        for _ in range(20):
            if tasks_of(self.user) == 0:
                return
            works(self.setpriv() + ["sh", "-c", "kill -9 -1"])
            time.sleep(0.1)

    def empty(self):
        """Whatever a command left behind goes."""
        self.end_processes()
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            remove(path)

    def close(self):
        self.stop_all()
        self.end_processes()
        if os.path.ismount(self.folder):
            works(["umount", "-l", self.folder])
        remove(self.folder)
        remove(self.table)


def remove(path):
    """A file, or a folder of any depth, also one that its owner may not enter, which only root need
    not mind. Python's own way is a recursive one."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
        return
    unlock = [["chmod", "-R", "u+rwx", "--", path]] if os.geteuid() != 0 else []
    for command in [*unlock, ["rm", "-rf", "--", path]]:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def escape(path):
    """As a word of fstab."""
    return "".join(chr(byte) if byte < 128 and chr(byte).isalnum() or byte in b"/-_.+@" else f"\\{byte:03o}"
                   for byte in os.fsencode(path))


def is_inside(path, folder):
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder


def tasks_of(user):
    tasks = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                tasks += len(os.listdir(f"/proc/{name}/task"))
        except OSError:  # it has ended meanwhile
            pass
    return tasks


def free_user(slot):
    """A number that no user of the machine has; one for each slot."""
    number = FIRST_USER + os.getpid() % GRADERS * SLOTS + slot
    while True:
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number
        number += 1
