# SPDX-License-Identifier: MIT
"""Assignment 1, the tests that students have. Ordered like the steps in docs/lab/1.md."""
import os

from kit.tests import load_from, machine, unit

d = load_from(os.path.dirname(__file__), "decoder")
lab_guest = load_from(os.path.dirname(os.path.dirname(__file__)), "guest")

CHAPTER = "SDM vol. 2A"


@unit("load-and-store", 8, f"{CHAPTER} 2.1.3 'ModR/M and SIB Bytes', table 2-2; MOV in chapter 4",
      "8B /r loads, 89 /r stores; ModRM.rm is the base, ModRM.reg the other register")
def load_and_store(bench):
    with bench.child() as child:
        for base in (0, 1, 2, 3, 6, 7):
            d.expect_mov(child, bytes([0x8b, base]), d.mov(reg=0, base=base))
            d.expect_mov(child, bytes([0x89, base]), d.mov(reg=0, base=base, load=False))


@unit("registers", 6, f"{CHAPTER} table 2-2 '32-Bit Addressing Forms with the ModR/M Byte'",
      "ModRM.reg is bits 5:3")
def registers(bench):
    with bench.child() as child:
        for reg in range(8):
            d.expect_mov(child, bytes([0x8b, reg << 3 | 3]), d.mov(reg=reg, base=3))
            d.expect_mov(child, bytes([0x89, reg << 3 | 6]), d.mov(reg=reg, base=6, load=False))


@unit("rex-r", 6, f"{CHAPTER} 2.2.1.2 'More on REX Prefix Fields'",
      "REX.R (bit 2) is the fourth bit of ModRM.reg: r8d to r15d")
def rex_r(bench):
    with bench.child() as child:
        for reg in range(8, 16):
            d.expect_mov(child, bytes([0x44, 0x8b, (reg & 7) << 3 | 1]), d.mov(reg=reg, base=1))
            d.expect_mov(child, bytes([0x44, 0x89, (reg & 7) << 3 | 7]),
                         d.mov(reg=reg, base=7, load=False))
        d.expect_mov(child, "40 8b 03", d.mov(reg=0, base=3))


@unit("rex-b", 8, f"{CHAPTER} 2.2.1.2 'More on REX Prefix Fields', table 2-5",
      "REX.B (bit 0) is the fourth bit of the base, but it changes no addressing form: "
      "r12 needs a SIB byte as rsp does, r13 a displacement as rbp does")
def rex_b(bench):
    with bench.child() as child:
        for base in (8, 9, 10, 11, 14, 15):
            d.expect_mov(child, bytes([0x41, 0x8b, base & 7]), d.mov(reg=0, base=base))
        d.expect_mov(child, "41 8b 45 00", d.mov(reg=0, base=13))
        d.expect_mov(child, "41 89 54 24 10", d.mov(reg=2, base=12, disp=0x10, load=False))
        d.expect_mov(child, "45 89 28", d.mov(reg=13, base=8, load=False))


@unit("displacement-8", 6, f"{CHAPTER} table 2-2, Mod 01", "one byte, sign-extended")
def displacement_8(bench):
    with bench.child() as child:
        for disp in (1, 0x10, 0x7f, -1, -128):
            for base in (0, 3, 5, 7):
                d.expect_mov(child, d.encode(1, base, disp=disp, size=1),
                             d.mov(reg=1, base=base, disp=disp))


@unit("displacement-32", 6, f"{CHAPTER} table 2-2, Mod 10; 2.2.1.3 'Displacement'",
      "four bytes, little-endian, sign-extended to 64 bits")
def displacement_32(bench):
    with bench.child() as child:
        for disp in (0, 0x12345678, 0x7fffffff, -1, -0x80000000):
            for base in (1, 2, 5, 6):
                d.expect_mov(child, d.encode(3, base, disp=disp, size=4, opcode=0x89),
                             d.mov(reg=3, base=base, disp=disp, load=False))


@unit("sib", 8, f"{CHAPTER} table 2-3 '32-Bit Addressing Forms with the SIB Byte'; table 2-5",
      "rm 4 means a SIB byte; index 4 without REX.X is none; base 5 with Mod 00 is none, "
      "and 4 bytes of displacement follow")
