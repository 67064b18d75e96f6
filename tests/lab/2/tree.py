# SPDX-License-Identifier: MIT
"""The EPT under test: changes go through its functions, what it maps is read off its tables."""
import struct

from kit.tests import Broken, Mismatch, expect

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PAGE = 4096
DEVICE_PAGE = 0xcafe0000
RWX, WRITE_BACK, LARGE = 7, 6 << 3, 1 << 7
NORMAL = RWX | WRITE_BACK
ADDRESS = 0x000ffffffffff000

STATUS = ["OK", "BAD_VALUE", "OUT_OF_RANGE", "NOT_FOUND", "NO_MEMORY", "TRUNCATED", "UNSUPPORTED",
          "READ_ONLY", "CONFLICT"]
OK, BAD_VALUE, NO_MEMORY, CONFLICT = 0, 1, 4, 8


def size_name(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"


def range_name(gpa, size):
    return f"0x{gpa:x}+{size_name(size)}"


class Tree:
    def __init__(self, child, page_1g=True, page_2m=True, frames=2048, levels=4):
        self.child, self.levels = child, levels
        self.expect_status("I", struct.pack("<BBIB", page_1g, page_2m, frames, levels), OK,
                           "ept_init")
        pointer = struct.unpack("<Q", child.ask("P"))[0]
        self.root = pointer & ADDRESS

    def expect_status(self, operation, payload, status, what):
        came = struct.unpack("<I", self.child.ask(operation, payload, what))[0]
        if came != status:
            raise Mismatch(f"what {what} returns", *(
                "STATUS_" + STATUS[s] if s < len(STATUS) else str(s) for s in (status, came)))

    def map(self, gpa, physical, size, attributes=NORMAL, status=OK):
        with_bits = f", attributes 0x{attributes:x}," if attributes != NORMAL else ""
        self.expect_status("M", struct.pack("<QQQQ", gpa, physical, size, attributes), status,
                           f"paging_tree_map of {range_name(gpa, size)} to 0x{physical:x}"
                           f"{self.width()}{with_bits}")

    def unmap(self, gpa, size, status=OK):
        self.expect_status("U", struct.pack("<QQ", gpa, size), status,
                           f"paging_tree_unmap of {range_name(gpa, size)}{self.width()}")

    def width(self):
        return "" if self.levels == 4 else f" in a tree of {self.levels} levels"

    def add_range(self, gpa, size, host):
        self.expect_status("A", struct.pack("<QQQ", gpa, size, host), OK, "guest_memory_add")

    def map_guest(self, status=OK):
        self.expect_status("G", b"", status, "ept_map_guest")

    def leave_frames(self, count):
        self.child.ask("L", struct.pack("<I", count))

    def leaves(self):
        """(gpa, size, physical, attribute bits) of every leaf, by address."""
        found, budget = [], [3000]
        self._walk(self.root, self.levels, 0, found, budget)
        return found

    def _walk(self, table, level, base, found, budget):
        budget[0] -= 1
        data = self.child.ask("T", struct.pack("<Q", table))
        if not data or budget[0] < 0:
            raise Mismatch(f"where an entry of level {level + 1} for 0x{base:x} leads",
                           "to a table out of frame_alloc, once", f"0x{table:x}")
        span = PAGE << 9 * (level - 1)
        for i, entry in enumerate(struct.unpack("<512Q", data)):
            if entry == 0:
                continue
            gpa = base + i * span
            if level > 1 and not entry & LARGE:
                expect(f"the bits of the entry of level {level} for 0x{gpa:x}, which leads to a "
                       "table", RWX, entry & ~ADDRESS)
                self._walk(entry & ADDRESS, level - 1, gpa, found, budget)
                continue
            if level > 3:
                raise Mismatch(f"the entry of level {level} for 0x{gpa:x}",
                               "one that leads to a table: no leaf is larger than 1 GiB",
                               f"0x{entry:x}, with bit 7")
            if entry & ADDRESS & (span - 1):
                raise Mismatch(f"the leaf of {size_name(span)} for 0x{gpa:x}",
                               f"one to a multiple of {size_name(span)}", f"0x{entry:x}")
            if level == 1 and entry & LARGE:
                raise Mismatch(f"the leaf of 4 KiB for 0x{gpa:x}", "without bit 7",
                               f"0x{entry:x}")
            found.append((gpa, span, entry & ADDRESS, entry & ~ADDRESS & ~LARGE))

    def expect_maps(self, ranges, when):
        """ranges: (gpa, size, physical), each with the attributes NORMAL; nothing else is mapped."""
        wanted = merge((gpa, size, physical, NORMAL) for gpa, size, physical in ranges)
        came = merge(self.leaves())
        if came != wanted:
            raise Mismatch(f"what is mapped {when}", text(wanted), text(came))

    def expect_sizes(self, sizes, when):
        """Which sizes of leaves there are."""
        came = sorted({size for _, size, _, _ in self.leaves()})
        expect(f"the sizes of the leaves {when}", ", ".join(map(size_name, sorted(sizes))),
               ", ".join(map(size_name, came)))


def merge(leaves):
    """Neighbours that go on in physical memory as well become one."""
    merged = []
    for gpa, size, physical, bits in sorted(leaves):
        if merged:
            last = merged[-1]
            if last[0] + last[1] == gpa and last[2] + last[1] == physical and last[3] == bits:
                merged[-1] = (last[0], last[1] + size, last[2], bits)
                continue
        merged.append((gpa, size, physical, bits))
    return merged


def text(ranges):
    lines = [f"{range_name(gpa, size)} to 0x{physical:x}, bits 0x{bits:x}"
             for gpa, size, physical, bits in ranges[:6]]
    if len(ranges) > 6:
        lines.append(f"... ({len(ranges)} ranges)")
    return "\n".join(lines) or "nothing"
