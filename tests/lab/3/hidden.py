# SPDX-License-Identifier: MIT
"""Assignment 3, the staff's tests: edges, and random drivers compared with the clean sources."""
import os
import struct

from kit.tests import expect, load_from, machine, unit

b = load_from(os.path.dirname(__file__), "board")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

READ, WRITE = b.READ, b.WRITE
# The last sector has 200 bytes.
DISK = bytes((i * 11 + i // 512 * 7) & 0xff for i in range(63 * 512 + 200))


def edges_of_memory(child):
    board = b.Board(child, DISK)
    board.start(entries=8, ring=b.SEAM - 100)
    for i in range(12):
        board.poke(b.BUFFER, bytes(4096))
        board.queue(READ, i, b.BUFFER, 512)
        board.complete("with a ring over two pieces of memory")
        expect("a buffer with a ring over two pieces", DISK[i * 512:i * 512 + 512],
               board.peek(b.BUFFER, 512))
    board.reset()
    board.start()
    for cmd in (READ, WRITE):
        board.poke(b.SEAM - 1000, bytes(range(250)) * 8)
        board.queue(cmd, 3, b.SEAM - 1000, 1200)
        board.complete("with a buffer over two pieces of memory")
        if cmd == READ:
            expect("a buffer over two pieces of memory", DISK[1536:1536 + 1200],
                   board.peek(b.SEAM - 1000, 1200))
    expect("the disk, written from a buffer over two pieces", (bytes(range(250)) * 8)[:1200],
           board.disk()[1536:1536 + 1200])


def edges_of_disk(child):
    board = b.Board(child, DISK)
    board.start()
    for sector, size in ((63, 512), (62, 4096), (64, 100), (1 << 40, 512)):
        board.poke(b.BUFFER, b"\xaa" * 4096)
        board.queue(READ, sector, b.BUFFER, size)
        board.complete(f"after a read of {size} bytes at sector {sector}, over the disk's end")
        there = DISK[sector * 512:sector * 512 + size]
        expect(f"the buffer of a read of {size} bytes at sector {sector}, over the disk's end",
               there + b"\xaa" * (4096 - len(there)), board.peek(b.BUFFER, 4096))
    board.queue(WRITE, 1 << 60, b.BUFFER, 0)
    board.complete("after a request of 0 bytes")
    board.poke(b.BUFFER, b"\x55" * 512)
    board.queue(WRITE, 63, b.BUFFER, 300)
    board.complete("after a write that fills up the last sector")
    expect("the disk after a write that fills up the last sector",
           DISK[:63 * 512] + b"\x55" * 300 + bytes(212), board.disk())


@unit("edges", 6, "docs/svirtb.md 'Requests'; mm/guest_memory.h, guest_memory_find: *available",
      "buffers and the ring may lie across two pieces of memory; a read stops where the disk ends; "
      "size 0 is complete at once; a write may fill the last sector")
def edges(bench):
    for look in (edges_of_memory, edges_of_disk):
        with bench.child() as child:
            look(child)


def random_entry(random):
    """A request like others; one in eight has one thing wrong."""
    size = random.choice((0, 1, 100, 512, 513, 4096, random.randrange(1, 9000)))
    gpa = random.choice((random.randrange(0x2000, b.HOLE - 9000), b.BEHIND, b.SEAM - 10,
                         b.RING + random.randrange(200)))
    sector = random.choice((random.randrange(64), 63, 0))
    cmd = random.choice((READ, READ, WRITE, WRITE))
    wrong = random.randrange(32)
    if wrong == 0:
        cmd = random.choice((2, 2**32 - 1, 0x100))
    elif wrong == 1:
        gpa = random.choice((b.HOLE - 5, b.END, 2**64 - 4, 2**32 + 0x8000))
    elif wrong == 2:
        sector = random.choice((64, 2**55, 2**64 - 1, 2**64 - 8))
    elif wrong == 3:
        size = random.choice((2**64 - 1, 2**32 + 512, 2**63))
    return cmd, sector, gpa, size


def same(boards, what, get):
    expect(what, *(get(board) for board in boards))


def random_step(random, boards):
    """One thing that a driver does, to the clean device and to the other."""
    if random.random() < 0.25:
        register = random.choice(list(b.NAMES) + [0x18, 0x2, 0xffc])
        width = random.choice((4, 4, 4, 4, 1, 2, 8))
        value = random.choice((0, 1, 2, 3, 7, b.MAGIC, 0x1000, 40000)) & (1 << 8 * width) - 1
        for board in boards:
            board.write(register, value, width)
        what = f"after 0x{value:x} in {width} bytes to offset 0x{register:x}"
    elif boards[0].read(b.STATUS) != b.READY:
        entries = random.choice((1, 2, 5, 8, 33))
        for board in boards:
            board.reset()
            board.configure(entries)
            board.write(b.STATUS, b.READY)
        what = f"after a reset, with {entries} entries"
    else:
        for board in boards:
            board.head, board.entries = board.read(b.HEAD), max(board.read(b.SIZE), 1)
            board.ring = b.RING
        for _ in range(random.randrange(boards[0].entries)):
            entry = random_entry(random)
            for board in boards:
                board.queue(*entry)
        for board in boards:
            board.ring_doorbell()
        what = "after a doorbell"
    for register, name in b.NAMES.items():
        same(boards, f"{name} {what}", lambda board, r=register: board.read(r))


@unit("random-driver", 4, "docs/svirtb.md, all of it",
      "random writes to registers and random entries, some hostile, compared with another device")
def random_driver(bench):
    random = bench.random
    for _ in range(6):
        mode, entry_size = random.choice((0, 0, 1, 2)), random.choice((28, 28, 32))
        with bench.child(30) as child, bench.reference() as reference:
            boards = [b.Board(c, DISK, mode, entry_size) for c in (reference, child)]
            noise = random.randbytes(b.HOLE)
            for board in boards:
                board.poke(0, noise)
            for _ in range(40):
                random_step(random, boards)
            same(boards, "the disk after a random driver", lambda board: board.disk())
            same(boards, "what is marked as changed", lambda board: board.dirty())
            same(boards, "guest memory after a random driver",
                 lambda board: board.peek(0, b.HOLE))


@machine("machine-refusals", 6, "docs/svirtb.md 'When an entry is refused'",
         "as machine-requests, with entries that must be refused and resets behind them")
def machine_refusals(random):
    return lab_guest.svirtb(random, requests=60, refusals=True)
