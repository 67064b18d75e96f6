# SPDX-License-Identifier: MIT
"""What the guest of guest-driver/tests/lab.c will do with a seed, computed beforehand."""
import hashlib
import struct

from kit.machine import Scenario

MASK = 2**64 - 1
SECTOR = 512


class Guest:
    """lab.c's random numbers and digest."""

    def __init__(self, seed):
        self.state = seed
        self.seen = hashlib.sha256()

    def random(self):
        self.state = (self.state + 0x9e3779b97f4a7c15) & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        return z ^ z >> 31

    def below(self, limit):
        return (self.random() >> 32) % limit

    def fill(self, size):
        data = b"".join(struct.pack("<Q", self.random()) for _ in range((size + 7) // 8))
        return data[:size]

    def see(self, value):
        self.seen.update(struct.pack("<I", value & 0xffffffff))


def start(random):
    seed = random.randrange(2**64)
    return Guest(seed), f"seed=0x{seed:x}"


MAX_ENTRIES, MAX_SIZE, REFUSALS = 40, 1024, 6
SVIRTB_OK, SVIRTB_REQUEST_FAILED, STATUS_RESET = 0, 6, 2


def svirtb_batch(guest, disk, head, entries, batch, sectors):
    requests = []
    for _ in range(batch):
        write, size = guest.below(2), 1 + guest.below(MAX_SIZE)
        at = guest.below(sectors - 2) * SECTOR
        guest.below(512)
        requests.append((write, at, size, guest.fill(size) if write else b""))
        guest.see(SVIRTB_OK)
    found = []
    for write, at, size, data in requests:
        if write:
            disk[at:at + size] = data
        else:
            found.append(bytes(disk[at:at + size]))
    head = (head + batch) % entries
    guest.see(SVIRTB_OK)
    guest.see(head)
    for data in found:
        guest.seen.update(data)
    return head


def svirtb_refusal(guest, disk, sectors):
    kind, sector = guest.below(4), guest.below(sectors - 2)
    guest.below(1 << 30)
    disk[sector * SECTOR:(sector + 1) * SECTOR] = guest.fill(SECTOR)
    guest.fill(SECTOR)
    if kind == 0:
        guest.below(1000)
    for value in (SVIRTB_REQUEST_FAILED, 1, STATUS_RESET, SVIRTB_OK):
        guest.see(value)


def svirtb(random, requests, refusals):
    sectors = random.randrange(64, 256)
    before = random.randbytes(sectors * SECTOR)
    disk = bytearray(before)
    guest, words = start(random)
    words += f" group=svirtb sectors={sectors} requests={requests}"
    entries = 4 + guest.below(MAX_ENTRIES - 4)
    head, left = 0, requests
    while left > 0:
        batch = min(1 + guest.below(entries - 1), left)
        head = svirtb_batch(guest, disk, head, entries, batch, sectors)
        left -= batch
    if refusals:
        words += " refusals"
        for _ in range(REFUSALS):
            svirtb_refusal(guest, disk, sectors)
    return Scenario(words, before, bytes(disk), guest.seen.hexdigest())


def memory(random, page_range):
    """The guest's memory ends so many pages behind 4 MiB."""
    pages = random.randrange(*page_range)
    guest, words = start(random)
    for page in range(pages):
        for which in (0, 1):
            guest.see(Guest(guest.state + 2 * page + which).random())
    for value in (0x74726976, 0, 12345, 0):
        guest.see(value)
    disk = random.randbytes(16 * SECTOR)
    return Scenario(f"{words} group=memory pages={pages}", disk, disk, guest.seen.hexdigest(),
                    memory=f"{4096 + 4 * pages}K")


STORES, LOADS, CELLS, IMMEDIATE = 8, 7, 3, 0x89abcdef


def forms(random, rounds):
    guest, words = start(random)
    cells = [0] * CELLS
    for _ in range(rounds):
        cell, to = guest.below(CELLS), guest.below(STORES)
        guest.below(LOADS)
        value = guest.random() & 0xffffffff
        cells[cell] = IMMEDIATE if to == STORES - 1 else value
        guest.see(cells[cell])
    for _ in range(rounds // 8):
        cells[0] = guest.random() & 0xffffffff
        guest.see(cells[0])
    for value in cells:
        guest.see(value)
    disk = random.randbytes(16 * SECTOR)
    return Scenario(f"{words} group=forms rounds={rounds}", disk, disk, guest.seen.hexdigest())


MAX_BATCH, MAX_SECTORS = 5, 4
VIRTIO_OK = 0


def virtio(random, requests, size, words=""):
    sectors = random.randrange(64, 256)
    before = random.randbytes(sectors * SECTOR)
    disk = bytearray(before)
    guest, seed = start(random)
    guest.see(sectors)
    left = requests
    while left > 0:
        batch = min(1 + guest.below(MAX_BATCH), left)
        found = []
        for _ in range(batch):
            write, length = guest.below(2), (1 + guest.below(MAX_SECTORS)) * SECTOR
            at = guest.below(sectors - MAX_SECTORS) * SECTOR
            if write:
                disk[at:at + length] = guest.fill(length)
            else:
                found.append(bytes(disk[at:at + length]))
            guest.see(VIRTIO_OK)
        guest.see(VIRTIO_OK)
        guest.see(batch)
        for data in found:
            guest.seen.update(data)
        left -= batch
    return Scenario(f"{seed} group=virtio sectors={sectors} requests={requests} size={size} "
                    f"{words}".strip(), before, bytes(disk), guest.seen.hexdigest(),
                    arguments="disk.device=virtio disk.sync=exit")
