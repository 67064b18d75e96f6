# SPDX-License-Identifier: MIT
"""The decoder under test as a function of bytes, and what a mov should look like."""
import struct

from kit.tests import Mismatch

STATUS = ["OK", "BAD_VALUE", "OUT_OF_RANGE", "NOT_FOUND", "NO_MEMORY", "TRUNCATED", "UNSUPPORTED"]
OK, TRUNCATED, UNSUPPORTED = 0, 5, 6
REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
             "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")
CODE_16, CODE_32, CODE_64 = 0, 1, 2
SEG_FS, SEG_GS = 4, 5

FIELDS = ("operation", "immediate", "displacement", "width", "target_width",
          "memory_is_destination", "has_immediate", "high_byte", "lock", "reg", "base", "index",
          "scale", "rip_relative", "segment", "address_width", "length")


def decode(child, code, mode=CODE_64):
    """(status, fields by name)"""
    reply = child.ask("D", bytes([mode]) + code, f"decoding {code.hex(' ') or 'no bytes'}")
    values = struct.unpack("<IIQqBBBBBBBbbBBBBB", reply)
    return values[0], dict(zip(FIELDS, values[1:]))


def meaning(insn):
    """What counts of a mov: not the register of one with an immediate, nor a scale without index."""
    fields = {name: insn[name] for name in
              ("operation", "width", "target_width", "memory_is_destination", "has_immediate",
               "high_byte", "lock", "base", "index", "displacement", "rip_relative",
               "address_width", "length")}
    fields["reg"] = None if insn["has_immediate"] else insn["reg"]
    fields["immediate"] = insn["immediate"] if insn["has_immediate"] else None
    fields["scale"] = insn["scale"] if insn["index"] >= 0 else None
    # In 64-bit code only FS and GS have a base that counts.
    fields["segment"] = insn["segment"] if insn["segment"] in (SEG_FS, SEG_GS) else None
    return fields


def text(fields):
    """A mov in words: 'mov [rbx+r9*4+0x10], r10d; 5 bytes'."""
    def register(number):
        return REGISTERS[number] if 0 <= number < 16 else f"register {number}"

    parts = [register(fields["base"])] if fields["base"] >= 0 else []
    if fields["rip_relative"]:
        parts.append("rip")
    if fields["index"] >= 0:
        parts.append(f"{register(fields['index'])}*{fields['scale']}")
    place = "+".join(parts) + f"{'+' if parts else ''}({fields['displacement']:#x})"
    segment = {SEG_FS: "fs:", SEG_GS: "gs:", None: ""}[fields["segment"]]
    memory = f"{segment}[{place}]"
    if fields["immediate"] is not None:
        other = f"immediate 0x{fields['immediate']:x}"
    else:
        other = register(fields["reg"])
    first, second = (memory, other) if fields["memory_is_destination"] else (other, memory)
    odd = [f"{name} {value}" for name, value in
           (("operation", fields["operation"]), ("high_byte", fields["high_byte"]),
            ("lock", fields["lock"])) if value]
    odd += [f"{name} {fields[name]}" for name in ("width", "target_width") if fields[name] != 4]
    return ", ".join([f"mov {first}, {second}; {fields['length']} bytes, addresses of "
                      f"{fields['address_width']}"] + odd)


def mov(reg=None, base=-1, index=-1, scale=1, disp=0, load=True, imm=None, rip=False, segment=None,
        address_width=8, length=0):
    return {"operation": 0, "width": 4, "target_width": 4,
            "memory_is_destination": 0 if load and imm is None else 1,
            "has_immediate": int(imm is not None), "high_byte": 0, "lock": 0, "base": base,
            "index": index, "displacement": disp, "rip_relative": int(rip),
            "address_width": address_width, "length": length, "reg": reg, "immediate": imm,
            "scale": scale if index >= 0 else None, "segment": segment}


def status_name(status):
    return "STATUS_" + STATUS[status] if status < len(STATUS) else str(status)


def expect_mov(child, code, expected, mode=CODE_64, pad=True):
    """code decodes to expected, with other bytes behind it and, where pad, with none as well."""
    code = bytes.fromhex(code) if isinstance(code, str) else code
    expected = dict(expected, length=expected["length"] or len(code))
    for behind in (b"\x90" * (15 - len(code)), b"") if pad else (b"",):
        status, insn = decode(child, code + behind, mode)
        what = f"what the bytes {code.hex(' ')} decode to"
        if status != OK:
            raise Mismatch(what, text(expected), status_name(status))
        came = meaning(insn)
        if came != expected:
            raise Mismatch(what, text(expected), text(came))


def expect_status(child, code, status, mode=CODE_64):
    code = bytes.fromhex(code) if isinstance(code, str) else code
    came, _ = decode(child, code, mode)
    if came != status:
        raise Mismatch(f"what decode_insn returns for {code.hex(' ') or 'no bytes'}",
                       status_name(status), status_name(came))


def encode(reg, base, index=-1, scale=1, disp=0, opcode=0x8b, size=None, prefix=b"", behind=b""):
    """The bytes of a form with a register; size of the displacement: as small as it can be."""
    if size is None:
        size = 0 if disp == 0 and base & 7 != 5 else 1 if -128 <= disp <= 127 else 4
    rex = (reg >> 3) << 2 | (max(index, 0) >> 3) << 1 | max(base, 0) >> 3
    needs_sib = index >= 0 or base < 0 or base & 7 == 4
    mode = {0: 0, 1: 1, 4: 2}[size] if base >= 0 else 0
    code = prefix + (bytes([0x40 | rex]) if rex else b"") + bytes([opcode])
    code += bytes([mode << 6 | (reg & 7) << 3 | (4 if needs_sib else base & 7)])
    if needs_sib:
        code += bytes([(scale.bit_length() - 1) << 6 | (index & 7 if index >= 0 else 4) << 3 |
                       (base & 7 if base >= 0 else 5)])
    if base < 0:
        size = 4
    return code + disp.to_bytes(size, "little", signed=True) + behind
