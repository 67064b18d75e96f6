# SPDX-License-Identifier: MIT
"""Assignment 1, the staff's tests: random forms, compared with what the clean sources say."""
import os

from kit.tests import Mismatch, load_from, machine, unit

d = load_from(os.path.dirname(__file__), "decoder")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")


def random_code(random, prefixes):
    """One 32-bit mov with memory, and what lies behind it."""
    code = b"".join(random.choices(prefixes, k=random.choice((0, 0, 1, 2)))) if prefixes else b""
    if random.random() < 0.6:
        code += bytes([0x40 | random.randrange(8)])
    opcode = random.choice((0x8b, 0x8b, 0x89, 0x89, 0xc7, 0xa1, 0xa3))
    code += bytes([opcode])
    if opcode in (0x8b, 0x89, 0xc7):
        reg = 0 if opcode == 0xc7 else random.randrange(8)
        code += bytes([random.randrange(3) << 6 | reg << 3 | random.choice((4, 4, 5, 5, *range(8)))])
        code += bytes([random.choice((0x25, 0x24, 0x65, random.randrange(256)))])
    code += random.choice((random.randbytes(15), b"\xff" * 15, b"\x80" * 15))
    return code[:random.choice((15, 15, 15, random.randrange(1, 15)))]


def compare(bench, prefixes, mode, count):
    with bench.child(30) as child, bench.reference() as reference:
        for _ in range(count):
            code = random_code(bench.random, prefixes)
            status, insn = d.decode(reference, code, mode)
            if status != d.OK:
                d.expect_status(child, code, status, mode)
                continue
            # Behind it, what does not belong to it must not matter.
            d.expect_mov(child, code[:insn["length"]], d.meaning(insn), mode)


@unit("random-forms", 6, "all of docs/lab/1.md 'Steps'",
      "1500 random forms with REX prefixes, compared with another decoder")
def random_forms(bench):
    compare(bench, (), d.CODE_64, 1500)


@unit("prefixes", 4, "SDM vol. 2A 2.1.1 'Instruction Prefixes', 2.2.1 'REX Prefixes'",
      "FS and GS count, other segments are null; 67 makes addresses 32 bits wide; a REX in front of "
      "another prefix is void; F2 and F3 change the length only")
def prefixes(bench):
    legacy = (b"\x64", b"\x65", b"\x2e", b"\x3e", b"\x67", b"\xf2", b"\xf3", b"\x41", b"\x44")
    compare(bench, legacy, d.CODE_64, 1500)


@machine("machine-more-forms", 6, "docs/lab/1.md 'On the whole machine'",
         "as machine-forms, with more numbers")
def machine_more_forms(random):
    return lab_guest.forms(random, rounds=2000)
