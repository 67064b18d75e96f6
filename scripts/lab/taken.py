# SPDX-License-Identifier: MIT
"""What is kept of a submission: for whoever reads one, from a folder, an archive or a repository."""
import os

import tree  # noqa: F401, where the kit is
from kit.sandbox import printable

FILE_MAX = 256 << 10
MEMBERS_MAX = 20000
NOTES_MAX = 40


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