def sib(bench):
    with bench.child() as child:
        for scale in (1, 2, 4, 8):
            for base, index in ((0, 1), (3, 5), (7, 0), (4, 6), (9, 15), (12, 12), (0, 12)):
                for disp in (0, 0x44, -0x1000):
                    d.expect_mov(child, d.encode(2, base, index, scale, disp),
                                 d.mov(reg=2, base=base, index=index, scale=scale, disp=disp))
        d.expect_mov(child, "8b 04 24", d.mov(reg=0, base=4))
        d.expect_mov(child, "41 8b 04 24", d.mov(reg=0, base=12))
        d.expect_mov(child, "8b 04 8d 78 56 34 12", d.mov(reg=0, index=1, scale=4, disp=0x12345678))
        d.expect_mov(child, "8b 04 25 00 00 00 80", d.mov(reg=0, disp=-0x80000000))
        d.expect_mov(child, "8b 44 2d 08", d.mov(reg=0, base=5, index=5, disp=8))


@unit("rip-relative", 6, f"{CHAPTER} 2.2.1.6 'RIP-Relative Addressing'",
      "Mod 00 with rm 5 has no base in 64-bit code: 4 bytes that count from the next instruction")
def rip_relative(bench):
    with bench.child() as child:
        d.expect_mov(child, "8b 05 10 00 00 00", d.mov(reg=0, rip=True, disp=0x10))
        d.expect_mov(child, "44 89 3d f0 ff ff ff", d.mov(reg=15, rip=True, disp=-16, load=False))
        d.expect_mov(child, "41 8b 0d 01 00 00 00", d.mov(reg=1, rip=True, disp=1))


@unit("immediate", 6, f"{CHAPTER} 2.2.1.5 'Immediates'; MOV C7 /0 in chapter 4",
      "4 bytes behind ModRM, SIB and displacement, sign-extended in struct insn; "
      "C7 with another ModRM.reg is no mov")
def immediate(bench):
    with bench.child() as child:
        d.expect_mov(child, "c7 03 78 56 34 12", d.mov(base=3, imm=0x12345678))
        d.expect_mov(child, "c7 43 10 ff ff ff ff", d.mov(base=3, disp=0x10, imm=2**64 - 1))
        d.expect_mov(child, "41 c7 84 24 00 01 00 00 01 00 00 80",
                     d.mov(base=12, disp=0x100, imm=2**64 - 0x7fffffff))
        d.expect_mov(child, "c7 04 b7 00 00 00 00", d.mov(base=7, index=6, scale=4, imm=0))
        d.expect_status(child, "c7 4b 10 ff ff ff ff", d.UNSUPPORTED)


@unit("moffs", 4, f"{CHAPTER} 2.2.1.4 'Direct Memory-Offset MOVs'",
      "A1 loads eax, A3 stores it; the whole address of 8 bytes follows the opcode")
def moffs(bench):
    with bench.child() as child:
        d.expect_mov(child, "a1 04 00 fe ca 00 00 00 00", d.mov(reg=0, disp=0xcafe0004))
        d.expect_mov(child, "a3 10 00 fe ca 00 00 00 00",
                     d.mov(reg=0, disp=0xcafe0010, load=False))
        d.expect_mov(child, "a3 ff ff ff ff ff ff ff ff", d.mov(reg=0, disp=-1, load=False))


WHOLE = ("8b 03", "44 89 3d f0 ff ff ff", "41 c7 84 24 00 01 00 00 01 00 00 80",
         "8b 44 2d 08", "a1 04 00 fe ca 00 00 00 00", "42 8b 04 8d 78 56 34 12")


@unit("truncated", 6, "vmm/decode.h, decode_insn",
      "an instruction that goes on behind count bytes is STATUS_TRUNCATED, and nothing behind "
      "count is read")
def truncated(bench):
    with bench.child() as child:
        for code in map(bytes.fromhex, WHOLE):
            for count in range(len(code)):
                d.expect_status(child, code[:count], d.TRUNCATED)
            came, insn = d.decode(child, code)
            if came != d.OK or insn["length"] != len(code):
                d.expect_status(child, code, d.OK)
                raise d.Mismatch(f"the length of {code.hex(' ')}", len(code), insn["length"])


@unit("refused", 4, "vmm/decode.h, decode_insn; SDM vol. 2D appendix A 'Opcode Map'",
      "what is no mov with memory is STATUS_UNSUPPORTED: registers only, LOCK, other opcodes")
def refused(bench):
    with bench.child() as child:
        for code in ("89 d8", "8b c3", "c7 c0 01 00 00 00", "f0 89 03", "f0 a3", "0f 0b", "c3",
                     "cd 80", "ff e0", "8d 03", "0f 01 d9"):
            d.expect_status(child, bytes.fromhex(code).ljust(15, b"\x00"), d.UNSUPPORTED)
        d.expect_mov(child, "89 18", d.mov(reg=3, base=0, load=False))


@machine("machine-forms", 10, "docs/lab/1.md 'On the whole machine'",
         "the guest moves random numbers to the device's registers and back in all forms")
def machine_forms(random):
    return lab_guest.forms(random, rounds=200)
