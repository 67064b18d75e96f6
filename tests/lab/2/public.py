# SPDX-License-Identifier: MIT
"""Assignment 2, the tests that students have. Ordered like the steps in docs/lab/2.md."""
import os

from kit.tests import load_from, machine, unit

t = load_from(os.path.dirname(__file__), "tree")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

PAGE, MIB, GIB = t.PAGE, t.MIB, t.GIB
EPT = "SDM vol. 3C 'EPT Translation Mechanism'"


@unit("map-pages", 8, f"{EPT}, format of a PTE that maps a 4-KByte page",
      "tree->levels levels, 9 bits of the address each; a leaf is the physical address with the "
      "attributes")
def map_pages(bench):
    with bench.child() as child:
        tree = t.Tree(child, page_1g=False, page_2m=False)
        ranges = [(0x5000, PAGE, 0x123456000), (0x1ff000, 3 * PAGE, 0x7000),
                  (DEEP, 2 * PAGE, 0xabcdef000), (5 * GIB - PAGE, 2 * PAGE, 3 * GIB)]
        for i, (gpa, size, physical) in enumerate(ranges):
            tree.map(gpa, physical, size)
            tree.expect_maps(ranges[:i + 1], f"after {i + 1} calls")
    with bench.child() as child:
        tree = t.Tree(child, levels=5)
        tree.map(DEEPER, 0x7000, 2 * PAGE)
        tree.expect_maps([(DEEPER, 2 * PAGE, 0x7000)], "in a tree of 5 levels")


DEEP, DEEPER = 0x123_4567_8000, 0x123_4567_89ab_c000


@unit("map-large", 8, f"{EPT}, entries that map a 2-MByte or a 1-GByte page",
      "the largest leaf for which address, physical address and size are right; bit 7 marks it")
def map_large(bench):
    rows = ((0, 4 * GIB, GIB, GIB), (2 * MIB, 6 * MIB, 10 * MIB, 2 * MIB),
            (GIB, 4 * GIB + 2 * MIB, GIB, 2 * MIB), (PAGE, GIB + PAGE, MIB, PAGE))
    for gpa, physical, size, leaf in rows:
        with bench.child() as child:
            tree = t.Tree(child)
            tree.map(gpa, physical, size)
            tree.expect_maps([(gpa, size, physical)], "after one call")
            tree.expect_sizes({leaf}, f"that map {t.range_name(gpa, size)} to 0x{physical:x}")


@unit("capabilities", 6, "SDM vol. 3D A.10 'VPID and EPT Capabilities'",
      "no leaf is larger than tree->largest_leaf: not every processor has the large ones")
def capabilities(bench):
    for page_1g, page_2m, leaf in ((False, True, 2 * MIB), (False, False, PAGE), (True, True, GIB)):
        with bench.child() as child:
            tree = t.Tree(child, page_1g, page_2m)
            size = GIB if page_2m else 16 * MIB
            tree.map(GIB, 8 * GIB, size)
            tree.expect_maps([(GIB, size, 8 * GIB)], "after one call")
            tree.expect_sizes({leaf}, f"with 1 GiB pages {page_1g}, 2 MiB pages {page_2m}")


@unit("map-odd-ends", 8, f"{EPT}",
      "small leaves up to the first boundary, large ones, small ones for the rest")
