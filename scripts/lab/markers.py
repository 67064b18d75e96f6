# SPDX-License-Identifier: MIT
"""The marks around an assignment's solution in the sources, and what a hand-out makes of them.

    /* LAB 3 { what is asked for here
     * lines of the stub, which stand in the hand-out instead
     */
    the solution
    /* LAB 3 } */

In the hand-out of assignment 3 the solution is replaced by the stub's lines, and the two marks stay,
as '/* LAB 3 { what ... */' and '/* LAB 3 } */'. In that of another one the marks go and the solution
stays. Marks do not nest. A place that only the hand-out needs (an #include) has nothing between.
"""
import re

OPEN = re.compile(r"^(\s*)/\* LAB (\d+) \{ (\S.*?)( \*/)?$")
STUB = re.compile(r"^\s*\*(?: (.*))?$")
STUB_END = re.compile(r"^\s*\*/$")
CLOSE = re.compile(r"^\s*/\* LAB (\d+) \} \*/$")


class BadMark(Exception):
    pass


class Region:
    def __init__(self, lab, indent, title, first):
        self.lab, self.indent, self.title, self.first = lab, indent, title, first
        self.stub, self.solution = [], []


def parse(text, name):
    """The text as a list of plain lines and Regions."""
    parts, region, in_stub = [], None, False
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if in_stub:
            if STUB_END.match(line):
                in_stub = False
            elif match := STUB.match(line):
                region.stub.append(match.group(1) or "")
            else:
                raise BadMark(f"{where}: neither ' * text' nor the end of a stub")
        elif match := CLOSE.match(line):
            if region is None or region.lab != int(match.group(1)):
                raise BadMark(f"{where}: nothing of this assignment was opened")
            parts.append(region)
            region = None
        elif match := OPEN.match(line):
            if region is not None:
                raise BadMark(f"{where}: opened inside of another")
            region = Region(int(match.group(2)), match.group(1), match.group(3), number)
            in_stub = match.group(4) is None
        elif re.search(r"/\*\s*LAB\b", line):
            raise BadMark(f"{where}: a mark that has not the form of one")
        elif region is not None:
            region.solution.append(line)
        else:
            parts.append(line)
    if region is not None:
        raise BadMark(f"{name}: assignment {region.lab} is not closed")
    return parts


def has_marks(text):
    return re.search(r"/\* LAB \d", text) is not None


def hand_out(text, name, labs):
    """The text as those see it who are to solve labs."""
    lines = []
    for part in parse(text, name):
        if not isinstance(part, Region):
            lines.append(part)
        elif part.lab in labs:
            lines.append(f"{part.indent}/* LAB {part.lab} {{ {part.title} */")
            lines += [part.indent + line if line and not line.startswith("#") else line
                      for line in part.stub]
            lines.append(f"{part.indent}/* LAB {part.lab} }} */")
        else:
            lines += part.solution
    return tidy(lines)


def tidy(lines):
    """Without the blank lines that a mark which went has left in pairs."""
    kept = []
    for line in lines:
        if line or not kept or kept[-1]:
            kept.append(line)
    return "\n".join(kept)


def solution_lines(text, name, labs):
    return [line for part in parse(text, name)
            if isinstance(part, Region) and part.lab in labs for line in part.solution]
