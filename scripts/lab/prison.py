# SPDX-License-Identifier: MIT
"""The staff's sandbox: without network, other processes, rights, and sight of what is hidden.

As root each slot has a user of its own, and its folder is a file system of limited size. Without root
the same is tried in a user namespace. What a machine does not offer is left out, and said in notes.
"""
import os
import pwd
import resource
import subprocess

from kit.sandbox import Sandbox

FIRST_USER = 58000
SLOT_SIZE = "768m"
PROCESSES = 128
ENTER = """
for hidden; do
	[ "$hidden" != -- ] || break
	shift
	mount -t tmpfs -o size=64m,mode=1777 none "$hidden" || exit 125
done
shift
exec "$@"
"""
NO_RIGHTS = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def works(argv):
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Prison(Sandbox):
    """hidden: folders that nothing in here may see. top: a tree without secrets."""

    def __init__(self, slot, folder, top, hidden):
        self.folder, self.top, self.notes = folder, top, []
        self.user = free_user(slot) if os.geteuid() == 0 else None
        os.makedirs(folder, exist_ok=True)
        self.own_file_system()
        self.give(folder)
        os.chmod(folder, 0o700)
        # The machine's own scratch folders, where a flood of files would stay.
        hidden = [path for path in list(hidden) + ["/dev/shm", "/tmp", "/var/tmp"]
                  if os.path.isdir(path) and not is_inside(folder, path)
                  and not is_inside(top, path)]
        self.prefix = self.choose_prefix(hidden)

    def own_file_system(self):
        if self.user is None or not works(["mount", "-t", "tmpfs", "-o", f"size={SLOT_SIZE}",
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
        whole = spaces + ["--mount-proc", "sh", "-c", ENTER, "sh", *hidden, "--"] + self.setpriv()
        if works(whole + ["true"]):
            return whole
        self.notes.append("no mount namespace: submissions see all that permissions let them see")
        network = ["unshare", "--net"] + (["--user", "--map-root-user"] if self.user is None else [])
        if works(network + self.setpriv() + ["true"]):
            return network + self.setpriv()
        self.notes.append("no network namespace: submissions could use the network")
        if works(self.setpriv() + ["true"]):
            return self.setpriv()
        self.notes.append("no setpriv: submissions keep the rights of the user who grades")
        return []

    def command(self, argv):
        return self.prefix + argv

    def environment(self):
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8"}
        environment["ENGINE"] = os.environ.get("ENGINE", "bochs")
        return environment

    def limit_more(self):
        if self.user is not None:
            resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))

    def give(self, folder):
        if self.user is None:
            return
        for here, folders, files in os.walk(folder):
            for path in [here] + [os.path.join(here, name) for name in files + folders]:
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def close(self):
        if os.path.ismount(self.folder):
            works(["umount", "-l", self.folder])


def is_inside(path, folder):
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder


def free_user(slot):
    """A number that no user of the machine has; one for each slot."""
    number = FIRST_USER + slot
    while True:
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number
        number += 1000