def map_odd_ends(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        gpa, physical, size = 2 * MIB - PAGE, 5 * GIB + 2 * MIB - PAGE, GIB + 6 * MIB + 3 * PAGE
        tree.map(gpa, physical, size)
        tree.expect_maps([(gpa, size, physical)], "after one call with odd ends")
        tree.expect_sizes({PAGE, 2 * MIB}, "with odd ends")
        tree.map(3 * GIB - PAGE, 9 * GIB - PAGE, GIB + 2 * PAGE)
        tree.expect_maps([(gpa, size, physical), (3 * GIB - PAGE, GIB + 2 * PAGE, 9 * GIB - PAGE)],
                         "after a second call")
        tree.expect_sizes({PAGE, 2 * MIB, GIB}, "with a page before and behind 1 GiB")


@unit("map-conflict", 6, "mm/paging_tree.h, paging_tree_map",
      "STATUS_CONFLICT if anything is mapped there, and then nothing changes")
def map_conflict(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        ranges = [(0, 4 * MIB, GIB), (8 * MIB, PAGE, 2 * GIB)]
        for gpa, size, physical in ranges:
            tree.map(gpa, physical, size)
        for gpa, size in ((0, PAGE), (4 * MIB - PAGE, 2 * PAGE), (4 * MIB, 4 * MIB + PAGE),
                          (0, GIB), (2 * MIB, 2 * MIB)):
            tree.map(gpa, 16 * GIB + gpa, size, status=t.CONFLICT)
            tree.expect_maps(ranges, f"after {t.range_name(gpa, size)} was refused")
        tree.map(4 * MIB, 3 * GIB, 4 * MIB)
        tree.expect_maps(ranges + [(4 * MIB, 4 * MIB, 3 * GIB)], "after the gap was filled")


@unit("bad-values", 6, "mm/paging_tree.h, paging_tree_map",
      "STATUS_BAD_VALUE: not page-aligned, empty, wrapping, beyond the levels' bits of address (48 "
      "or 57) or 52 of physical address; attributes of 0, with address bits or with bit 7")
def bad_values(bench):
    for levels, top in ((4, 1 << 48), (5, 1 << 57)):
        with bench.child() as child:
            tree = t.Tree(child, levels=levels)
            for gpa, physical, size in ((8, 0, PAGE), (0, 8, PAGE), (0, 0, 8), (0, 0, 0),
                                        (top, 0, PAGE), (top - PAGE, 0, 2 * PAGE),
                                        (2**64 - PAGE, 0, 2 * PAGE), (0, 1 << 52, PAGE),
                                        (0, (1 << 52) - PAGE, 2 * PAGE)):
                tree.map(gpa, physical, size, status=t.BAD_VALUE)
            for attributes in (0, t.NORMAL | 0x1000, t.NORMAL | t.LARGE):
                tree.map(0, 0, PAGE, attributes, status=t.BAD_VALUE)
            tree.expect_maps([], "after nothing but bad values")
            tree.map(top - PAGE, (1 << 52) - PAGE, PAGE)
            tree.expect_maps([(top - PAGE, PAGE, (1 << 52) - PAGE)], "after the very last page")


@unit("map-no-memory", 6, "mm/paging_tree.h, paging_tree_map",
      "STATUS_NO_MEMORY when frame_alloc gives none, and then nothing of the range is mapped; the "
      "tables stay, and are used when it is mapped again")
def map_no_memory(bench):
    with bench.child() as child:
        tree = t.Tree(child, page_1g=False, page_2m=False, frames=6)
        tree.map(0, GIB, PAGE)
        tree.map(MIB, 2 * GIB, 6 * MIB, status=t.NO_MEMORY)
        tree.expect_maps([(0, PAGE, GIB)], "after frames ran out")
        tree.leave_frames(2)
        tree.map(MIB, 2 * GIB, 6 * MIB)
        tree.expect_maps([(0, PAGE, GIB), (MIB, 6 * MIB, 2 * GIB)], "with frames again")


@unit("unmap", 8, "mm/paging_tree.h, paging_tree_unmap",
      "what is not mapped in the range is left so; what lies beside it stays; a range that cannot "
      "be is refused as by paging_tree_map")
def unmap(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        tree.map(0, GIB, 4 * MIB + 2 * PAGE)
        tree.map(GIB, 4 * GIB, 2 * GIB)
        tree.unmap(4 * MIB, PAGE)
        tree.expect_maps([(0, 4 * MIB, GIB), (4 * MIB + PAGE, PAGE, GIB + 4 * MIB + PAGE),
                          (GIB, 2 * GIB, 4 * GIB)], "after a page was unmapped")
        tree.unmap(2 * MIB, GIB - 2 * MIB)
        tree.expect_maps([(0, 2 * MIB, GIB), (GIB, 2 * GIB, 4 * GIB)],
                         "after 2 MiB to 1 GiB were unmapped")
        tree.unmap(GIB, GIB)
        tree.expect_maps([(0, 2 * MIB, GIB), (2 * GIB, GIB, 5 * GIB)],
                         "after a leaf of 1 GiB was unmapped")
        tree.unmap(GIB, GIB)
        tree.map(GIB, 9 * GIB, 2 * MIB)
        tree.expect_maps([(0, 2 * MIB, GIB), (GIB, 2 * MIB, 9 * GIB), (2 * GIB, GIB, 5 * GIB)],
                         "after something else was mapped there")
        for gpa, size in ((8, PAGE), (0, 0), (0, 100), (1 << 48, PAGE),
                          ((1 << 48) - PAGE, 2 * PAGE), (2**64 - PAGE, 2 * PAGE)):
            tree.unmap(gpa, size, status=t.BAD_VALUE)
        tree.expect_maps([(0, 2 * MIB, GIB), (GIB, 2 * MIB, 9 * GIB), (2 * GIB, GIB, 5 * GIB)],
                         "after nothing but bad values")


@unit("split", 10, f"{EPT}; docs/lab/2.md 'Steps'",
      "a leaf that reaches beyond the range becomes a table of 512 smaller ones first; "
      "bit 7 belongs to large leaves only")
def split(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        tree.map(0, 8 * GIB, 4 * GIB)
        tree.unmap(t.DEVICE_PAGE, PAGE)
        ranges = [(0, t.DEVICE_PAGE, 8 * GIB),
                  (t.DEVICE_PAGE + PAGE, 4 * GIB - t.DEVICE_PAGE - PAGE,
                   8 * GIB + t.DEVICE_PAGE + PAGE)]
        tree.expect_maps(ranges, "after the device's page was taken out of 4 GiB")
        tree.expect_sizes({PAGE, 2 * MIB, GIB}, "after the device's page was taken out")
        tree.unmap(GIB + 3 * MIB, GIB)
        tree.expect_maps([(0, GIB + 3 * MIB, 8 * GIB),
                          (2 * GIB + 3 * MIB, t.DEVICE_PAGE - 2 * GIB - 3 * MIB,
                           10 * GIB + 3 * MIB), ranges[1]],
                         "after 1 GiB from 1 GiB + 3 MiB on was unmapped, too")


@unit("guest-memory", 8, f"{EPT}, memory type in bits 5:3; docs/architecture.md",
      "every range of the guest's memory, write-back, and nothing else: not the device's page")
def guest_memory(bench):
    with bench.child() as child:
        tree = t.Tree(child)
        ranges = [(0, 3 * GIB, 8 * GIB), (4 * GIB, 512 * MIB, 16 * GIB + 4 * MIB)]
        for gpa, size, host in ranges:
            tree.add_range(gpa, size, host)
        tree.map_guest()
        tree.expect_maps(ranges, "for 3.5 GiB of guest memory around the hole")
        tree.map_guest(status=t.CONFLICT)


@machine("machine-memory", 10, "docs/lab/2.md 'On the whole machine'",
         "the guest writes and reads every page of its memory, and finds the device at its own")
def machine_memory(random):
    return lab_guest.memory(random, (2000, 4000))
