# SPDX-License-Identifier: MIT
"""Assignment 4, the tests that students have. Ordered like the steps in docs/lab/4.md."""
import os
import struct

from kit.tests import expect, load_from, machine, unit

r = load_from(os.path.dirname(__file__), "ring")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

NEXT, WRITE, INDIRECT = r.NEXT, r.WRITE, r.INDIRECT
B = r.BUFFER


@unit("available", 6, "virtio 1.2, 2.7.6 'The Virtqueue Available Ring'",
      "virtq_begin looks at the available index once: virtq_take gives no more than that")
def available(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        ring.begin()
        ring.expect_result(r.EMPTY, "on an empty ring")
        expect("what virtq_has_more returns on an empty ring", False, ring.has_more())
        for i in range(3):
            ring.describe(i, B + i * 0x100, 16)
        ring.offer(0, 1)
        expect("what virtq_has_more returns with 2 chains available", True, ring.has_more())
        ring.begin()
        ring.offer(2)
        for i in range(2):
            ring.expect_chain(i, [(B + i * 0x100, 16)], [], f"for available chain {i}")
        ring.expect_result(r.EMPTY, "when all that virtq_begin saw was taken")
        expect("what virtq_has_more returns with one more available", True, ring.has_more())
        ring.begin()
        ring.expect_chain(2, [(B + 0x200, 16)], [], "for what came after virtq_begin")
        expect("what virtq_has_more returns when all was taken", False, ring.has_more())


@unit("one-descriptor", 6, "virtio 1.2, 2.7.5 'The Virtqueue Descriptor Table'",
      "the available ring's entry is the head's number; the flag WRITE says who may write")
def one_descriptor(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        for number, size, flags in ((5, 100, 0), (0, 4096, WRITE), (7, 1, WRITE), (3, 512, 0)):
            ring.describe(number, B + 64 * number, size, flags)
            ring.offer(number)
            ring.begin()
            buffer = [(B + 64 * number, size)]
            ring.expect_chain(number, [] if flags else buffer, buffer if flags else [],
                              f"for descriptor {number} alone")


@unit("chains", 8, "virtio 1.2, 2.7.5; 2.7.4.2 'Driver Requirements: Message Framing'",
      "NEXT leads to the descriptor with the number next, in any order; readable ones come first")
def chains(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        ring.describe(6, B, 16, NEXT, 1)
        ring.describe(1, B + 0x1000, 512, NEXT, 4)
        ring.describe(4, B + 0x3000, 700, NEXT | WRITE, 3)
        ring.describe(3, B + 0x200, 1, WRITE, 0xffff)
        ring.offer(6)
        ring.begin()
        ring.expect_chain(6, [(B, 16), (B + 0x1000, 512)], [(B + 0x3000, 700), (B + 0x200, 1)],
                          "for the chain 6, 1, 4, 3")
        for i in range(8):
            ring.describe(i, B + i * 0x1000, 0x800, (NEXT if i < 7 else 0) | WRITE, i + 1)
        ring.offer(0)
        ring.begin()
        ring.expect_chain(0, [], [(B + i * 0x1000, 0x800) for i in range(8)],
                          "for a chain of all 8 descriptors")


@unit("around-the-ring", 8, "virtio 1.2, 2.7.6 and 2.7.8: 'idx ... increases'",
      "indices run freely through 16 bits; the place in the ring is the index modulo the size")
def around_the_ring(bench):
    with bench.child(20) as child:
        ring = r.Ring(child, size=4)
        for i in range(4):
            ring.describe(i, B + i * 64, i + 1, WRITE)
        done = 0
        for number, batch in enumerate((1, 3, 4, 2, 4) * 4 + (4,) * 10):
            if number == 20:
                # All but to the end of 16 bits, with what the available ring has now.
                ring.go_round(0xfff0 - done)
                done = 0xfff0
            heads = [(done + i) * 3 % 4 for i in range(batch)]
            ring.offer(*heads)
            ring.begin()
            for head in heads:
                ring.expect_chain(head, [], [(B + head * 64, head + 1)],
                                  f"for the chain at index {done}")
                ring.use(head, head)
                done += 1
            ring.publish()
            expect(f"the used index after {done} chains", done & 0xffff, ring.used_index())


@unit("bad-head", 6, "virtio 1.2, 2.7.6; devices/virtq.h, virtq_take",
      "a head that is not below the size is a ring error: VIRTQ_BROKEN, now and from then on")
def bad_head(bench):
    for head in (8, 9, 0xffff):
        with bench.child() as child:
            ring = r.Ring(child)
            ring.describe(2, B, 16)
            ring.offer(2, head)
            ring.begin()
            ring.expect_chain(2, [(B, 16)], [], "for the good chain before it")
            ring.expect_result(r.BROKEN, f"for the head {head} on a ring of 8")
            ring.expect_broken(f"after the head {head}")


@unit("loops", 8, "virtio 1.2, 2.7.5.2: 'MUST NOT ... loops'",
      "a chain with more descriptors than the ring has entries is a ring error, and so is a next "
      "that is not below the size")
def loops(bench):
    rows = (("a descriptor that is its own next", {2: 2}), ("a loop of three", {2: 5, 5: 1, 1: 2}),
            ("a next of 8", {2: 8}), ("a next of 65535 at the chain's end", {2: 3, 3: 0xffff}))
    for name, links in rows:
        with bench.child() as child:
            ring = r.Ring(child)
            ring.describe(0, B, 8)
            ring.offer(0)
            ring.begin()
            ring.expect_chain(0, [(B, 8)], [], "for a good chain")
            for number, follower in links.items():
                ring.describe(number, B + 64 * number, 64, NEXT, follower)
            ring.offer(2)
            ring.expect_broken(f"for {name}")


@unit("direction", 4, "virtio 1.2, 2.7.4.2: device-readable before device-writable",
      "a readable descriptor behind a writable one is a ring error")
def direction(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        ring.describe(0, B, 16, NEXT, 1)
        ring.describe(1, B + 64, 16, WRITE | NEXT, 2)
        ring.describe(2, B + 128, 16, WRITE)
        ring.offer(0)
        ring.begin()
        ring.expect_chain(0, [(B, 16)], [(B + 64, 16), (B + 128, 16)], "in the right order")
        ring.describe(2, B + 128, 16, 0)
        ring.offer(0)
        ring.expect_broken("for a readable descriptor behind a writable one")


@unit("bad-buffer", 6, "devices/virtq.h, virtq_take; docs/architecture.md 'Memory'",
      "every address goes through guest_memory_find: a buffer that leaves memory is a ring error")
def bad_buffer(bench):
    for gpa, size in ((r.HOLE, 16), (r.HOLE - 15, 16), (2**64 - 16, 16), (2**64 - 16, 64),
                      (1 << 40, 1)):
        with bench.child() as child:
            ring = r.Ring(child)
            ring.describe(0, r.HOLE - 16, 16, WRITE)
            ring.offer(0)
            ring.begin()
            ring.expect_chain(0, [], [(r.HOLE - 16, 16)], "for a buffer up to memory's end")
            ring.describe(0, gpa, size, WRITE)
            ring.offer(0)
            ring.expect_broken(f"for a buffer at 0x{gpa:x}+{size}")


@unit("indirect", 8, "virtio 1.2, 2.7.5.3 'Indirect Descriptors'",
      "the chain goes on in a table of its own, which begins at descriptor 0 there; "
      "no table in a table, no NEXT beside INDIRECT, whole descriptors only")
def indirect(bench):
    table = r.INDIRECT_TABLE
    with bench.child() as child:
        ring = r.Ring(child, indirect=True)
        ring.describe(0, B, 16, NEXT, 2, table)
        ring.describe(2, B + 0x1000, 512, NEXT | WRITE, 1, table)
        ring.describe(1, B + 0x2000, 1, WRITE, 0, table)
        ring.describe(4, table, 48, INDIRECT, 2)
        ring.offer(4)
        ring.begin()
        ring.expect_chain(4, [(B, 16)], [(B + 0x1000, 512), (B + 0x2000, 1)],
                          "for an indirect table of 3")
        ring.describe(3, B + 0x4000, 8, NEXT, 4)
        ring.offer(3)
        ring.begin()
        ring.expect_chain(3, [(B + 0x4000, 8), (B, 16)], [(B + 0x1000, 512), (B + 0x2000, 1)],
                          "for a descriptor followed by an indirect table")
    rows = (("a length of 40", (4, table, 40, INDIRECT)), ("a length of 0", (4, table, 0, INDIRECT)),
            ("a table outside memory", (4, r.HOLE, 16, INDIRECT)),
            ("INDIRECT with NEXT", (4, table, 48, INDIRECT | NEXT, 1)),
            ("a table in a table", (0, B, 16, INDIRECT, 0, table)),
            ("a next outside the table", (0, B, 16, NEXT, 3, table)))
    for name, descriptor in rows:
        with bench.child() as child:
            ring = r.Ring(child, indirect=True)
            ring.describe(1, B, 16)
            ring.describe(0, B, 16, 0, 0, table)
            ring.describe(4, table, 48, INDIRECT)
            ring.offer(4)
            ring.begin()
            ring.expect_chain(4, [(B, 16)], [], "for an indirect table")
            ring.describe(*descriptor)
            ring.offer(4)
            ring.expect_broken(f"for {name}")


@unit("used-entries", 6, "virtio 1.2, 2.7.8 'The Virtqueue Used Ring'",
      "an entry is the head's number and the bytes written; the used index moves in virtq_publish, "
      "when the entries are there")
def used_entries(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        for i in range(8):
            ring.describe(i, B + i * 64, 64, WRITE)
        ring.offer(3, 6, 1)
        ring.begin()
        for head in (3, 6, 1):
            ring.expect_chain(head, [], [(B + head * 64, 64)], "before it is put back")
        for place, (head, written) in enumerate(((6, 64), (1, 0), (3, 0x12345678))):
            ring.use(head, written)
            expect("the used index before virtq_publish", 0, ring.used_index())
            expect(f"the used entry {place}", (head, written), ring.used_entry(place))
        expect("the bytes of the next used entry", b"\xee" * 8, ring.peek(r.DEVICE + 28, 8))
        ring.publish()
        expect("the used index after virtq_publish", 3, ring.used_index())


@unit("interrupts", 4, "virtio 1.2, 2.7.7 'Used Buffer Notification Suppression'",
      "virtq_publish says yes when something was put back, unless avail->flags has bit 0")
def interrupts(bench):
    with bench.child() as child:
        ring = r.Ring(child)
        for flags, wanted in ((0, True), (1, False), (0, True), (2, True)):
            ring.poke(r.DRIVER, struct.pack("<H", flags))
            ring.describe(0, B, 64, WRITE)
            ring.offer(0)
            ring.begin()
            ring.expect_chain(0, [], [(B, 64)], "for one buffer")
            expect("what virtq_publish returns before anything was put back", False,
                   ring.publish())
            ring.use(0, 1)
            expect(f"what virtq_publish returns with flags {flags}", wanted, ring.publish())
            expect("what virtq_publish returns when asked again", False, ring.publish())


@unit("index-jump", 4, "virtio 1.2, 2.7.6; 2.7.13.3",
      "no more than the ring's size can be available: an index that jumps further is a ring error")
def index_jump(bench):
    for jump in (9, 0x8000, 0xffff):
        with bench.child() as child:
            ring = r.Ring(child)
            for i in range(8):
                ring.describe(i, B + i * 64, 64)
            ring.offer(*range(8))
            ring.begin()
            for i in range(8):
                ring.expect_chain(i, [(B + i * 64, 64)], [], "of 8, the whole ring")
                ring.use(i, 0)
            ring.publish()
            ring.show_index(ring.available + jump)
            ring.expect_broken(f"after an index that jumps by {jump}")


@machine("machine-requests", 10, "docs/lab/4.md 'On the whole machine'",
         "random reads and writes by a virtio-blk driver; the unit tests find the same sooner")
def machine_requests(random):
    return lab_guest.virtio(random, requests=120, size=random.choice((16, 32, 64)))
