# SPDX-License-Identifier: MIT
"""A driver's view of the device under test: registers, guest memory, disk. Used by the tests."""
import struct

from kit.tests import expect

MAGIC, DRIVER_OK, READY, RESET = 0x74726976, 0, 1, 2
STATUS, SIZE, ADDR_HI, ADDR_LO, HEAD, TAIL = 0, 4, 8, 12, 16, 20
NAMES = {STATUS: "status", SIZE: "queue_size", ADDR_HI: "queue_addr_hi", ADDR_LO: "queue_addr_lo",
         HEAD: "queue_head", TAIL: "queue_tail"}
STATES = {MAGIC: "MAGIC", DRIVER_OK: "DRIVER_OK", READY: "READY", RESET: "RESET"}
READ, WRITE = 0, 1
SECTOR = 512

# Guest memory: two pieces that touch, a hole, a third piece.
SEAM, HOLE, BEHIND, END = 0x10000, 0x18000, 0x40000, 0x44000
RING, BUFFER = 0x1000, 0x8000
# A piece for the largest ring, where a test adds it.
LARGE, LARGE_END = 0x100000, 0x200000


def state_name(value):
    return STATES.get(value, f"0x{value:x}")


class Board:
    def __init__(self, child, disk, mode=0, entry_size=28):
        self.child, self.entry_size = child, entry_size
        for first, end in ((0, SEAM), (SEAM, HOLE), (BEHIND, END)):
            child.ask("M", struct.pack("<QQ", first, end - first))
        child.ask("I", struct.pack("<II", entry_size, mode) + disk)
        self.entries = 0
        self.head = 0

    def add_large_piece(self):
        self.child.ask("M", struct.pack("<QQ", LARGE, LARGE_END - LARGE))

    def read(self, register, width=4):
        name = NAMES.get(register, f"offset 0x{register:x}")
        reply = self.child.ask("R", struct.pack("<QI", register, width), f"reading {name}")
        return struct.unpack("<Q", reply)[0]

    def write(self, register, value, width=4):
        name = NAMES.get(register, f"offset 0x{register:x}")
        self.child.ask("W", struct.pack("<QIQ", register, width, value),
                       f"writing 0x{value:x} to {name}")

    def expect(self, register, value, when):
        came = self.read(register)
        if register == STATUS:
            value, came = state_name(value), state_name(came)
        expect(f"{NAMES[register]} {when}", value, came)

    def poke(self, gpa, data):
        self.child.ask("P", struct.pack("<Q", gpa) + data)

    def peek(self, gpa, size):
        return self.child.ask("G", struct.pack("<QQ", gpa, size))

    def disk(self):
        return self.child.ask("K")

    def dirty(self):
        return self.child.ask("D")

    def configure(self, entries=8, ring=RING):
        self.write(STATUS, DRIVER_OK)
        self.write(SIZE, entries)
        self.write(ADDR_HI, ring >> 32)
        self.write(ADDR_LO, ring & 0xffffffff)
        self.entries, self.ring, self.head = entries, ring, 0

    def spoil_ring(self):
        """Nothing there is a request, nor in two entries behind it: what is taken too much shows."""
        end = LARGE_END if self.ring >= LARGE else HOLE
        size = min((self.entries + 2) * self.entry_size, end - self.ring)
        self.poke(self.ring, b"\xee" * size)

    def start(self, entries=8, ring=RING):
        """The six steps of the specification's section 3, each looked at."""
        self.expect(STATUS, MAGIC, "after power-on or reset")
        self.configure(entries, ring)
        self.spoil_ring()
        self.expect(STATUS, DRIVER_OK, "after DRIVER_OK was written")
        self.write(STATUS, READY)
        self.expect(STATUS, READY, f"after READY with a ring of {entries} entries")

    def queue(self, cmd, sector, gpa, size, addr_is=None):
        """Puts an entry into the ring; the doorbell is another step."""
        entry = struct.pack("<QQQI", gpa, size, sector, cmd)
        self.poke(self.ring + self.head * self.entry_size, entry.ljust(self.entry_size, b"\xee"))
        self.head = (self.head + 1) % self.entries

    def ring_doorbell(self):
        self.write(HEAD, self.head)

    def complete(self, when):
        """The doorbell, and everything queued must be done."""
        self.ring_doorbell()
        self.expect(STATUS, READY, when)
        self.expect(TAIL, self.head, when)

    def reset(self):
        self.write(STATUS, RESET)
