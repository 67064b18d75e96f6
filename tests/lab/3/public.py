# SPDX-License-Identifier: MIT
"""Assignment 3, the tests that students have. Ordered like the steps in docs/lab/3.md."""
import os

from kit.machine import Scenario
from kit.tests import expect, load_from, unit, machine

b = load_from(os.path.dirname(__file__), "board")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

DISK = bytes((i * 7 + i // 512 * 13) & 0xff for i in range(64 * 512))


def pattern(seed, size):
    return bytes((seed * 31 + i * (2 * seed + 1)) & 0xff for i in range(size))


@unit("registers-read", 6, "docs/svirtb.md 'Registers'",
      "step 1: status reads the magic value after power-on, the other five 0; a page of other "
      "offsets 0")
def registers_read(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.expect(b.STATUS, b.MAGIC, "after power-on")
        for register in (b.SIZE, b.ADDR_HI, b.ADDR_LO, b.HEAD, b.TAIL):
            board.expect(register, 0, "after power-on")
        expect("offset 0x18, where there is no register", 0, board.read(0x18))


@unit("registers-write", 6, "docs/svirtb.md 'Registers'",
      "step 2: size and address are kept when DRIVER_OK was written before, and only then")
def registers_write(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.write(b.SIZE, 9)
        board.expect(b.SIZE, 0, "after it was written in state MAGIC")
        board.write(b.STATUS, b.DRIVER_OK)
        for register, value in ((b.SIZE, 77), (b.ADDR_HI, 0x12345678), (b.ADDR_LO, 0x9abcdef0)):
            board.write(register, value)
            board.expect(register, value, "after it was written in state DRIVER_OK")
        board.write(b.SIZE, 16)
        board.expect(b.SIZE, 16, "written a second time")
        board.write(b.ADDR_HI, 0)
        board.write(b.ADDR_LO, b.RING)
        board.write(b.STATUS, b.READY)
        board.expect(b.STATUS, b.READY, "after READY was written")
        board.write(b.SIZE, 4)
        board.write(b.ADDR_LO, 0)
        board.expect(b.SIZE, 16, "after it was written in state READY")
        board.expect(b.ADDR_LO, b.RING, "after it was written in state READY")


@unit("status-order", 8, "docs/svirtb.md 'States'",
      "step 2: MAGIC -> DRIVER_OK -> READY; every other order leaves the status as it is")
def status_order(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.write(b.STATUS, b.READY)
        board.expect(b.STATUS, b.MAGIC, "after READY was written in state MAGIC")
        board.start()
        for value in (b.DRIVER_OK, b.READY, b.MAGIC, 3, 0xffffffff):
            board.write(b.STATUS, value)
            board.expect(b.STATUS, b.READY, f"after 0x{value:x} was written in state READY")


@unit("reset", 4, "docs/svirtb.md 'States'",
      "step 2: RESET written by the driver brings power-on back at once: status reads MAGIC, the "
      "rest 0")
def reset(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.write(b.STATUS, b.RESET)
        board.expect(b.STATUS, b.MAGIC, "after RESET was written in state MAGIC")
        for entries in (8, 5):
            board.start(entries)
            board.reset()
            board.expect(b.STATUS, b.MAGIC, "after RESET was written in state READY")
            for register in (b.SIZE, b.ADDR_HI, b.ADDR_LO, b.HEAD, b.TAIL):
                board.expect(register, 0, "after a reset")


@unit("ring-check", 8, "docs/svirtb.md 'The ring'",
      "step 3: READY with a ring that cannot be sets RESET: 1 to 32768 entries, all in guest memory")
def ring_check(bench):
    rows = (
        ("no entries", 0, b.RING), ("32769 entries", 32769, b.LARGE),
        ("a ring beyond memory", 8, 0x4000000), ("a ring whose last byte lies in the hole", 8,
                                                 b.HOLE - 8 * 28 + 1),
        ("a ring at 2^64 - 28", 8, 2**64 - 28), ("a ring above 4 GiB", 8, 2**32 + b.RING),
    )
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.add_large_piece()
        for entries, ring in ((8, b.HOLE - 8 * 28), (32768, b.LARGE)):
            board.start(entries, ring)
            board.reset()
        for name, entries, ring in rows:
            board.configure(entries, ring)
            board.write(b.STATUS, b.READY)
            board.expect(b.STATUS, b.RESET, f"after READY with {name}")
            board.reset()
        board.start(entries=1)


@unit("head-check", 6, "docs/svirtb.md 'The ring' and 'Registers'",
      "step 3: a head outside READY is ignored; one that is not below queue_size sets RESET; "
      "the tail is the device's alone")
def head_check(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.write(b.HEAD, 1)
        board.expect(b.HEAD, 0, "after it was written in state MAGIC")
        board.start(entries=8)
        board.write(b.TAIL, 5)
        board.expect(b.TAIL, 0, "after the driver wrote it")
        for i in range(3):
            board.queue(b.WRITE, 1, b.BUFFER, 512)
        board.write(b.HEAD, 8)
        board.expect(b.STATUS, b.RESET, "after queue_head 8 on a ring of 8 entries")
        board.expect(b.TAIL, 0, "after queue_head 8 on a ring of 8 entries")
        expect("the disk", DISK, board.disk())


@unit("read", 8, "docs/svirtb.md 'Requests'; the entry's table in 'The ring'",
      "step 4: entries are 28 bytes without padding; size is in bytes, sector counts 512")
def read(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.start()
        for size, sector in ((512, 0), (512, 5), (1, 63), (700, 9), (4096, 17)):
            board.poke(b.BUFFER - 1, b"\xaa" * (size + 2))
            board.queue(b.READ, sector, b.BUFFER, size)
            board.complete(f"after a read of {size} bytes at sector {sector}")
            expect(f"the buffer of a read of {size} bytes at sector {sector} (with a byte around)",
                   b"\xaa" + DISK[sector * 512:sector * 512 + size] + b"\xaa",
                   board.peek(b.BUFFER - 1, size + 2))


@unit("write", 8, "docs/svirtb.md 'Requests'",
      "step 4: the bytes of the buffer go to the disk, and no others; block_write marks them")
def write(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.start()
        disk = bytearray(DISK)
        for size, sector in ((512, 1), (512, 63), (1, 7), (700, 20), (4096, 40)):
            data = pattern(sector, size)
            board.poke(b.BUFFER, data)
            board.queue(b.WRITE, sector, b.BUFFER, size)
            board.complete(f"after a write of {size} bytes at sector {sector}")
            disk[sector * 512:sector * 512 + size] = data
            expect(f"the disk after a write of {size} bytes at sector {sector}", bytes(disk),
                   board.disk())
        expect("the grains of 4 KiB that are marked as changed", bytes([1, 0, 1, 0, 0, 1, 0, 1]),
               board.dirty())


@unit("batches", 8, "docs/svirtb.md 'The ring'",
      "step 5: one doorbell announces many: from the tail up to the head, in order, around the "
      "ring's end")
def batches(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.start(entries=5)
        disk = bytearray(DISK)
        for batch in (1, 4, 3, 4, 2, 4, 4, 4):
            for i in range(batch):
                data = pattern(batch + i, 64)
                board.poke(b.BUFFER + i * 64, data)
                board.queue(b.WRITE, 3, b.BUFFER + i * 64, 64 - i)
                disk[3 * 512:3 * 512 + 64 - i] = data[:64 - i]
            board.complete(f"after a batch of {batch} on a ring of 5")
            expect(f"the disk after a batch of {batch} on a ring of 5", bytes(disk), board.disk())


@unit("restart", 4, "docs/svirtb.md 'States'",
      "step 5: RESET behind requests clears head and tail, too, and a ring of another size works")
def restart(bench):
    with bench.child() as child:
        board = b.Board(child, DISK)
        board.start()
        board.queue(b.READ, 0, b.BUFFER, 16)
        board.complete("after one request")
        board.reset()
        for register in (b.HEAD, b.TAIL):
            board.expect(register, 0, "after a reset behind a request")
        board.start(entries=5)
        for i in range(4):
            board.queue(b.READ, i, b.BUFFER, 512)
        board.complete("after 4 requests behind a reset")


@unit("refused-entries", 8, "docs/svirtb.md 'When an entry is refused'",
      "step 6: everything is checked before the first byte moves; the tail stays at the refused "
      "entry")
def refused_entries(bench):
    rows = (
        ("cmd 2", (2, 0, b.BUFFER, 512)),
        ("a read to a buffer in the hole", (b.READ, 0, b.HOLE, 512)),
        ("a write from a buffer that ends in the hole", (b.WRITE, 0, b.HOLE - 511, 512)),
        ("a read to a buffer at 2^64 - 16", (b.READ, 0, 2**64 - 16, 512)),
        ("a write beyond the disk's end", (b.WRITE, 64, b.BUFFER, 1)),
        ("a write over the disk's end", (b.WRITE, 63, b.BUFFER, 513)),
    )
    with bench.child() as child:
        board = b.Board(child, DISK)
        for name, entry in rows:
            board.start()
            board.queue(b.READ, 2, b.BUFFER, 512)
            board.queue(*entry)
            board.queue(b.WRITE, 5, b.RING, 512)
            board.ring_doorbell()
            board.expect(b.STATUS, b.RESET, f"after {name}")
            board.expect(b.TAIL, 1, f"after a good entry and {name}")
            expect(f"the buffer of the good entry before {name}", DISK[1024:1536],
                   board.peek(b.BUFFER, 512))
            expect(f"the disk after {name}", DISK, board.disk())
            board.reset()


@machine("machine-requests", 10, "docs/lab/3.md 'On the whole machine'",
         "random requests of a guest on a random disk; the unit tests find the same in less time")
def machine_requests(random):
    return lab_guest.svirtb(random, requests=150, refusals=False)
