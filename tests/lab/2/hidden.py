# SPDX-License-Identifier: MIT
"""Assignment 2, the staff's tests: random calls against a list of ranges, and frames that run out."""
import os

from kit.tests import load_from, machine, unit

t = load_from(os.path.dirname(__file__), "tree")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

PAGE, MIB, GIB = t.PAGE, t.MIB, t.GIB


def without(ranges, gpa, size):
    """ranges less [gpa, gpa + size)"""
    left = []
    for first, length, physical in ranges:
        before = min(first + length, gpa) - first
        behind = first + length - max(first, gpa + size)
        if before > 0:
            left.append((first, before, physical))
        if behind > 0:
            left.append((first + length - behind, behind, physical + length - behind))
    return left


def random_range(random):
    grain = random.choice((PAGE, PAGE, 2 * MIB, 2 * MIB, GIB))
    gpa = random.randrange(6 * GIB // grain) * grain
    return gpa, random.randrange(1, {PAGE: 300, 2 * MIB: 40, GIB: 3}[grain]) * grain


@unit("random-calls", 6, "mm/paging_tree.h",
      "50 random calls of map and unmap, compared with a list of ranges after each")
def random_calls(bench):
    random = bench.random
    for large in (True, False):
        with bench.child(20) as child:
            tree = t.Tree(child, page_1g=large)
            ranges = []
            for _ in range(25):
                gpa, size = random_range(random)
                if random.random() < 0.5:
                    tree.unmap(gpa, size)
                    ranges = without(ranges, gpa, size)
                else:
                    grain = random.choice((PAGE, 2 * MIB, GIB))
                    physical = random.randrange(64 * GIB // grain) * grain + gpa % grain
                    free = all(first + length <= gpa or first >= gpa + size
                               for first, length, _ in ranges)
                    tree.map(gpa, physical, size, status=t.OK if free else t.CONFLICT)
                    ranges += [(gpa, size, physical)] if free else []
                tree.expect_maps(ranges, f"after a call for {t.range_name(gpa, size)}")


@unit("unmap-no-memory", 4, "mm/paging_tree.h, paging_tree_unmap",
      "STATUS_NO_MEMORY when there is no frame to split with, and then all is mapped as before")
def unmap_no_memory(bench):
    for frames in (0, 1, 2, 3):
        with bench.child() as child:
            tree = t.Tree(child)
            tree.map(0, 8 * GIB, 4 * GIB)
            tree.leave_frames(frames)
            tree.unmap(GIB + PAGE, GIB, status=t.NO_MEMORY)
            tree.expect_maps([(0, 4 * GIB, 8 * GIB)], f"after unmap had {frames} frames of 4")
            tree.leave_frames(8)
            tree.unmap(GIB + PAGE, GIB)
            tree.expect_maps([(0, GIB + PAGE, 8 * GIB),
                              (2 * GIB + PAGE, 2 * GIB - PAGE, 10 * GIB + PAGE)],
                             "with frames again")


@machine("machine-odd-memory", 6, "docs/lab/2.md 'On the whole machine'",
         "as machine-memory, with a size that is no multiple of 2 MiB")
def machine_odd_memory(random):
    return lab_guest.memory(random, (20000, 24000))
