# SPDX-License-Identifier: MIT
"""Assignment 4, the staff's tests: random and hostile rings, compared with the clean sources."""
import os
import struct

from kit.tests import expect, load_from, machine, unit

r = load_from(os.path.dirname(__file__), "ring")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

NEXT, WRITE, INDIRECT = r.NEXT, r.WRITE, r.INDIRECT


def random_descriptor(random, hostile):
    gpa = random.choice((random.randrange(0x10000, r.HOLE), random.randrange(r.SEAM - 64, r.SEAM),
                         random.randrange(r.BEHIND, r.END)))
    size = random.choice((0, 1, 16, 64, 512, 4096))
    if gpa < r.HOLE < gpa + size or gpa + size > r.END:
        size = 1
    flags = random.choice((0, 0, NEXT, NEXT, NEXT | WRITE, WRITE, WRITE))
    if random.random() < hostile:
        gpa = random.choice((r.HOLE - 8, 2**64 - 8, 1 << 33, gpa))
        flags = random.choice((flags, INDIRECT, INDIRECT | NEXT, 0xfff8 | flags))
    if flags & INDIRECT:
        gpa, size = r.INDIRECT_TABLE, random.choice((16, 48, 64, 40))
    return gpa, size, flags, random.randrange(8) if random.random() > hostile / 4 else 99


def one_round(random, rings, hostile):
    """The same words of a driver to both rings; what the queues say must be the same."""
    for number in range(8):
        for table in (None, r.INDIRECT_TABLE):
            descriptor = random_descriptor(random, hostile)
            for ring in rings:
                ring.describe(number, *descriptor, table)
    if random.random() < hostile / 10:
        # A table in a table that is the same.
        for ring in rings:
            for table in (None, r.INDIRECT_TABLE):
                for number in range(8):
                    ring.describe(number, r.INDIRECT_TABLE, 16, INDIRECT, 0, table)
    head = random.randrange(8) if random.random() > hostile / 6 else random.choice((8, 0xffff))
    for ring in rings:
        ring.offer(head)
        ring.begin()
    (wanted, good), (result, chain) = (ring.take() for ring in rings)
    expect("what virtq_take returns for random descriptors", r.result_name(wanted),
           r.result_name(result))
    if wanted != r.CHAIN:
        return False
    for what in ("id", "readable", "writable", "readable_bytes", "writable_bytes"):
        values = [getattr(c, what) for c in (good, chain)]
        if isinstance(values[0], list):
            values = [r.text(value) for value in values]
        expect(f"chain->{what} for random descriptors", *values)
    for ring in rings:
        ring.use(head, 5)
    expect("what virtq_publish returns", *(ring.publish() for ring in rings))
    expect("the used ring", *(ring.peek(r.DEVICE, 68) for ring in rings))
    return True


@unit("random-rings", 6, "devices/virtq.h; virtio 1.2, 2.7",
      "random chains, some of them hostile, compared with another implementation")
def random_rings(bench):
    random = bench.random
    with bench.child(30) as child, bench.reference() as reference:
        for number in range(120):
            hostile = (0, 0.1, 0.3)[number % 3]
            rings = [r.Ring(queue, indirect=True, memory=number == 0)
                     for queue in (reference, child)]
            for _ in range(12):
                if not one_round(random, rings, hostile):
                    break


@unit("seams", 4, "mm/guest_memory.h, guest_memory_find: *available",
      "rings and buffers may lie across two pieces of guest memory that touch: virtq_area_at, "
      "virtq_chain_add_pieces")
def seams(bench):
    places = ({"table": r.SEAM - 64}, {"driver": r.SEAM - 10}, {"device": r.SEAM - 20})
    for place in places:
        with bench.child() as child:
            ring = r.Ring(child, **place)
            for i in range(8):
                ring.describe(i, r.BUFFER + i * 64, 64, WRITE)
            for i in range(20):
                ring.offer(i % 8)
                ring.begin()
                ring.expect_chain(i % 8, [], [(r.BUFFER + i % 8 * 64, 64)],
                                  f"with the {list(place)[0]} area over a seam")
                ring.use(i % 8, i)
                ring.publish()
                expect("the used entry", (i % 8, i), ring.used_entry(i % 8))
    with bench.child() as child:
        ring = r.Ring(child)
        ring.describe(0, r.SEAM - 100, 300, NEXT, 1)
        ring.describe(1, r.SEAM - 1, 2, WRITE)
        ring.offer(0)
        ring.begin()
        ring.expect_chain(0, [(r.SEAM - 100, 300)], [(r.SEAM - 1, 2)], "for buffers over a seam")


@machine("machine-indirect", 6, "docs/lab/4.md 'On the whole machine'",
         "as machine-requests, with buffers in several pieces and indirect tables")
def machine_indirect(random):
    return lab_guest.virtio(random, requests=120, size=64, words="indirect piece=512")
