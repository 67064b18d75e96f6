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


def random_range(random, large):
    grain = random.choice((PAGE, PAGE, 2 * MIB, 2 * MIB) + (GIB,) * large)
    gpa = random.randrange(6 * GIB // grain) * grain
    return gpa, random.randrange(1, {PAGE: 300, 2 * MIB: 40, GIB: 3}[grain]) * grain


def random_map(random, tree, ranges, large):
    gpa, size = random_range(random, large)
    grain = random.choice((PAGE, 2 * MIB, GIB))
    physical = random.randrange(64 * GIB // grain) * grain + gpa % grain
    free = all(first + length <= gpa or first >= gpa + size for first, length, _ in ranges)
    tree.map(gpa, physical, size, status=t.OK if free else t.CONFLICT)
    return ranges + [(gpa, size, physical)] if free else ranges


@unit("random-calls", 6, "mm/paging_tree.h",
      "random calls of map and unmap, compared with a list of ranges after each")
def random_calls(bench):
    random = bench.random
    for large, memory in ((True, 4 * GIB), (False, 512 * MIB)):
        with bench.child(30) as child:
            tree = t.Tree(child, page_1g=large, frames=4096)
            ranges = [(0, memory, 8 * GIB)]
            tree.map(0, 8 * GIB, memory)
            for number in range(14):
                gpa, size = random_range(random, large)
                if number % 2 == 0:
                    tree.unmap(gpa, size)
                    ranges = without(ranges, gpa, size)
                else:
                    ranges = random_map(random, tree, ranges, large)
                tree.expect_maps(ranges, "after a random call")
            # What begins in a hole and ends in a mapped page.
            tree.unmap(0, 6 * PAGE)
            tree.map(5 * PAGE, GIB, PAGE)
            ranges = without(ranges, 0, 6 * PAGE) + [(5 * PAGE, PAGE, GIB)]
            tree.map(0, 2 * GIB, 6 * PAGE, status=t.CONFLICT)
            tree.expect_maps(ranges, "after what begins in a hole was refused")


@unit("unmap-no-memory", 4, "mm/paging_tree.h, paging_tree_unmap",
      "STATUS_NO_MEMORY when there is no frame to split with, and then all is mapped as before; an "
      "empty table is used again")
def unmap_no_memory(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        tree.map(2 * MIB, GIB, 4 * MIB)
        tree.unmap(2 * MIB, PAGE)
        tree.leave_frames(0)
        for _ in range(2):
            tree.unmap(2 * MIB, 2 * MIB)
            tree.map(2 * MIB, 3 * GIB, 2 * MIB)
            tree.unmap(3 * MIB, PAGE)
            tree.expect_maps([(2 * MIB, MIB, 3 * GIB), (3 * MIB + PAGE, MIB - PAGE,
                                                        3 * GIB + MIB + PAGE),
                              (4 * MIB, 2 * MIB, GIB + 2 * MIB)],
                             "after an empty table was to be used again")
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
    return lab_guest.memory(random, (4100, 6000))
