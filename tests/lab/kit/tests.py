# SPDX-License-Identifier: MIT
"""What a test is, how it says what is wrong, and how an assignment's tests are found.

An assignment's folder has a definition.ini, public.py, and in the staff's tree hidden.py. Those two
decorate functions with @unit, which get a Bench, and @machine, which return a Scenario.
"""
import configparser
import glob
import importlib.util
import os
import sys

from .sandbox import HERE, TOP

LABS = os.path.dirname(HERE)


class Failed(Exception):
    """A test's verdict; subclasses say which kind."""


class Mismatch(Failed):
    def __init__(self, what, expected, came):
        super().__init__(what)
        self.what, self.expected, self.came, self.words = what, expected, came, ""


class Broken(Failed):
    """It did not get so far as to give an answer."""

    def __init__(self, why, words=""):
        super().__init__(why)
        self.why, self.words = why, words


def show(value):
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"0x{value:x} ({value})" if value > 9 else str(value)
    if isinstance(value, (bytes, bytearray)):
        text = value[:24].hex(" ")
        return f"{text} ... ({len(value)} bytes)" if len(value) > 24 else text or "nothing"
    return str(value)


def expect(what, expected, came):
    """what is a phrase that ends in the thing looked at: 'queue_tail after 3 requests'."""
    if expected == came:
        return
    if isinstance(expected, (bytes, bytearray)) and len(expected) == len(came):
        at = next(i for i in range(len(expected)) if expected[i] != came[i])
        what += f", from byte {at} on"
        expected, came = expected[at:at + 16], came[at:at + 16]
    raise Mismatch(what, show(expected), show(came))


class Test:
    def __init__(self, kind, name, points, read, hint, run):
        self.kind, self.name, self.points = kind, name, points
        self.read, self.hint, self.run = read, hint, run
        self.lab = self.hidden = None

    @property
    def full_name(self):
        return f"{self.lab}-{self.name}"


_found = []


def _decorator(kind):
    def with_words(name, points, read, hint):
        def take(run):
            _found.append(Test(kind, name, points, read, hint, run))
            return run
        return take
    return with_words


unit = _decorator("unit")
machine = _decorator("machine")


class Lab:
    def __init__(self, number, with_hidden):
        self.number = number
        self.folder = os.path.join(LABS, str(number))
        parser = configparser.ConfigParser(interpolation=None)
        if not parser.read(os.path.join(self.folder, "definition.ini")):
            raise SystemExit(f"lab: there is no assignment {number}")
        section = parser["lab"]
        self.title = section["title"]
        self.files = section["files"].split()
        self.sources = [name for pattern in section["sources"].split()
                        for name in sorted(glob.glob(pattern, root_dir=TOP))]
        self.withheld = section.get("withheld", "").split()
        self.tests = self._load("public", hidden=False)
        if with_hidden and os.path.exists(os.path.join(self.folder, "hidden.py")):
            self.tests += self._load("hidden", hidden=True)

    def _load(self, name, hidden):
        path = os.path.join(self.folder, name + ".py")
        _found.clear()
        if LABS not in sys.path:
            sys.path.insert(0, LABS)
        spec = importlib.util.spec_from_file_location(f"lab{self.number}_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for test in _found:
            test.lab, test.hidden = self.number, hidden
        return list(_found)


def all_labs():
    return sorted(int(name) for name in os.listdir(LABS) if name.isdigit())


def lab_numbers(words):
    """Of what somebody typed: ["2", "3"]. Ends the program where one is no assignment's."""
    known = {str(number): number for number in all_labs()}
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        sys.exit(f"lab: there is no assignment '{' '.join(unknown)}'; there are " + " ".join(known))
    return sorted({known[word] for word in words})


def assigned_labs():
    """The assignments of a hand-out; empty in the staff's tree."""
    try:
        with open(os.path.join(LABS, "assigned"), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def load_from(folder, name):
    """A module beside an assignment's tests, which public and hidden ones share."""
    key = f"lab_{os.path.basename(folder)}_{name}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, os.path.join(folder, name + ".py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[key] = module
    return sys.modules[key]
