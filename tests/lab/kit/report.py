# SPDX-License-Identifier: MIT
"""The table that a student sees: test | points | result | hint, the sum, and what to do about it."""
import textwrap

COLOURS = {"passed": "32", "failed": "31", "broken": "31", "not built": "33"}


def paint(text, colour, coloured):
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured else text


def short_hint(result):
    if result.state == "passed":
        return ""
    return result.test.hint


def table(results, coloured):
    name_width = max(len(r.test.name) for r in results)
    lines = [f"{'test':{name_width}} | points  | result    | hint"]
    lines.append(f"{'-' * name_width}-+---------+-----------+-----")
    indent = " " * name_width + " |         |           | "
    for r in results:
        hint = textwrap.wrap(short_hint(r), 62) or [""]
        state = paint(f"{r.state:9}", COLOURS[r.state], coloured)
        lines.append(f"{r.test.name:{name_width}} | {r.points:2} / {r.test.points:2} | {state} | "
                     f"{hint[0]}".rstrip())
        lines += [indent + line for line in hint[1:]]
    return lines


def indented(text, first):
    lines = text.splitlines() or [""]
    return [f"  {first:9} {lines[0]}"] + [f"            {line}" for line in lines[1:]]


def explanation(result, command, coloured):
    """What a test that did not pass has to say."""
    if result.state == "passed":
        return []
    lines = ["", paint(f"{result.test.name}: {result.why}", COLOURS[result.state], coloured)]
    if result.state == "failed":
        lines += indented(result.expected, "expected") + indented(result.came, "came")
    if result.words:
        lines += indented(result.words, "it said")
    lines += indented(result.test.read, "read")
    if command:
        lines += indented(f"{command} TEST={result.test.name}", "alone")
    return lines


def report(title, results, command="", coloured=False):
    """All of it, as lines. The same words in two failures are shown once."""
    points = sum(r.points for r in results)
    most = sum(r.test.points for r in results)
    lines = [title, ""] + table(results, coloured)
    lines += ["", f"{points} of {most} points"]
    seen = set()
    for r in results:
        key = (r.state, r.why, r.words)
        if r.words and key in seen:
            r.words = "(as above)"
        seen.add(key)
        lines += explanation(r, command, coloured)
    return lines
