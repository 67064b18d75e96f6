# SPDX-License-Identifier: MIT
"""A driver's view of the queue under test: descriptors, the available and the used ring."""
import struct

from kit.tests import Mismatch, expect

NEXT, WRITE, INDIRECT = 1, 2, 4
EMPTY, CHAIN, BROKEN = 0, 1, 2
RESULTS = ("VIRTQ_EMPTY", "VIRTQ_CHAIN", "VIRTQ_BROKEN")

# Guest memory: two pieces that touch, a hole, a third piece.
SEAM, HOLE, BEHIND, END = 0x20000, 0x30000, 0x40000, 0x44000
TABLE, DRIVER, DEVICE, BUFFER, INDIRECT_TABLE = 0x1000, 0x8000, 0xa000, 0x10000, 0xd000


def result_name(result):
    return RESULTS[result] if result < 3 else str(result)


def merge(segments):
    """Neighbours become one: how a buffer is cut into segments does not count."""
    merged = []
    for gpa, size in segments:
        if merged and merged[-1][0] + merged[-1][1] == gpa:
            merged[-1] = (merged[-1][0], merged[-1][1] + size)
        elif size:
            merged.append((gpa, size))
    return merged


def text(segments):
    return ", ".join(f"0x{gpa:x}+{size}" for gpa, size in segments) or "nothing"


class Chain:
    def __init__(self, reply):
        (self.id, self.slots, self.readable_bytes, self.writable_bytes, readable,
         writable) = struct.unpack_from("<HHQQII", reply)
        pairs = struct.unpack_from(f"<{2 * (readable + writable)}Q", reply, 28)
        segments = list(zip(pairs[::2], pairs[1::2]))
        self.readable, self.writable = merge(segments[:readable]), merge(segments[readable:])

    def key(self):
        return (self.id, self.readable, self.writable, self.readable_bytes, self.writable_bytes)


class Ring:
    def __init__(self, child, size=8, indirect=False, table=TABLE, driver=DRIVER, device=DEVICE,
                 event_index=False, memory=True):
        self.child, self.size = child, size
        self.table, self.driver, self.device = table, driver, device
        for first, end in ((0, SEAM), (SEAM, HOLE), (BEHIND, END)) if memory else ():
            child.ask("M", struct.pack("<QQ", first, end - first))
        # Two more behind each area: good descriptors that nobody may follow, heads that nobody has.
        for i in range(size + 2):
            self.describe(i, BUFFER, 16)
        for area, room in ((driver, 6 + 2 * (size + 2)), (device, 6 + 8 * (size + 2))):
            self.poke(area, b"\xee" * room)
            self.poke(area, struct.pack("<HH", 0, 0))
        status = struct.unpack("<I", child.ask("S", struct.pack(
            "<IBBQQQ", size, indirect, event_index, table, driver, device), "virtq_start"))[0]
        expect("what virtq_start returns", 0, status)
        self.available = 0

    def poke(self, gpa, data):
        self.child.ask("P", struct.pack("<Q", gpa) + data)

    def peek(self, gpa, size):
        return self.child.ask("G", struct.pack("<QQ", gpa, size))

    def describe(self, number, gpa, size, flags=0, follower=0, table=None):
        self.poke((self.table if table is None else table) + 16 * number,
                  struct.pack("<QIHH", gpa, size, flags, follower))

    def offer(self, *heads):
        """Puts heads into the available ring and moves its index."""
        for head in heads:
            self.poke(self.driver + 4 + 2 * (self.available % self.size), struct.pack("<H", head))
            self.available = (self.available + 1) & 0xffff
        self.show_index(self.available)

    def show_index(self, index):
        self.poke(self.driver + 2, struct.pack("<H", index & 0xffff))

    def begin(self):
        self.child.ask("B", doing="in virtq_begin")

    def has_more(self):
        return self.child.ask("H", doing="in virtq_has_more")[0] != 0

    def take(self):
        """(result, Chain or None)"""
        reply = self.child.ask("T", doing="in virtq_take")
        result = struct.unpack_from("<I", reply)[0]
        return result, Chain(reply[4:]) if result == CHAIN else None

    def expect_result(self, result, when):
        came, _ = self.take()
        expect(f"what virtq_take returns {when}", result_name(result), result_name(came))

    def expect_chain(self, number, readable, writable, when):
        result, chain = self.take()
        expect(f"what virtq_take returns {when}", result_name(CHAIN), result_name(result))
        expect(f"chain->id {when}", number, chain.id)
        expect(f"the device-readable buffers {when}", text(merge(readable)), text(chain.readable))
        expect(f"the device-writable buffers {when}", text(merge(writable)), text(chain.writable))
        expect(f"chain->readable_bytes {when}", sum(s for _, s in readable), chain.readable_bytes)
        expect(f"chain->writable_bytes {when}", sum(s for _, s in writable), chain.writable_bytes)

    def expect_broken(self, when):
        self.begin()
        self.expect_result(BROKEN, when)
        self.begin()
        self.expect_result(BROKEN, f"{when}, asked once more")

    def go_round(self, count):
        """So many chains, one by one, of whatever the available ring has."""
        reply = self.child.ask("F", struct.pack("<QHI", self.driver + 2, self.available, count),
                               f"in one of {count} chains, one by one")
        self.available = (self.available + count) & 0xffff
        expect(f"chains taken, and interrupts wanted, of {count} available one by one",
               (count, count), struct.unpack("<II", reply))

    def use(self, number, written):
        self.child.ask("U", struct.pack("<HI", number, written), "in virtq_use")

    def publish(self):
        return self.child.ask("V", doing="in virtq_publish")[0] != 0

    def used_index(self):
        return struct.unpack("<H", self.peek(self.device + 2, 2))[0]

    def used_entry(self, place):
        return struct.unpack("<II", self.peek(self.device + 4 + 8 * place, 8))
